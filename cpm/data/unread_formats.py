"""Formats of labeling tools that are not read: whose they are, and how their points get here.

A file is known by its ending and by how it begins, or by the keys of its JSON. Nothing else of it
is read: the sentence is all that comes of it.
"""

import glob
import os

from cpm import untrusted

_HEAD_BYTES = 1 << 16
BY_HAND = "write the points into annotations.json, as docs/howto/own_data.md shows"
AS_COCO = f"export the keypoints in COCO's format, or {BY_HAND}"
# (ending, what the file holds near its beginning, whose it is, what to do).
_TEXTS = (
    (".xml", "<annotations>", "CVAT's XML", "export the task as COCO Keypoints 1.0"),
    (".xml", "<annotation>", "Pascal VOC's XML, which has boxes but no keypoints", AS_COCO),
    (".csv", "region_shape_attributes", "VGG Image Annotator's CSV", BY_HAND),
    (".csv", "bodyparts,", "DeepLabCut's predictions", "take labeled-data/, with its images"),
    (".yaml", "kpt_shape", "YOLO's keypoints", AS_COCO),
    (".yml", "kpt_shape", "YOLO's keypoints", AS_COCO),
    (".ndjson", "", "JSON in lines", AS_COCO),
    (".jsonl", "", "JSON in lines", AS_COCO),
    (".slp", "", "SLEAP's project", AS_COCO),
    (".mat", "", "MATLAB's file", BY_HAND),
    (".pkl", "", "a stored Python object, which can run code", BY_HAND),
    (".h5", "", "HDF5", BY_HAND),
    (".csv", "", "a table of no known tool", BY_HAND),
    (".zip", "", "an archive", "unpack it and name its folder with --src"),
    (".gz", "", "an archive", "unpack it and name its folder with --src"),
    (".tar", "", "an archive", "unpack it and name its folder with --src"),
    (".7z", "", "an archive", "unpack it and name its folder with --src"),
)


def name_json(path: str, record: object) -> str | None:
    """Whose JSON this is, and the next step; None if it is of no known tool.

    Args:
      path: of the file.
      record: JSON value that is no COCO keypoint file.

    >>> name_json("a.json", {"items": [], "categories": {}})
    "'a.json' is Datumaro's JSON; it is not read: export the task as COCO Keypoints 1.0"
    """
    first = record[0] if isinstance(record, list) and record else record
    keys = first.keys() if isinstance(first, dict) else set()
    inner = next(iter(first.values()), None) if isinstance(first, dict) else None
    if isinstance(record, list):
        if "data" in keys and keys & {"annotations", "completions", "result"}:
            return _sentence(path, "Label Studio's JSON", AS_COCO)
        if {"image_id", "keypoints"} <= keys:
            step = "take the file of annotations that they were made for"
            return _sentence(path, "a list of results, without names of keypoints", step)
        if {"joints", "image"} <= keys:
            return _sentence(path, "a list of joints as for MPII", BY_HAND)
    elif "_via_img_metadata" in keys or (isinstance(inner, dict) and "regions" in inner):
        return _sentence(path, "VGG Image Annotator's JSON", BY_HAND)
    elif {"items", "categories"} <= keys:
        return _sentence(path, "Datumaro's JSON", "export the task as COCO Keypoints 1.0")
    elif {"classes", "tags"} <= keys or {"objects", "size"} <= keys:
        return _sentence(path, "Supervisely's JSON", AS_COCO)
    return None


def _sentence(path, whose, step):
    return f"{path!r} is {whose}; it is not read: {step}"


def name_files(folder: str) -> str | None:
    """The first file of a format that is not read, whose it is, and the next step; or None.

    Args:
      folder: path of a data set in which nothing that is read was found.
    """
    place = glob.escape(folder)
    paths = sorted(
        path
        for below in ("*", "*/*", "*/*/*")
        for path in glob.glob(os.path.join(place, below))
        if os.path.isfile(path)
    )
    for ending, words, whose, step in _TEXTS:
        for path in paths:
            if path.lower().endswith(ending) and words in _head(path, words):
                return _sentence(path, whose, step)
    for path in paths:
        if path.lower().endswith(".txt") and _is_yolo(_head(path, "numbers")):
            return _sentence(path, "a label file of YOLO", AS_COCO)
    return None


def _head(path, wanted):
    """How a file begins, as text; empty if nothing is wanted of it, or it cannot be read."""
    if not wanted:
        return ""
    try:
        with untrusted.open_regular(path) as file:
            return file.read(_HEAD_BYTES).decode("utf-8", "replace")
    except OSError:
        return ""


def _is_yolo(text):
    """Whether the first line is a class and at least a box, in parts of an image.

    >>> _is_yolo("0 0.5 0.5 0.2 0.1 0.4 0.4 2"), _is_yolo("read me"), _is_yolo("")
    (True, False, False)
    """
    try:
        numbers = [float(word) for word in text.partition("\n")[0].split()]
    except ValueError:
        return False
    return len(numbers) >= 5 and numbers[0] == int(numbers[0]) and max(numbers[1:5]) <= 1
