"""Diagrams: a run's losses and scores, several runs compared, PCK curves, score by stage.

Takes plain values: the lines of a run folder's metrics.jsonl
(`cpm.training.metrics_file.read_metrics`) and the numbers of `cpm.evaluation.report`.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib import color_sequences, colormaps
from matplotlib.ticker import LogLocator, MultipleLocator, NullLocator

from cpm.plots.canvas import Canvas, plain_axes

_STAGE = re.compile(r"loss_stage_(\d+)$")
_RUNS = color_sequences["tab10"]
_METRIC_NAMES = {
    "pck": "PCK: fraction of the torso",
    "pckh": "PCKh: fraction of the head size",
}
_TICKS = {"pck": 0.05, "pckh": 0.1}
_DETAILS = ("pckh@0.1", "pcp_strict", "pcp_average")  # in tables, not in every diagram


def training_curves(records: Sequence[Mapping[str, Any]], *, title: str = "") -> np.ndarray:
    """Loss of every stage and the validation scores against steps, side by side.

    Args:
      records: lines of metrics.jsonl; those with "evaluation" hold scores, the others losses.
      title: line above both.

    Returns:
      `[460, 1100, 3]` uint8.

    Raises:
      ValueError: if no line holds a loss of a stage.
    """
    canvas = Canvas(1100, 460)
    canvas.text(60, 22, title, size=12, weight="bold")
    _plot_losses(canvas.axes(60, 74, 440, 330), _losses(records))
    right = canvas.axes(570, 74, 380, 330)
    plain_axes(right, "Validation score, %", "step")
    _plot_scores(right, headlines(evaluations(records)))
    return canvas.pixels()


def loss_curves(records: Sequence[Mapping[str, Any]]) -> np.ndarray:
    """The left half of `training_curves`, `[380, 520, 3]` uint8."""
    canvas = Canvas(520, 380)
    _plot_losses(canvas.axes(60, 36, 440, 290), _losses(records))
    return canvas.pixels()


def score_curves(records: Sequence[Mapping[str, Any]]) -> np.ndarray:
    """The right half of `training_curves`, `[380, 520, 3]` uint8."""
    canvas = Canvas(520, 380)
    axes = canvas.axes(60, 36, 330, 290)
    plain_axes(axes, "Validation score, %", "step")
    _plot_scores(axes, headlines(evaluations(records)))
    return canvas.pixels()


def _losses(records):
    """{stage: (steps, losses)}; ValueError if there are none."""
    losses: dict[int, Any] = {}
    for record in records:
        for key, value in record.items():
            # None is the loss of a batch that was left out.
            if (match := _STAGE.match(key)) and value is not None:
                steps, values = losses.setdefault(int(match[1]), ([], []))
                steps.append(record["step"])
                values.append(value)
    if not losses:
        raise ValueError("these records hold no loss_stage_1, loss_stage_2, …")
    return losses


def _plot_losses(axes, losses):
    """A line per stage, from dark to light."""
    plain_axes(axes, "Loss by stage (smoothed)", "step")
    shades = colormaps["viridis"](np.linspace(0, 0.85, len(losses)))
    for shade, (t, (steps, values)) in zip(shades, sorted(losses.items()), strict=True):
        axes.plot(steps, smooth(values), color=shade, label=f"stage {t}", lw=1.6)
    axes.set_yscale("log")
    axes.yaxis.set_major_locator(LogLocator(base=10, subs=(1, 2, 3, 5, 7)))
    axes.yaxis.set_major_formatter("{x:g}")
    axes.yaxis.set_minor_locator(NullLocator())
    axes.legend(fontsize=8, frameon=False, ncols=2)


def compare_runs(
    runs: Mapping[str, Sequence[Mapping[str, Any]]], metric: str, who: str = "people"
) -> np.ndarray:
    """One validation metric of several runs against training time.

    Args:
      runs: {label: lines of metrics.jsonl}.
      metric: e.g. `pck@0.2`; runs that never measured it are left out.
      who: what the runs find, people or objects (`cpm.humans.noun`).

    Returns:
      `[440, 820, 3]` uint8.

    Raises:
      ValueError: if no run has measured it.
    """
    series = {
        label: evaluations(records, against="seconds").get(metric)
        for label, records in runs.items()
    }
    series = {
        label: [(seconds / 60, value) for seconds, value in points or ()]
        for label, points in series.items()
    }
    series = {label: points for label, points in series.items() if points}
    if not series:
        raise ValueError(f"none of the runs has measured {metric!r}")
    canvas = Canvas(820, 440)
    axes = canvas.axes(60, 44, 540, 340)
    plain_axes(axes, f"{metric} of the validation {who}, %", "minutes of training")
    _plot_scores(axes, series)
    return canvas.pixels()


def pck_curves(curves_by_label: Mapping[str, Mapping[str, Any]]) -> np.ndarray:
    """PCK and PCKh curves; one diagram for each of the two that occurs.

    Args:
      curves_by_label: {label: what `cpm.evaluation.report.curves` returned}.

    Returns:
      `[420, 440 · diagrams, 3]` uint8.

    Raises:
      ValueError: if there is no curve at all.
    """
    kinds = [k for k in _METRIC_NAMES if any(k in c for c in curves_by_label.values())]
    if not kinds:
        raise ValueError("there is no curve to draw: no reference length was annotated")
    canvas = Canvas(440 * len(kinds), 420)
    for position, kind in enumerate(kinds):
        axes = canvas.axes(60 + 440 * position, 44, 350, 310)
        plain_axes(axes, "Correct joints, %", _METRIC_NAMES[kind])
        for color, (label, curves) in zip(_cycle(), curves_by_label.items(), strict=False):
            if kind in curves:
                points = curves[kind]
                axes.plot(
                    points["thresholds"],
                    points["percent"],
                    color=color,
                    lw=2,
                    label=label,
                )
        axes.set_ylim(0, 100)
        axes.set_xlim(left=0)
        axes.xaxis.set_major_locator(MultipleLocator(_TICKS[kind]))
        axes.legend(fontsize=8, frameon=False, loc="lower right")
    return canvas.pixels()


def stage_curve(totals_by_metric: Mapping[str, Sequence[float]]) -> np.ndarray:
    """Scores against stages 1 … T, as in the paper's figure 6.

    Args:
      totals_by_metric: {label: [percent of stage 1, …, T]}.

    Returns:
      `[400, 640, 3]` uint8.
    """
    canvas = Canvas(640, 400)
    axes = canvas.axes(60, 44, 430, 300)
    plain_axes(axes, "Score by stage, %", "stage")
    series = {
        label: [(t + 1, value) for t, value in enumerate(values)]
        for label, values in totals_by_metric.items()
    }
    _plot_scores(axes, series)
    axes.set_xticks(range(1, 1 + max(map(len, totals_by_metric.values()))))
    return canvas.pixels()


def evaluations(
    records: Iterable[Mapping[str, Any]], against: str = "step"
) -> dict[str, list[tuple[float, float]]]:
    """{metric: [(step or seconds, percent)]} of the lines with "evaluation".

    >>> evaluations([{"step": 5, "evaluation": {"pcp25": 80.0}}, {"step": 6, "loss": 1.0}])
    {'pcp25': [(5, 80.0)]}
    """
    series: dict[str, list[tuple[float, float]]] = {}
    for record in records:
        for name, value in record.get("evaluation", {}).items():
            if value is not None and against in record:
                series.setdefault(name, []).append((record[against], value))
    return series


def headlines(by_metric: Mapping[str, Any]) -> dict[str, Any]:
    """What a diagram shows of {metric: anything}: all but the details.

    >>> headlines({"pcp25": 1, "pcp_strict": 2})
    {'pcp25': 1}
    """
    return {name: value for name, value in by_metric.items() if name not in _DETAILS}


def smooth(values: Sequence[float] | np.ndarray, share: float = 0.02) -> np.ndarray:
    """Moving average over `share` of the series, shorter at its beginning: `[n]` → `[n]`."""
    window = max(1, int(len(values) * share))
    sums = np.cumsum([0.0, *values])
    last = np.arange(1, len(values) + 1)
    first = np.maximum(last - window, 0)
    return (sums[last] - sums[first]) / (last - first)


def _plot_scores(axes, series):
    """Lines of points, named at their right ends: no legend to decipher."""
    ends = []
    for color, (label, points) in zip(_cycle(), series.items(), strict=False):
        x, y = zip(*points, strict=True)
        axes.plot(x, y, "o-", color=color, lw=1.8, markersize=4)
        ends.append((y[-1], x[-1], f"{label}  {y[-1]:.1f}", color))
    if not ends:
        axes.text(0.5, 0.5, "not yet evaluated", transform=axes.transAxes, ha="center")
        return
    low, high = axes.get_ylim()
    right = max(x for _, x, _, _ in ends)
    # Labels of close lines are pushed apart, from the lowest upwards.
    room, floor = (high - low) * 0.055, -np.inf
    for y, _, text, color in sorted(ends):
        floor = max(y, floor + room)
        axes.annotate(
            text,
            (right, floor),
            xytext=(8, 0),
            textcoords="offset points",
            fontsize=9,
            color=color,
            va="center",
            annotation_clip=False,
        )


def _cycle():
    """Colors without end."""
    while True:
        yield from _RUNS
