"""A training batch as the network meets it: crops with their joints, ideal belief maps beside them.

disc, ring     a joint that is visible, occluded; right side orange, left side blue, of a skeleton
               without sides a color a joint
white dots     joints of the other people in the crop
cross          the person's center

Joints far outside of the crop, such as those beyond the image (cpm/data/truncation.py), are not
drawn; the caption counts them.
"""

from collections.abc import Mapping

import numpy as np

from cpm.plots.belief_maps import heat_over
from cpm.plots.canvas import Canvas, show_image
from cpm.plots.skeletons import MIDDLE, joint_colors
from cpm.skeleton import ABSENT, OCCLUDED, Skeleton

_GAP_PX, _CAPTION_PX, _OUTLINE = 8, 22, "#101010"


def draw_batch(
    batch: Mapping[str, np.ndarray],
    first: np.ndarray,
    later: np.ndarray,
    skeleton: Skeleton,
    *,
    rows: int | None = None,
    columns: int = 2,
    tile_px: int = 260,
) -> np.ndarray:
    """The rows of a batch, each with three tiles: crop, target of stage 1, target of stages >= 2.

    Args:
      batch: dict of NumPy arrays, see cpm/data/pipeline.py.
      first: `[B, h, w, P]` ideal maps of stage 1, without background.
      later: `[B, h, w, P]` ideal maps of stages >= 2, without background.
      skeleton: names and limbs of the P joints.
      rows: how many examples to show; None = all.
      columns: examples side by side.
      tile_px: longer side of a tile.

    Returns:
      `[., ., 3]` uint8.
    """
    shown = min(len(batch["image"]), rows or len(batch["image"]))
    columns = min(columns, shown)
    size = batch["image"].shape[1:3]
    height, width = (round(side * tile_px / max(size)) for side in size)
    cell = 3 * width + 3 * _GAP_PX, height + _CAPTION_PX + _GAP_PX
    canvas = Canvas(columns * cell[0] + _GAP_PX, -(-shown // columns) * cell[1])
    for n in range(shown):
        x, y = _GAP_PX + (n % columns) * cell[0], (n // columns) * cell[1]
        _caption(canvas, x, y + _CAPTION_PX / 2, batch, n)
        crop = np.rint(batch["image"][n]).astype(np.uint8)
        tiles = [crop] + [heat_over(crop, maps[n].max(-1)) for maps in (first, later)]
        for k, tile in enumerate(tiles):
            left = x + k * (width + _GAP_PX)
            axes = canvas.image_axes(left, y + _CAPTION_PX, width, height)
            show_image(axes, tile)
            if k == 0:
                _plot_people(axes, batch, n, skeleton)
    return canvas.pixels()


def _caption(canvas, x, y, batch, n):
    """Id and how many joints are in which state."""
    state, far = _state_and_far(batch, n)
    counts = ", ".join(
        f"{(state[0] == value).sum()} {name}" for value, name in ((2, "visible"), (1, "occluded"))
    )
    counts += f", {(state[0] == ABSENT).sum() - far[0].sum()} absent"
    if far[0].any():
        counts += f", {far[0].sum()} outside"
    canvas.text(x, y, f"{batch['id'][n].decode()}: {counts}", size=9)


def _state_and_far(batch, n):
    """States `[M, P]` of example n, 0 for joints far outside of the crop; which joints are that."""
    size = np.array(batch["image"].shape[2:0:-1])  # width, height
    off = np.maximum(-batch["joints_px"][n], batch["joints_px"][n] - size)
    far = (off > size).any(-1) & (batch["state"][n] != ABSENT)
    return np.where(far, ABSENT, batch["state"][n]), far


def _plot_people(axes, batch, n, skeleton):
    """The primary person's limbs and joints, the others' joints, the center."""
    options = {"scalex": False, "scaley": False}
    joints_px, (state, _) = batch["joints_px"][n], _state_and_far(batch, n)
    colors = joint_colors(skeleton)
    for points in joints_px[1:][state[1:] != ABSENT]:
        axes.plot(*points, "o", color="white", mec=_OUTLINE, ms=3.5, **options)
    for a, b in skeleton.limb_indices:
        if state[0, a] != ABSENT and state[0, b] != ABSENT:
            outer = a if colors[b] == MIDDLE else b
            axes.plot(*joints_px[0, [a, b]].T, color=colors[outer], lw=1.2, **options)
    for p in np.flatnonzero(state[0] != ABSENT):
        fill = "none" if state[0, p] == OCCLUDED else colors[p]
        edge = colors[p] if state[0, p] == OCCLUDED else _OUTLINE
        axes.plot(*joints_px[0, p], "o", mfc=fill, mec=edge, mew=1.5, ms=7, **options)
    axes.plot(*batch["center_px"][n], "+", color="white", ms=10, mew=2, **options)
