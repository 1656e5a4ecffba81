"""labelme's files, one .json beside each image, as a COCO record.

    {"imagePath": "a.jpg", "imageWidth": 640, "imageHeight": 480,
     "shapes": [{"label": "nose", "shape_type": "point", "points": [[x, y]], "group_id": 1}]}

Points of one `group_id` are one person; points without one are one person too. A rectangle of the
same group is the person's box. Labels of points are the joints, in the order in which they come. A
group with two points of one label is several people in one. It is left out and named, and so is a
group with a shape whose points are none, or with a joint that is drawn as a circle or another
shape. Outlines under other names are passed over. Old files have no `shape_type`: a single point is
one.

The image is the one of `imagePath`; where the files were moved, the one of this name beside the
file, or else of the file's own name. If `imagePath` and the file are called differently, and there
are images of both names, nobody knows which is meant.

References: wkentaro/labelme, `labelme/label_file.py`.
"""

import collections
import os
from collections.abc import Mapping
from typing import Any

from cpm import untrusted
from cpm.data.image_files import EXTENSIONS

OUTLINES = ("circle", "polygon", "line", "linestrip", "points", "mask")
_SCHEMA = {"label": str, "points": [[float]], "group_id?": (int, float, str, None)}


def is_labelme(record: object) -> bool:
    """Whether a JSON value is a file of labelme."""
    return isinstance(record, dict) and isinstance(record.get("shapes"), list)


def as_coco(
    records: Mapping[str, Any], folder: str
) -> tuple[dict[str, list[dict[str, Any]]], dict[str, str]]:
    """The files of a folder as one COCO record.

    Args:
      records: {path: JSON value}; those that are not labelme's are passed over.
      folder: what the images' names become relative to.

    Returns:
      (dict with `images`, `categories`, `annotations`; {what a group that is left out is called: a
      sentence about it}).
    """
    records = {path: record for path, record in records.items() if is_labelme(record)}
    joints = list(
        dict.fromkeys(
            label
            for record in records.values()
            for kind, label, _, _, problem in _shapes(record)
            if kind == "point" and not problem
        )
    )
    images, wrong = [], {}
    annotations: list[dict[str, Any]] = []
    for number, (path, record) in enumerate(records.items()):
        name = os.path.relpath(path, folder)
        try:
            image = os.path.relpath(_image(path, record, folder), folder)
        except ValueError as error:
            wrong[name] = f"{name} {error}"
            continue
        size = {"width": record.get("imageWidth"), "height": record.get("imageHeight")}
        images.append({"id": number, "file_name": image.replace(os.sep, "/")} | size)
        for group, person in _people(record, joints):
            if isinstance(person, str):
                of = "points without a group_id" if group is None else f"group {group!r}"
                wrong[f"{name}, {of}"] = f"{name} has {person}"
                continue
            ids = {"id": len(annotations) + 1, "image_id": number, "category_id": 1}
            annotations.append(ids | person)
    categories = [{"id": 1, "name": "labelme", "keypoints": joints}]
    return {"images": images, "categories": categories, "annotations": annotations}, wrong


def _image(path, record, folder):
    """Path of the image of a file; ValueError if two could be meant.

    Args:
      path: of the file; record: its JSON value.
      folder: outside of which nothing is taken.
    """
    here, stem = os.path.dirname(path), os.path.splitext(os.path.basename(path))[0]
    named = str(record.get("imagePath") or "").replace("\\", "/")
    beside = os.path.join(here, os.path.basename(named))
    own = [os.path.join(here, stem + end) for end in EXTENSIONS]
    own = [image for image in own if os.path.isfile(image)]
    as_named = os.path.normpath(os.path.join(here, named))
    outside = os.path.relpath(as_named, folder).split(os.sep)[0] == os.pardir
    for image in (beside if outside else as_named, beside):
        if os.path.isfile(image):
            called = os.path.splitext(os.path.basename(image))[0]
            if own and called != stem:
                raise ValueError(
                    f"names the image {os.path.basename(image)!r}, but beside it lies "
                    f"{os.path.basename(own[0])!r}; expected one of them"
                )
            return image
    if len(own) == 1:
        return own[0]
    # A foreign beginning is cut off where images are looked for, cpm/data/image_files.py.
    return os.path.join(here, named.lstrip("/")) if named else os.path.join(here, f"{stem}.jpg")


def _shapes(record):
    """(kind, label, group, corners, what is wrong or None) of each point and rectangle."""
    for shape in record["shapes"]:
        kind = shape.get("shape_type") if isinstance(shape, dict) else None
        if isinstance(shape, dict) and kind is None and _is_single(shape.get("points")):
            kind = "point"
        if kind not in ("point", "rectangle"):
            continue
        label, group, corners = (shape.get(key) for key in ("label", "group_id", "points"))
        least = 1 if kind == "point" else 2
        try:
            untrusted.check_schema(shape, _SCHEMA, "it")
            if len(corners) < least or min(map(len, corners)) < 2:
                raise ValueError(f"its points are {untrusted.shown(corners)}")
        except ValueError as error:
            named = group if isinstance(group, int | float | str) else None
            yield (
                kind,
                label,
                named,
                None,
                f"a {kind} {untrusted.shown(label)} that is none: {error}",
            )
        else:
            yield kind, label, group, [corner[:2] for corner in corners], None


def _is_single(points):
    return isinstance(points, list) and len(points) == 1


def _people(record, joints):
    """Yields (group, dict of `keypoints` and `bbox`, or what is wrong with it) of one file."""
    points: dict[int | float | str | None, dict[str, list[float]]] = collections.defaultdict(dict)
    boxes, wrong = {}, {}
    for kind, label, group, corners, problem in _shapes(record):
        if problem:
            wrong[group] = problem
        elif kind == "point":
            if label in points[group]:
                wrong[group] = f"two points {label!r}; give each object a group_id of its own"
            points[group][label] = [*corners[0], 2]
        else:
            xs, ys = zip(*corners, strict=True)  # two corners; some programs write all four
            boxes[group] = [min(xs), min(ys), max(xs) - min(xs), max(ys) - min(ys)]
    for shape in record["shapes"]:
        if not isinstance(shape, dict) or shape.get("shape_type") not in OUTLINES:
            continue
        label, group = shape.get("label"), shape.get("group_id")
        if label in joints:
            group = group if isinstance(group, int | float | str) else None
            wrong[group] = f"a {shape['shape_type']} {label!r}, where other files have a point"
    for group in dict.fromkeys([*points, *wrong]):
        found = points.get(group, {})
        keypoints = [value for joint in joints for value in found.get(joint, (0, 0, 0))]
        yield group, wrong.get(group) or {"keypoints": keypoints, "bbox": boxes.get(group)}
