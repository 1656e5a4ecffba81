"""The crops of prediction, cut by NumPy: quick to begin with, and threads may cut several at once.

Training turns its crops; those of prediction stay upright, so rows and columns are sampled one
after the other. The result is that of cpm/data/crops.py, which says why blocks are averaged first;
only pixels that the crop needs are touched.

    f = max(1, floor(k)),   blocks = means over f x f pixels,
    crop[i, j] = sum over m, n of  row_weight[i, m] column_weight[j, n] blocks[m, n]

    k image pixels per crop pixel; two weights a row and a column, those of linear interpolation.
"""

from collections.abc import Sequence

import numpy as np

from cpm.data.crops import BORDER


def upright_crop(
    image: np.ndarray,
    matrix: np.ndarray,
    size: tuple[int, int],
    border: float | Sequence[float] = BORDER,
) -> np.ndarray:
    """Samples an upright crop of an image, as `cpm.data.crops.cut_crop` does.

    Args:
      image: `[H, W, 3]` uint8.
      matrix: `[2, 3]` of `geometry.crop_to_image` without turn or flip: `[[k, 0, x], [0, k, y]]`.
      size: (height, width) of the crop.
      border: color outside the image, a number or `[3]`.

    Returns:
      `[height, width, 3]` float32, 0 … 255.
    """
    matrix = np.asarray(matrix, np.float64)
    f = int(np.clip(int(np.float32(matrix[0, 0])), 1, min(image.shape[:2])))
    first, low, high = [], [], []
    for axis, count in ((1, size[0]), (0, size[1])):  # rows, whose coordinate is y; columns
        at = (matrix[axis, axis] * np.arange(count) + matrix[axis, 2] - (f - 1) / 2) / f
        taps = _Taps(at, -(-image.shape[1 - axis] // f))
        first.append(taps)
        low.append(taps.low)
        high.append(taps.high)
    rows, columns = first
    outside = np.asarray(border, np.float32)
    blocks = _blocks(image, f, low, high)
    blocks -= outside
    sampled = blocks[rows.index[0]] * rows.weight[0][:, None, None]
    sampled += blocks[rows.index[1]] * rows.weight[1][:, None, None]  # [height, ., 3]
    crop = sampled[:, columns.index[0]] * columns.weight[0][:, None]
    crop += sampled[:, columns.index[1]] * columns.weight[1][:, None]  # [height, width, 3]
    crop += outside
    return crop


class _Taps:
    """The two blocks around each position along one axis, and their weights.

    Args:
      at: `[n]` positions, in blocks.
      count: blocks along the axis. One that does not exist weighs nothing.

    Attributes:
      low, high: the blocks low … high − 1 are needed.
      index: two `[n]` int, counted from `low`.
      weight: two `[n]` float32.
    """

    def __init__(self, at, count):
        whole = np.floor(at).astype(int)
        part = at - whole
        ends = np.clip([whole[0], whole[-1] + 1], 0, count - 1)
        self.low, self.high = int(ends[0]), int(ends[1]) + 1
        self.index, self.weight = [], []
        for block, weight in ((whole, 1 - part), (whole + 1, part)):
            exists = (block >= 0) & (block < count)
            self.index.append(np.clip(block, self.low, self.high - 1) - self.low)
            self.weight.append((weight * exists).astype(np.float32))


def _blocks(image, f, low, high):
    """Means over f x f pixels: `[high[0] - low[0], high[1] - low[1], 3]` float32.

    Args:
      image: `[H, W, 3]` uint8; a cut-off block at an edge is filled with its mirror image.
      f: side of a block.
      low, high: first block and the one after the last, of rows and columns.
    """
    # One block more, so that there is enough to mirror.
    start = [max(0, n - 1) for n in low]
    part = image[start[0] * f : high[0] * f, start[1] * f : high[1] * f]
    inner = [n - s for n, s in zip(low, start, strict=True)]
    if f == 1:
        return part[inner[0] :, inner[1] :].astype(np.float32)
    missing = [-side % f for side in part.shape[:2]]
    if any(missing):
        part = np.pad(part, [(0, missing[0]), (0, missing[1]), (0, 0)], "symmetric")
    rows, columns = (side // f for side in part.shape[:2])
    # Whole numbers are added: up to 257 of 255 fit into 16 bits.
    lines = part.reshape(rows, f, -1)
    total = lines[:, 0].astype(np.uint16 if f <= 257 else np.uint32)  # [rows, columns * f * 3]
    for n in range(1, f):
        total += lines[:, n]
    total = total.reshape(rows, columns, f, 3)
    sums = total[:, :, 0].astype(np.float32)
    for n in range(1, f):
        sums += total[:, :, n]
    sums *= np.float32(1 / f**2)
    return sums[inner[0] :, inner[1] :]
