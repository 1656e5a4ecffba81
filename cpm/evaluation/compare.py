"""Two methods on the same people: who is better, where, and by more than luck?

Both are scored by one metric. The difference of two percentages on the same people is far less
uncertain than either: hard people are hard for both. So people are drawn (bootstrap.py) for both
methods at once, and the interval is one of the difference. Where it holds 0, the data cannot tell.
With 15 intervals of 95 % about every other comparison of equals shows one that does not hold 0:
read a single joint with care, the total with less.
"""

import dataclasses
import os
from collections.abc import Sequence
from typing import Any

import numpy as np

from cpm.evaluation import report
from cpm.evaluation.bootstrap import paired_intervals
from cpm.evaluation.predictions import Predictions
from cpm.skeleton import Skeleton
from cpm.text_table import format_table, number

TOTAL = "Total"


@dataclasses.dataclass(frozen=True)
class Row:
    """One joint, limb, or the total.

    Attributes:
      part: its name, or `Total`.
      first, second: percent of either method.
      difference: second minus first, percentage points.
      interval: (low, high) of the difference, 95 %.
      only_first, only_second: how many the one has right and the other wrong (credit gained).
      counted: how many were scored.
    """

    part: str
    first: float
    second: float
    difference: float
    interval: tuple[float, float]
    only_first: float
    only_second: float
    counted: int

    @property
    def better(self) -> str | None:
        """`first`, `second`, or None where the interval holds 0."""
        low, high = self.interval
        return "second" if low > 0 else "first" if high < 0 else None


def compare(
    first: Predictions,
    second: Predictions,
    skeleton: Skeleton,
    metric: str,
    *,
    joints: Sequence[str] | None = None,
    resamples: int = 1000,
    seed: int = 0,
) -> list[Row]:
    """Two methods joint by joint.

    Args:
      first, second: `Predictions` of the same people in the same order.
      skeleton: names of the joints.
      metric: name, as in `report.score`.
      joints: as in `report.score`.
      resamples, seed: of the bootstrap.

    Returns:
      list of `Row`: each joint (or limb) that was counted, then the total.

    Raises:
      ValueError: if the people differ, or the metric counts nobody.
    """
    if first.ids != second.ids:
        raise ValueError("the two predictions are of different people")
    one, two = (report.last_score(people, skeleton, metric, joints) for people in (first, second))
    if not one.people:
        raise ValueError(f"{metric} counts nobody: its reference is not annotated")
    gain = two.credit - one.credit  # [N, P]
    low, high = paired_intervals(gain, one.counted, resamples=resamples, seed=seed)
    rows = []
    for p, part in enumerate([*one.per_joint, TOTAL]):
        of_part = slice(None) if part == TOTAL else [p]
        counted, gained = one.counted[:, of_part], gain[:, of_part]
        if not counted.any():
            continue
        before = one.total if part == TOTAL else one.per_joint[part]
        after = two.total if part == TOTAL else two.per_joint[part]
        rows.append(
            Row(
                part=part,
                first=before,
                second=after,
                difference=after - before,
                interval=(float(low[p]), float(high[p])),
                only_first=float(np.abs(gained[gained < 0]).sum()),
                only_second=float(gained[gained > 0].sum()),
                counted=int(counted.sum()),
            )
        )
    return rows


def comparison_table(rows: Sequence[Row], metric: str, names: Sequence[str]) -> str:
    """The rows as a table, and who is better where in words.

    Args:
      rows: of `compare`.
      metric: its name.
      names: of the two methods.
    """
    named = {"first": names[0], "second": names[1], None: "-"}
    header = [f"{metric}, %", *names, "difference", "95 % interval"]
    header += [f"only {name}" for name in names] + ["of", "better"]
    body = [
        [
            row.part,
            number(row.first),
            number(row.second),
            f"{row.difference:+.1f}",
            f"{row.interval[0]:+.1f} … {row.interval[1]:+.1f}",
            f"{row.only_first:.0f}",
            f"{row.only_second:.0f}",
            str(row.counted),
            named[row.better],
        ]
        for row in rows
    ]
    parts = [row for row in rows if row.part != TOTAL]
    lines = [
        f"{label}: {', '.join(r.part for r in parts if r.better == who) or 'nowhere'}"
        for who, label in (
            ("first", f"{names[0]} better"),
            ("second", f"{names[1]} better"),
            (None, "no clear difference"),
        )
    ]
    return format_table(header, body) + "\n\n" + "\n".join(lines)


def as_json(rows: Sequence[Row], metric: str, names: Sequence[str]) -> dict[str, Any]:
    """The rows as plain JSON values."""
    return {
        "metric": metric,
        "first": names[0],
        "second": names[1],
        "rows": [
            dataclasses.asdict(row) | {"interval": list(row.interval), "better": row.better}
            for row in rows
        ],
    }


def short_names(paths: Sequence[str | os.PathLike]) -> tuple[str, ...]:
    """What to call two files in a table: their names without folders where these differ.

    >>> short_names(["a/ours.mat", "b/theirs.h5"]), short_names(["a/preds.mat", "b/preds.mat"])
    (('ours', 'theirs'), ('a/preds.mat', 'b/preds.mat'))
    """
    stems = tuple(os.path.splitext(os.path.basename(path))[0] for path in paths)
    return stems if len(set(stems)) == len(stems) else tuple(map(str, paths))
