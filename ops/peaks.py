"""Where a belief map peaks, between cells: the inverse of `ops.gaussian_heatmap`.

The arg-max alone is up to half a cell wrong along each axis, 4 px at stride 8. The logarithm of a
Gaussian is a parabola, and one Newton step from any of its points lands on its top:

    L = log b,   step = -H^{-1} D,   D = (L_x, L_y),   H = [[L_xx, L_xy], [L_xy, L_yy]]

with central differences over three cells. At the edge of a map the three cells are the nearest
that exist, and the slope is carried over with the curvature, which is exact for a parabola too.
Derivation: gaussian_heatmap.md, section 5.

References:
  Zhang et al., "Distribution-Aware Coordinate Representation for Human Pose Estimation" (DARK),
  CVPR 2020, section 3.2 (`dark`; `taylor` is the same without its smoothing of the map).
  Newell et al., "Stacked Hourglass Networks", ECCV 2016, section 3.1 (`quarter`).
"""

import numpy as np
import tensorflow as tf

from ops.resample import gaussian_weights, resample
from ops.shapes import TensorLike, check_finite, check_floating, check_positive_int, check_rank

REFINEMENTS = ("none", "quarter", "taylor", "dark")

# Curvatures flatter than this are rounding noise on values near 1, not a peak.
_FLAT = 1e-6
# |L_xy| up to this fraction of sqrt(L_xx L_yy) is believed: beyond, H is close to singular.
_SLANT = 0.95


def find_peaks(
    maps: TensorLike,
    *,
    stride: int,
    refinement: str = "taylor",
    sigma_cells: float | None = None,
    origin_px: float | None = None,
    floor: float | None = None,
    name: str | None = None,
) -> tuple[tf.Tensor, tf.Tensor]:
    """The highest point of each map, in crop pixels, and its value.

    `none` returns where the highest cell stands (the first one in reading order among equals),
    `quarter` moves it by 1/4 cell towards its higher neighbor along each axis (not where a
    neighbor is missing), `taylor` takes the Newton step above. Where `taylor` has no parabola to
    climb (a cell below the floor, no downward curvature, an axis of fewer than 3 cells) that axis
    falls back to `quarter`. `dark` takes that step on the map blurred by a Gaussian as wide as
    the ones that training draws: a network's maps are rougher than its targets, and the blur is
    the matched filter. No step leaves the highest cell: each axis is clamped to half a cell, so
    that noise can never cost more than refinement can win.

    Args:
      maps: `[B, h, w, P]` float, any values.
      stride: crop pixels per cell, >= 1.
      refinement: `none`, `quarter`, `taylor` or `dark`.
      sigma_cells: standard deviation of the blur of `dark`, which needs it, in cells.
      origin_px: crop pixel that cell 0 stands for, as for `ops.gaussian_heatmap`; None =
        (stride - 1) / 2.
      floor: the least value whose logarithm means anything, in (0, 1); None = the smallest normal
        number of the maps' type. A program in 16 bits needs one of at least 2^-14: a smaller floor
        is 0 there, and its logarithm makes the joint NaN.
      name: of the operation in the graph.

    Returns:
      points_px: `[B, P, 2]`, (x, y) in crop pixels; float32, or float64 for float64 maps.
      confidence: `[B, P]`, the value of the highest cell.
    Raises:
      ValueError: if a shape, the stride or the refinement is wrong; the message names it.

    Example:
      >>> maps = tf.reshape([0.0, 0.25, 0.75, 0.5, 0.0], [1, 1, 5, 1])
      >>> points_px, confidence = find_peaks(maps, stride=8, refinement="quarter")
      >>> points_px.numpy().tolist(), confidence.numpy().tolist()
      ([[[21.5, 3.5]]], [[0.75]])
    """
    with tf.name_scope(name or "find_peaks"):
        maps = tf.convert_to_tensor(maps, name="maps")
        check_floating(maps, "maps")
        check_rank(maps, 4, "maps")
        check_positive_int(stride, "stride")
        if origin_px is None:
            origin_px = (stride - 1) / 2
        check_finite(origin_px, "origin_px")
        if refinement not in REFINEMENTS:
            raise ValueError(
                f"refinement is {refinement!r}, expected one of {', '.join(REFINEMENTS)}"
            )
        if refinement == "dark" and not (sigma_cells and sigma_cells > 0):
            raise ValueError(f"dark needs sigma_cells > 0, not {sigma_cells}")
        if floor is not None and not 0 < floor < 1:
            raise ValueError(f"floor is {floor!r}, expected a number between 0 and 1")
        if maps.dtype not in (tf.float32, tf.float64):
            maps = tf.cast(maps, tf.float32)
        if floor is None:
            floor = np.finfo(maps.dtype.as_numpy_dtype).tiny

        climbed = _blur(maps, sigma_cells) if refinement == "dark" else maps
        peak = _Peak(maps, climbed)
        if refinement == "none":
            step_x = step_y = tf.zeros_like(peak.confidence)
        elif refinement == "quarter":
            step_x, step_y = _quarter_steps(peak)
        else:
            step_x, step_y = _taylor_steps(peak, floor)

        # Cell g stands for the crop coordinate g * stride + origin_px.
        cells = tf.stack(
            [
                tf.cast(peak.x, maps.dtype) + step_x,
                tf.cast(peak.y, maps.dtype) + step_y,
            ],
            axis=-1,
        )  # [B, P, 2]
        return cells * stride + float(origin_px), peak.confidence


def _blur(maps, sigma_cells):
    """Maps of a known size, blurred."""
    height, width = maps.shape[1:3]
    if height is None or width is None:
        raise ValueError(f"dark needs maps of a known size, not {maps.shape}")
    return resample(
        maps,
        gaussian_weights(height, sigma_cells),
        gaussian_weights(width, sigma_cells),
    )


class _Peak:
    """The highest cell of each map, and the values around it.

    Args:
      maps: `[B, h, w, P]`, searched for the highest cell.
      climbed: `[B, h, w, P]`, where `value_at` reads: the same maps, or their blurred copy.

    Attributes:
      x, y: `[B, P]` int32, the cell.
      confidence: `[B, P]`, its value.
      width, height: of the maps, cells.
    """

    def __init__(self, maps, climbed):
        _, self.height, self.width, _ = tf.unstack(tf.shape(maps))
        searched, self._flat = self._by_joint(maps), self._by_joint(climbed)
        index = tf.argmax(searched, axis=-1, output_type=tf.int32)  # [B, P]
        self.y, self.x = index // self.width, index % self.width
        self.confidence = tf.gather(searched, index, batch_dims=2)

    def _by_joint(self, maps):
        """`[B, h, w, P]` → `[B, P, h w]`."""
        by_joint = tf.transpose(maps, [0, 3, 1, 2])  # [B, P, h, w]
        size = tf.shape(by_joint)
        return tf.reshape(by_joint, [size[0], size[1], self.height * self.width])

    def value_at(self, x, y):
        """Values `[B, P]` of the cells (x, y), indices taken to the nearest cell that exists."""
        x = tf.clip_by_value(x, 0, self.width - 1)
        y = tf.clip_by_value(y, 0, self.height - 1)
        return tf.gather(self._flat, y * self.width + x, batch_dims=2)


def _inner(cell, cells):
    """The cell nearest to `cell` that has a neighbor on either side."""
    return tf.maximum(tf.minimum(cell, cells - 2), 1)


def _quarter_steps(peak):
    """Steps `[B, P]` along x and y: a quarter cell towards the higher neighbor."""

    def step(before, after, cell, cells):
        inside = (cell > 0) & (cell < cells - 1)
        quarter = 0.25 * tf.sign(tf.stop_gradient(after - before))
        return tf.where(inside, quarter, tf.zeros_like(quarter))

    x, y = peak.x, peak.y
    return (
        step(peak.value_at(x - 1, y), peak.value_at(x + 1, y), x, peak.width),
        step(peak.value_at(x, y - 1), peak.value_at(x, y + 1), y, peak.height),
    )


def _taylor_steps(peak, floor):
    """Steps `[B, P]` along x and y: Newton's, on the logarithm of the map."""
    x, y = peak.x, peak.y
    x_c, y_c = _inner(x, peak.width), _inner(y, peak.height)
    slope_x, curve_x, good_x = _parabola(
        [peak.value_at(x_c + k, y) for k in (-1, 0, 1)], x - x_c, peak.width, floor
    )
    slope_y, curve_y, good_y = _parabola(
        [peak.value_at(x, y_c + k) for k in (-1, 0, 1)], y - y_c, peak.height, floor
    )
    slant = _slant(peak, x_c, y_c, floor)
    believed = tf.abs(slant) <= _SLANT * tf.sqrt(curve_x * curve_y)
    slant = tf.where(good_x & good_y & believed, slant, tf.zeros_like(slant))

    # -H^{-1} D of a 2 x 2 matrix; both curvatures are < 0 and |slant| is limited: never 0.
    determinant = curve_x * curve_y - slant * slant
    newton_x = (slant * slope_y - curve_y * slope_x) / determinant
    newton_y = (slant * slope_x - curve_x * slope_y) / determinant
    quarter_x, quarter_y = _quarter_steps(peak)
    return (
        tf.where(good_x, tf.clip_by_value(newton_x, -0.5, 0.5), quarter_x),
        tf.where(good_y, tf.clip_by_value(newton_y, -0.5, 0.5), quarter_y),
    )


def _parabola(values, offset, cells, floor):
    """Slope and curvature of the logarithm of three neighboring cells.

    Args:
      values: three `[B, P]`, left to right.
      offset: `[B, P]` int, from the middle one to where the slope is wanted.
      cells: how many the axis has.
      floor: the least value whose logarithm is taken.

    Returns:
      (slope, curvature, good), each `[B, P]`; where not `good`: 0 and -1, safe to divide by.
    """
    positive = tf.reduce_all([value >= floor for value in values], axis=0)
    before, middle, after = (_log(value, floor) for value in values)
    curve = before - 2 * middle + after  # L'' ~ L(-1) - 2 L(0) + L(1)
    good = positive & (curve < -_FLAT) & (cells >= 3)
    curve = tf.where(good, curve, -tf.ones_like(curve))
    # L'(offset) = L'(0) + offset L'',   L'(0) ~ (L(1) - L(-1)) / 2
    slope = (after - before) / 2 + tf.cast(offset, curve.dtype) * curve
    return tf.where(good, slope, tf.zeros_like(slope)), curve, good


def _slant(peak, x_c, y_c, floor):
    """Mixed derivative `[B, P]` of the logarithm at (x_c, y_c); 0 if a corner is below the floor.

    L_xy ~ (L(1, 1) - L(-1, 1) - L(1, -1) + L(-1, -1)) / 4
    """
    corners = [peak.value_at(x_c + i, y_c + j) for i, j in ((1, 1), (-1, 1), (1, -1), (-1, -1))]
    positive = tf.reduce_all([corner >= floor for corner in corners], axis=0)
    a, b, c, d = (_log(corner, floor) for corner in corners)
    slant = (a - b - c + d) / 4
    return tf.where(positive, slant, tf.zeros_like(slant))


def _log(value, floor):
    """log(value), finite for every value, and so is its gradient."""
    return tf.math.log(tf.maximum(value, tf.cast(floor, value.dtype)))
