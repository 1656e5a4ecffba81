"""The benchmark's diagram: how long every side takes for the same work."""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from cpm.plots.canvas import TEXT_COLOR, Canvas, plain_axes

_OURS, _PEER = "#1f77b4", "#b8b8b8"
_BAR_PX, _GAP_PX, _TOP_PX = 22, 34, 60


def time_plot(entries: Iterable[Mapping[str, Any]]) -> np.ndarray:
    """Bars of the median times, relative to the fastest of ours; a block for every item.

    Args:
      entries: of `cpm.benchmark.measure.measure`: dicts with `item`, `variant`, `ours`, `peers`.

    Returns:
      `[., 900, 3]` uint8; its height follows the number of bars.

    Raises:
      ValueError: if there is no entry.
    """
    blocks = _blocks(entries)
    if not blocks:
        raise ValueError("there is nothing to draw: no case was measured")
    heights = [_BAR_PX * len(sides) for sides in blocks.values()]
    canvas = Canvas(900, _TOP_PX + sum(heights) + _GAP_PX * len(heights))
    canvas.text(20, 22, "Median time, fastest of ours = 1", size=12, weight="bold")
    longest = max(r for sides in blocks.values() for _, r, _, _ in sides)
    top = _TOP_PX
    for (item, sides), height in zip(blocks.items(), heights, strict=True):
        axes = canvas.axes(150, top, 600, height)
        plain_axes(axes, item)
        _draw(axes, sides, longest)
        top += height + _GAP_PX
    return canvas.pixels()


def _blocks(entries):
    """{item: [(side, time relative to our fastest, seconds, whether ours)]}, ours first."""
    blocks = {}
    for item in dict.fromkeys(entry["item"] for entry in entries):
        same = [entry for entry in entries if entry["item"] == item]
        ours = {f"ours, {e['variant']}": e["ours"]["median_s"] for e in same}
        peers = {p: n["median_s"] for e in same for p, n in e["peers"].items()}
        fastest = min(ours.values())
        blocks[item] = [(side, s / fastest, s, True) for side, s in ours.items()]
        blocks[item] += [(side, s / fastest, s, False) for side, s in peers.items()]
    return blocks


def _draw(axes, sides, longest):
    """Horizontal bars, named at the left, with seconds at their ends."""
    for row, (_, ratio, seconds, ours) in enumerate(sides):
        axes.barh(row, ratio, color=_OURS if ours else _PEER, height=0.72)
        axes.annotate(
            f"{ratio:.2f}   {_seconds(seconds)}",
            (ratio, row),
            xytext=(6, 0),
            textcoords="offset points",
            va="center",
            fontsize=9,
            color=TEXT_COLOR,
            annotation_clip=False,
        )
    axes.set_yticks(range(len(sides)), [side for side, *_ in sides], fontsize=9)
    axes.set_ylim(len(sides) - 0.5, -0.5)
    axes.grid(axis="y", visible=False)
    axes.set_xlim(0, longest)
    axes.set_xticks([1])
    axes.tick_params(labelbottom=False, length=0)


def _seconds(seconds):
    return f"{seconds:.2f} s" if seconds >= 1 else f"{1e3 * seconds:.3g} ms"
