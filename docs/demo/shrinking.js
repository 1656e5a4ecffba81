// Photographs made smaller without aliasing, the same in every browser.
//
// What a canvas does on its own differs: most read four pixels for each new one and skip the rest.

/**
 * The weights of Pillow's BILINEAR along one axis: a triangle as wide as two new pixels, so that
 * every old pixel counts. The center of new pixel i lies at (i + 0.5) · factor − 0.5.
 */
function weightsOf(before, after) {
  const factor = before / after;
  return Array.from({ length: after }, (_, i) => {
    const center = (i + 0.5) * factor;
    const first = Math.max(0, Math.floor(center - factor + 0.5));
    const last = Math.min(before, Math.floor(center + factor + 0.5));
    const weights = Float32Array.from({ length: last - first },
      (_, k) => Math.max(0, 1 - Math.abs(first + k + 0.5 - center) / factor));
    const sum = weights.reduce((total, weight) => total + weight, 0);
    return { first, weights: weights.map((weight) => weight / sum) };
  });
}

/**
 * RGBA bytes of a smaller image, opaque.
 * @param rowsAt function (first row, count) → RGBA bytes of these rows of the source, so that a
 *   large photograph is never whole in memory; @param width, height of the source;
 * @param size {width, height} of the result, at most as large.
 */
export function shrink(rowsAt, width, height, size) {
  const [across, down] = [weightsOf(width, size.width), weightsOf(height, size.height)];
  const sums = new Float32Array(3 * size.width * size.height);
  const row = new Float32Array(3 * size.width);
  let oldest = 0; // the first new row that later old rows still belong to
  const band = Math.max(1, Math.floor((1 << 20) / width));
  for (let y = 0; y < height; y += band) {
    const count = Math.min(band, height - y);
    const bytes = rowsAt(y, count);
    for (let r = 0; r < count; r++) {
      narrow(bytes.subarray(4 * r * width, 4 * (r + 1) * width), across, row);
      while (down[oldest].first + down[oldest].weights.length <= y + r) oldest++;
      for (let k = oldest; k < size.height && down[k].first <= y + r; k++) {
        const weight = down[k].weights[y + r - down[k].first];
        const start = 3 * k * size.width;
        for (let i = 0; i < row.length; i++) sums[start + i] += weight * row[i];
      }
    }
  }
  const found = new Uint8ClampedArray(4 * size.width * size.height).fill(255);
  for (let i = 0, k = 0; i < found.length; i += 4) {
    for (let c = 0; c < 3; c++) found[i + c] = sums[k++];
  }
  return found;
}

/** One row of RGBA bytes as RGB numbers of fewer pixels. */
function narrow(bytes, across, row) {
  for (let i = 0; i < across.length; i++) {
    const { first, weights } = across[i];
    let r = 0;
    let g = 0;
    let b = 0;
    for (let k = 0, at = 4 * first; k < weights.length; k++, at += 4) {
      const weight = weights[k];
      r += weight * bytes[at];
      g += weight * bytes[at + 1];
      b += weight * bytes[at + 2];
    }
    row[3 * i] = r;
    row[3 * i + 1] = g;
    row[3 * i + 2] = b;
  }
}
