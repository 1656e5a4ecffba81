"""Boxes of people in many images, from a file: a detector's, or an annotation's.

    COCO results       [{"image_id": 42, "bbox": [x, y, w, h], "score": 0.9, "category_id": 1}]
    COCO ground truth  {"images": [{"id", "file_name"}], "annotations": [{"image_id", "bbox"}], …}
    CSV                file,x,y,w,h or file,x,y,w,h,score; a first line of names may be there

A first line of names says which column is which. Two corners instead of a size, and other orders,
are refused by it; without one they cannot be told apart.

An image is found by its path, or the end of it, by its name, or by its number: image_id 42 is
000000000042.jpg. Of several categories only people's boxes are used: those called `person` or with
keypoints, of COCO results those with category_id 1; where there are none, all. A box around a crowd
(`iscrowd`) is nobody's.
"""

import collections
import math
import os
import re
from typing import Any

from cpm import files, untrusted
from cpm.data.coco_values import is_crowd, is_integer
from cpm.errors import UsageError
from cpm.inference.image_query import is_outside

EXPECTED = (
    "expected COCO results, COCO annotations (both .json), or lines file,x,y,w,h[,score] (.csv)"
)
PERSON = 1
# Names of the columns after the file's, in their order; others are let pass.
COLUMNS = (
    ("x", {"x", "xmin", "x0", "x1", "left", "xtl"}),
    ("y", {"y", "ymin", "y0", "y1", "top", "ytl"}),
    ("w", {"w", "width"}),
    ("h", {"h", "height"}),
    ("score", {"score", "confidence", "conf", "probability"}),
)
# What names the second corner, or a center, which no column has.
ELSEWHERE = {
    *("xmax", "ymax", "x2", "y2", "right", "bottom", "xbr", "ybr"),
    *("xcenter", "ycenter", "xc", "yc", "cx", "cy", "centerx", "centery", "xmid", "ymid"),
}


class BoxFile:
    """The boxes of a file, by image.

    Attributes:
      left_out: number of boxes of other categories, of crowds or of a low score.
      ids: {file name: image id}, of COCO's annotations.
      category: number of their only category of people, else COCO's own.
      outside: paths of images of which a box lay outside, once a box (`inside`).
    """

    def __init__(self, path: str, least_score: float = 0.0) -> None:
        """Reads the whole file.

        Args:
          path: of it.
          least_score: boxes of a lower score are left out; one without a score is kept.

        Raises:
          UsageError: if it is missing or malformed.
        """
        self.path = path
        self.ids: dict[str, int] = {}
        self.category = PERSON
        try:
            read = self._read_csv if path.lower().endswith(".csv") else self._read_json
            rows = list(read())
        except ValueError as error:
            raise UsageError(f"--boxes={path}: {error}; {EXPECTED}") from None
        wanted = [row for row in rows if row[1] is None or row[1] >= least_score]
        self.left_out = self._others + len(rows) - len(wanted)
        self._boxes = collections.defaultdict(list)
        for key, score, box in wanted:
            self._boxes[key].append(box if score is None else (*box, score))
        self._by_name = collections.defaultdict(set)
        for key in {*(row[0] for row in rows), *self.ids}:
            self._by_name[os.path.basename(key) if isinstance(key, str) else key].add(key)
        self._known = {key for keys in self._by_name.values() for key in keys}
        self._used: set[Any] = set()
        self.outside: list[str] = []

    def of(self, path: str) -> list[tuple[float, ...]] | None:
        """Boxes of the image at `path`: tuples (x, y, w, h) or (x, y, w, h, score).

        None if the file does not know the image; [] if it knows it, but nobody in it.
        """
        key = self._key(path)
        if key is None:
            return None
        self._used.add(key)
        return self._boxes.get(key, [])

    def inside(self, path: str, image_size: tuple[int, int]) -> list[tuple[float, ...]] | None:
        """As `of`, without the boxes of which nothing lies in the image; these are counted.

        Args:
          path: of the image.
          image_size: its (height, width).
        """
        boxes = self.of(path)
        if boxes is None:
            return None
        kept = [box for box in boxes if not is_outside(box, *image_size)]
        self.outside += [path] * (len(boxes) - len(kept))
        return kept

    def lists(self, path: str) -> bool:
        """Whether the file knows the image at `path`, perhaps without a box in it."""
        return self._key(path) is not None

    def id_of(self, path: str) -> int | None:
        """The image's number in the file, or None."""
        key = self._key(path)
        return key if isinstance(key, int) else self.ids.get(key)

    def unused(self) -> list[str]:
        """Names or numbers of images with boxes that nobody asked for, sorted."""
        return sorted((str(key) for key in self._boxes if key not in self._used), key=_natural)

    def _key(self, path):
        """The name or number under which the file knows an image, or None."""
        parts = os.path.normpath(path).replace(os.sep, "/").split("/")
        for n in range(len(parts)):  # the longest ending first
            if (ending := "/".join(parts[n:])) in self._known:
                return ending
        keys = self._by_name.get(parts[-1], ())
        if len(keys) == 1:
            return next(iter(keys))
        stem = os.path.splitext(parts[-1])[0]
        if stem in self._known:
            return stem
        number = int(stem) if re.fullmatch(r"[0-9]+", stem) else None
        return number if number in self._known else None

    def _read_csv(self):
        """Yields (file, score or None, box)."""
        self._others = 0
        for number, cells in enumerate(self._csv_rows(), 1):
            cells = [cell.strip() for cell in cells]
            if not any(cells):
                continue
            try:
                values = [float(cell) for cell in cells[1:]]
            except ValueError:
                if number == 1:  # a line of names
                    _check_names(cells[1:])
                    continue
                values = []
            if len(values) not in (4, 5) or not cells[0]:
                raise ValueError(f"line {number} is {','.join(cells)!r}")
            box, score = values[:4], values[4] if len(values) == 5 else None
            what = f"line {number}"
            yield cells[0].replace("\\", "/"), _score(score, what), _box(box, what)

    def _csv_rows(self):
        try:
            yield from untrusted.read_csv(self.path)
        except (OSError, ValueError) as error:
            raise UsageError(f"--boxes={self.path} cannot be read ({error}); {EXPECTED}") from None

    def _read_json(self):
        """Yields (file name or image id, score or None, box)."""
        record = files.read_json(self.path, EXPECTED, nan=None)
        names, people = None, None
        if isinstance(record, dict):
            entries, names = record.get("annotations"), {}
            for image in _objects(record.get("images"), "images"):
                if not isinstance(image.get("file_name"), str):
                    raise ValueError("an entry of images lacks id or file_name")
                id = _id(image, "id", "an entry of images")
                names[id] = os.path.normpath(image["file_name"].replace("\\", "/"))
            categories = _objects(record.get("categories", []), "categories")
            people = {
                _id(category, "id", "an entry of categories")
                for category in categories
                if category.get("name") == "person" or category.get("keypoints")
            }
            if len(people) == 1 and is_integer(only := next(iter(people))):
                self.category = only
        else:
            entries = record
        self.ids = {name: id for id, name in (names or {}).items()}
        if people is None:
            people = {PERSON}
        found = [
            (
                entry.get("category_id") is None or _id(entry, "category_id", "a box") in people,
                _id(entry, "image_id", "a box names no known image: it"),
                entry,
            )
            for entry in _objects(entries, "annotations")
        ]
        own = [f for f in found if f[0]] or found
        own = [f for f in own if not is_crowd(f[2], f"a box of image {f[1]!r}")]
        self._others = len(found) - len(own)
        for _, image, entry in own:
            what = f"the entry of image {image!r}"
            if names is not None and image not in names:
                raise ValueError(f"{what} names no known image")
            score = _score(entry.get("score"), what)
            key = image if names is None else names[image]
            yield key, score, _box(entry.get("bbox"), what)


def _check_names(names):
    """ValueError if the names of the columns after the file's say that they are something else."""
    for place, name in enumerate(names):
        plain = re.sub("[^a-z0-9]", "", name.lower())
        plain = re.sub("^b?box", "", plain) or plain
        meant = [key for key, known in COLUMNS if plain in known]
        right = place < len(COLUMNS) and plain in COLUMNS[place][1]
        if plain in ELSEWHERE or (meant and not right):
            raise ValueError(f"line 1 names column {place + 2} {untrusted.shown(name)}")


def _objects(value, name):
    """`value`, if it is a list of objects."""
    if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
        raise ValueError(f"{name} is no list of objects")
    return value


def _id(entry, key, what):
    """The whole number or the text under a key of an object; also 2.0, which some tools write."""
    value = entry.get(key)
    if not isinstance(value, str) and not is_integer(value):
        raise ValueError(f"{what} has the {key} {untrusted.shown(value)}")
    return value if isinstance(value, str) else int(value)


def _score(value, what):
    """The score of a box, or None."""
    if value is not None and not (isinstance(value, int | float) and math.isfinite(value)):
        raise ValueError(f"{what} has the score {untrusted.shown(value)}")
    return value


def _box(values, what):
    """(x, y, w, h), four floats."""
    numbers = isinstance(values, list) and all(isinstance(v, int | float) for v in values)
    if not numbers or len(values) != 4 or not all(map(math.isfinite, values)):
        raise ValueError(f"{what} has the box {values!r}")
    if min(values[2:]) <= 0:
        raise ValueError(f"{what} has a box without area, {values!r}")
    return tuple(map(float, values))


def _natural(text):
    """Sorts numbers by their value."""
    return [int(part) if part.isdigit() else part for part in re.split(r"([0-9]+)", text)]
