"""labelme's files, one .json beside each picture, as a COCO record.

    {"imagePath": "a.jpg", "imageWidth": 640, "imageHeight": 480,
     "shapes": [{"label": "nose", "shape_type": "point", "points": [[x, y]], "group_id": 1}]}

Points of one `group_id` are one person; points without one are one person too. A rectangle of the
same group is the person's box. Labels of points are the joints, in the order in which they come. A
group with two points of one label is several people in one. It is left out and named, and so is a
group with a shape whose points are none.

References: wkentaro/labelme, `labelme/label_file.py`.
"""

import collections
import os

from cpm import untrusted

_SCHEMA = {"label": str, "points": [[float]], "group_id?": (int, float, str, None)}


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
    images, annotations, wrong = [], [], {}
    for number, (path, record) in enumerate(records.items()):
        image = str(record.get("imagePath") or "").replace("\\", "/")
        place = os.path.relpath(os.path.dirname(path), folder)
        size = {"width": record.get("imageWidth"), "height": record.get("imageHeight")}
        images.append({"id": number, "file_name": os.path.normpath(f"{place}/{image}")} | size)
        for group, person in _people(record, joints):
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
    """(kind, label, group, corners, what is wrong or None) of each point and rectangle."""
    for shape in record["shapes"]:
        kind = shape.get("shape_type") if isinstance(shape, dict) else None
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


def _people(record, joints):
    """Yields (group, dict of `keypoints` and `bbox`, or what is wrong with it) of one file."""
    points, boxes, wrong = collections.defaultdict(dict), {}, {}
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
    for group in dict.fromkeys([*points, *wrong]):
        found = points.get(group, {})
        keypoints = [value for joint in joints for value in found.get(joint, (0, 0, 0))]
        yield group, wrong.get(group) or {"keypoints": keypoints, "bbox": boxes.get(group)}
