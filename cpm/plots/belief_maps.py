"""Belief maps over what the network saw.

A cell of stride s covers the crop's pixels s·g … s·g + s − 1, so a map enlarged s times lies
exactly on the crop: no offset, no guess.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib import colormaps
from matplotlib.patches import Rectangle
from PIL import Image

from cpm.plots.canvas import Canvas
from cpm.plots.image_files import fit
from cpm.skeleton import Skeleton

# The blog project's figure: head, left knee and right ankle.
OVERLAY = {
    "head_top": (255, 221, 0),
    "left_knee": (230, 20, 30),
    "right_ankle": (30, 80, 255),
}
COLOR_NAMES = dict(zip(OVERLAY.values(), ("yellow", "red", "blue"), strict=True))
_HEAT = colormaps["inferno"]


def draw_stages(
    crop: np.ndarray,
    beliefs: Sequence[np.ndarray],
    skeleton: Skeleton,
    joints: Sequence[str] | None = None,
    *,
    tile_px: int = 150,
) -> np.ndarray:
    """A row per joint, a column per stage: belief over the darkened crop, peak value in the corner.

    Args:
      crop: `[H, W, 3]` uint8.
      beliefs: T maps `[h, w, P(+1)]`.
      skeleton: names of the P joints.
      joints: names to show; None = all, and the background if there is one.
      tile_px: longer side of one tile.

    Returns:
      `[., ., 3]` uint8.
    """
    channels = {joint: p for p, joint in enumerate(skeleton.joints)}
    if beliefs[0].shape[-1] > len(skeleton):
        channels["background"] = len(skeleton)
    joints = list(channels) if joints is None else list(joints)
    tile = fit(crop, tile_px)
    height, width = tile.shape[:2]
    left, top, gap, bar = 118, 30, 4, 64
    canvas = Canvas(
        left + len(beliefs) * (width + gap) + bar,
        top + max(len(joints) * (height + gap), 120) + 8,
    )
    for row, joint in enumerate(joints):
        y = top + row * (height + gap)
        label = joint.replace("_", " ")
        canvas.text(left - 10, y + height / 2, label, size=10, ha="right")
        for t, b_t in enumerate(beliefs):
            x, belief = left + t * (width + gap), b_t[..., channels[joint]]
            canvas.paste(x, y, heat_over(tile, belief))
            _peak_label(canvas, x + width - 5, y + height - 11, belief.max())
    for t in range(len(beliefs)):
        x = left + t * (width + gap) + width / 2
        canvas.text(x, top / 2, f"stage {t + 1}", size=10, ha="center")
    _color_bar(canvas, canvas.width - bar + 14, top, 14, min(200, canvas.height - 60))
    return canvas.pixels()


def draw_colored_beliefs(
    crop: np.ndarray,
    maps: np.ndarray,
    skeleton: Skeleton,
    colors: Mapping[str, Sequence[float]] | None = None,
    *,
    zoom: float | None = None,
    legend: bool = True,
) -> np.ndarray:
    """Several joints' belief maps of one stage on the photograph, each in its color.

    Args:
      crop: `[H, W, 3]` uint8.
      maps: `[h, w, P(+1)]`.
      skeleton: names of the P joints.
      colors: {joint name: (red, green, blue)}; None = `overlay_colors`. Joints the skeleton lacks
        are left out.
      zoom: screen pixels per crop pixel; None = what makes the longer side about 480.
      legend: a strip below that names the colors.

    Returns:
      `[round(zoom · H) (+ strip), round(zoom · W), 3]` uint8.
    """
    colors = overlay_colors(skeleton) if colors is None else colors
    colors = {j: c for j, c in colors.items() if j in skeleton.joints}
    zoom = zoom or max(480 / max(crop.shape[:2]), 1.0)
    height, width = (round(n * zoom) for n in crop.shape[:2])
    painted = np.array(
        Image.fromarray(crop).resize((width, height), Image.Resampling.BICUBIC), np.float64
    )
    for joint, color in colors.items():
        belief = enlarge(maps[..., skeleton.index(joint)], height, width)[..., None]
        opacity = 0.85 * belief
        painted = (1 - opacity) * painted + opacity * np.array(color)
    painted = np.rint(painted).astype(np.uint8)
    if not legend:
        return painted
    return np.concatenate([painted, _legend(width, colors)])


def overlay_colors(skeleton: Skeleton) -> dict[str, Any]:
    """{joint: color} of three joints: the blog's if there are at least two, else spread evenly.

    >>> from cpm.skeleton import own_skeleton
    >>> list(overlay_colors(own_skeleton(["nose", "back", "hip", "tail"])))
    ['nose', 'hip', 'tail']
    """
    joints = telling_joints(skeleton, len(OVERLAY))
    if {*joints} <= {*OVERLAY}:
        return {joint: OVERLAY[joint] for joint in joints}
    return dict(zip(joints, OVERLAY.values(), strict=False))


def telling_joints(skeleton: Skeleton, count: int) -> list[str]:
    """The blog's three joints, without those that a person's skeleton lacks; else spread evenly.

    One of them alone, like the left knee of a dog, would say little.

    Args:
      skeleton: names of the joints.
      count: of the joints that are spread, at most.
    """
    blogs = [joint for joint in OVERLAY if joint in skeleton.joints]
    if len(blogs) > 1:
        return blogs
    count = min(count, len(skeleton))
    spread = np.linspace(0, len(skeleton) - 1, count).round().astype(int)
    return [skeleton.joints[p] for p in spread]


def heat_over(crop: np.ndarray, belief: np.ndarray) -> np.ndarray:
    """One belief map over the darkened gray crop: `[H, W, 3]` uint8, the crop's own size.

    Args:
      crop: `[H, W, 3]` uint8.
      belief: `[h, w]`; values below 0 show as 0, above 1 as 1.
    """
    belief = enlarge(belief, *crop.shape[:2])
    gray = np.repeat(crop.mean(-1, keepdims=True), 3, axis=-1) * 0.55
    heat = _HEAT(belief)[..., :3] * 255
    # Full color from a belief of 0.5 on, so that weak answers are seen but do not look sure.
    opacity = np.clip(2 * belief, 0, 1)[..., None] * 0.9
    return np.rint((1 - opacity) * gray + opacity * heat).astype(np.uint8)


def enlarge(belief: np.ndarray, height: int, width: int) -> np.ndarray:
    """`[h, w]` belief map → `[height, width]`, smooth, in [0, 1]."""
    image = Image.fromarray(np.asarray(belief, np.float32))
    return np.clip(np.asarray(image.resize((width, height), Image.Resampling.BICUBIC)), 0, 1)


def _peak_label(canvas, x, y, value):
    """The map's largest value, in the lower right corner of its tile."""
    box = {"facecolor": "black", "alpha": 0.6, "pad": 1.5, "lw": 0}
    canvas.text(x, y, f"{value:.2f}", size=8, color="white", ha="right", bbox=box)


def _legend(width, colors):
    """A strip that names the colors, in as many lines as it takes."""
    entry = 118
    columns = max(1, (width - 8) // entry)
    lines = -(-len(colors) // columns)
    canvas = Canvas(width, 8 + 22 * max(lines, 1))
    for k, (joint, color) in enumerate(colors.items()):
        x, y = 8 + entry * (k % columns), 15 + 22 * (k // columns)
        axes = canvas.image_axes(x, y - 6, 12, 12)
        axes.add_patch(Rectangle((0, 0), 1, 1, color=np.array(color) / 255))
        canvas.text(x + 18, y, joint.replace("_", " "))
    return canvas.pixels()


def _color_bar(canvas, x, y, width, height):
    """What color is what belief."""
    axes = canvas.axes(x, y, width, height)
    ramp = np.linspace(1, 0, 128)[:, None]
    axes.imshow(_HEAT(ramp)[..., :3], extent=(0, 1, 0, 1), aspect="auto")
    axes.set_xticks([])
    axes.set_yticks([0, 0.5, 1])
    axes.yaxis.tick_right()
    axes.tick_params(labelsize=8)
