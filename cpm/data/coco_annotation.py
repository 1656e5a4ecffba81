"""One record of the annotations of a COCO keypoint file: a person's joints and box."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from cpm import geometry
from cpm.data.coco_values import is_crowd, is_integer, is_list, is_number
from cpm.data.person import Pose
from cpm.skeleton import ABSENT


@dataclasses.dataclass(frozen=True)
class Image:
    """One image of a file.

    Attributes:
      id: of the file, as text.
      name: `file_name`, whatever it is.
      size: (height, width) that the positions belong to, each None if unknown; or None.
    """

    id: str
    name: object
    size: tuple[int | None, int | None] | None


@dataclasses.dataclass(frozen=True)
class Annotation:
    """One annotated person.

    Attributes:
      key: its id as text; number: the same as a number, or its place in the file from 1.
      image: id of its `Image`; size: that image's.
      pose: the joints; of a crowd none.
      center_px, scale: of its box, or None.
      bbox: the box as it is, or None.
      crowd: whether it stands for many people.
      unread: whether joints with v = 0, which are absent, have positions.
    """

    key: str
    number: int
    image: str
    size: tuple[int | None, int | None] | None
    pose: Pose
    center_px: tuple[float, float] | None
    scale: float | None
    bbox: tuple[float, float, float, float] | None
    crowd: bool
    unread: bool

    @property
    def what(self) -> str:
        """How messages call it."""
        return f"annotation {self.key}"


def annotation_of(
    item: Mapping[str, Any], key: str, number: int, image: Image, order: Sequence[int]
) -> Annotation:
    """The `Annotation` of a record.

    Args:
      item: the record.
      key: its id; number: its place in the file, from 1.
      image: its `Image`.
      order: as of `coco_skeleton.read_skeleton`.

    Raises:
      ValueError: if its box, its joints or its `iscrowd` are none.
    """
    center_px, scale, bbox = _box(item, key)
    crowd = is_crowd(item, f"annotation {key}")
    return Annotation(
        key=key,
        number=int(key) if key.isascii() and key.isdecimal() else number,
        image=image.id,
        size=image.size,
        pose=_pose({} if crowd else item, key, order),
        center_px=center_px,
        scale=scale,
        bbox=bbox,
        crowd=crowd,
        unread=not crowd and _has_unread(item.get("keypoints") or []),
    )


def is_empty(keypoints: Any) -> bool:
    """Whether an annotation's `keypoints` say that nothing is annotated.

    >>> [is_empty(keypoints) for keypoints in (None, [], [0, 0, 0], [9, 9, 2])]
    [True, True, True, False]
    """
    return not keypoints or (isinstance(keypoints, list) and not any(keypoints))


def _has_unread(values):
    """Whether absent joints have positions."""
    points = (values[k : k + 3] for k in range(0, len(values), 3))
    return any(v == 0 and is_number(x) and is_number(y) and x and y for x, y, v in points)


def _pose(item, key, order):
    """The `Pose` in an annotation's `keypoints`; without any joint where nothing is annotated."""
    values = item.get("keypoints")
    if values is None or values == []:
        return Pose(np.zeros((len(order), 2)), np.full(len(order), ABSENT))
    what = f"annotation {key}"
    if not is_list(values, 3 * len(order)):
        size = f"{len(values)} values" if isinstance(values, list) else repr(values)
        raise ValueError(
            f"{what} has {size} as keypoints; expected {3 * len(order)} numbers: "
            f"x, y, v of each of the {len(order)} keypoints"
        )
    points = [values[3 * k : 3 * k + 3] for k in order]
    states = [ABSENT if v is None else v for _, _, v in points]
    for (x, y, _), v in zip(points, states, strict=True):
        if not is_integer(v) or v not in (0, 1, 2):
            raise ValueError(
                f"{what} has a keypoint with v = {v!r}; expected 0, 1 or 2 "
                "(absent, occluded, visible)"
            )
        if v and not (is_number(x) and is_number(y)):
            raise ValueError(
                f"{what} has a keypoint at ({x!r}, {y!r}); expected two finite numbers, in pixels"
            )
    where = [(x, y) if v else (0, 0) for (x, y, _), v in zip(points, states, strict=True)]
    return Pose(np.array(where, float), np.array([int(v) for v in states]))


def _box(item, key):
    """(center, scale, `bbox`), None without one; it places nothing if it is less than a pixel."""
    box = item.get("bbox")
    if box is None or box == []:
        return None, None, None
    if not is_list(box, 4) or not all(map(is_number, box)) or min(box[2:]) < 0:
        raise ValueError(
            f"annotation {key} has the bbox {box!r}; "
            "expected [x, y, width, height], finite numbers in pixels"
        )
    region = geometry.region_from_box(box)
    if region.side_px < 1:
        return None, None, tuple(box)
    return region.center_px, region.side_px / geometry.PERSON_HEIGHT_PX, tuple(box)
