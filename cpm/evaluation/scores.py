"""What every metric returns, and the two ways to sum it up: by joint and by body part.

A metric reduces to two `[N, P]` arrays: the credit that each joint (or limb) of each person earned,
and whether it counts at all. The total pools all counted joints, so that a joint that is annotated
more often weighs more. This is MPII's "Total"; the mean of the joints' percentages, each joint
weighing the same, is another number (86.76 instead of 87.30 for the published hourglass
predictions) and is kept beside it.
"""

import dataclasses
from collections.abc import Collection, Mapping, Sequence

import numpy as np

from cpm.skeleton import canonical_name

# The columns of the published tables: left and right merged. "Head" is the mean of neck and head
# top in MPII's own code; HRNet's and SimpleBaseline's is head top alone.
GROUPS = {
    "Head": ("neck", "head_top"),
    "Sho": ("right_shoulder", "left_shoulder"),
    "Elb": ("right_elbow", "left_elbow"),
    "Wri": ("right_wrist", "left_wrist"),
    "Hip": ("right_hip", "left_hip"),
    "Kne": ("right_knee", "left_knee"),
    "Ank": ("right_ankle", "left_ankle"),
}


@dataclasses.dataclass(frozen=True)
class Score:
    """One metric of one set of predictions.

    Attributes:
      name: e.g. `pckh@0.5`.
      unit: what "near" is measured in, in words.
      per_joint: {joint (or limb): percent, nan where nothing was counted}.
      total: percent of all counted joints pooled; nan where nothing was counted.
      mean: mean of the joints' percentages, those without any left out; nan if there are none.
      groups: {column of the published tables: percent}; see `merge_groups`.
      counts: {joint (or limb): how many were counted}.
      people: how many people have at least one counted joint.
      credit: `[N, P]` float64, what each joint earned, in [0, 1]; 0 where not counted.
      counted: `[N, P]` bool.
    """

    name: str
    unit: str
    per_joint: dict[str, float]
    total: float
    mean: float
    groups: dict[str, float]
    counts: dict[str, int]
    people: int
    credit: np.ndarray = dataclasses.field(repr=False)
    counted: np.ndarray = dataclasses.field(repr=False)


def score_from_credit(
    name: str,
    unit: str,
    credit: np.ndarray,
    counted: np.ndarray,
    parts: Sequence[str],
    groups: Mapping[str, Sequence[str]] = GROUPS,
) -> Score:
    """The `Score` whose joints earned `credit`.

    Args:
      name, unit: as in `Score`.
      credit: `[N, P]` in [0, 1].
      counted: `[N, P]` bool.
      parts: names of the P joints, or of whatever is judged.
      groups: as in `merge_groups`.

    Raises:
      ValueError: if a shape is wrong.
    """
    credit, counted = np.asarray(credit, np.float64), np.asarray(counted, bool)
    if credit.shape != counted.shape or credit.shape[1:] != (len(parts),):
        raise ValueError(
            f"credit and counted should both be [N, {len(parts)}], "
            f"not {credit.shape} and {counted.shape}"
        )
    credit = np.where(counted, credit, 0.0)
    earned, count = credit.sum(0), counted.sum(0)  # [P], [P]
    per_joint = {part: percent(earned[p], count[p]) for p, part in enumerate(parts)}
    scored = [value for value in per_joint.values() if not np.isnan(value)]
    return Score(
        name=name,
        unit=unit,
        per_joint=per_joint,
        total=percent(earned.sum(), count.sum()),
        mean=float(np.mean(scored)) if scored else float("nan"),
        groups=merge_groups(per_joint, groups),
        counts={part: int(count[p]) for p, part in enumerate(parts)},
        people=int(counted.any(1).sum()),
        credit=credit,
        counted=counted,
    )


def only(
    score: Score, parts: Collection[str], groups: Mapping[str, Sequence[str]] = GROUPS
) -> Score:
    """The same score with nothing but `parts` counted: FLIC's, of elbows and wrists."""
    kept = np.array([part in parts for part in score.per_joint])
    return score_from_credit(
        score.name,
        score.unit,
        score.credit,
        score.counted & kept,
        tuple(score.per_joint),
        groups,
    )


def percent(earned: float, count: float) -> float:
    """`100 · earned / count`, nan if nothing was counted.

    >>> percent(3, 4), percent(0, 0)
    (75.0, nan)
    """
    return float(100.0 * earned / count) if count else float("nan")


def merge_groups(
    per_joint: Mapping[str, float], groups: Mapping[str, Sequence[str]] = GROUPS
) -> dict[str, float]:
    """Percentages by body part, left and right merged.

    The mean of the two joints' percentages, not of their pooled joints: that is how the published
    tables are made. A joint that is missing or nan is left out.

    Args:
      per_joint: {joint: percent}.
      groups: {column: names of its joints}.

    >>> merge_groups({"left_hip": 80.0, "right_hip": 90.0, "upper_neck": 96.0})
    {'Head': 96.0, 'Hip': 85.0}
    """
    known = {
        canonical_name(joint): value for joint, value in per_joint.items() if not np.isnan(value)
    }
    merged = {}
    for group, joints in groups.items():
        values = [known[joint] for joint in joints if joint in known]
        if values:
            merged[group] = float(np.mean(values))
    return merged
