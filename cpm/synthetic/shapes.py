"""Flat shapes with soft edges, and smooth noise: what scenery is made of.

Images are planar here, `[3, H, W]`: a mask then applies to whole rows of memory at a time, which
makes NumPy about three times as fast as with three interleaved colors.
"""

import typing

import numpy as np
import numpy.typing as npt


class Shape(typing.NamedTuple):
    """A flat shape, where it lies in the image.

    Attributes:
      kind: `box`, `ellipse` or `bar` (a box with round ends).
      center: (x, y), pixels.
      half: half length and half width, pixels.
      angle: of the length against the x axis, radians.
    """

    kind: str
    center: tuple[float, float] | np.ndarray
    half: tuple[float, float] | np.ndarray
    angle: float = 0.0


def smooth_noise(rng: np.random.Generator, height: int, width: int, cell: float) -> np.ndarray:
    """Linear interpolation of N(0, 1) values, one per `cell` pixels each way.

    Args:
      rng: `np.random.Generator`.
      height, width: pixels.
      cell: pixels between two free values.

    Returns:
      `[height, width]` float32.
    """
    rows, columns = int(np.ceil(height / cell)) + 2, int(np.ceil(width / cell)) + 2
    grid = rng.standard_normal((rows, columns), np.float32)
    # Not as products of matrices: for so little work, BLAS spends its time waking its threads.
    low, share = _knots(height, rows, rng.random())
    grid = grid[low] + (grid[low + 1] - grid[low]) * share[:, None]
    low, share = _knots(width, columns, rng.random())
    left = grid[:, low]
    return left + (grid[:, low + 1] - left) * share


def _knots(size, knots, phase):
    """`[size]` int knot before each pixel, and `[size]` float32 way from it to the next."""
    at = phase + np.arange(size) * ((knots - 2) / size)
    low = at.astype(int)
    return low, (at - low).astype(np.float32)


def fractal_noise(
    rng: np.random.Generator, height: int, width: int, largest: float, falloff: float
) -> np.ndarray:
    """Noise of all sizes, as in clouds, leaves and stone.

    Args:
      rng: `np.random.Generator`.
      height, width: pixels.
      largest: cell of the coarsest octave, pixels; each next is half as large, down to 2.
      falloff: amplitude of each octave relative to the next larger one.

    Returns:
      `[height, width]` float32, about zero mean and unit deviation.
    """
    noise, strength, power = np.zeros((height, width), np.float32), 1.0, 0.0
    while largest >= 2:
        noise += np.float32(strength) * smooth_noise(rng, height, width, largest)
        # Interpolation averages: a cell's value deviates by 2/3 of a knot's.
        power += (2 / 3 * strength) ** 2
        strength, largest = strength * falloff, largest / 2
    return noise / np.float32(np.sqrt(power))


def draw_shape(
    image: np.ndarray,
    shape: Shape,
    color: npt.ArrayLike,
    *,
    opacity: float = 1.0,
    mask: np.ndarray | None = None,
) -> None:
    """Fills a shape, in place.

    Args:
      image: `[3, H, W]` float32.
      shape: `Shape`.
      color: `[3]`, or `[2, 3]` for a gradient across the width.
      opacity: in [0, 1].
      mask: `[H, W]` bool, set where the shape covers at least half a pixel, or None.
    """
    along, across, region = _local(image.shape[1:], shape)
    if along.size == 0:
        return
    length, width = map(float, shape.half)
    outside = _outside(shape.kind, along, across, length, width)
    share = np.clip(np.float32(0.5) - outside, 0, 1)
    if mask is not None:
        mask[region] |= share >= 0.5
    share *= np.float32(opacity)
    paint = np.asarray(color, np.float32)[..., None, None]
    if len(paint) == 2:
        t = np.clip(0.5 + across / (2 * width), 0, 1)
        paint = paint[0] + (paint[1] - paint[0]) * t
    rows, columns = region
    place = image[:, rows, columns]
    place += (paint - place) * share


def _local(size, shape):
    """A shape's own coordinates of the pixels around it: `[h, w]` along, across; and the slices."""
    _, center, half, angle = shape
    reach = float(np.hypot(*half)) + 1
    low = np.clip(np.floor(np.asarray(center) - reach), 0, size[::-1]).astype(int)
    high = np.clip(np.ceil(np.asarray(center) + reach) + 1, 0, size[::-1]).astype(int)
    x = np.arange(low[0], high[0], dtype=np.float32)[None] - np.float32(center[0])
    y = np.arange(low[1], high[1], dtype=np.float32)[:, None] - np.float32(center[1])
    c, s = np.float32(np.cos(angle)), np.float32(np.sin(angle))
    return c * x + s * y, c * y - s * x, np.s_[low[1] : high[1], low[0] : high[0]]


def _outside(kind, along, across, length, width):
    """`[h, w]` about how many pixels a point lies outside the shape, negative inside."""
    if kind == "ellipse":
        ratio = np.sqrt((along / length) ** 2 + (across / width) ** 2)
        return (ratio - 1) * min(length, width)
    if kind == "bar":
        over = np.maximum(np.abs(along) - max(length - width, 0.0), 0)
        return np.sqrt(over * over + across * across) - width
    return np.maximum(np.abs(along) - length, np.abs(across) - width)
