"""Joints and limbs drawn on the image, beside the truth where it is known.

    solid sticks and dots   the prediction: right side orange, left side blue, middle yellow; of a
                            skeleton without sides a color a joint
    green disc, ring        the truth: visible, occluded
    white line              from a predicted joint to its truth: the error

Left and right are the person's own. The colors stay apart for the color-blind.
"""

import matplotlib.patheffects as effects
import numpy as np
from matplotlib.axes import Axes

from cpm.plots import pose_drawing
from cpm.plots.canvas import Canvas, show_image
from cpm.plots.image_files import display_zoom
from cpm.skeleton import Skeleton

TRUTH = "#21d04b"
_OUTLINE = "#101010"


def draw_skeleton(
    image: np.ndarray,
    joints_px: np.ndarray,
    skeleton: Skeleton,
    *,
    truth_px: np.ndarray | None = None,
    truth_state: np.ndarray | None = None,
    zoom: float | None = None,
) -> np.ndarray:
    """A pose on its image, perhaps with the truth.

    Args:
      image: `[H, W, 3]` uint8.
      joints_px: `[P, 2]`, image pixels; nan = not predicted, not drawn.
      skeleton: names and limbs.
      truth_px: `[P, 2]`, or None.
      truth_state: `[P]` in {0, 1, 2}, with `truth_px`.
      zoom: screen pixels per image pixel; None = a factor that suits a screen.

    Returns:
      `[h, w, 3]` uint8, h = round(zoom · H), w = round(zoom · W).
    """
    height, width = image.shape[:2]
    zoom = zoom or display_zoom(height, width)
    size = round(width * zoom), round(height * zoom)
    shown = np.isfinite(joints_px).all(-1)
    canvas = Canvas(*size)
    axes = canvas.image_axes(0, 0, *size)
    show_image(axes, image)
    if truth_px is not None:
        _plot_truth(axes, joints_px, shown, truth_px, truth_state)
    plot_pose(axes, joints_px, shown, skeleton, 1.0 if min(size) > 300 else 0.7)
    return canvas.pixels()


def joint_colors(skeleton: Skeleton) -> list[str]:
    """Matplotlib's color of each joint: those of `cpm.plots.pose_drawing`."""
    return [hex_color(color) for color in pose_drawing.joint_colors(skeleton)]


def hex_color(rgb: tuple[int, int, int]) -> str:
    """A color as Matplotlib and browsers take it.

    >>> hex_color((255, 127, 14))
    '#ff7f0e'
    """
    return "#{:02x}{:02x}{:02x}".format(*rgb)


RIGHT, LEFT, MIDDLE = map(hex_color, (pose_drawing.RIGHT, pose_drawing.LEFT, pose_drawing.MIDDLE))


def plot_pose(
    axes: Axes, joints_px: np.ndarray, shown: np.ndarray, skeleton: Skeleton, thickness: float
) -> None:
    """Draws the limbs between the joints that are shown, then these joints.

    Args:
      axes: Matplotlib axes whose data coordinates are the image's pixels.
      joints_px: `[P, 2]`; shown: `[P]` bool.
      skeleton: names and limbs.
      thickness: 1 = for an image of 300 to 1,000 screen pixels.
    """
    outline = [effects.withStroke(linewidth=5.0 * thickness, foreground=_OUTLINE)]
    colors = joint_colors(skeleton)
    for a, b in skeleton.limb_indices:
        if shown[a] and shown[b]:
            # A limb takes the color of its outer end; only midline ones are yellow.
            sided = [p for p in (a, b) if colors[p] != MIDDLE]
            axes.plot(
                *joints_px[[a, b]].T,
                color=colors[sided[-1] if sided else a],
                linewidth=3.0 * thickness,
                solid_capstyle="round",
                path_effects=outline,
                scalex=False,
                scaley=False,
            )
    for p in np.flatnonzero(shown):
        axes.plot(
            *joints_px[p],
            "o",
            color=colors[p],
            markersize=6.5 * thickness,
            markeredgecolor=_OUTLINE,
            markeredgewidth=1.0,
            scalex=False,
            scaley=False,
        )


def _plot_truth(axes, joints_px, shown, truth_px, truth_state):
    """The truth's joints, and lines from the prediction to them."""
    for p in np.flatnonzero(np.asarray(truth_state) > 0):
        if shown[p]:
            axes.plot(
                *np.stack([joints_px[p], truth_px[p]]).T,
                color="white",
                linewidth=1.3,
                scalex=False,
                scaley=False,
            )
        visible = truth_state[p] == 2
        axes.plot(
            *truth_px[p],
            "o",
            color=TRUTH,
            markerfacecolor=TRUTH if visible else "none",
            markeredgecolor=TRUTH,
            markersize=7,
            markeredgewidth=1.8,
            scalex=False,
            scaley=False,
        )
