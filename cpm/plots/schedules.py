"""The learning rate of whole runs against their steps, a panel for each recipe."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.ticker import EngFormatter, FuncFormatter, LogLocator, MaxNLocator, NullLocator

from cpm.plots.canvas import Canvas, plain_axes

_PANEL = 330, 190
_LEFT_PX, _TOP_PX, _RIGHT_PX, _BELOW_PX = 62, 62, 26, 54
_COLORS = ("#0072b2", "#d55e00")


def learning_rates(
    panels: Sequence[tuple[str, str, Mapping[str, Sequence[tuple[float, float]]], bool]],
    *,
    columns: int = 3,
) -> np.ndarray:
    """Learning rates by recipe; those that fall in steps on a logarithmic axis.

    Args:
      panels: list of (title, line below it, {label: [(step, rate)]}, logarithmic).
      columns: panels side by side.

    Returns:
      `[h, w, 3]` uint8.
    """
    columns = min(columns, len(panels))
    width, height = _LEFT_PX + _PANEL[0] + _RIGHT_PX, _TOP_PX + _PANEL[1] + _BELOW_PX
    canvas = Canvas(columns * width, -(-len(panels) // columns) * height)
    for n, (title, text, lines, logarithmic) in enumerate(panels):
        x, y = (n % columns) * width + _LEFT_PX, (n // columns) * height + _TOP_PX
        canvas.text(x, y - 42, title, size=11.5, weight="bold")
        canvas.text(x, y - 20, text, size=9)
        axes = canvas.axes(x, y, *_PANEL)
        plain_axes(axes, x_label="step")
        for color, (label, points) in zip(_COLORS, lines.items(), strict=False):
            steps, rates = zip(*points, strict=True)
            axes.plot(steps, rates, color=color, lw=2, label=label)
        _scale(axes, logarithmic)
        if len(lines) > 1:
            axes.legend(fontsize=9, frameon=False, loc="upper right")
    return canvas.pixels()


def _scale(axes, logarithmic):
    """Round numbers on both axes."""
    axes.set_xlim(left=0)
    axes.xaxis.set_major_locator(MaxNLocator(5))
    axes.xaxis.set_major_formatter(EngFormatter(sep=""))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda rate, _: f"{rate:g}"))
    if logarithmic:
        axes.set_yscale("log")
        axes.yaxis.set_major_locator(LogLocator(base=10))
        axes.yaxis.set_major_formatter(FuncFormatter(lambda rate, _: f"{rate:g}"))
        axes.yaxis.set_minor_locator(NullLocator())
    else:
        axes.set_ylim(bottom=0)
