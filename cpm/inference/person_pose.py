"""One person who was found: joints, their confidences, the box, and what else is known.

    x, y, confidence = person["left_wrist"]

Coordinates are as in cpm/inference/results.py. This file needs no TensorFlow.
"""

import dataclasses
from collections.abc import Iterator
from typing import Any

import numpy as np

from cpm.skeleton import Skeleton

# Somebody is there if so many of the joints are certain: 3 of 14 to 17, 1 of up to 7.
CERTAIN = 0.2
SIGNIFICANT = 6  # digits in files: a hundredth of a pixel of an image 9,999 pixels wide


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class PoseMaps:
    """Input and output of the network in the last pass over a person. All arrays are NumPy.

    Attributes:
      stage_joints_px: `[T, P, 2]`, joints of the stages 1 … T, image pixels.
      beliefs: T maps `[h, w, P(+1)]` in the crop's frame, the background last.
      stride: crop pixels per map cell; 1 if averaged over scales.
      crop: `[height, width, 3]` uint8, what the network saw.
      crop_to_image: `[2, 3]`, crop pixels → image pixels.
    """

    stage_joints_px: np.ndarray
    beliefs: tuple[np.ndarray, ...]
    stride: int
    crop: np.ndarray
    crop_to_image: np.ndarray


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class PersonPose:
    """One person, or one object of another skeleton.

    Attributes:
      skeleton: names of the P joints.
      joints_px: `[P, 2]` float64, (x, y) in image pixels; nan = not found.
      confidence: `[P]` in 0 … 1, height of the belief map's peak.
      box: (x, y, width, height), image pixels: as given, or around the joints.
      id: number of the person through a video; None in single images.
      score: how sure a detector or a search is that there is a person, 0 … 1; None = not asked.
      maps: `PoseMaps`, if they were asked for.
    """

    skeleton: Skeleton
    joints_px: np.ndarray
    confidence: np.ndarray
    box: tuple[float, float, float, float]
    id: int | None = None
    score: float | None = None
    maps: PoseMaps | None = None

    def __getitem__(self, joint: str) -> tuple[float, float, float]:
        """(x, y, confidence) of the joint called `joint`, three floats.

        Raises:
          KeyError: if the skeleton has no such joint; the message names those it has.
        """
        if joint not in self.skeleton.joints:
            raise KeyError(f"no joint {joint!r}; there are {', '.join(self.skeleton.joints)}")
        p = self.skeleton.index(joint)
        x, y = map(float, self.joints_px[p])
        return x, y, float(self.confidence[p])

    def __iter__(self) -> Iterator[str]:
        """The names of the joints, as of a dict."""
        return iter(self.skeleton.joints)

    def keys(self) -> tuple[str, ...]:
        """As iteration; so `dict(person)` is {joint: (x, y, confidence)}."""
        return self.skeleton.joints

    def __eq__(self, other: object) -> bool:
        """Whether all that is known of two people is equal, maps aside."""
        if not isinstance(other, PersonPose):
            return NotImplemented
        return (
            (self.skeleton, self.id, self.score) == (other.skeleton, other.id, other.score)
            and np.array_equal(self.joints_px, other.joints_px, equal_nan=True)
            and np.array_equal(self.confidence, other.confidence, equal_nan=True)
            and tuple(self.box) == tuple(other.box)
        )

    # Arrays can change. Python means this to be written so; mypy sees a method replaced.
    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        box = ", ".join(f"{number:.0f}" for number in self.box)
        extra = "" if self.id is None else f", id {self.id}"
        if self.score is not None:
            extra += f", score {self.score:.2f}"
        return (
            f"PersonPose({len(self.skeleton)} joints, mean confidence "
            f"{mean_confidence(self):.2f}, box ({box}){extra})"
        )

    def shown(self, threshold: float) -> np.ndarray:
        """`[P]` bool: the joints that were found with a confidence of at least `threshold`."""
        return np.isfinite(self.joints_px).all(-1) & (np.asarray(self.confidence) >= threshold)

    def to_dict(self) -> dict[str, Any]:
        """The person as plain JSON values, every joint with its confidence or None.

        The keys `id` and `score` are there if they are known.
        """
        joints = {}
        for joint in self.skeleton.joints:
            values = self[joint]
            joints[joint] = [short_number(v) for v in values] if np.isfinite(values).all() else None
        record: dict[str, Any] = {
            "box": [short_number(number) for number in self.box],
            "joints": joints,
        }
        if self.id is not None:
            record["id"] = int(self.id)
        if self.score is not None:
            record["score"] = short_number(self.score)
        return record


def mean_confidence(person: PersonPose) -> float:
    """Mean of the joints' confidences; 0 for a person without any."""
    known = np.asarray(person.confidence)[np.isfinite(person.confidence)]
    return float(known.mean()) if len(known) else 0.0


def somebody(confidence: np.ndarray, least: float) -> np.ndarray:
    """Whether poses show somebody: enough of their joints are certain.

    Of a portrait few joints are in the image. One certain joint alone may be a ball for a head.

    Args:
      confidence: `[..., P]`, of the joints.
      least: the confidence from which on a joint is certain.

    Returns:
      `[...]` bool.

    >>> somebody(np.array([[0.9] * 3 + [0.0] * 11, [0.9] * 2 + [0.0] * 12]), least=0.5).tolist()
    [True, False]
    """
    certain = np.asarray(confidence) >= least
    return certain.sum(-1) >= max(1, round(CERTAIN * certain.shape[-1]))


def joints_box(
    joints_px: np.ndarray,
    confidence: np.ndarray,
    threshold: float = 0.0,
    region_px: float | None = None,
) -> tuple[float, float, float, float]:
    """Box around the joints that are sure, or around all if none is.

    A single keypoint has no extent: its box is as large as the region of its pass, if that is told.

    Args:
      joints_px: `[P, 2]`, image pixels; nan = not found.
      confidence: `[P]`.
      threshold: from which on a joint is sure.
      region_px: side of the region of the last pass.

    Returns:
      (x, y, width, height), image pixels; all 0 if no joint was found.

    >>> joints_box(np.array([[10.0, 20], [14, 29], [90, 90]]), np.array([0.8, 0.6, 0.1]), 0.5)
    (10.0, 20.0, 5.0, 10.0)
    """
    joints_px = np.asarray(joints_px, np.float64)
    found = np.isfinite(joints_px).all(-1)
    sure = found & (np.asarray(confidence) >= threshold)
    points = joints_px[sure if sure.any() else found]
    if not len(points):
        return (0.0, 0.0, 0.0, 0.0)
    low, high = points.min(0), points.max(0)
    (x, y), (width, height) = map(float, low), map(float, high - low + 1)
    if len(joints_px) == 1 and region_px is not None:
        return x - (region_px - 1) / 2, y - (region_px - 1) / 2, float(region_px), float(region_px)
    return x, y, width, height


def short_number(number: float) -> float:
    """A number with as many digits as mean something."""
    return float(f"{float(number):.{SIGNIFICANT}g}")


def short_time(seconds: float) -> float:
    """A time in whole microseconds: 5.04 - 5 is no 0.040000000000000036 in a file."""
    return round(float(seconds), 6)
