"""Joints and limbs drawn on the photograph, beside the truth where it is known.

    solid sticks and dots   the prediction: right side orange, left side blue, middle yellow
    green disc, ring        the truth: visible, occluded
    white line              from a predicted joint to its truth: the error

Left and right are the person's own. The colours stay apart for the colour-blind.
"""

import matplotlib.patheffects as effects
import numpy as np

from cpm.plots.canvas import TEXT_COLOR, Canvas, show_image
from cpm.plots.image_files import display_zoom

RIGHT, LEFT, MIDDLE = "#ff7f0e", "#2a8cff", "#ffe14d"
TRUTH = "#21d04b"
_OUTLINE = "#101010"
_PANEL_PX = 250
_ROW_PX = 22


def draw_skeleton(
    image,
    joints_px,
    skeleton,
    *,
    confidence=None,
    threshold=None,
    truth_px=None,
    truth_state=None,
    title="",
    zoom=None,
):
    """A pose on its photograph; with `confidence`, a panel lists every joint beside it.

    Args:
      image: `[H, W, 3]` uint8.
      joints_px: `[P, 2]`, image pixels; nan = not predicted, not drawn.
      skeleton: names and limbs.
      confidence: `[P]`, or None for the photograph alone.
      threshold: joints of a lower confidence are not drawn, and are grey in the panel.
      truth_px: `[P, 2]`, or None.
      truth_state: `[P]` in {0, 1, 2}, with `truth_px`.
      title: first line of the panel.
      zoom: screen pixels per image pixel; None = what is good to look at.

    Returns:
      `[h, w, 3]` uint8; without a panel h = round(zoom · H), w = round(zoom · W).
    """
    height, width = image.shape[:2]
    zoom = zoom or display_zoom(height, width)
    photo = round(width * zoom), round(height * zoom)
    shown = np.isfinite(joints_px).all(-1)
    if threshold is not None and confidence is not None:
        shown &= np.asarray(confidence) >= threshold
    panel = confidence is not None
    rows = len(skeleton) + 1 + (2 if truth_px is not None else 0) + bool(title)
    canvas = Canvas(
        photo[0] + (_PANEL_PX if panel else 0),
        max(photo[1], (rows + 1) * _ROW_PX if panel else 0),
    )
    axes = canvas.picture_axes(0, 0, *photo)
    show_image(axes, image)
    if truth_px is not None:
        _plot_truth(axes, joints_px, shown, truth_px, truth_state)
    plot_pose(axes, joints_px, shown, skeleton, 1.0 if min(photo) > 300 else 0.7)
    if panel:
        _plot_panel(canvas, photo[0], skeleton, confidence, shown, title, truth_px is not None)
    return canvas.pixels()


def joint_color(joint):
    """Colour of a joint or of the limb that ends there, by side of the body."""
    if joint.startswith("right_"):
        return RIGHT
    return LEFT if joint.startswith("left_") else MIDDLE


def plot_pose(axes, joints_px, shown, skeleton, thickness):
    """Draws the limbs between the joints that are shown, then these joints.

    Args:
      axes: Matplotlib axes whose data coordinates are the image's pixels.
      joints_px: `[P, 2]`; shown: `[P]` bool.
      skeleton: names and limbs.
      thickness: 1 = for an image of 300 to 1,000 screen pixels.
    """
    outline = [effects.withStroke(linewidth=5.0 * thickness, foreground=_OUTLINE)]
    for a, b in skeleton.limb_indices:
        if shown[a] and shown[b]:
            # A limb takes the colour of its outer end; only midline ones are yellow.
            names = skeleton.joints[a], skeleton.joints[b]
            sided = [n for n in names if joint_color(n) != MIDDLE]
            axes.plot(
                *joints_px[[a, b]].T,
                color=joint_color(sided[-1] if sided else names[0]),
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
            color=joint_color(skeleton.joints[p]),
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


def _plot_panel(canvas, x, skeleton, confidence, shown, title, with_truth):
    """A row per joint: colour, name, bar and number."""
    name_x, bar_x, bar_width = x + 30, x + 142, 60
    y = _ROW_PX
    if title:
        canvas.text(x + 12, y, title, size=9, weight="bold")
        y += _ROW_PX
    canvas.text(name_x, y, "joint", size=8, color="#777777")
    canvas.text(bar_x, y, "confidence", size=8, color="#777777")
    axes = canvas.picture_axes(x, 0, _PANEL_PX, canvas.height)
    axes.set_xlim(x, x + _PANEL_PX)
    axes.set_ylim(canvas.height, 0)
    for p, joint in enumerate(skeleton.joints):
        y += _ROW_PX
        color = joint_color(joint) if shown[p] else "#c8c8c8"
        filled = float(np.clip(np.nan_to_num(confidence[p]), 0, 1)) * bar_width
        axes.barh([y], [bar_width], 9, left=bar_x, color="#eeeeee")
        axes.barh([y], [filled], 9, left=bar_x, color=color)
        axes.plot(x + 18, y, "o", color=color, markersize=6, mec=_OUTLINE, mew=0.7)
        text = TEXT_COLOR if shown[p] else "#999999"
        canvas.text(name_x, y, joint.replace("_", " "), color=text)
        canvas.text(x + _PANEL_PX - 10, y, f"{confidence[p]:.2f}", color=text, ha="right")
    if with_truth:
        for fill, label in ((TRUTH, "truth, visible"), ("none", "truth, occluded")):
            y += _ROW_PX
            axes.plot(x + 18, y, "o", mfc=fill, mec=TRUTH, mew=1.8, markersize=7)
            canvas.text(name_x, y, label)
