"""Results as files that others read, written image by image.

    with WRITERS[".csv"]("poses.csv") as writer:
        for result in predictor.predict_many(paths):
            writer.write(result)

    JsonWriter      .json   one object, see docs/metrics.md; the file appears when it is whole
    JsonLinesWriter .jsonl  one line an image, so that a run that is cut off keeps what it had
    CsvWriter       .csv    one line a joint; kept likewise
    CocoWriter      .json   COCO's results: a list of a dict a person
    OpenPoseWriter  folder  NAME_keypoints.json for each image, as OpenPose's --write_json

Numbers have six significant digits, times whole microseconds. A joint that was not found is null in
our files, empty in CSV and 0, 0, 0 in COCO's and OpenPose's, as both say.

References: "Results format" at cocodataset.org (keypoint detection);
  docs/02_output.md of CMU-Perceptual-Computing-Lab/openpose (JSON output, BODY_25).
"""

import contextlib
import csv
import io
import json
import os
import re
from collections.abc import Callable
from typing import Any

import numpy as np

from cpm import files
from cpm.errors import UsageError
from cpm.inference.person_pose import mean_confidence, short_number, short_time
from cpm.inference.results import ImagePose
from cpm.skeleton import Skeleton

COLUMNS = ("file", "frame", "time", "person", "joint", "x", "y", "confidence")
PERSON = 1  # COCO's number of the category person

# OpenPose's order. Its neck is halfway between the shoulders, its middle hip between the hips.
BODY_25 = (
    *("nose", "neck", "right_shoulder", "right_elbow", "right_wrist", "left_shoulder"),
    *("left_elbow", "left_wrist", "mid_hip", "right_hip", "right_knee", "right_ankle", "left_hip"),
    *("left_knee", "left_ankle", "right_eye", "left_eye", "right_ear", "left_ear", "left_big_toe"),
    *("left_small_toe", "left_heel", "right_big_toe", "right_small_toe", "right_heel"),
)
HALFWAY = {
    "neck": ("left_shoulder", "right_shoulder"),
    "mid_hip": ("left_hip", "right_hip"),
}
# Of people, all that BODY_25 has no place for, or a point in between.
NOT_IN_BODY_25 = {"head_top", "neck", "upper_neck", "pelvis", "thorax"}


def joint_rows(result: ImagePose) -> list[tuple[Any, ...]]:
    """A tuple of `COLUMNS` for each joint of each person; None = not known.

    `person` is the person's number in a video, else the place in the list, from 1 on.
    """
    rows = []
    time = None if result.time is None else short_time(result.time)
    for n, person in enumerate(result.people, 1):
        number = n if person.id is None else person.id
        for joint in person.skeleton.joints:
            values = [short_number(v) if np.isfinite(v) else None for v in person[joint]]
            rows.append((result.file, result.frame, time, number, joint, *values))
    return rows


def coco_results(result: ImagePose, image_id: int | str | None = None) -> list[dict[str, Any]]:
    """COCO's results of one image: a list of a dict a person.

    Keypoints are in the order of the network's skeleton, so a network of `coco17` writes what
    COCO's own evaluation reads. In the place of COCO's v stands the joint's confidence.

    Args:
      result: `ImagePose`.
      image_id: of the image; None = `image_id_of` the file.

    Raises:
      UsageError: if there is neither a file nor an `image_id`.
    """
    if image_id is None:
        if result.file is None:
            raise UsageError("COCO's results need the number of the image: to_coco(image_id=…)")
        image_id = image_id_of(result.file, result.frame)
    if isinstance(image_id, np.integer):  # which JSON does not know
        image_id = int(image_id)
    found = []
    for person in result.people:
        triples = np.column_stack([person.joints_px, person.confidence])
        triples[~np.isfinite(triples).all(1)] = 0.0
        score = mean_confidence(person) if person.score is None else person.score
        found.append(
            {
                "image_id": image_id,
                "category_id": PERSON,
                "keypoints": [short_number(v) for v in triples.ravel()],
                "score": short_number(score),
                "bbox": [short_number(v) for v in person.box],
            }
        )
    return found


def image_id_of(file: str, page: int | None = None) -> int | str:
    """What COCO's results call an image: the number that its file is called, else the name.

    >>> image_id_of("val/000000397133.jpg"), image_id_of("a/cat.jpg"), image_id_of("scan.tif", 0)
    (397133, 'cat', 'scan_0001')
    """
    stem = os.path.splitext(os.path.basename(file))[0]
    if page is not None:
        return f"{stem}_{page + 1:04d}"
    return int(stem) if re.fullmatch(r"[0-9]+", stem) else stem


def openpose_record(result: ImagePose) -> dict[str, Any]:
    """OpenPose's JSON object of one image.

    People are written as BODY_25, whose joints without a partner here stay 0; any other skeleton in
    its own order, see `openpose_order`.
    """
    people = []
    for person in result.people:
        triples = [_openpose_joint(person, joint) for joint in openpose_order(person.skeleton)]
        values = np.array(triples, np.float64)
        values[~np.isfinite(values).all(1)] = 0.0
        empty = ("face", "hand_left", "hand_right")
        people.append(
            {
                "person_id": [-1 if person.id is None else int(person.id)],
                "pose_keypoints_2d": [short_number(v) for v in values.ravel()],
            }
            | {f"{part}_keypoints_2d": [] for part in empty}
        )
    return {"version": 1.3, "people": people}


def openpose_order(skeleton: Skeleton) -> tuple[str, ...]:
    """Names of the joints in an OpenPose file: BODY_25 of people, else the skeleton's own.

    BODY_25 only if no joint is lost but the head top, the neck, the pelvis and the thorax: a dog
    has shoulders, too, but BODY_25 has no place for paws and tail.
    """
    joints = {*skeleton.joints}
    if {*HALFWAY["neck"]} <= joints and joints - NOT_IN_BODY_25 <= {*BODY_25}:
        return BODY_25
    return skeleton.joints


def _openpose_joint(person, joint):
    """(x, y, confidence) of one of OpenPose's joints; zeros where there is none."""
    halves = HALFWAY.get(joint, ())
    if halves and {*halves} <= {*person.skeleton.joints}:
        first, second = (person[half] for half in halves)
        return (
            (first[0] + second[0]) / 2,
            (first[1] + second[1]) / 2,
            min(first[2], second[2]),
        )
    return person[joint] if joint in person.skeleton.joints else (0.0, 0.0, 0.0)


class Writer:
    """A file that grows by one image at a time; `with` closes it.

    Args:
      path: of the file; one that exists is replaced.
    """

    def __init__(self, path: str | os.PathLike) -> None:
        self.path = os.fspath(path)

    def __enter__(self) -> "Writer":
        folder = os.path.dirname(self.path)
        if folder:
            os.makedirs(folder, exist_ok=True)
        self._file: Any = open(self.path, "wb", buffering=0)
        self._bytes = 0
        return self

    def __exit__(self, *error: Any) -> None:
        self._file.close()

    def write(self, result: ImagePose) -> None:
        """Adds what was found in one image."""
        raise NotImplementedError

    def _append(self, lines):
        """Adds whole lines; where the disk is full none of them: half a number is another one."""
        # A name that is no UTF-8 is written as JSON writes it.
        added = lines.encode(errors="backslashreplace")
        with files.naming(self.path):
            try:
                left = added
                while left:
                    left = left[self._file.write(left) :]
            except OSError:
                with contextlib.suppress(OSError):  # of a pipe or a device
                    self._file.truncate(self._bytes)
                raise
        self._bytes += len(added)


class JsonLinesWriter(Writer):
    """`ImagePose.to_dict()` of each image on a line of its own."""

    def write(self, result: ImagePose) -> None:
        self._append(json.dumps(result.to_dict(), allow_nan=False) + "\n")


class CsvWriter(Writer):
    """`COLUMNS`, a line a joint; nobody in an image, no line."""

    def __enter__(self) -> "CsvWriter":
        super().__enter__()
        self._add_rows([COLUMNS])
        return self

    def write(self, result: ImagePose) -> None:
        self._add_rows(joint_rows(result))

    def _add_rows(self, rows):
        text = io.StringIO()
        csv.writer(text, lineterminator="\n").writerows(rows)
        self._append(text.getvalue())


class _WholeWriter(Writer):
    """A file that replaces the old one once it is whole; an image is a line, and not kept."""

    opening = "[\n"

    @property
    def closing(self):
        return "\n]\n"

    def __enter__(self):
        self._replacing = files.replacing(self.path)
        self._file = open(self._replacing.__enter__(), "w", encoding="utf-8")
        self._file.write(self.opening)
        self._first = True
        return self

    def __exit__(self, *error):
        with files.naming(self.path):
            if error[0] is None:
                self._file.write(self.closing)
            self._file.close()
        return self._replacing.__exit__(*error)

    def _add(self, value):
        with files.naming(self.path):
            self._file.write(("" if self._first else ",\n") + json.dumps(value, allow_nan=False))
        self._first = False


class JsonWriter(_WholeWriter):
    """The project's own file: an object whose `images` come first, then what `finish` was told.

    Args:
      path: of the file.
    """

    opening = '{"images": [\n'

    def __init__(self, path: str | os.PathLike) -> None:
        super().__init__(path)
        self._facts: dict[str, Any] = {}

    def write(self, result: ImagePose) -> None:
        self._add(result.to_dict())

    def finish(self, facts: dict[str, Any]) -> None:
        """What else the file says: a dict of plain values."""
        self._facts |= facts

    @property
    def closing(self) -> str:
        facts = json.dumps(self._facts, indent=1, allow_nan=False)
        return "\n]" + ("," + facts[1:] if self._facts else "}") + "\n"


class CocoWriter(_WholeWriter):
    """COCO's results.

    Args:
      path: of the file.
      ids: function of a file's path that returns its number in the annotations, or None.
      category: number of the people's category in the annotations.
    """

    def __init__(
        self,
        path: str | os.PathLike,
        ids: Callable[[str], int | None] | None = None,
        category: int = PERSON,
    ) -> None:
        super().__init__(path)
        self._category = category
        self._ids = ids or (lambda file: None)
        self._names: dict[int | str, str] = {}

    def write(self, result: ImagePose) -> None:
        """Adds the people of an image.

        Raises:
          UsageError: if another image had the same id: their people could not be told apart.
        """
        image_id = None if result.file is None else self._ids(result.file)
        found = coco_results(result, image_id)
        if found:
            self._require_own(found[0]["image_id"], result)
        for person in found:
            self._add(person | {"category_id": self._category})

    def _require_own(self, image_id, result):
        name = str(result.file)
        if result.frame is not None:  # a page, whose file has one number in the annotations
            name += f", page {result.frame + 1}"
        if self._names.setdefault(image_id, name) != name:
            raise UsageError(two_of_one_id(image_id, self._names[image_id], name))


def two_of_one_id(image_id: int | str, first: str, second: str) -> str:
    """Why COCO's results cannot hold two images, as a sentence."""
    return (
        f"COCO's results name images by number or name, and {first} and {second} are both "
        f"{image_id!r}; write a file for each, or another kind"
    )


class OpenPoseWriter(Writer):
    """A folder with a file for each image, `NAME_keypoints.json`, or for each frame of a video.

    Args:
      path: of the folder; it is made.
    """

    def __enter__(self) -> "OpenPoseWriter":
        os.makedirs(self.path, exist_ok=True)
        self._names: set[str] = set()
        return self

    def __exit__(self, *error: Any) -> None:
        pass

    def write(self, result: ImagePose) -> None:
        base = os.path.basename(result.file or "image")
        stem, end = os.path.splitext(base)[0], "_keypoints.json"
        if result.frame is not None:
            end = f"_{result.frame:012d}{end}"
        name = files.fitting(stem, end)
        if name in self._names:  # a.jpg and a.png
            name = files.fitting(base, end)
        if name in self._names:
            name = files.fitting(stem, f"_{len(self._names)}{end}")
        self._names.add(name)
        path = os.path.join(self.path, name)
        files.write_text(path, json.dumps(openpose_record(result), allow_nan=False) + "\n")


WRITERS = {".json": JsonWriter, ".jsonl": JsonLinesWriter, ".csv": CsvWriter}
