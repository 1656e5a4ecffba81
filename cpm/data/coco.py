"""COCO keypoint files: people, or anything else with named keypoints. The road for your own data.

    annotations.json    or any other name, if it is the folder's only .json file
    images/             the pictures; the file names of the annotations are relative to it

What is read of the file (docs/howto/own_data.md makes one):

    images       [{"id", "file_name"}]
    categories   [{"id", "keypoints": [name], "skeleton": [[a, b]]}]; limbs count names from 1 and
                 may be missing; categories without keypoints are passed over with all that is in
                 them; the others name the same keypoints
    annotations  [{"id", "image_id", "category_id", "keypoints": [x, y, v, x, y, v, ...]}], also
                 "bbox": [x, y, width, height] and "iscrowd": 0 or 1, which may be missing

Joints: v = 0 means absent, 1 occluded, 2 visible. Positions are kept as they are: COCO's keypoints
are 0-based pixels, which an annotator pointed at, so that pixel centres are at integers, as here.
A tool that measures from the corner of the picture gives half a pixel more. Boxes are measured
from the corner: x = 0, width = 1 is the first column, and its centre lies at 0.

Names: the joints are written in lower case with underscores, the side in front, so that left and
right can be exchanged: `LeftEar`, `ear_left` and, beside an `R_Ear`, `L_Ear` are `left_ear`. A file
that has all the names of a known skeleton, in any order, and no others, is of that skeleton; COCO's
17 are `coco17`. Any others make a skeleton of their own (`cpm.skeleton.own_skeleton`).

Scale: MPII's is a person's height / 200 px. A box's longer side stands for that height, which
also fits who lies; for a person that the picture cuts off, both are too small.

References: Lin et al., "Microsoft COCO: Common Objects in Context", ECCV 2014; "Data format" at
  cocodataset.org.
"""

import collections
import glob
import os
import re

import numpy as np

from cpm import files, geometry
from cpm.data.images import inside
from cpm.data.person import Origin, Person, Pose
from cpm.data.splits import folder_split
from cpm.errors import UsageError
from cpm.skeleton import ABSENT, SKELETONS, own_skeleton

ANNOTATIONS = "annotations.json"
CROWDS = "crowds"  # one annotation for many people; it has no joints
_SIDES = {"l": "left", "left": "left", "r": "right", "right": "right"}
_MIRRORED = {"l": "r", "r": "l", "left": "right", "right": "left"}


def read_people(folder):
    """Yields the `Person` of every annotation, crowds too, also where its picture is missing.

    The whole file is checked before the first person comes.

    Args:
      folder: holds `annotations.json` and `images/`.

    Raises:
      UsageError: if the file is missing or malformed, or names a picture outside `images/`.
    """
    path = annotation_file(folder)
    record = files.read_json(path, "expected a COCO keypoint file")
    try:
        people = _people(record, os.path.join(folder, "images"))
    except ValueError as error:
        raise UsageError(f"{path!r}: {error}") from error
    yield from people


def annotation_file(folder):
    """Path of the annotations: `annotations.json`, or the folder's only .json file.

    Raises:
      UsageError: if there is none, or no `images/` beside it.
    """
    found = sorted(glob.glob(os.path.join(glob.escape(folder), "*.json")))
    usual = os.path.join(folder, ANNOTATIONS)
    if usual not in found and len(found) != 1:
        raise UsageError(
            f"{str(folder)!r} has {len(found)} .json files and none is {ANNOTATIONS}; expected "
            "a COCO keypoint file of that name, or a single one, with images/ beside it"
        )
    if not os.path.isdir(os.path.join(folder, "images")):
        raise UsageError(
            f"{str(folder)!r} has no folder images/; expected it beside the annotations, "
            "with the pictures in it"
        )
    return usual if usual in found else found[0]


def read_skeleton(category):
    """The skeleton of a category, and where its joints stand in the file.

    Args:
      category: dict with `keypoints` and, perhaps, `skeleton`.

    Returns:
      (`Skeleton`, list: for each of its joints the number of the file's keypoint, from 0).

    Raises:
      ValueError: for names or limbs that make no skeleton.

    >>> skeleton, order = read_skeleton({"keypoints": ["R_Ear", "nose", "L_Ear"]})
    >>> skeleton.joints, order
    (('right_ear', 'nose', 'left_ear'), [0, 1, 2])
    """
    names = joint_names(category["keypoints"])
    limbs = []
    for limb in category.get("skeleton") or []:
        if not _is_list(limb, 2) or not all(
            _is_integer(end) and 1 <= end <= len(names) for end in limb
        ):
            raise ValueError(
                f"the skeleton has the limb {limb!r}; expected two numbers of keypoints, "
                f"1 to {len(names)}"
            )
        limbs.append([names[int(end) - 1] for end in limb])
    for skeleton in SKELETONS.values():
        if sorted(skeleton.joints) == sorted(names):
            return skeleton, [names.index(joint) for joint in skeleton.joints]
    return own_skeleton(names, limbs), list(range(len(names)))


def joint_names(keypoints):
    """The keypoints' names as this project writes them, see above.

    Raises:
      ValueError: if they are no list of words, or two become the same.

    >>> joint_names(["Nose", "ear left", "ear right", "L_Front-Paw", "r_front_paw", "point_r"])
    ['nose', 'left_ear', 'right_ear', 'left_front_paw', 'right_front_paw', 'point_r']
    """
    if not isinstance(keypoints, list) or not keypoints:
        raise ValueError(f"keypoints is {keypoints!r}; expected a list of names")
    split = []
    for name in keypoints:
        if not isinstance(name, str) or not re.search(r"[^\W_]", name):
            raise ValueError(f"a keypoint is called {name!r}; expected a word")
        spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", name)
        split.append(tuple(re.findall(r"[^\W_]+", spaced.lower())))
    names = [_side_first(words, split) for words in split]
    for number, name in enumerate(names):
        if (first := names.index(name)) != number:
            raise ValueError(
                f"the keypoints {keypoints[first]!r} and {keypoints[number]!r} are both {name!r}"
            )
    return names


def _side_first(words, every):
    """A split name as one word, its side in front; a letter is a side if it has a partner."""
    for at, rest in ((0, words[1:]), (len(words) - 1, words[:-1])):
        side = words[at]
        if side not in _SIDES:
            continue
        partner = (*words[:at], _MIRRORED[side], *words[at + 1 :])
        if len(side) > 1 or partner in every:
            # A keypoint that is called nothing but "left" is a side of something too.
            return "_".join((_SIDES[side], *(rest or ("side",))))
    return "_".join(words)


def _people(record, folder):
    """The people of a file as a list; ValueError says what is wrong, without naming the file."""
    pictures = _pictures(record, folder)
    skeleton, order, categories = _categories(record)
    annotations = _annotations(record, pictures, categories)
    poses = {key: _pose(annotation, order) for key, annotation in annotations.items()}
    in_picture = collections.defaultdict(list)
    for key, annotation in annotations.items():
        in_picture[annotation["image_id"]].append(key)
    people = []
    for key, annotation in annotations.items():
        image = annotation["image_id"]
        others = (poses[other] for other in in_picture[image] if other != key)
        picture = os.path.relpath(pictures[image], folder).replace(os.sep, "/")
        center_px, scale = _box(annotation)
        people.append(
            Person(
                id=f"coco/{picture}#{key}",
                origin=Origin("coco", picture, key, picture, folder_split(picture)),
                image=pictures[image],
                skeleton=skeleton,
                pose=poses[key],
                others=tuple(pose for pose in others if pose.present.any()),
                center_px=center_px,
                scale=scale,
                excluded=CROWDS if annotation.get("iscrowd") else None,
            )
        )
    return people


def _pictures(record, folder):
    """{image id: path}; UsageError if one is outside the folder, which is never opened then."""
    paths = {}
    for image in _by_id(record, "images", "image").values():
        name = _get(image, "file_name", f"image {image['id']}")
        try:
            if not isinstance(name, str) or not name.encode():
                raise ValueError
        except ValueError:  # no text, none at all, or half a character, which JSON may hold
            raise ValueError(
                f"image {image['id']} has the file_name {name!r}; expected a file's name"
            ) from None
        paths[image["id"]] = inside(folder, name)
    return paths


def _annotations(record, pictures, categories):
    """{annotation id: annotation} of the categories that have keypoints."""
    found = {}
    for key, annotation in _by_id(record, "annotations", "annotation").items():
        category = _integer(annotation, "category_id", f"annotation {key}")
        if category not in categories:
            raise ValueError(f"annotation {key} names the unknown category {category}")
        image = _integer(annotation, "image_id", f"annotation {key}")
        if image not in pictures:
            raise ValueError(f"annotation {key} names the unknown image {image}")
        if categories[category]:
            found[key] = annotation
    return found


def _categories(record):
    """(`Skeleton`, order of `read_skeleton`, {category id: whether it has keypoints})."""
    categories = _by_id(record, "categories", "category")
    known = {key: "keypoints" in category for key, category in categories.items()}
    if not any(known.values()):
        raise ValueError("no category has keypoints; expected a list of their names")
    first, *more = (categories[key] for key in known if known[key])
    for category in more:
        if category["keypoints"] != first["keypoints"]:
            raise ValueError(
                f"the categories {first['id']} and {category['id']} have different keypoints; "
                "expected the same in every category, or a file for each"
            )
    return *read_skeleton(first), known


def _pose(annotation, order):
    """The `Pose` in an annotation's `keypoints`; without any joint for a crowd."""
    if annotation.get("iscrowd"):
        return Pose(np.zeros((len(order), 2)), np.full(len(order), ABSENT))
    what = f"annotation {annotation['id']}"
    values = _get(annotation, "keypoints", what)
    if not _is_list(values, 3 * len(order)):
        size = f"{len(values)} values" if isinstance(values, list) else repr(values)
        raise ValueError(
            f"{what} has {size} as keypoints; expected {3 * len(order)} numbers: "
            f"x, y, v of each of the {len(order)} keypoints"
        )
    points = [values[3 * k : 3 * k + 3] for k in order]
    for x, y, v in points:
        if not _is_integer(v) or v not in (0, 1, 2):
            raise ValueError(
                f"{what} has a keypoint with v = {v!r}; expected 0, 1 or 2 "
                "(absent, occluded, visible)"
            )
        if v and not (_is_number(x) and _is_number(y)):
            raise ValueError(
                f"{what} has a labelled keypoint at ({x!r}, {y!r}); expected two finite numbers"
            )
    # What stands in the place of an absent joint has no meaning, and may be no number.
    joints_px = [[x, y] if v else [0, 0] for x, y, v in points]
    return Pose(np.array(joints_px), np.array([int(v) for _, _, v in points]))


def _box(annotation):
    """(centre, scale) of the `bbox`; (None, None) without one, or if it is less than a pixel."""
    box = annotation.get("bbox")
    if box is None:
        return None, None
    if not _is_list(box, 4) or not all(map(_is_number, box)) or min(box[2:]) < 0:
        raise ValueError(
            f"annotation {annotation['id']} has the bbox {box!r}; "
            "expected [x, y, width, height], finite numbers in pixels"
        )
    region = geometry.region_from_box(box)
    if region.side_px < 1:
        return None, None
    return region.center_px, region.side_px / geometry.PERSON_HEIGHT_PX


def _by_id(record, key, singular):
    """{id: object} of the list under a key of the file."""
    items = record.get(key) if isinstance(record, dict) else None
    if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
        raise ValueError(f"{key!r} is missing or no list of objects; expected a COCO keypoint file")
    found = {}
    for number, item in enumerate(items, start=1):
        identity = _integer(item, "id", f"{singular} number {number}")
        if identity in found:
            raise ValueError(f"the {singular} id {identity} comes twice; expected it once")
        found[identity] = item
    return found


def _integer(item, key, what):
    """The integer under a key."""
    if not _is_integer(value := _get(item, key, what)):
        raise ValueError(f"{what} has {value!r} as {key!r}; expected an integer")
    return int(value)


def _get(item, key, what):
    """What is under a key."""
    if key not in item:
        raise ValueError(f"{what} has no {key!r}; expected a COCO keypoint file")
    return item[key]


def _is_list(value, length):
    return isinstance(value, list) and len(value) == length


def _is_integer(value):
    """Also 2.0, which some tools write; not True."""
    return type(value) is int or (type(value) is float and value.is_integer())


def _is_number(value):
    """Whether a JSON value is a number that is finite as float32, which is what is stored."""
    limit = float(np.finfo(np.float32).max)
    return type(value) in (int, float) and -limit <= value <= limit
