"""The ideal belief maps of one crop: what stage 1 is asked for, and what the stages after it.

Two rows, stage 1 and stages ≥ 2. From the left: the joints whose Gaussians are drawn, on the crop;
one joint's map; the largest of all joints' maps; the background, one minus that.
"""

import numpy as np

from cpm.plots.belief_maps import heat_over
from cpm.plots.canvas import Canvas, show_image
from cpm.plots.skeletons import plot_pose
from cpm.skeleton import ABSENT, Skeleton

_TILE_PX, _GAP_PX, _LEFT_PX, _TOP_PX = 190, 8, 150, 34


def draw_targets(
    crop: np.ndarray,
    joints_px: np.ndarray,
    state: np.ndarray,
    first: np.ndarray,
    later: np.ndarray,
    skeleton: Skeleton,
    joint: str,
) -> np.ndarray:
    """The page.

    Args:
      crop: `[H, W, 3]` uint8.
      joints_px: `[M, P, 2]`, crop pixels, of all people; the primary person first.
      state: `[M, P]` in {0, 1, 2}.
      first: `[h, w, P + 1]`, ideal maps of stage 1, the background last.
      later: `[h, w, P + 1]`, those of stages ≥ 2.
      skeleton: names and limbs of the P joints.
      joint: name of the one that is shown alone.

    Returns:
      `[h, w, 3]` uint8.
    """
    height, width = (round(side * _TILE_PX / max(crop.shape[:2])) for side in crop.shape[:2])
    canvas = Canvas(_LEFT_PX + 4 * (width + _GAP_PX), _TOP_PX + 2 * (height + _GAP_PX))
    columns = (
        "joints",
        joint.replace("_", " "),
        "largest of all joints",
        "background: 1 − largest",
    )
    for column, name in enumerate(columns):
        x = _LEFT_PX + column * (width + _GAP_PX) + width / 2
        canvas.text(x, _TOP_PX / 2, name, size=10.5, ha="center")
    rows = (
        ("stage 1", "everybody's joints", first, len(joints_px)),
        ("stages ≥ 2", "the primary\nperson's alone", later, 1),
    )
    for row, (name, text, maps, people) in enumerate(rows):
        y = _TOP_PX + row * (height + _GAP_PX)
        canvas.text(12, y + height / 2 - 20, name, size=12, weight="bold")
        canvas.text(12, y + height / 2 + 4, text, size=10, va="top", linespacing=1.3)
        tiles = (
            crop,
            _cells(crop, maps[..., skeleton.index(joint)]),
            _cells(crop, maps[..., :-1].max(-1)),
            _cells(crop, maps[..., -1]),
        )
        for column, tile in enumerate(tiles):
            x = _LEFT_PX + column * (width + _GAP_PX)
            axes = canvas.image_axes(x, y, width, height)
            show_image(axes, tile)
            if column == 0:
                for pose, states in zip(joints_px[:people], state[:people], strict=True):
                    plot_pose(axes, pose, states != ABSENT, skeleton, 0.7)
    return canvas.pixels()


def _cells(crop, belief):
    """One map over the crop, cell by cell."""
    stride = crop.shape[0] // belief.shape[0]
    return heat_over(crop, belief.repeat(stride, 0).repeat(stride, 1))
