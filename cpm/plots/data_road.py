"""The way of one person through the program: image, crop, augmentation, maps, peaks, as one page.

image → crop → augmented crop → belief maps → joints
                     ↓              ↕ loss
                   joints  →   ideal belief maps
"""

import dataclasses

import numpy as np

from cpm.plots.belief_maps import heat_over
from cpm.plots.canvas import Canvas, show_image
from cpm.plots.skeletons import draw_skeleton
from cpm.skeleton import Skeleton

_TILE_PX, _GAP_PX, _TEXT_PX, _EDGE_PX = 184, 70, 50, 16
_LINE, _PALE, _FRAME = "#404040", "#6e6e6e", "#ff7f0e"


@dataclasses.dataclass(frozen=True)
class Road:
    """What one person becomes; all arrays are NumPy.

    Attributes:
      image: `[H, W, 3]` uint8; image_joints_px: `[P, 2]`, image pixels.
      frame_px: `[4, 2]`, corners of the crop in image pixels.
      crop: `[h, w, 3]` uint8, the crop without augmentation; crop_joints_px: `[P, 2]`.
      augmented: `[h, w, 3]` uint8, what the network sees; augmented_joints_px: `[P, 2]`.
      ideal: `[h/s, w/s, P]`, ideal maps of stages ≥ 2.
      beliefs: `[h/s, w/s, P]`, belief maps of the last stage.
      joints_px: `[P, 2]`, peaks of `beliefs`, crop pixels.
      stages: T.
    """

    image: np.ndarray
    image_joints_px: np.ndarray
    frame_px: np.ndarray
    crop: np.ndarray
    crop_joints_px: np.ndarray
    augmented: np.ndarray
    augmented_joints_px: np.ndarray
    ideal: np.ndarray
    beliefs: np.ndarray
    joints_px: np.ndarray
    stages: int


def draw_data_road(road: Road, skeleton: Skeleton) -> np.ndarray:
    """The page.

    Args:
      road: a `Road`.
      skeleton: names and limbs of the P joints.

    Returns:
      `[h, w, 3]` uint8.
    """
    canvas = Canvas(
        2 * _EDGE_PX + 5 * _TILE_PX + 4 * _GAP_PX,
        2 * _EDGE_PX + 2 * (_TILE_PX + _TEXT_PX) + _GAP_PX - 20,
    )
    axes = canvas.image_axes(0, 0, canvas.width, canvas.height)
    axes.set_xlim(0, canvas.width)
    axes.set_ylim(canvas.height, 0)
    joints = len(skeleton)
    size = f"{_shape(road.image)}, {joints} joints"
    _place(canvas, 0, 0, _posed(road.image, road.image_joints_px, skeleton), "image", size)
    _draw_frame(canvas, road)
    crop = _posed(road.crop, road.crop_joints_px, skeleton)
    _place(canvas, 1, 0, crop, "crop", _shape(road.crop))
    seen = _posed(road.augmented, road.augmented_joints_px, skeleton)
    _place(canvas, 2, 0, seen, "augmented crop", _shape(road.augmented))
    size = f"{_shape(road.beliefs)}, largest of {joints}"
    beliefs = _cells(road.augmented, road.beliefs)
    _place(canvas, 3, 0, beliefs, f"belief maps of stage {road.stages}", size)
    _place(canvas, 3, 1, _cells(road.augmented, road.ideal), "ideal belief maps", size)
    found = _posed(road.augmented, road.joints_px, skeleton)
    _place(canvas, 4, 0, found, "joints found", f"{joints}×2")
    for column, word in enumerate(("cut", "turn,\nscale,\nmirror,\nrecolor", "network", "peaks")):
        x, y = _corner(column, 0)
        left, right, y = x + _TILE_PX, x + _TILE_PX + _GAP_PX, y + _TILE_PX / 2
        _arrow(axes, (left + 6, y), (right - 6, y))
        canvas.text((left + right) / 2, y - 6, word, size=9.5, ha="center", va="bottom")
    _draw_second_row(canvas, axes, road.crop.shape[0] // road.ideal.shape[0])
    return canvas.pixels()


def _draw_second_row(canvas, axes, stride):
    """The joints' way to the ideal maps, the loss between the two kinds of maps, a legend."""
    x, y = _corner(2, 0)
    right, below = _corner(3, 1)
    x += _TILE_PX / 2
    bend = below + _TILE_PX / 2
    axes.plot([x, x], [y + _TILE_PX + _TEXT_PX, bend], color=_LINE, lw=1.2)
    _arrow(axes, (x, bend), (right - 6, bend))
    canvas.text(x + 10, bend - 18, "joints → Gaussians", size=9)
    x, y = _corner(3, 0)
    x += _TILE_PX / 2
    _arrow(axes, (x, y + _TILE_PX + _TEXT_PX - 4), (x, below - 6), style="<->")
    middle = (y + _TILE_PX + _TEXT_PX + below) / 2
    canvas.text(x + 12, middle - 4, "loss, Eq. 4", size=9)
    x, y = _corner(0, 1)
    lines = (
        "Orange limbs are the person's right, blue the left.",
        "A mirrored crop exchanges them.",
        "The orange frame is the crop.",
        f"A square of a map is a cell: {stride}×{stride} pixels of the crop.",
    )
    for n, line in enumerate(lines):
        canvas.text(x, y + 40 + 24 * n, line, size=10)


def _corner(column, row):
    """Top left pixel of a tile."""
    x = _EDGE_PX + column * (_TILE_PX + _GAP_PX)
    return x, _EDGE_PX + row * (_TILE_PX + _TEXT_PX + _GAP_PX - 20)


def _place(canvas, column, row, tile, name, text):
    """A tile, centered in its square, its name and one line below."""
    x, y = _corner(column, row)
    height, width = tile.shape[:2]
    zoom = _TILE_PX / max(height, width)
    height, width = height * zoom, width * zoom
    axes = canvas.image_axes(x + (_TILE_PX - width) / 2, y + (_TILE_PX - height) / 2, width, height)
    show_image(axes, tile)
    canvas.text(x + _TILE_PX / 2, y + _TILE_PX + 14, name, size=10.5, ha="center", weight="bold")
    canvas.text(x + _TILE_PX / 2, y + _TILE_PX + 32, text, size=9.5, ha="center", color=_PALE)


def _draw_frame(canvas, road):
    """The crop's outline on the image, cut at the tile's edge."""
    height, width = road.image.shape[:2]
    zoom = _TILE_PX / max(height, width)
    x, y = _corner(0, 0)
    size = width * zoom, height * zoom
    corner = x + (_TILE_PX - size[0]) / 2, y + (_TILE_PX - size[1]) / 2
    axes = canvas.image_axes(*corner, *size)
    axes.set_xlim(-0.5, width - 0.5)
    axes.set_ylim(height - 0.5, -0.5)
    inside = np.clip(road.frame_px, 1, [width - 2, height - 2])
    closed = np.concatenate([inside, inside[:1]])
    axes.plot(*closed.T, color="white", lw=3.6)
    axes.plot(*closed.T, color=_FRAME, lw=2)


def _arrow(axes, start, end, style="->"):
    axes.annotate("", end, start, arrowprops={"arrowstyle": style, "color": _LINE, "lw": 1.2})


def _posed(image, joints_px, skeleton):
    """The image with its skeleton, at the size of a tile."""
    return draw_skeleton(image, joints_px, skeleton, zoom=_TILE_PX / max(image.shape[:2]))


def _cells(crop, maps):
    """The largest of the maps over the crop, cell by cell."""
    stride = crop.shape[0] // maps.shape[0]
    cells = maps.max(-1).repeat(stride, 0).repeat(stride, 1)
    return heat_over(crop, cells).repeat(2, 0).repeat(2, 1)


def _shape(array):
    return "×".join(map(str, array.shape))
