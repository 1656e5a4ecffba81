"""The reliability diagram: share of correct joints against confidence, and how many there are."""

from typing import Any

import numpy as np

from cpm.plots.canvas import Canvas, plain_axes

_BAR, _LINE = "#2a8cff", "#ff7f0e"


def reliability_diagram(found: Any, *, title: str = "") -> np.ndarray:
    """Bars of the share that is correct beside the line where it would equal the confidence.

    Args:
      found: what `cpm.evaluation.reliability.reliability` returned.
      title: line above.

    Returns:
      `[560, 620, 3]` uint8.
    """
    rows = [row for row in found["bins"] if row["joints"]]
    middles = [(row["low"] + row["high"]) / 2 for row in rows]
    width = 0.92 * (rows[0]["high"] - rows[0]["low"])
    canvas = Canvas(620, 560)
    canvas.text(60, 20, title, size=11, weight="bold")
    upper = canvas.axes(70, 66, 520, 300)
    kind = f"Correct ({found['rule']}), %; calibration error {100 * found['ece']:.1f} points"
    plain_axes(upper, kind)
    shares = [100 * row["correct"] for row in rows]
    upper.bar(middles, shares, width, color=_BAR, alpha=0.75)
    upper.plot([0, 1], [0, 100], color="#222222", lw=1, ls="--")
    upper.plot([row["confidence"] for row in rows], shares, "o", color="#222222", markersize=3)
    upper.set_ylim(0, 100)
    lower = canvas.axes(70, 420, 520, 90)
    plain_axes(lower, "Joints", x_label="confidence: height of the belief map's peak")
    lower.bar(middles, [row["joints"] for row in rows], width, color="#999999")
    for axes in (upper, lower):
        axes.set_xlim(0, 1)
        axes.set_xticks(np.arange(11) / 10)
        axes.axvline(min(found["threshold"], 1.0), color=_LINE, lw=1.5)
    upper.text(
        min(found["threshold"], 1.0) + 0.01,
        96,
        f"even from {found['threshold']:.2f} on",
        color=_LINE,
        fontsize=9,
        va="top",
    )
    return canvas.pixels()
