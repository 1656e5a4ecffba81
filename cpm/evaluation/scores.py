"""What every metric returns, and the two ways to sum it up: by joint and by body part.

A metric reduces to two `[N, P]` arrays: the credit that each joint of each person earned, and
whether it counts at all. The total pools all counted joints, so that a joint that is annotated
more often weighs more. This is MPII's "Total"; a mean of the joints' percentages is another number
(86.76 instead of 87.30 for the published hourglass predictions).
"""

import dataclasses

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
      per_joint: {joint name: percent, nan where nothing was counted}.
      total: percent of all counted joints pooled; nan where nothing was counted.
      counts: {joint name: how many were counted}.
      people: how many people have at least one counted joint.
      credit: `[N, P]` float64, what each joint earned, in [0, 1]; 0 where not counted.
      counted: `[N, P]` bool.
    """

    name: str
    unit: str
    per_joint: dict[str, float]
    total: float
    counts: dict[str, int]
    people: int
    credit: np.ndarray = dataclasses.field(repr=False)
    counted: np.ndarray = dataclasses.field(repr=False)

    @property
    def groups(self):
        """{column of the published tables: percent}; see `merge_groups`."""
        return merge_groups(self.per_joint)


def score_from_credit(name, unit, credit, counted, skeleton):
    """The `Score` whose joints earned `credit`.

    Args:
      name, unit: as in `Score`.
      credit: `[N, P]` in [0, 1].
      counted: `[N, P]` bool.
      skeleton: names of the P joints.
    Raises:
      ValueError: if a shape is wrong.
    """
    credit, counted = np.asarray(credit, np.float64), np.asarray(counted, bool)
    if credit.shape != counted.shape or credit.shape[1:] != (len(skeleton),):
        raise ValueError(
            f"credit and counted should both be [N, {len(skeleton)}], "
            f"not {credit.shape} and {counted.shape}"
        )
    credit = np.where(counted, credit, 0.0)
    earned, count = credit.sum(0), counted.sum(0)  # [P], [P]
    return Score(
        name=name,
        unit=unit,
        per_joint={
            joint: percent(earned[p], count[p])
            for p, joint in enumerate(skeleton.joints)
        },
        total=percent(earned.sum(), count.sum()),
        counts={joint: int(count[p]) for p, joint in enumerate(skeleton.joints)},
        people=int(counted.any(1).sum()),
        credit=credit,
        counted=counted,
    )


def percent(earned, count):
    """`100 · earned / count`, nan if nothing was counted.

    >>> percent(3, 4), percent(0, 0)
    (75.0, nan)
    """
    return float(100.0 * earned / count) if count else float("nan")


def merge_groups(per_joint):
    """Percentages by body part, left and right merged.

    The mean of the two joints' percentages, not of their pooled joints: that is how the published
    tables are made. A joint that is missing or nan is left out.

    >>> merge_groups({"left_hip": 80.0, "right_hip": 90.0, "upper_neck": 96.0})
    {'Head': 96.0, 'Hip': 85.0}
    """
    known = {
        canonical_name(joint): value
        for joint, value in per_joint.items()
        if not np.isnan(value)
    }
    merged = {}
    for group, joints in GROUPS.items():
        values = [known[joint] for joint in joints if joint in known]
        if values:
            merged[group] = float(np.mean(values))
    return merged
