"""What a conversion saw: people per split, joints per state, and everybody it left out, by name.

It also says what looks wrong, in sentences: warnings come before a network is trained for hours.
"""

import collections
import dataclasses
import math
from collections.abc import Mapping, Sequence
from typing import Any

from cpm import humans
from cpm.data import box_checks
from cpm.data.person import LEAST_SPAN_PX, Person
from cpm.data.splits import TRAIN, VALIDATION
from cpm.skeleton import ABSENT, OCCLUDED, SKELETONS, VISIBLE
from cpm.text_table import format_table, listed

NAMED = 3  # so many of those left out are named, the rest is counted
MISSING = "images missing"
COLUMNS = ("people", "visible", "occluded", "absent", "outside", "scaled")
FEW_TO_VALIDATE = 20  # of fewer people a score is chance
FEW_TO_TRAIN = 16  # a usual batch
MANY_OUTSIDE = 0.1  # share of joints outside their images that no camera explains
PERCENT = 100.0  # the largest position of a tool that writes parts of an image as 0 … 100
ENOUGH = 6  # people whose joints are not all in one quarter of their images by chance
MOST = 0.5  # share of the boxes; two corners would not fit so many by chance
SMALL_SPAN_PX = 10.0  # a crop of this side shows little
RARE = 0.02  # share of the people who have a joint; of fewer it may be a misspelt name


@dataclasses.dataclass
class Report:
    """Counts, filled while people pass by.

    Attributes:
      splits: split -> Counter of `COLUMNS`: people, joints in each state, joints that have a
        position outside the image (kept as they are), people with an annotated scale.
      left_out: reason -> ids.
      notes: sentences for whoever converts; warnings begin with `warning: `.
      spanless: ids of people whose joints span nothing, with a box; boxless: those without one.
      small: ids of people whose joints span little, without a box.
      turned: ids of people of images that EXIF data turns, where no size says which way they
        were annotated.
      boxes: what is wrong with boxes -> ids; the keys are `box_checks.wrong_box`'s.
      sought: path where the first missing image was looked for, or None.
      joints: names of the joints; they say whether people or objects are counted.
    """

    splits: dict[str, collections.Counter[str]] = dataclasses.field(
        default_factory=lambda: collections.defaultdict(collections.Counter)
    )
    left_out: dict[str, list[str]] = dataclasses.field(
        default_factory=lambda: collections.defaultdict(list)
    )
    notes: list[str] = dataclasses.field(default_factory=list)
    spanless: list[str] = dataclasses.field(default_factory=list)
    boxless: list[str] = dataclasses.field(default_factory=list)
    small: list[str] = dataclasses.field(default_factory=list)
    turned: list[str] = dataclasses.field(default_factory=list)
    boxes: dict[str, list[str]] = dataclasses.field(
        default_factory=lambda: collections.defaultdict(list)
    )
    sought: str | None = None
    joints: Sequence[str] = SKELETONS["mpii16"].joints
    _joints: collections.Counter[str] = dataclasses.field(default_factory=collections.Counter)
    _people: int = 0
    _boxed: int = 0
    _reach_px: float = -math.inf
    _reach: float = -math.inf  # of the joints, the largest x / width or y / height
    _smallest_px: float = math.inf

    def add(self, split: str, person: Person, size: tuple[int, int]) -> None:
        """Counts one person that was kept; `size` = (height, width) of the original image."""
        self.joints = person.skeleton.joints
        pose = person.pose
        x, y = pose.joints_px.T
        height, width = size
        # Pixel centers are integers: the image reaches from -1/2 to width - 1/2.
        outside = (x < -0.5) | (y < -0.5) | (x > width - 0.5) | (y > height - 0.5)
        self.splits[split].update(
            people=1,
            visible=int((pose.state == VISIBLE).sum()),
            occluded=int((pose.state == OCCLUDED).sum()),
            absent=int((pose.state == ABSENT).sum()),
            outside=int((outside & pose.present).sum()),
            scaled=int(person.scale is not None),
        )
        if pose.span_px < LEAST_SPAN_PX:
            (self.boxless if person.box is None else self.spanless).append(person.id)
        elif pose.span_px < SMALL_SPAN_PX and person.box is None:
            self.small.append(person.id)
        self._people += 1
        if person.bbox is not None:
            self._boxed += 1
            if wrong := box_checks.wrong_box(person.bbox, pose.joints_px[pose.present], size):
                self.boxes[wrong].append(person.id)
        states = zip(person.skeleton.joints, pose.present.tolist(), strict=True)
        self._joints.update({joint: int(present) for joint, present in states})
        self._reach = max(self._reach, float(x.max()) / width, float(y.max()) / height)
        self._reach_px = max(self._reach_px, float(pose.joints_px[pose.present].max()))
        self._smallest_px = min(self._smallest_px, max(size))

    def so_many(self, number: int) -> str:
        """A number of people, or of objects: `1 person`, `1,200 objects`."""
        return count(number, humans.noun(self.joints, 1), humans.noun(self.joints))

    def note(self, sentence: str) -> None:
        """Keeps a sentence for whoever converts."""
        self.notes.append(sentence)

    def warn(self, sentence: str) -> None:
        """Keeps a sentence about something that looks wrong."""
        self.notes.append(f"warning: {sentence}")

    def finish(self, source: str) -> None:
        """Adds what only all people together show.

        Args:
          source: name of the data set.
        """
        if MISSING in self.left_out:
            self.warn(f"the first missing image was looked for at {self.sought!r}")
        if self.spanless:
            self.note(
                f"{self.so_many(len(self.spanless))} with too few joints to place a "
                f"crop; their boxes place it: {some(self.spanless)}"
            )
        if self.boxless:
            self.warn(
                f"{self.so_many(len(self.boxless))} with too few joints to place a "
                f"crop, and no box; they are shown as whole images: {some(self.boxless)}"
            )
        if self.small:
            self.warn(
                f"{self.so_many(len(self.small))} whose joints lie within "
                f"{SMALL_SPAN_PX:g} px, and no box; their crops show little, a bbox makes them "
                f"larger: {some(self.small)}"
            )
        if self.turned:
            self.warn(
                f"{self.so_many(len(self.turned))} in images that EXIF data turns, "
                "without a size that says whether they were annotated upright, as is assumed; look "
                f"at bin/inspect_batch.py: {some(self.turned)}"
            )
        for wrong, ids in self.boxes.items():
            if wrong != box_checks.CORNERS or len(ids) > max(2, MOST * self._boxed):
                self.warn(f"{self.so_many(len(ids))} {wrong}: {some(ids)}")
        joints = sum(c["visible"] + c["occluded"] for c in self.splits.values())
        outside = sum(c["outside"] for c in self.splits.values())
        if outside > MANY_OUTSIDE * joints:
            self.warn(
                f"{outside:,} of {joints:,} joints lie outside their images; do the positions "
                "belong to images of another size?"
            )
        if 1 < self._reach_px <= PERCENT < self._smallest_px / 2:
            self.warn(
                f"no joint lies beyond {PERCENT:g} px, in images of {self._smallest_px:.0f} px "
                "and more; expected pixels, not percent of the image"
            )
        elif self._reach_px > 2 and self._reach < 0.5 and self._people >= ENOUGH:
            self.warn(
                "no joint lies beyond the middle of its image, to the right or below; do the "
                "positions belong to smaller images?"
            )
        if source == "coco":
            self._note_rare_joints()
        self._count_people(source)

    def _note_rare_joints(self):
        """Warns of joints that nobody has or hardly anybody, as of misspelt names."""
        never = [joint for joint, number in self._joints.items() if not number]
        if never:
            self.warn(
                f"{', '.join(never)}: never annotated, so that nothing is learned of it; leave it "
                "out, or is it called otherwise?"
            )
        few = max(1, RARE * self._people)
        rare = {joint: number for joint, number in self._joints.items() if 0 < number <= few}
        if rare and self._people >= ENOUGH:
            self.warn(
                ", ".join(f"{joint} ({number:,})" for joint, number in rare.items())
                + f": annotated in so few of {self.so_many(self._people)}; is a name misspelt?"
            )

    def _count_people(self, source):
        """Warns of too few people in one of the halves of a data set of one's own."""
        people = {split: c["people"] for split, c in self.splits.items() if c["people"]}
        train, validation = people.get(TRAIN, 0), people.get(VALIDATION, 0)
        if not train and people:
            self.note(f"nothing to train on: all are of the split {' or '.join(people)}")
        if train and validation < FEW_TO_VALIDATE and source == "coco":
            chance = "a score of so few is chance" if validation else "a training needs some"
            self.warn(
                f"{self.so_many(validation)} to validate on: {chance}; put images "
                f"of {FEW_TO_VALIDATE} or more into a folder validation/, or convert a folder of "
                "them with --split=validation"
            )
        if 0 < train < FEW_TO_TRAIN and source == "coco":
            self.warn(
                f"{self.so_many(train)} to train on, fewer than in a usual batch: "
                "each is seen more than once a step; label more"
            )

    def leave_out(self, person_id: str, reason: str) -> None:
        """Notes one person that was not kept."""
        self.left_out[reason].append(person_id)

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values, all ids included."""
        return {
            "splits": {
                split: {column: counts[column] for column in COLUMNS}
                for split, counts in sorted(self.splits.items())
            },
            "left_out": dict(sorted(self.left_out.items())),
            "notes": list(self.notes),
        }


def table(report: Mapping[str, Any], who: str = "people") -> str:
    """The report as lines of text.

    Args:
      report: as `Report.to_json` gives it.
      who: what was converted, people or objects (`cpm.humans.noun`).

    >>> report = Report()
    >>> report.leave_out("lsp/im1001", "image missing")
    >>> print(table(report.to_json()))
    split  people  visible  occluded  absent  outside  scaled
    left out: 1 image missing: lsp/im1001
    """
    rows = [
        (split, *(f"{counts[column]:,}" for column in COLUMNS))
        for split, counts in report["splits"].items()
    ]
    lines = [format_table(("split", who, *COLUMNS[1:]), rows, markdown=False)]
    lines += [
        f"left out: {len(ids):,} {reason}: {some(ids)}"
        for reason, ids in report["left_out"].items()
    ]
    return "\n".join(lines + report.get("notes", []))


def compare(report: Mapping[str, Any], known: Mapping[str, int]) -> str:
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


def some(ids: Sequence[str]) -> str:
    """The first few names and the number of the others."""
    return listed(ids, NAMED)


def count(number: int, one: str, many: str | None = None) -> str:
    """A number with its noun.

    >>> count(1, "person", "people"), count(1200, "image")
    ('1 person', '1,200 images')
    """
    return f"{number:,} {one if number == 1 else many or one + 's'}"
