"""How much of the image one cell of a belief map depends on, stage by stage, drawn to scale."""

from collections.abc import Sequence

import matplotlib.patheffects as effects
import numpy as np
from matplotlib.patches import Rectangle

from cpm.plots.canvas import Canvas, show_image

# Dark to bright, apart also in gray: stage 1, 2, 3.
_COLORS = ("#e69f00", "#56b4e9", "#f0f0f0")
_PANEL_PX, _GAP_PX, _TOP_PX = 440, 20, 58
_GRAY = 128
_OUTLINE: list[effects.AbstractPathEffect] = [
    effects.withStroke(linewidth=3.4, foreground="#101010")
]


def draw_receptive_fields(
    panels: Sequence[tuple[str, np.ndarray, Sequence[float], Sequence[int]]],
) -> np.ndarray:
    """Squares of the first stages around one cell, on the crop; a panel for each network.

    A crop is shown with what surrounds it, gray: there the network sees zeros.

    Args:
      panels: list of (title, crop `[H, W, 3]` uint8, cell_px (x, y), [field of stage 1, 2, …]),
        fields in pixels of the crop, at most three.

    Returns:
      `[h, w, 3]` uint8.
    """
    canvas = Canvas(len(panels) * (_PANEL_PX + _GAP_PX) + _GAP_PX, _TOP_PX + _PANEL_PX + _GAP_PX)
    for n, (title, crop, cell_px, fields_px) in enumerate(panels):
        x = _GAP_PX + n * (_PANEL_PX + _GAP_PX)
        _draw_panel(canvas, x, title, crop, np.asarray(cell_px, float), fields_px)
    return canvas.pixels()


def _draw_panel(canvas, x, title, crop, cell_px, fields_px):
    """One network: its crop and the squares around the cell."""
    canvas.text(x, 20, title, size=11, weight="bold")
    sizes = ", ".join(f"stage {t}: {field} px" for t, field in enumerate(fields_px, start=1))
    canvas.text(x, 42, sizes, size=9.5)
    height, width = crop.shape[:2]
    # The page is a square around the largest field and the crop.
    low = np.minimum(cell_px - max(fields_px) / 2, 0) - 0.02 * max(fields_px)
    high = np.maximum(cell_px + max(fields_px) / 2, [width, height]) + 0.02 * max(fields_px)
    side = max(high - low)
    low -= (side - (high - low)) / 2
    axes = canvas.image_axes(x, _TOP_PX, _PANEL_PX, _PANEL_PX)
    show_image(axes, np.full((4, 4, 3), _GRAY, np.uint8))
    axes.images[0].set_extent((low[0], low[0] + side, low[1] + side, low[1]))
    axes.imshow(crop, extent=(-0.5, width - 0.5, height - 0.5, -0.5), interpolation="bilinear")
    axes.set_xlim(low[0], low[0] + side)
    axes.set_ylim(low[1] + side, low[1])
    for t, field in enumerate(fields_px):
        corner = cell_px - field / 2
        square = Rectangle(corner, field, field, fc="none", ec=_COLORS[t], lw=2)
        square.set_path_effects(_OUTLINE)
        axes.add_patch(square)
        axes.text(
            corner[0] + 0.015 * side,
            corner[1] + 0.015 * side,
            f"stage {t + 1}",
            color=_COLORS[t],
            fontsize=10,
            weight="bold",
            va="top",
            path_effects=_OUTLINE,
        )
    axes.plot(*cell_px, "+", color="white", ms=11, mew=2, path_effects=_OUTLINE)
