"""The content of one COCO keypoint file, checked record by record. Its format: cpm/data/coco.py.

What concerns the whole file (its lists, its keypoints) is an error. What concerns one record is
noted as wrong, with a sentence, and the others are read.
"""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from cpm import geometry
from cpm.data.person import Pose
from cpm.data.side_names import Names, read_names
from cpm.skeleton import ABSENT, SKELETONS, Skeleton, own_skeleton
from cpm.untrusted import shown

_LARGEST = float(np.finfo(np.float32).max)


@dataclasses.dataclass(frozen=True)
class Image:
    """Attributes:
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


@dataclasses.dataclass(frozen=True)
class File:
    """Attributes:
    skeleton: of all annotations.
    sources: {joint: what the file calls it}.
    alone: what the file calls the joints of a side whose other side is missing or unclear.
    sided: what it calls those whose name says a side.
    paired: what it calls those that `pairs` of `read` names.
    images: {id: `Image`}.
    annotations: those of categories with keypoints.
    wrong: {what a wrong annotation is called: a sentence about it}.
    """

    skeleton: Skeleton
    sources: dict[str, str]
    alone: tuple[str, ...]
    sided: tuple[str, ...]
    paired: frozenset[str]
    images: dict[str, Image]
    annotations: list[Annotation]
    wrong: dict[str, str]


def read(
    record: object, pairs: Sequence[Sequence[str]] | None = None, mirrored: bool = True
) -> File:
    """The content of a COCO keypoint file.

    Args:
      record: JSON value.
      pairs, mirrored: as `cpm.data.coco.Options` has them.

    Returns:
      `File`.

    Raises:
      ValueError: if it is none, or its keypoints make no skeleton.
    """
    first, known = _categories(record)
    skeleton, order, names = read_skeleton(first, pairs, mirrored)
    images, repeated = _images(record)
    annotations, wrong, keys = [], {}, set()
    for number, item in enumerate(_list(record, "annotations"), start=1):
        what = f"annotation number {number}"
        try:
            key = _id(item, "id", what)
            what = f"annotation {key}"
            if key in keys:
                what = f"annotation number {number}"
                raise ValueError(f"the annotation id {key} comes twice; expected it once")
            keys.add(key)
            if _keypoints_of(item, what, known):
                image = _image_of(item, what, images, repeated)
                annotations.append(_annotation(item, key, number, image, order))
            elif not _is_empty(item.get("keypoints")):
                raise ValueError(
                    f"{what} has keypoints, but its category {item['category_id']} names none"
                )
        except ValueError as error:
            wrong[what] = str(error)
    called = first["keypoints"]
    ours = dict(zip(names.joints, called, strict=True))
    return File(
        skeleton=skeleton,
        sources=ours,
        alone=tuple(called[k] for k in names.alone),
        sided=tuple(called[k] for k in sorted((*names.alone, *sum(names.pairs, ())))),
        paired=frozenset(ours.get(name, name) for pair in pairs or () for name in pair),
        images=images,
        annotations=annotations,
        wrong=wrong,
    )


def read_skeleton(
    category: Mapping[str, Any],
    pairs: Sequence[Sequence[str]] | None = None,
    mirrored: bool = True,
) -> tuple[Skeleton, list[int], Names]:
    """The skeleton of a category, and where its joints stand in the file.

    Args:
      category: dict with `keypoints` and, perhaps, `skeleton`.
      pairs: names of joints that a mirror exchanges; None = as the names say.
      mirrored: False for an object that has no mirror image.

    Returns:
      (`Skeleton`, list: for each of its joints the number of the file's keypoint, from 0;
      `side_names.Names`).

    Raises:
      ValueError: for names, limbs or pairs that make no skeleton.

    >>> skeleton, order, _ = read_skeleton({"keypoints": ["R_Ear", "nose", "L_Ear"]})
    >>> skeleton.joints, order
    (('right_ear', 'nose', 'left_ear'), [0, 1, 2])
    """
    names = read_names(category["keypoints"], guess=pairs is None)
    joints = names.joints
    limbs = [[joints[a], joints[b]] for a, b in _limbs(category, len(joints))]
    usual = pairs is None and mirrored
    for skeleton in SKELETONS.values():
        if usual and sorted(skeleton.joints) == sorted(joints):
            return skeleton, [joints.index(joint) for joint in skeleton.joints], names
    if pairs is None:
        mirrored = mirrored and not names.alone
        chosen = [(joints[a], joints[b]) for a, b in names.pairs]
    else:
        chosen = [_named_pair(pair, category["keypoints"], names) for pair in pairs]
    return own_skeleton(joints, limbs, chosen, mirrored), list(range(len(joints))), names


def _named_pair(pair, keypoints, names):
    """The two joints of --pairs, whose names may be the file's or ours."""
    known = dict(zip(keypoints, names.joints, strict=True)) | {j: j for j in names.joints}
    for name in pair:
        if name not in known:
            raise ValueError(
                f"--pairs names {name!r}; expected two of the keypoints {', '.join(keypoints)}"
            )
    return tuple(known[name] for name in pair)


def _limbs(category, joints):
    """Pairs of numbers of joints, from 0."""
    limbs, given = [], category.get("skeleton") or []
    if not isinstance(given, list):
        raise ValueError(f"the skeleton is {shown(given)}; expected a list of limbs")
    for limb in given:
        if not _is_list(limb, 2) or not all(
            _is_integer(end) and 1 <= end <= joints for end in limb
        ):
            raise ValueError(
                f"the skeleton has the limb {limb!r}; expected two numbers of keypoints, "
                f"1 to {joints}; a file without a skeleton is read, too"
            )
        limbs.append((int(limb[0]) - 1, int(limb[1]) - 1))
    return limbs


def _categories(record):
    """(the first category with keypoints, {category id: whether it has keypoints})."""
    categories = {}
    for number, item in enumerate(_list(record, "categories"), start=1):
        key = _id(item, "id", f"category number {number}")
        if key in categories:
            raise ValueError(f"the category id {key} comes twice; expected it once")
        categories[key] = item
    known = {key: bool(category.get("keypoints")) for key, category in categories.items()}
    if not any(known.values()):
        raise ValueError(
            "no category has keypoints; expected a list of their names: export the keypoints, in "
            "CVAT as COCO Keypoints 1.0"
        )
    first, *more = (categories[key] for key in known if known[key])
    for category in more:
        if category["keypoints"] != first["keypoints"]:
            raise ValueError(
                f"the categories {first['id']} and {category['id']} have different keypoints; "
                "expected the same in every category, or a file for each"
            )
    return first, known


def _images(record):
    """({id: `Image`}, the ids of several different images)."""
    images: dict[str, Image] = {}
    repeated = set()
    for number, item in enumerate(_list(record, "images"), start=1):
        key = _id(item, "id", f"image number {number}")
        image = Image(key, item.get("file_name"), _size(item))
        if images.setdefault(key, image) != image:
            repeated.add(key)
    return images, repeated


def _size(item):
    """(height, width) of an image's record, each None if it does not say; None without both.

    >>> _size({"height": "480.0", "width": 640}), _size({"width": 640}), _size({"width": 0})
    ((480, 640), (None, 640), None)
    """
    size = tuple(_length(item.get(key)) for key in ("height", "width"))
    return None if size == (None, None) else size


def _length(value):
    """A number of pixels, as a number or as text, or None."""
    try:
        length = float(value) if type(value) in (int, float, str) else 0.0
    except (ValueError, OverflowError):
        return None
    return round(length) if 0 < length <= _LARGEST else None


def _keypoints_of(item, what, known):
    """Whether an annotation is of a category that has keypoints."""
    category = _id(item, "category_id", what)
    if category not in known:
        raise ValueError(f"{what} names the unknown category {category}")
    return known[category]


def _image_of(item, what, images, repeated):
    """The `Image` that an annotation names."""
    key = _id(item, "image_id", what)
    if key not in images:
        raise ValueError(f"{what} names the unknown image {key}")
    if key in repeated:
        raise ValueError(f"the image id {key} comes twice; expected it once")
    return images[key]


def _annotation(item, key, number, image, order):
    """The `Annotation` of a record."""
    center_px, scale, bbox = _box(item, key)
    crowd = _is_crowd(item, key)
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


def _is_empty(keypoints):
    """Whether an annotation's `keypoints` say that nothing is annotated.

    >>> [_is_empty(keypoints) for keypoints in (None, [], [0, 0, 0], [9, 9, 2])]
    [True, True, True, False]
    """
    return not keypoints or (isinstance(keypoints, list) and not any(keypoints))


def _is_crowd(item, key):
    """`iscrowd`, which may be missing; some tools write it as text."""
    value = item.get("iscrowd")
    value = value.strip().lower() if isinstance(value, str) else value
    if value in (None, False, "0", "", "false"):  # also 0 and 0.0
        return False
    if value in (True, "1", "true"):
        return True
    raise ValueError(f"annotation {key} has {shown(value)} as iscrowd; expected 0 or 1")


def _has_unread(values):
    """Whether absent joints have positions."""
    points = (values[k : k + 3] for k in range(0, len(values), 3))
    return any(v == 0 and _is_number(x) and _is_number(y) and x and y for x, y, v in points)


def _pose(item, key, order):
    """The `Pose` in an annotation's `keypoints`; without any joint where nothing is annotated."""
    values = item.get("keypoints")
    if values is None or values == []:
        return Pose(np.zeros((len(order), 2)), np.full(len(order), ABSENT))
    what = f"annotation {key}"
    if not _is_list(values, 3 * len(order)):
        size = f"{len(values)} values" if isinstance(values, list) else repr(values)
        raise ValueError(
            f"{what} has {size} as keypoints; expected {3 * len(order)} numbers: "
            f"x, y, v of each of the {len(order)} keypoints"
        )
    points = [values[3 * k : 3 * k + 3] for k in order]
    states = [ABSENT if v is None else v for _, _, v in points]
    for (x, y, _), v in zip(points, states, strict=True):
        if not _is_integer(v) or v not in (0, 1, 2):
            raise ValueError(
                f"{what} has a keypoint with v = {v!r}; expected 0, 1 or 2 "
                "(absent, occluded, visible)"
            )
        if v and not (_is_number(x) and _is_number(y)):
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
    if not _is_list(box, 4) or not all(map(_is_number, box)) or min(box[2:]) < 0:
        raise ValueError(
            f"annotation {key} has the bbox {box!r}; "
            "expected [x, y, width, height], finite numbers in pixels"
        )
    region = geometry.region_from_box(box)
    if region.side_px < 1:
        return None, None, tuple(box)
    return region.center_px, region.side_px / geometry.PERSON_HEIGHT_PX, tuple(box)


def _list(record, key):
    """The list of objects under a key of the file."""
    items = record.get(key) if isinstance(record, dict) else None
    if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
        raise ValueError(f"{key!r} is missing or no list of objects; expected a COCO keypoint file")
    return items


def _id(item, key, what):
    """An id as text: numbers, and text as some tools write it."""
    if key not in item:
        raise ValueError(f"{what} has no {key!r}; expected a COCO keypoint file")
    value = item[key]
    if not _is_integer(value) and not (isinstance(value, str) and value.strip()):
        raise ValueError(f"{what} has {value!r} as {key!r}; expected an integer or a text")
    return value.strip() if isinstance(value, str) else str(int(value))


def _is_list(value, length):
    return isinstance(value, list) and len(value) == length


def _is_integer(value):
    """Also 2.0, which some tools write; not True."""
    return type(value) is int or (type(value) is float and value.is_integer())


def _is_number(value):
    """Whether a JSON value is a number that is finite as float32, which is what is stored."""
    return type(value) in (int, float) and -_LARGEST <= value <= _LARGEST
