"""Diagrams of the experiments, laid out as the paper's figures 4, 5 and 6."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib import color_sequences, colormaps

from cpm.plots.canvas import Canvas, plain_axes

_COLORS = color_sequences["tab10"]


def stage_plot(rows: Sequence[Mapping[str, Any]], metric: str, note: str = "") -> np.ndarray:
    """Score after each stage, a line per variant, bars of one standard deviation (Figure 6).

    Args:
      rows: of `cpm.experiments.report.summarize`.
      metric: its name.
      note: what the bars are of, written below.

    Returns:
      `[440, 860, 3]` uint8.
    """
    canvas = Canvas(860, 440)
    axes = canvas.axes(60, 44, 440, 340)
    plain_axes(axes, f"{metric} by stage, %", f"stage ({note})" if note else "stage")
    for color, row in zip(_cycle(), rows, strict=False):
        stages = np.arange(1, 1 + len(row["per_stage"]))
        axes.errorbar(
            stages,
            row["per_stage"],
            yerr=row["per_stage_spread"],
            fmt="o-",
            color=color,
            lw=1.8,
            markersize=4,
            capsize=3,
            label=f"{row['label']}  {row['mean']:.1f}",
        )
    axes.set_xticks(range(1, 1 + max(len(row["per_stage"]) for row in rows)))
    axes.legend(fontsize=9, frameon=False, loc="upper left", bbox_to_anchor=(1.02, 1))
    return canvas.pixels()


def field_plot(rows: Sequence[Mapping[str, Any]], metric: str, note: str = "") -> np.ndarray:
    """Score against the receptive field of the last stage (Figure 4).

    Args:
      rows, metric, note: as in `stage_plot`.

    Returns:
      `[420, 640, 3]` uint8.
    """
    canvas = Canvas(640, 420)
    axes = canvas.axes(60, 44, 540, 320)
    label = "receptive field, px" + (f" ({note})" if note else "")
    plain_axes(axes, f"{metric} of the last stage, %", label)
    fields = [row["receptive_field_px"] for row in rows]
    means = [row["mean"] for row in rows]
    # One that diverged with all seeds but one has no spread: no bar is drawn of nan.
    spread = [np.nan if row["spread"] is None else row["spread"] for row in rows]
    axes.errorbar(fields, means, yerr=spread, fmt="o-", color=_COLORS[0], capsize=3)
    for x, y, row in zip(fields, means, rows, strict=True):
        axes.annotate(
            row["label"],
            (x, y),
            xytext=(0, -14),
            textcoords="offset points",
            fontsize=8,
            ha="center",
        )
    axes.margins(0.1, 0.15)
    return canvas.pixels()


def change_plot(rows: Sequence[Mapping[str, Any]], metric: str, note: str = "") -> np.ndarray:
    """The score of every variant beside that of the first, best at the top.

    Args:
      rows, metric, note: as in `stage_plot`.

    Returns:
      `[110 + 26 · variants, 700, 3]` uint8.
    """
    ordered = sorted(rows, key=lambda row: row["mean"])
    height = 26 * len(rows)
    canvas = Canvas(700, 110 + height)
    axes = canvas.axes(250, 44, 430, height)
    label = f"{metric} of the last stage, %" + (f" ({note})" if note else "")
    plain_axes(axes, "Equal time, one change at a time", label)
    axes.axvline(rows[0]["mean"], color="0.6", lw=1)
    for place, row in enumerate(ordered):
        color = _COLORS[1] if row is rows[0] else _COLORS[0]
        axes.errorbar(row["mean"], place, xerr=row["spread"], fmt="o", color=color, capsize=3)
        axes.plot(row["values"], [place] * len(row["values"]), "|", color=color)
    axes.set_yticks(range(len(rows)), [row["label"] for row in ordered], fontsize=9)
    axes.set_ylim(-0.7, len(rows) - 0.3)
    return canvas.pixels()


def gradient_plot(
    gradients_by_label: Mapping[str, Sequence[tuple[int, Mapping[str, float]]]], note: str = ""
) -> np.ndarray:
    """Size of every kernel's gradient over the run, from the first layer to the last (Figure 5).

    Args:
      gradients_by_label: {variant: [(step, {layer: root mean square})]}.
      note: of which runs, written below.

    Returns:
      `[520, 480 · variants, 3]` uint8; early steps dark, late ones light.
    """
    canvas = Canvas(480 * len(gradients_by_label), 520)
    for column, (label, records) in enumerate(gradients_by_label.items()):
        layers = list(records[0][1])
        steps = f"step {records[0][0]} dark … step {records[-1][0]} light"
        below = f"{steps}; {note}".rstrip("; ")
        axes = canvas.axes(60 + 480 * column, 44, 400, 340)
        plain_axes(axes, f"Gradient, root mean square: {label}\n{below}", "")
        for shade, (_, sizes) in zip(_shades(len(records)), records, strict=True):
            axes.plot([sizes[layer] for layer in layers], color=shade, lw=1)
        axes.set_yscale("log")
        axes.set_xticks(range(len(layers)), layers, rotation=90, fontsize=7)
        axes.set_ylim(*_common_limits(gradients_by_label))
    return canvas.pixels()


def _common_limits(gradients_by_label):
    """Smallest and largest gradient of all, so that diagrams can be compared."""
    sizes = [
        size
        for records in gradients_by_label.values()
        for _, record in records
        for size in record.values()
        if size > 0
    ]
    return min(sizes) / 1.5, max(sizes) * 1.5


def _shades(count):
    return colormaps["viridis"](np.linspace(0, 0.9, count))


def _cycle():
    """Colors without end."""
    while True:
        yield from _COLORS
