"""What was found: one `PersonPose` a person, one `ImagePose` an image.

    result = Predictor("pretrained")("photo.jpg")
    for person in result.people:
        x, y, confidence = person["left_wrist"]
    result.save("photo_pose.png")      # a drawing; .json and .csv are files of numbers

Coordinates are (x, y) in 0-based pixels of the upright image, pixel centers at integers. A box is
(x, y, width, height) of whole pixels: x = 0, width = 1 is the first column. A joint below the
network's `threshold` is part of the result, too: only drawings leave it out.

This file needs no TensorFlow. The files that others read are written by cpm/inference/writers.py.
"""

import dataclasses
import os
from collections.abc import Iterator
from typing import Any

import numpy as np
from PIL import Image

from cpm.errors import UsageError
from cpm.skeleton import Skeleton

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


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class ImagePose:
    """Everybody who was found in one image, or in one frame of a video.

    `len(result)`, `result[0]` and `for person in result` are those of `result.people`; a result
    without people is false.

    Attributes:
      people: tuple of `PersonPose`; empty if nobody was found.
      image_size: (height, width).
      skeleton: names of the joints that the network finds.
      threshold: the confidence below which a joint is more likely wrong than right, or 0 where
        the weights do not say so. Drawings leave such joints out.
      file: path or name of the image, if it has one.
      frame: number of the frame in its video, from 0.
      time: of the frame, seconds.
      image: `[H, W, 3]` uint8, or None if it was not kept: `draw` then reads `file` again.
      in_box_file: whether the file of boxes lists the image; None = there was no such file. An
        image that it does not list was not searched, so `people` is empty.
    """

    people: tuple[PersonPose, ...]
    image_size: tuple[int, int]
    skeleton: Skeleton
    threshold: float = 0.0
    file: str | None = None
    frame: int | None = None
    time: float | None = None
    image: np.ndarray | None = None
    in_box_file: bool | None = None

    def __len__(self) -> int:
        return len(self.people)

    def __iter__(self) -> Iterator[PersonPose]:
        return iter(self.people)

    def __getitem__(self, number: int) -> PersonPose:
        return self.people[number]

    def __eq__(self, other: object) -> bool:
        """Whether the same people were found in the same image; pixels are not compared."""
        if not isinstance(other, ImagePose):
            return NotImplemented
        names = {field.name for field in dataclasses.fields(ImagePose)} - {"image"}
        return all(getattr(self, name) == getattr(other, name) for name in names)

    __hash__ = None  # type: ignore[assignment]  # as above

    def __repr__(self) -> str:
        name = "image" if self.file is None else os.path.basename(self.file)
        if self.frame is not None:
            name += f", frame {self.frame}"
        height, width = self.image_size
        return f"ImagePose({name}, {width} x {height}, {self.summary()})"

    def summary(self) -> str:
        """What was found, in words: `nobody found`, or `2 people, 13 and 9 of 14 joints`."""
        counts = [str(int(p.shown(self.threshold).sum())) for p in self.people]
        if not counts:
            return "not in the file of boxes" if self.in_box_file is False else "nobody found"
        people = "1 person" if len(counts) == 1 else f"{len(counts)} people"
        listed = counts[0] if len(counts) == 1 else f"{', '.join(counts[:-1])} and {counts[-1]}"
        return f"{people}, {listed} of {len(self.skeleton)} joints"

    def to_dict(self) -> dict[str, Any]:
        """The image as plain JSON values: size, `people`, and what else is known.

        The keys `file`, `frame`, `time` and `in_box_file` are there if they are known.
        """
        known = {"file": self.file, "frame": self.frame, "time": self.time}
        known |= {"in_box_file": self.in_box_file}
        record = {key: value for key, value in known.items() if value is not None}
        height, width = self.image_size
        record |= {"width": int(width), "height": int(height)}
        return record | {"people": [person.to_dict() for person in self.people]}

    def to_coco(self, image_id: int | str | None = None) -> list[dict[str, Any]]:
        """COCO's results, a list of a dict a person (cpm/inference/writers.py::coco_results)."""
        from cpm.inference import writers

        return writers.coco_results(self, image_id)

    def to_openpose(self) -> dict[str, Any]:
        """OpenPose's dict of one image (cpm/inference/writers.py::openpose_record)."""
        from cpm.inference import writers

        return writers.openpose_record(self)

    def to_dataframe(self) -> Any:
        """A pandas table, a row a joint: file, frame, time, person, joint, x, y, confidence.

        Raises:
          UsageError: if pandas is not installed.
        """
        from cpm.inference import writers

        try:
            import pandas
        except ImportError:
            raise UsageError(
                "to_dataframe() needs pandas; install it with: pip install pandas"
            ) from None
        return pandas.DataFrame(writers.joint_rows(self), columns=writers.COLUMNS)

    def draw(self, image: np.ndarray | None = None, **options: Any) -> Image.Image:
        """Everybody drawn on the image, as a PIL image.

        Args:
          image: `[H, W, 3]` uint8; None = the image that was kept, or `file`, read again.
          options: of `cpm.plots.pose_drawing.draw_pose`.

        Raises:
          UsageError: if no image is known.
        """
        from cpm.plots.pose_drawing import draw_pose

        return Image.fromarray(draw_pose(self._pixels(image), self, **options))

    def save(self, path: str | os.PathLike, **options: Any) -> None:
        """Writes the result: a drawing (.png, .jpg), or numbers (.json, .csv).

        Raises:
          UsageError: for another suffix.
        """
        from cpm.inference import writers

        suffix = os.path.splitext(path)[1].lower()
        if suffix in (".png", ".jpg", ".jpeg"):
            from cpm.plots.image_files import write_image

            write_image(path, np.asarray(self.draw(**options)))
        elif suffix in writers.WRITERS:
            with writers.WRITERS[suffix](path) as writer:
                writer.write(self)
        else:
            raise UsageError(
                f"{path} should end in .png, .jpg, {', '.join(writers.WRITERS)}; name another file"
            )

    def _pixels(self, image):
        if image is None:
            image = self.image
        if image is not None:
            return np.asarray(image)
        if self.file is None or self.frame is not None:
            raise UsageError("this result has kept no image; give it: result.draw(image)")
        from cpm.inference.image_frames import read_image

        return read_image(self.file)


def mean_confidence(person: PersonPose) -> float:
    """Mean of the joints' confidences; 0 for a person without any."""
    known = np.asarray(person.confidence)[np.isfinite(person.confidence)]
    return float(known.mean()) if len(known) else 0.0


def joints_box(
    joints_px: np.ndarray, confidence: np.ndarray, threshold: float = 0.0
) -> tuple[float, float, float, float]:
    """Box around the joints that are sure, or around all if none is.

    Args:
      joints_px: `[P, 2]`, image pixels; nan = not found.
      confidence: `[P]`.
      threshold: from which on a joint is sure.

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
    return x, y, width, height


def short_number(number: float) -> float:
    """A number with as many digits as mean something."""
    return float(f"{float(number):.{SIGNIFICANT}g}")
