"""labelme's files, one .json beside each picture, as a COCO record.

    {"imagePath": "a.jpg", "imageWidth": 640, "imageHeight": 480,
     "shapes": [{"label": "nose", "shape_type": "point", "points": [[x, y]], "group_id": 1}]}

Points of one `group_id` are one person; points without one are one person too. A rectangle of the
same group is the person's box. Labels of points are the joints, in the order in which they come. A
group with two points of one label is several people in one: it is left out and named.

References: wkentaro/labelme, `labelme/label_file.py`.
"""

import collections
import os

from cpm import untrusted

_SCHEMA = {"points?": ([[float]], None), "group_id?": (int, float, str, None)}


def is_labelme(record):
    """Whether a JSON value is a file of labelme."""
    return isinstance(record, dict) and isinstance(record.get("shapes"), list)


def as_coco(records, folder):
    """The files of a folder as one COCO record.

    Args:
      records: {path: JSON value}; those that are not labelme's are passed over.
      folder: what the pictures' names become relative to.

    Returns:
      (dict with `images`, `categories`, `annotations`; {what a group that is left out is called: a
      sentence about it}).

    Raises:
      ValueError: for a shape whose points are none.
    """
    records = {path: record for path, record in records.items() if is_labelme(record)}
    joints = list(
        dict.fromkeys(
            shape["label"]
            for record in records.values()
            for shape in _shapes(record)
            if shape.get("shape_type") == "point"
        )
    )
    images, annotations, wrong = [], [], {}
    for number, (path, record) in enumerate(records.items()):
        image = str(record.get("imagePath") or "").replace("\\", "/")
        place = os.path.relpath(os.path.dirname(path), folder)
        size = {"width": record.get("imageWidth"), "height": record.get("imageHeight")}
        images.append({"id": number, "file_name": os.path.normpath(f"{place}/{image}")} | size)
        for group, person in _people(path, record, joints):
            if isinstance(person, str):
                of = "points without a group_id" if group is None else f"group {group!r}"
                name = os.path.relpath(path, folder)
                wrong[f"{name}, {of}"] = f"{name} has {person}"
                continue
            ids = {"id": len(annotations) + 1, "image_id": number, "category_id": 1}
            annotations.append(ids | person)
    categories = [{"id": 1, "name": "labelme", "keypoints": joints}]
    return {"images": images, "categories": categories, "annotations": annotations}, wrong


def _shapes(record):
    return [s for s in record["shapes"] if isinstance(s, dict) and isinstance(s.get("label"), str)]


def _people(path, record, joints):
    """Yields (group, dict of `keypoints` and `bbox`, or what is wrong with it) of one file."""
    points, boxes, twice = collections.defaultdict(dict), {}, {}
    for shape in _shapes(record):
        if shape.get("shape_type") not in ("point", "rectangle"):
            continue
        try:
            untrusted.check_schema(shape, _SCHEMA, "a shape")
            if any(len(corner) < 2 for corner in shape.get("points") or []):
                raise ValueError("a point has one number; expected two")
        except ValueError as error:
            raise ValueError(f"{path}: the shape {shape['label']!r}: {error}") from None
        label, group, corners = shape["label"], shape.get("group_id"), shape.get("points")
        if not corners:
            continue
        if shape["shape_type"] == "point":
            if label in points[group]:
                twice[group] = f"two points {label!r}; give each object a group_id of its own"
            points[group][label] = [*corners[0][:2], 2]
        elif len(corners) > 1:  # two corners; some programs write all four
            xs, ys = zip(*(corner[:2] for corner in corners), strict=True)
            boxes[group] = [min(xs), min(ys), max(xs) - min(xs), max(ys) - min(ys)]
    for group, found in points.items():
        keypoints = [value for joint in joints for value in found.get(joint, (0, 0, 0))]
        yield group, twice.get(group) or {"keypoints": keypoints, "bbox": boxes.get(group)}
