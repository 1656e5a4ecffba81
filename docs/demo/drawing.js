// What is drawn over an image: belief maps, limbs, joints.

// As in cpm/plots/pose_drawing.py: by side of the body, or one a joint where none has a side.
const COLORS = { left: "#2a8cff", right: "#ff7f0e", middle: "#ffe14d" };
const JOINTS = [
  "#2cc85a", "#e63cc8", "#00d2d2", "#ff5046", "#966eff", "#bedc28", "#ffa0c8", "#784b1e",
];

/** "left", "right" or "middle" of a joint's name: the person's own side. */
export function sideOf(name) {
  return name.startsWith("left_") ? "left" : name.startsWith("right_") ? "right" : "middle";
}

/** Limbs and joints of at least `threshold` confidence, on a context in image pixels. */
export function drawSkeleton(context, model, found, threshold) {
  const point = (p) => [found.joints[2 * p], found.joints[2 * p + 1]];
  const shown = (p) => found.confidence[p] >= threshold;
  const size = Math.max(2, Math.max(context.canvas.width, context.canvas.height) / 160);
  context.lineCap = "round";
  const lines = model.limbs.map((limb) => limb.map((name) => model.joints.indexOf(name)));
  // A dark line below each colored one is seen on every background.
  for (const [width, color] of [[2 * size, () => "#000a"], [size, (p) => colorOf(model, p)]]) {
    context.lineWidth = width;
    for (const [a, b] of lines) {
      if (!shown(a) || !shown(b)) continue;
      context.strokeStyle = color(hasSide(model, b) || !hasSide(model, a) ? b : a); // the outer end's
      context.beginPath();
      context.moveTo(...point(a));
      context.lineTo(...point(b));
      context.stroke();
    }
  }
  model.joints.forEach((_, p) => {
    if (!shown(p)) return;
    context.beginPath();
    context.arc(...point(p), 1.4 * size, 0, 2 * Math.PI);
    context.fillStyle = colorOf(model, p);
    context.fill();
    context.lineWidth = size / 3;
    context.strokeStyle = "#000";
    context.stroke();
  });
}

function hasSide(model, p) {
  return sideOf(model.joints[p]) !== "middle";
}

function colorOf(model, p) {
  if (!model.joints.some((_, q) => hasSide(model, q))) return JOINTS[p % JOINTS.length];
  return COLORS[sideOf(model.joints[p])];
}

/**
 * The belief maps of a stage as a heat map over the square that the network looked at.
 * @param stage from 0; @param joint its channel, or -1: at each cell the highest of all joints.
 */
export function drawBeliefs(context, model, found, stage, joint) {
  const [, height, width, maps] = found.beliefs.dims;
  const joints = joint < 0 ? model.joints.map((_, p) => p) : [joint];
  const heat = new ImageData(width, height);
  for (let cell = 0; cell < width * height; cell++) {
    const first = (stage * width * height + cell) * maps;
    const value = Math.max(0, ...joints.map((p) => found.beliefs.values[first + p]));
    const level = Math.min(1, value);
    heat.data.set([255, 220 * level, 60 * (1 - level), 230 * level], 4 * cell);
  }
  const small = new OffscreenCanvas(width, height);
  small.getContext("2d").putImageData(heat, 0, 0);
  const [x, y, side] = found.region;
  const [cropHeight, cropWidth] = model.crop.size;
  const scale = side / Math.min(cropHeight, cropWidth); // image pixels of a crop pixel
  const [w, h] = [scale * cropWidth, scale * cropHeight];
  context.imageSmoothingEnabled = true;
  // Pixel centers are at whole numbers in the network's frame, at halves in the canvas's.
  context.drawImage(small, x + 0.5 - w / 2, y + 0.5 - h / 2, w, h);
}
