"""labelme's files, one .json beside each picture, as a COCO record.

    {"imagePath": "a.jpg", "imageWidth": 640, "imageHeight": 480,
     "shapes": [{"label": "nose", "shape_type": "point", "points": [[x, y]], "group_id": 1}]}

Points of one `group_id` are one person; points without one are one person too. A rectangle of the
same group is the person's box. Labels of points are the joints, in the order in which they come.

References: wkentaro/labelme, `labelme/label_file.py`.
"""

import collections
import os

from cpm import untrusted

_SCHEMA = {"points?": ([[float]], None), "group_id?": (int, str, None)}


def is_labelme(record):
    """Whether a JSON value is a file of labelme."""
    return isinstance(record, dict) and isinstance(record.get("shapes"), list)


def as_coco(records, folder):
    """The files of a folder as one COCO record.

    Args:
      records: {path: JSON value}; those that are not labelme's are passed over.
      folder: what the pictures' names become relative to.

    Returns:
      dict with `images`, `categories`, `annotations`.

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
    images, annotations = [], []
    for number, (path, record) in enumerate(records.items()):
        name = str(record.get("imagePath") or "").replace("\\", "/")
        place = os.path.relpath(os.path.dirname(path), folder)
        size = {"width": record.get("imageWidth"), "height": record.get("imageHeight")}
        images.append({"id": number, "file_name": os.path.normpath(f"{place}/{name}")} | size)
        for person in _people(path, record, joints):
            ids = {"id": len(annotations) + 1, "image_id": number, "category_id": 1}
            annotations.append(ids | person)
    categories = [{"id": 1, "name": "labelme", "keypoints": joints}]
    return {"images": images, "categories": categories, "annotations": annotations}


def _shapes(record):
    return [s for s in record["shapes"] if isinstance(s, dict) and isinstance(s.get("label"), str)]


def _people(path, record, joints):
    """Yields `keypoints` and, perhaps, `bbox` of each group of one file."""
    points, boxes = collections.defaultdict(dict), {}
    for shape in _shapes(record):
        group, corners = shape.get("group_id"), shape.get("points") or []
        if shape.get("shape_type") not in ("point", "rectangle"):
            continue
        try:
            untrusted.check_schema(shape, _SCHEMA, "a shape")
            if any(len(corner) < 2 for corner in corners):
                raise ValueError("a point has one number; expected two")
        except ValueError as error:
            raise ValueError(f"{path}: the shape {shape['label']!r}: {error}") from None
        if shape["shape_type"] == "point" and corners:
            points[group][shape["label"]] = [*corners[0][:2], 2]
        elif shape["shape_type"] == "rectangle" and len(corners) == 2:
            (x0, y0), (x1, y1) = (corner[:2] for corner in corners)
            boxes[group] = [min(x0, x1), min(y0, y1), abs(x1 - x0), abs(y1 - y0)]
    for group, found in points.items():
        keypoints = [value for joint in joints for value in found.get(joint, (0, 0, 0))]
        yield {"keypoints": keypoints, "bbox": boxes.get(group)}
