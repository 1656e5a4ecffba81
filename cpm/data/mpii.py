"""MPII Human Pose: 25,000 images of everyday activities, 40,000 people, 16 joints each.

Read from the official MATLAB file, whose structure `RELEASE` holds for each image:

  annolist       image.name, and annorect: one structure per person, with the head rectangle
                 x1 y1 x2 y2, annopoints.point (id 0-15, x, y, is_visible), scale, objpos (x, y)
  img_train      1 = training half; people of the test half have a scale and an objpos, no joints
  single_person  indices of the people who stand apart from the others
  act, video_list  activity and source of the image; nothing here needs them

Conventions of the file, and what becomes of them:

  - Positions are 1-based; they lose their 1 once, in `_position`. A joint may lie outside.
  - A person's index counts from 1 inside the image's annorect, as in the file and in
    mpii_validation.txt; it is part of the id: `mpii/000004812-1`.
  - is_visible is a number, a text ("0", "1"), empty, or no field at all. Without a value the joint
    is taken as visible: it has a position, and nothing says that it is hidden. (Among the 2,958
    validation people that is the upper neck and the head top of all but one: they were taken from
    the head rectangle, and nobody was asked whether they can be seen.)
  - Absent joints are not in the list of points at all.
  - 0.6 x diagonal of the head rectangle = 25 x scale on all 2,958 validation people.

References: M. Andriluka et al., "2D Human Pose Estimation: New Benchmark and State of the Art
  Analysis", CVPR 2014; the data set's own README.
"""

import collections
import dataclasses
import math
import os
from collections.abc import Iterator

import numpy as np

from cpm.data import matlab
from cpm.data.images import inside
from cpm.data.person import Origin, Person, Pose
from cpm.data.splits import TEST, TRAIN
from cpm.errors import UsageError
from cpm.skeleton import ABSENT, OCCLUDED, SKELETONS, VISIBLE

SKELETON = SKELETONS["mpii16"]
FILE = "mpii_human_pose_v1_u12_1.mat"
UNPACKED = "mpii_human_pose_v1_u12_2"  # the folder that the official archive makes
HEAD_FRACTION = 0.6  # of the head rectangle's diagonal: MPII's unit of error
# Split rule -> what others count by it: the lists that the HRNet and pytorch-pose codes share, and
# the whole training half as the authors' Caffe release takes it. They leave out people without a
# scale.
KNOWN_PEOPLE = {
    "development": {"train": 22_246, "validation": 2_958},
    "official": {"train": 28_883},
}


@dataclasses.dataclass(frozen=True)
class Annotation:
    """What the file says of one person; attributes as in `Person`."""

    pose: Pose
    center_px: tuple[float, float] | None
    scale: float | None
    head_size_px: float | None


def read_people(
    folder: str | os.PathLike, single_person: bool = False, follow_links: bool = False
) -> Iterator[Person]:
    """Yields the `Person` of everybody in every image, also where the image is missing.

    People of the test half, and a few others, have no joint. `others` holds everybody else in the
    image who has one, whoever is yielded.

    Args:
      folder: holds the official MATLAB file (or the folder that its archive makes) and `images/`.
      single_person: yield only people who stand apart, by the file's own list.
      follow_links: whether links may lead out of the folder.

    Raises:
      UsageError: if the MATLAB file is missing or malformed, or names an image outside `images/`.
    """
    images = os.path.join(folder, "images")
    # Should an image be listed twice, its people are counted on: ids must differ.
    before: collections.Counter[str] = collections.Counter()
    for position, (entry, train, apart) in enumerate(_release(folder), start=1):
        try:
            people = read_annorect(matlab.field(entry, "annorect"))
            name = _image_name(entry) if people else ""
        except ValueError as error:
            raise UsageError(
                f"entry {position} of annolist in {str(folder)!r}: {error}; "
                "download the annotations again"
            ) from error
        for number, person in enumerate(people, start=1):
            if single_person and number not in apart:
                continue
            index = before[name] + number
            yield Person(
                id=person_id(name, index, train),
                origin=Origin("mpii", name, index, name, TRAIN if train else TEST),
                image=inside(images, name, folder, follow_links),
                skeleton=SKELETON,
                others=_others(people, person),
                **vars(person),
            )
        before[name] += len(people)


def read_annorect(annorect: object) -> list[Annotation]:
    """Everybody in one image, in the order of the file.

    Args:
      annorect: field of an entry of `annolist`, as `matlab.load` reads it; None or empty = nobody.

    Returns:
      list of `Annotation`, also for people without any joint.

    Raises:
      ValueError: if a value is no number, or a joint's id is not in 0-15.
    """
    return [
        Annotation(
            pose=_pose(matlab.field(person, "annopoints")),
            center_px=_center(matlab.field(person, "objpos")),
            scale=_positive(matlab.number(matlab.field(person, "scale"))),
            head_size_px=_head_size(person),
        )
        for person in matlab.structs(annorect)
    ]


def person_id(image: str, index: int, train: bool) -> str:
    """Id of a person.

    Args:
      image: name of the file; `.jpg`, which all have, is left out.
      index: of the person in the image, from 1.
      train: False for the official test half, whose ids say so.

    >>> person_id("000004812.jpg", 1, True), person_id("000000001.jpg", 2, False)
    ('mpii/000004812-1', 'mpii/test-000000001-2')
    """
    return f"mpii/{'' if train else 'test-'}{image.removesuffix('.jpg')}-{index}"


def _release(folder):
    """Yields (entry of annolist, in the training half, set of the people who stand apart)."""
    path = _annotation_file(folder)
    release = matlab.structs(matlab.load(path).get("RELEASE"))
    if len(release) != 1:
        raise UsageError(f"{path!r} holds no structure RELEASE; expected MPII's own {FILE}")
    entries = matlab.structs(matlab.field(release[0], "annolist"))
    train, apart = (
        np.ravel(value) if (value := matlab.field(release[0], name)) is not None else ()
        for name in ("img_train", "single_person")
    )
    if not len(entries) == len(train) == len(apart):
        raise UsageError(
            f"{path!r}: annolist has {len(entries)} entries, img_train {len(train)}, "
            f"single_person {len(apart)}; expected as many of each: download it again"
        )
    for entry, flag, indices in zip(entries, train, apart, strict=True):
        yield entry, bool(matlab.number(flag)), set(np.ravel(indices).tolist())


def _annotation_file(folder):
    """Path of the official file; UsageError if it is in neither place."""
    for path in (
        os.path.join(folder, FILE),
        os.path.join(folder, UNPACKED, FILE),
    ):
        if os.path.isfile(path):
            return path
    raise UsageError(
        f"{str(folder)!r} has no {FILE}; expected the unpacked data set, with that file "
        f"(or the folder {UNPACKED} it comes in) and images/ in it"
    )


def _image_name(entry):
    """The entry's image.name; ValueError where there is none."""
    images = matlab.structs(matlab.field(entry, "image"))
    name = matlab.text(matlab.field(images[0], "name")) if images else ""
    if not name:
        raise ValueError("people, but no image.name")
    return name


def _others(people, person):
    """Poses of everybody but `person` who has any joint."""
    return tuple(other.pose for other in people if other is not person and other.pose.present.any())


def _pose(annopoints):
    """The joints in `annopoints.point`; all absent where it is missing or empty."""
    joints_px = np.zeros([len(SKELETON), 2])
    state = np.full(len(SKELETON), ABSENT)
    for points in matlab.structs(annopoints):
        for point in matlab.structs(matlab.field(points, "point")):
            joint = matlab.number(matlab.field(point, "id"))
            if joint is None or joint not in range(len(SKELETON)):
                raise ValueError(f"a joint has the id {joint}, expected 0 to 15")
            position = _position(point)
            if position is not None:
                joints_px[int(joint)] = position
                visible = matlab.number(matlab.field(point, "is_visible"))
                state[int(joint)] = OCCLUDED if visible == 0 else VISIBLE
    return Pose(joints_px, state)


def _center(objpos):
    """(x, y) of `objpos`, or None where it is missing or empty."""
    points = matlab.structs(objpos)
    return _position(points[0]) if points else None


def _position(struct):
    """(x, y) of a structure with these fields, 0-based, or None if one of them has no value."""
    x, y = (matlab.number(matlab.field(struct, name)) for name in "xy")
    # The file comes from MATLAB, whose first pixel is 1; here it is 0. The only such line.
    return None if x is None or y is None else (x - 1, y - 1)


def _head_size(person):
    """0.6 x diagonal of the head rectangle, or None without one."""
    x1, y1, x2, y2 = (
        matlab.number(matlab.field(person, name)) for name in ("x1", "y1", "x2", "y2")
    )
    if x1 is None or y1 is None or x2 is None or y2 is None:
        return None
    return _positive(HEAD_FRACTION * math.hypot(x2 - x1, y2 - y1))


def _positive(value):
    """The value if it is a size: None where it is missing or not above 0."""
    return value if value is not None and value > 0 else None
