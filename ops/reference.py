"""Every op once more, as plain NumPy loops: slow, obvious, the definition.

The fast ops are tested against these; read these first. They have the same names and arguments,
take and return arrays, and check nothing. Everything is computed in float64. Fast convolution has a
reference of its own, `ops.fast_conv.reference`.
"""

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt


def conv2d(
    x: np.ndarray, kernel: np.ndarray, bias: np.ndarray | None = None, *, stride: int = 1
) -> np.ndarray:
    """Correlation with zero padding: `ops.conv2d`."""
    batch, height, width, _ = x.shape
    k_height, k_width, _, channels = kernel.shape
    top, h = _padding(height, k_height, stride)
    left, w = _padding(width, k_width, stride)
    y = np.zeros([batch, h, w, channels])
    for b, i, j, o in np.ndindex(*y.shape):
        for m, n in np.ndindex(k_height, k_width):
            row, column = i * stride + m - top, j * stride + n - left
            if 0 <= row < height and 0 <= column < width:
                y[b, i, j, o] += x[b, row, column] @ kernel[m, n, :, o]
        if bias is not None:
            y[b, i, j, o] += bias[o]
    return y


def max_pool(x: np.ndarray, *, window: int, stride: int) -> np.ndarray:
    """Largest value of each clipped window: `ops.max_pool`."""
    return _pool(x, window, stride, np.max)


def average_pool(x: np.ndarray, *, window: int, stride: int) -> np.ndarray:
    """Mean of each clipped window: `ops.average_pool`."""
    return _pool(x, window, stride, np.mean)


def _pool(x, window, stride, summarize):
    batch, height, width, channels = x.shape
    top, h = _padding(height, window, stride)
    left, w = _padding(width, window, stride)
    y = np.zeros([batch, h, w, channels])
    for b, i, j, c in np.ndindex(*y.shape):
        cells = [
            x[b, row, column, c]
            for row in range(i * stride - top, i * stride - top + window)
            for column in range(j * stride - left, j * stride - left + window)
            if 0 <= row < height and 0 <= column < width
        ]
        y[b, i, j, c] = summarize(cells)
    return y


def _padding(size, window, stride):
    """Cells missing before the first, and the number of windows, under "same" padding."""
    windows = math.ceil(size / stride)
    missing = max((windows - 1) * stride + window - size, 0)
    return missing // 2, windows


def moments(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and biased variance of each channel: `ops.moments`."""
    channels = x.shape[-1]
    mean, variance = np.zeros(channels), np.zeros(channels)
    for c in range(channels):
        values = [float(value) for value in x[..., c].ravel()]
        mean[c] = sum(values) / len(values)
        variance[c] = sum((value - mean[c]) ** 2 for value in values) / len(values)
    return mean, variance


def batch_norm(
    x: np.ndarray,
    mean: np.ndarray,
    variance: np.ndarray,
    scale: np.ndarray,
    offset: np.ndarray,
    *,
    epsilon: float,
) -> np.ndarray:
    """Each channel shifted and stretched: `ops.batch_norm`."""
    y = np.zeros(x.shape)
    for index in np.ndindex(*x.shape):
        c = index[-1]
        normal = (x[index] - mean[c]) / math.sqrt(variance[c] + epsilon)
        y[index] = scale[c] * normal + offset[c]
    return y


def batch_norm_by_batch(
    x: np.ndarray, scale: np.ndarray, offset: np.ndarray, *, epsilon: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """`batch_norm` by the batch's own moments, and these: `ops.batch_norm_by_batch`."""
    mean, variance = moments(x)
    y = batch_norm(x, mean, variance, scale, offset, epsilon=epsilon)
    return y, mean, variance


def gaussian_heatmap(
    joints_px: np.ndarray,
    present: np.ndarray,
    *,
    height: int,
    width: int,
    stride: int,
    sigma_px: float,
    cutoff: float = 0.0,
    origin_px: float | None = None,
) -> np.ndarray:
    """One Gaussian per joint: `ops.gaussian_heatmap`."""
    origin_px = (stride - 1) / 2 if origin_px is None else origin_px
    batch, joints, _ = joints_px.shape
    maps = np.zeros([batch, height, width, joints])
    for b, y, x, p in np.ndindex(*maps.shape):
        if present[b, p]:
            u, v = x * stride + origin_px, y * stride + origin_px
            x_j, y_j = joints_px[b, p]
            squared = (u - x_j) ** 2 + (v - y_j) ** 2
            value = present[b, p] * math.exp(-squared / (2 * sigma_px**2))
            maps[b, y, x, p] = value if value >= cutoff else 0.0
    return maps


def resample(maps: np.ndarray, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """A weighted sum of cells for each new cell: `ops.resample`."""
    batch, height, width, joints = maps.shape
    out = np.zeros([batch, len(rows), len(columns), joints])
    for b, y, x, p in np.ndindex(*out.shape):
        for i, j in np.ndindex(height, width):
            out[b, y, x, p] += rows[y][i] * columns[x][j] * maps[b, i, j, p]
    return out


def spline_weights(positions: Sequence[float] | np.ndarray, cells: int) -> np.ndarray:
    """What each cell contributes to the cubic spline at each position: `ops.spline_weights`."""
    if cells == 1:
        return np.ones([len(positions), 1])
    through = np.zeros([cells, cells])  # coefficients -> values at the cells
    for i in range(cells):
        for neighbor, weight in ((i - 1, 1 / 6), (i, 4 / 6), (i + 1, 1 / 6)):
            through[i, _mirrored(neighbor, cells)] += weight
    weights = np.zeros([len(positions), cells])
    for cell in range(cells):
        line = np.zeros(cells)
        line[cell] = 1.0
        coefficients = np.linalg.solve(through, line)
        for n, x in enumerate(positions):
            x = min(max(x, 0.0), cells - 1.0)
            for j in range(-2, cells + 2):
                weights[n, cell] += coefficients[_mirrored(j, cells)] * _b_spline(x - j)
    return weights


def _mirrored(j, cells):
    """Cell that lies where `j` would be if the line were mirrored at its last cells."""
    period = 2 * (cells - 1)
    j %= period
    return min(j, period - j)


def _b_spline(distance):
    """The cubic B-spline, piece by piece."""
    d = abs(distance)
    if d < 1:
        return 2 / 3 - d**2 + d**3 / 2
    return (2 - d) ** 3 / 6 if d < 2 else 0.0


def gaussian_weights(cells: int, sigma_cells: float) -> np.ndarray:
    """What each cell contributes to each blurred one: `ops.gaussian_weights`."""
    weights = np.zeros([cells, cells])
    for i in range(cells):
        for j in range(cells):
            weights[i, j] = math.exp(-((i - j) ** 2) / (2 * sigma_cells**2))
        weights[i] /= sum(weights[i])
    return weights


def find_peaks(
    maps: np.ndarray,
    *,
    stride: int,
    refinement: str = "taylor",
    sigma_cells: float | None = None,
    origin_px: float | None = None,
    floor: float | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Highest point of each map: `ops.find_peaks`."""
    floor = np.finfo(maps.dtype).tiny if floor is None else floor
    origin_px = (stride - 1) / 2 if origin_px is None else origin_px
    batch, _, _, joints = maps.shape
    points_px, confidence = np.zeros([batch, joints, 2]), np.zeros([batch, joints])
    for b, p in np.ndindex(batch, joints):
        one = maps[b, :, :, p]
        y, x = np.unravel_index(np.argmax(one), one.shape)
        confidence[b, p] = one[y, x]
        if refinement == "dark":
            one = _blurred(one, sigma_cells)
        step_x, step_y = 0.0, 0.0
        if refinement == "quarter":
            step_x, step_y = _quarter(one[y], x), _quarter(one[:, x], y)
        if refinement in ("taylor", "dark"):
            step_x, step_y = _newton(one, x, y, floor)
        points_px[b, p, 0] = (x + step_x) * stride + origin_px
        points_px[b, p, 1] = (y + step_y) * stride + origin_px
    return points_px, confidence


def _blurred(one, sigma_cells):
    """Mean of all cells, weighted by a Gaussian of their distance."""
    out = np.zeros(one.shape)
    for y, x in np.ndindex(*one.shape):
        total = 0.0
        for i, j in np.ndindex(*one.shape):
            weight = math.exp(-((y - i) ** 2 + (x - j) ** 2) / (2 * sigma_cells**2))
            out[y, x] += weight * one[i, j]
            total += weight
        out[y, x] /= total
    return out


def _quarter(line, k):
    """A quarter cell towards the higher neighbor of cell `k`, if it has two."""
    if 0 < k < len(line) - 1:
        return 0.25 * np.sign(line[k + 1] - line[k - 1])
    return 0.0


def _newton(one, x, y, floor):
    """One Newton step on log(map) from the highest cell, or a quarter step, clamped."""
    slope_x, curve_x = _parabola(one[y], x, floor)
    slope_y, curve_y = _parabola(one[:, x], y, floor)
    step_x, step_y = _quarter(one[y], x), _quarter(one[:, x], y)
    if curve_x and curve_y:
        slant = _slant(one, x, y, floor)
        if abs(slant) > 0.95 * math.sqrt(curve_x * curve_y):
            slant = 0.0
        hessian = [[curve_x, slant], [slant, curve_y]]
        step_x, step_y = -np.linalg.solve(hessian, [slope_x, slope_y])
    elif curve_x:
        step_x = -slope_x / curve_x
    elif curve_y:
        step_y = -slope_y / curve_y
    return min(max(step_x, -0.5), 0.5), min(max(step_y, -0.5), 0.5)


def _parabola(line, k, floor):
    """Slope and curvature of log(line) at cell `k`; (0, 0) if there is no peak to climb."""
    middle = max(min(k, len(line) - 2), 1)
    cells = line[middle - 1 : middle + 2]
    if len(cells) < 3 or min(cells) < floor:
        return 0.0, 0.0
    before, center, after = np.log(cells.astype(np.float64))
    curve = before - 2 * center + after
    if curve >= -1e-6:
        return 0.0, 0.0
    return (after - before) / 2 + (k - middle) * curve, curve


def _slant(one, x, y, floor):
    """Mixed derivative of log(map) over the 3 x 3 cells nearest to (x, y); 0 if undefined."""
    x = max(min(x, one.shape[1] - 2), 1)
    y = max(min(y, one.shape[0] - 2), 1)
    corners = one[y - 1 : y + 2 : 2, x - 1 : x + 2 : 2].astype(np.float64)
    if corners.min() < floor:
        return 0.0
    (a, b), (c, d) = np.log(corners)
    return (a - b - c + d) / 4


def affine_warp(
    images: np.ndarray,
    matrices: np.ndarray,
    *,
    height: int,
    width: int,
    border: npt.ArrayLike = 0.0,
) -> np.ndarray:
    """Bilinear samples at mapped positions: `ops.affine_warp`."""
    batch, rows, columns, channels = images.shape
    border = np.broadcast_to(border, [channels])
    out = np.zeros([batch, height, width, channels])
    for b, y_out, x_out in np.ndindex(batch, height, width):
        x, y = matrices[b] @ [x_out, y_out, 1.0]
        for m in (math.floor(y), math.floor(y) + 1):
            for n in (math.floor(x), math.floor(x) + 1):
                inside = 0 <= m < rows and 0 <= n < columns
                value = images[b, m, n] if inside else border
                out[b, y_out, x_out] += (1 - abs(y - m)) * (1 - abs(x - n)) * value
    return out
