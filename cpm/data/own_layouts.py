"""Where the annotations and the images of one's own data lie: the layouts that tools write.

    annotations.json, images/                          this project's own (docs/howto/own_data.md)
    FILE.json, images/                                 the folder's only .json file; Label Studio
    annotations/person_keypoints_NAME.json,            COCO and CVAT; NAME is default, train2017, …
      NAME/ or images/NAME/
    train/_annotations.coco.json, valid/…, test/…      Roboflow, the images beside the file
    a.jpg, a.json, b.jpg, b.json, …                    labelme (cpm/data/labelme.py)
    labeled-data/VIDEO/CollectedData_NAME.csv          DeepLabCut (cpm/data/deeplabcut.py)

Files are known by what they hold. Whatever the layout, it becomes `Part`s with a COCO record each,
so that one reader (cpm/data/coco.py) checks them all. A split that a file or its folder is named
after is kept. What is not read is said: files that are no JSON, further files of other splits, and
the formats of unread_formats.py.
"""

import csv
import dataclasses
import glob
import os
from typing import Any

from cpm import files
from cpm.data import deeplabcut, labelme, unread_formats
from cpm.data.report import Report, some
from cpm.data.splits import family_splits, named_split
from cpm.errors import UsageError

USUAL = "annotations.json"
LEVELS = ("*.json", "*/*.json", "*/*/*.json")
# Of no use here, and most of a file: COCO's outlines, labelme's copies of the images.
UNUSED = ("segmentation", "imageData")
# COCO's files of other kinds, beside those of keypoints.
WITHOUT_KEYPOINTS = ("captions", "image_info", "instances", "panoptic", "stuff")
LAYOUTS = (
    f"expected {USUAL} with images/ beside it, or an export of CVAT, Label Studio, Roboflow, "
    "labelme or DeepLabCut as it is (docs/howto/own_data.md)"
)


@dataclasses.dataclass(frozen=True)
class Part:
    """One annotation file.

    Attributes:
      path: of the file; of the folder where there is a file for each image.
      record: what a COCO keypoint file holds.
      folders: where its images may lie, the likeliest first.
      split: that the file or its folder is named after, or None.
      wrong: {what is left out of it already: a sentence about it}.
    """

    path: str
    record: Any
    folders: tuple[str, ...]
    split: str | None = None
    wrong: dict[str, str] = dataclasses.field(default_factory=dict)


def find_parts(folder: str | os.PathLike, report: Report | None = None) -> list[Part]:
    """The annotations of a data set's folder.

    Args:
      folder: its path.
      report: `Report` that is told of files that are not read.

    Returns:
      List of `Part`s, at least one.

    Raises:
      UsageError: if there are none, or if nothing says which are meant.
    """
    folder, report = str(folder), report or Report()
    if os.path.isfile(os.path.join(folder, USUAL)):
        return [_read(folder, os.path.join(folder, USUAL))]
    parts, paths, broken = [], [], {}
    for level in _json_files(folder):
        paths += level
        for path in level:
            try:
                parts.append(_read(folder, path))
            except UsageError as error:
                broken[os.path.relpath(path, folder)] = str(error)
        if coco := [part for part in parts if is_coco(part.record)]:
            _note_others(folder, coco, broken, report)
            return _with_broken(_distinct(folder, coco), broken)
    if drawn := [part for part in parts if labelme.is_labelme(part.record)]:
        return _with_broken([_labelme(folder, drawn)], broken)
    if tables := deeplabcut.find_tables(folder):
        return [_table(folder, path) for path in tables]
    if pickled := deeplabcut.find_unread(folder):
        table = os.path.splitext(pickled[0])[0] + ".csv"
        raise UsageError(
            f"{pickled[0]!r} is DeepLabCut's pickled table, which is not read; expected {table!r} "
            "beside it: DeepLabCut writes both, and in Python "
            f"pandas.read_hdf({pickled[0]!r}).to_csv({table!r}) makes it"
        )
    for part in parts:
        if unread := unread_formats.name_json(part.path, part.record):
            raise UsageError(unread)
    if len(paths) == 1:
        return [_read(folder, paths[0])]  # whose reader says what is wrong with it
    if unread := unread_formats.name_files(folder):
        raise UsageError(unread)
    raise UsageError(
        f"{folder!r} has {len(paths)} .json files and none is {USUAL} or another COCO keypoint "
        f"file; {LAYOUTS}"
    )


def is_coco(record: object) -> bool:
    """Whether a JSON value is a COCO file with keypoints."""
    if not isinstance(record, dict) or not isinstance(record.get("categories"), list):
        return False
    categories = [c for c in record["categories"] if isinstance(c, dict)]
    return "images" in record and any(c.get("keypoints") for c in categories)


def _json_files(folder):
    """Yields the .json files of a folder, of its folders, and of theirs; by COCO's names if any."""
    for pattern in LEVELS:
        found = sorted(glob.glob(os.path.join(glob.escape(folder), pattern)))
        # COCO has instances and captions beside the keypoints, large and of no use here.
        keypoints = [path for path in found if "keypoints" in os.path.basename(path).lower()]
        yield keypoints or found


def _read(folder, path):
    """The `Part` of a file; UsageError if it is no JSON."""
    record = files.read_json(path, "expected a COCO keypoint file", drop=UNUSED, nan=None)
    here = os.path.dirname(path)
    stem = os.path.splitext(os.path.basename(path))[0]
    subsets = stem.split("_")[::-1]  # person_keypoints_val2017.json
    images = os.path.join(folder, "images")
    near = [] if os.path.normpath(here) == os.path.normpath(folder) else [here]
    above = [os.path.dirname(here)] if near else []  # train/annotations/FILE.json, train/images/
    folders = (
        *(
            os.path.join(place, subset)
            for subset in subsets
            if subset
            for place in (images, folder)
        ),
        *(os.path.join(place, "images") for place in near),
        *near,
        *(os.path.join(place, "images", subset) for place in above for subset in (*subsets, "")),
    )
    kept = [place for place in dict.fromkeys(folders) if os.path.isdir(place)]
    return Part(
        path,
        record,
        (*kept, images, folder) if os.path.isdir(images) or not kept else (*kept, folder),
        named_split(stem) or (named_split(os.path.basename(here)) if near else None),
    )


def _with_broken(parts, broken):
    """The parts, the first of which is told of files that are no JSON."""
    return [dataclasses.replace(parts[0], wrong=parts[0].wrong | broken), *parts[1:]]


def _note_others(folder, parts, broken, report):
    """Names .json files of splits that none of the parts is of, which are not read.

    Args:
      folder: of the data set.
      parts: that are read; broken: names of files that are no JSON.
      report: `Report`.
    """
    read, splits = {part.path for part in parts}, {part.split for part in parts}
    others = []
    for pattern in LEVELS:
        for path in sorted(glob.glob(os.path.join(glob.escape(folder), pattern))):
            name = os.path.relpath(path, folder)
            split = next(filter(None, map(named_split, _stem(name).split(os.sep)[::-1])), None)
            of_coco = os.path.basename(name).startswith(WITHOUT_KEYPOINTS)
            if split and split not in splits and not (path in read or name in broken or of_coco):
                others.append(name)
    if others:
        report.warn(
            f"not read, since other files have keypoints in their names or lie above: "
            f"{some(others)}; convert their folder by itself if it is wanted"
        )


def _stem(path):
    return os.path.splitext(path)[0]


def _distinct(folder, parts):
    """The parts, if each says by its folder or its split which it is."""
    stems = {part.path: _stem(os.path.basename(part.path)) for part in parts}
    family = family_splits(stems.values())
    parts = [
        dataclasses.replace(part, split=part.split or family.get(stems[part.path]))
        for part in parts
    ]
    places = [(os.path.dirname(part.path), part.split) for part in parts]
    if len(set(places)) < len(places):
        names = ", ".join(os.path.relpath(part.path, folder) for part in parts)
        raise UsageError(
            f"{folder!r} has {len(parts)} .json files and none is {USUAL}: {names}; rename the "
            "one that is meant, or name them train.json and val.json"
        )
    return parts


def _labelme(folder, parts):
    """One `Part` of all files of labelme."""
    record, wrong = labelme.as_coco({part.path: part.record for part in parts}, folder)
    if not record["categories"][0]["keypoints"]:
        raise UsageError(
            f"{folder!r} has {len(parts)} files of labelme, whose shapes are no points; label each "
            "joint with a point"
        )
    return Part(folder, record, (folder, os.path.join(folder, "images")), wrong=wrong)


def _table(folder, path):
    """The `Part` of a table of DeepLabCut."""
    try:
        record = deeplabcut.read_table(path)
    except (OSError, ValueError, csv.Error, IndexError) as error:
        raise UsageError(f"{path!r} is no table of DeepLabCut: {error}") from error
    return Part(path, record, (os.path.dirname(path), folder))
