"""DeepLabCut's labels, CollectedData_NAME.csv beside the frames of each video, as a COCO record.

    scorer,,,NAME,NAME,…                   or, of several animals, a row more:
    bodyparts,,,nose,nose,tail,tail        individuals,,,mouse1,mouse1,…
    coords,,,x,y,x,y
    labeled-data,video,img007.png,12.5,40,,

The frame is named in the first column (`labeled-data/video/img007.png`), or in the first three. An
empty cell is a joint that was not seen. The parts of the individual `single` belong to no animal:
they are an object of their own, which is warned of. The .h5 file beside the table holds the same
and is not read: the names of its columns are pickled, and a pickle can run code.

References: DeepLabCut's documentation, "Demo data" and `convert2_maDLC`.
"""

import glob
import itertools
import os
from typing import Any

from cpm import untrusted

MOST_BYTES = 1 << 28  # ten thousand frames of a hundred points have 40 MB
UNIQUE = "single"  # its parts are there once, such as the corners of an arena
_HEADS = ("scorer", "individuals", "bodyparts", "coords")


def find_tables(folder: str | os.PathLike) -> list[str]:
    """Paths of the tables of a folder: of a project, of its labeled-data/, of one video."""
    return _find(folder, "CollectedData*.csv")


def find_unread(folder: str | os.PathLike) -> list[str]:
    """Paths of the .h5 files of a folder, which hold the same as tables and are not read."""
    return _find(folder, "CollectedData*.h5")


def _find(folder, pattern):
    place = glob.escape(str(folder))
    return sorted(
        path
        for below in ("", "*", "*/*")
        for path in glob.glob(os.path.join(place, below, pattern))
    )


def read_table(path: str | os.PathLike) -> dict[str, Any]:
    """One table as a COCO record; its `info` names the parts that are of no animal.

    Raises:
      ValueError: if its first rows are none of DeepLabCut's, or it would take too much memory.
      OSError: if it is no regular file, or too large.
    """
    rows = filter(None, untrusted.read_csv(path, MOST_BYTES))
    heads = {}
    first = next(rows, None)
    while first is not None and first[0] in _HEADS:
        heads[first[0]] = first
        first = next(rows, None)
    if not {"bodyparts", "coords"} <= heads.keys():
        raise ValueError("expected the rows scorer, bodyparts and coords of DeepLabCut")
    columns = [n for n, text in enumerate(heads["coords"]) if text in ("x", "y")]
    joints = list(dict.fromkeys(heads["bodyparts"][n] for n in columns))
    animals = heads.get("individuals") or [""] * len(heads["coords"])
    images = []
    annotations: list[dict[str, Any]] = []
    for number, row in enumerate(itertools.chain([] if first is None else [first], rows)):
        name = "/".join(text for text in row[: columns[0]] if text).replace("\\", "/")
        images.append({"id": number, "file_name": os.path.basename(name)})
        found: dict[tuple[str, str], dict[str, float | None]] = {}
        for n in columns:
            key = animals[n], heads["bodyparts"][n]
            found.setdefault(key, {})[heads["coords"][n]] = _number(row[n])
        for animal in dict.fromkeys(animals[n] for n in columns):
            points = [_triple(found.get((animal, joint), {})) for joint in joints]
            if "individuals" in heads and not any(v for _, _, v in points):
                continue  # an animal that is not in this frame
            annotations.append(
                {
                    "id": len(annotations) + 1,
                    "image_id": number,
                    "category_id": 1,
                    "keypoints": [value for point in points for value in point],
                }
            )
    categories = [{"id": 1, "name": "DeepLabCut", "keypoints": joints}]
    parts = dict.fromkeys(heads["bodyparts"][n] for n in columns if animals[n] == UNIQUE)
    info = {UNIQUE: [part for part in parts if len(parts) < len(joints)]}
    return {"info": info, "images": images, "categories": categories, "annotations": annotations}


def _number(text):
    """A cell as a number; None for an empty one."""
    return float(text) if text.strip() and text.strip().lower() != "nan" else None


def _triple(xy):
    """x, y, v of a joint; v = 0 without a position."""
    seen = xy.get("x") is not None and xy.get("y") is not None
    return (xy["x"], xy["y"], 2) if seen else (0, 0, 0)
