"""What a conversion saw: people per split, joints per state, and everybody it left out, by name."""

import collections
import dataclasses

from cpm.skeleton import ABSENT, OCCLUDED, VISIBLE
from cpm.text_table import format_table

NAMED = 3  # so many of those left out are named, the rest is counted
COLUMNS = ("people", "visible", "occluded", "absent", "outside", "scaled")


@dataclasses.dataclass
class Report:
    """Counts, filled while people pass by.

    Attributes:
      splits: split -> Counter of `COLUMNS`: people, joints in each state, joints that have a
        position outside the picture (kept as they are), people with an annotated scale.
      left_out: reason -> ids.
    """

    splits: dict = dataclasses.field(
        default_factory=lambda: collections.defaultdict(collections.Counter)
    )
    left_out: dict = dataclasses.field(default_factory=lambda: collections.defaultdict(list))

    def add(self, split, person, size):
        """Counts one person that was kept; `size` = (height, width) of the original picture."""
        pose = person.pose
        x, y = pose.joints_px.T
        height, width = size
        # Pixel centres are integers: the picture reaches from -1/2 to width - 1/2.
        outside = (x < -0.5) | (y < -0.5) | (x > width - 0.5) | (y > height - 0.5)
        self.splits[split].update(
            people=1,
            visible=int((pose.state == VISIBLE).sum()),
            occluded=int((pose.state == OCCLUDED).sum()),
            absent=int((pose.state == ABSENT).sum()),
            outside=int((outside & pose.present).sum()),
            scaled=int(person.scale is not None),
        )

    def leave_out(self, person_id, reason):
        """Notes one person that was not kept."""
        self.left_out[reason].append(person_id)

    def to_json(self):
        """Plain JSON values, all ids included."""
        return {
            "splits": {
                split: {column: counts[column] for column in COLUMNS}
                for split, counts in sorted(self.splits.items())
            },
            "left_out": dict(sorted(self.left_out.items())),
        }


def table(report):
    """The report, as `Report.to_json` gives it, as lines of text.

    >>> report = Report()
    >>> report.leave_out("lsp/im1001", "picture missing")
    >>> print(table(report.to_json()))
    split  people  visible  occluded  absent  outside  scaled
    left out: 1 picture missing: lsp/im1001
    """
    rows = [
        (split, *(f"{counts[column]:,}" for column in COLUMNS))
        for split, counts in report["splits"].items()
    ]
    lines = [format_table(("split", *COLUMNS), rows, markdown=False)]
    lines += [
        f"left out: {len(ids):,} {reason}: {_some(ids)}"
        for reason, ids in report["left_out"].items()
    ]
    return "\n".join(lines)


def compare(report, known):
    """What the report counted beside what others did, as lines of text.

    Args:
      report: as `Report.to_json` gives it.
      known: split -> people.

    >>> report = Report()
    >>> report.splits["train"].update(people=7, scaled=6)
    >>> print(compare(report.to_json(), {"train": 9, "validation": 2}))
    train: 7 people, 9 are known: 2 fewer; 1 of the 7 has no scale
    validation: 0 people, 2 are known: 2 fewer
    >>> print(compare(report.to_json(), {"train": 7}))
    train: 7 people, as many as are known; 1 of the 7 has no scale
    """
    lines = []
    for split, expected in known.items():
        counts = report["splits"].get(split, dict.fromkeys(COLUMNS, 0))
        people = counts["people"]
        more, unscaled = people - expected, people - counts["scaled"]
        if more:
            word = "more" if more > 0 else "fewer"
            line = f"{people:,} people, {expected:,} are known: {abs(more):,} {word}"
        else:
            line = f"{people:,} people, as many as are known"
        if unscaled:
            verb = "has" if unscaled == 1 else "have"
            line += f"; {unscaled:,} of the {people:,} {verb} no scale"
        lines.append(f"{split}: {line}")
    return "\n".join(lines)


def _some(ids):
    """The first few names and the number of the others."""
    more = len(ids) - NAMED
    return ", ".join(ids[:NAMED]) + (f" and {more:,} more" if more > 0 else "")
