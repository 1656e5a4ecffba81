"""Frames and the maps between them: image ↔ crop ↔ belief map.

Three frames, each with `(x, y)` and 0-based pixel centers at integers:
  image: the photograph, in its own pixels.
  crop:  what the network sees, `size = (height, width)` pixels, cut around a person.
  map:   cells of the belief maps; cell `g` of stride `s` covers the crop at `g·s + (s − 1)/2`.

No other module of cpm relates two frames. The ops that draw and decode maps know nothing of people:
they are told the stride and where cell 0 lies (`cell_origin`). Affine maps are `[2, 3]` matrices
`M` with `y = M[:, :2] x + M[:, 2]`.

References: Wei et al. 2016, section 4.2 (crops at a normalized person height).
"""

import dataclasses
from collections.abc import Sequence
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

PERSON_HEIGHT_PX = 200.0  # MPII: a person is 200 · scale pixels tall
CROP_SIDE_PER_SCALE = 314.0  # the paper's crop: 368 px hold 314 · scale image pixels
REFERENCE_CROP_PX = 368.0  # the paper's crop; PCP@25px and sigmas are quoted at it

_Position = TypeVar("_Position", float, np.ndarray)


@dataclasses.dataclass(frozen=True)
class CropRegion:
    """The square of the image that the shorter side of the crop will hold.

    Attributes:
      center_px: (x, y), image pixels.
      side_px: image pixels.
    """

    center_px: tuple[float, float]
    side_px: float


def region_from_joints(
    joints_px: npt.ArrayLike, present: npt.ArrayLike, margin: float
) -> CropRegion:
    """Square around the joints' bounding box, `margin` times its longer side.

    Args:
      joints_px: `[P, 2]`, image pixels.
      present: `[P]` bool.
      margin: ≥ 1; 1.25 leaves an eighth of the box free at either end.
    Raises:
      ValueError: if no joint is present.
    """
    points = np.asarray(joints_px, np.float64)[np.asarray(present, bool)]
    if not len(points):
        raise ValueError("a person without any joint has no box")
    low, high = points.min(0), points.max(0)
    side = max(float((high - low).max()), 1.0)
    x, y = (low + high) / 2
    return CropRegion((x, y), margin * side)


def region_from_scale(
    center_px: Sequence[float] | np.ndarray, scale: float, margin: float = 1.0
) -> CropRegion:
    """The paper's MPII crop: 314 · scale around the annotated center (the person fills 64 %)."""
    x, y = map(float, center_px)
    return CropRegion((x, y), margin * CROP_SIDE_PER_SCALE * float(scale))


def region_from_image(height: int, width: int, fill: float = 0.8) -> CropRegion:
    """LSP's test protocol, no box: the whole image, its height filling `fill` of the crop."""
    return CropRegion(((width - 1) / 2, (height - 1) / 2), height / fill)


def region_from_whole_image(height: int, width: int) -> CropRegion:
    """The smallest square that holds the whole image, and so everybody in it."""
    return region_from_box((0, 0, width, height))


def region_from_box(box: Sequence[float] | np.ndarray, margin: float = 1.0) -> CropRegion:
    """Square around `(x, y, width, height)`, image pixels, `margin` times its longer side."""
    x, y, width, height = map(float, box)
    return CropRegion((x + (width - 1) / 2, y + (height - 1) / 2), margin * max(width, height))


def crop_to_image(
    region: CropRegion,
    size: tuple[int, int],
    scale: float = 1.0,
    angle_rad: float = 0.0,
    flip: bool = False,
    shift_px: Sequence[float] = (0.0, 0.0),
) -> np.ndarray:
    """Affine map from crop pixels to image pixels.

        x_image = center + shift + k R(angle) F (x_crop - c),   c = ((W-1)/2, (H-1)/2)
        k = side / (scale · min(H, W)),   F = diag(-1, 1) if flip

    Args:
      region: the `CropRegion`.
      size: (height, width) of the crop.
      scale: > 1 makes the person larger in the crop.
      angle_rad: counter-clockwise turn of the sampling frame in image coordinates (y down).
      flip: mirrors the crop left-right.
      shift_px: moves the crop's center, image pixels.

    Returns:
      `[2, 3]` float32.
    """
    center = np.asarray(region.center_px) + np.asarray(shift_px)
    turn = np.cos(angle_rad), np.sin(angle_rad)
    rows = crop_to_image_rows(center, region.side_px / scale, size, *turn, -1.0 if flip else 1.0)
    return np.array(rows, np.float32)


def crop_to_image_rows(
    center_px: Any, side_px: Any, size: tuple[int, int], cosine: Any, sine: Any, mirror: Any
) -> list[list[Any]]:
    """The two rows of `crop_to_image`: numbers, or scalar tensors where a graph computes them.

    Args:
      center_px: x and y that the crop's middle shows, image pixels.
      side_px: image pixels on the crop's shorter side.
      size: (height, width) of the crop.
      cosine, sine: of the turn.
      mirror: -1 mirrors left-right, 1 does not.
    """
    height, width = size
    middle_x, middle_y = (width - 1) / 2, (height - 1) / 2
    k = side_px / min(height, width)
    linear = (k * (cosine * mirror), k * -sine), (k * (sine * mirror), k * cosine)
    return [[a, b, center_px[n] - (a * middle_x + b * middle_y)] for n, (a, b) in enumerate(linear)]


def invert_affine(matrix: npt.ArrayLike) -> np.ndarray:
    """The `[..., 2, 3]` map that undoes `matrix`, computed in float64.

    >>> invert_affine(np.array([[2.0, 0, 4], [0, 2, 6]])).tolist()
    [[0.5, 0.0, -2.0], [0.0, 0.5, -3.0]]
    """
    matrix = np.asarray(matrix, np.float64)
    inverse = np.linalg.inv(matrix[..., :2])
    return np.concatenate([inverse, -inverse @ matrix[..., 2:]], -1)


def transform_points(matrix: npt.ArrayLike, points: npt.ArrayLike) -> np.ndarray:
    """Applies a `[..., 2, 3]` affine map to `[..., N, 2]` points; float64 in between."""
    matrix = np.asarray(matrix, np.float64)
    points = np.asarray(points, np.float64)
    return points @ np.swapaxes(matrix[..., :2], -1, -2) + matrix[..., None, :, 2]


def cell_to_crop(cell: _Position, stride: int) -> _Position:
    """Crop coordinate of the center of map cell `cell`.

    >>> cell_to_crop(0, 8), cell_to_crop(1, 8)
    (3.5, 11.5)
    """
    return cell * stride + (stride - 1) / 2


def cell_origin(grid: str, stride: int) -> float:
    """Crop coordinate of cell 0 of a `NetworkConfig.grid`.

    >>> cell_origin("center", 8), cell_origin("corner", 8)
    (3.5, 0.0)
    """
    return (stride - 1) / 2 if grid == "center" else 0.0
