"""The content of one COCO keypoint file, checked record by record. Its format: cpm/data/coco.py.

What concerns the whole file (its lists, its keypoints) is an error. What concerns one record is
noted as wrong, with a sentence, and the others are read.
"""

import dataclasses
from collections.abc import Sequence

from cpm.data.coco_annotation import Annotation, Image, annotation_of, is_empty
from cpm.data.coco_skeleton import read_skeleton
from cpm.data.coco_values import LARGEST, id_of, list_of
from cpm.skeleton import Skeleton


@dataclasses.dataclass(frozen=True)
class File:
    """A whole file, checked.

    Attributes:
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
    for number, item in enumerate(list_of(record, "annotations"), start=1):
        what = f"annotation number {number}"
        try:
            key = id_of(item, "id", what)
            what = f"annotation {key}"
            if key in keys:
                what = f"annotation number {number}"
                raise ValueError(f"the annotation id {key} comes twice; expected it once")
            keys.add(key)
            if _keypoints_of(item, what, known):
                image = _image_of(item, what, images, repeated)
                annotations.append(annotation_of(item, key, number, image, order))
            elif not is_empty(item.get("keypoints")):
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


def _categories(record):
    """(the first category with keypoints, {category id: whether it has keypoints})."""
    categories = {}
    for number, item in enumerate(list_of(record, "categories"), start=1):
        key = id_of(item, "id", f"category number {number}")
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
    for number, item in enumerate(list_of(record, "images"), start=1):
        key = id_of(item, "id", f"image number {number}")
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
    return round(length) if 0 < length <= LARGEST else None


def _keypoints_of(item, what, known):
    """Whether an annotation is of a category that has keypoints."""
    category = id_of(item, "category_id", what)
    if category not in known:
        raise ValueError(f"{what} names the unknown category {category}")
    return known[category]


def _image_of(item, what, images, repeated):
    """The `Image` that an annotation names."""
    key = id_of(item, "image_id", what)
    if key not in images:
        raise ValueError(f"{what} names the unknown image {key}")
    if key in repeated:
        raise ValueError(f"the image id {key} comes twice; expected it once")
    return images[key]
