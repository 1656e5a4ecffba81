"""COCO keypoint files: people, or anything else with named keypoints. The road for your own data.

Where the file and the images lie is in own_layouts.py, which also turns labelme's and
DeepLabCut's files into such records. What is read of a file (docs/howto/own_data.md makes one):

    images       [{"id", "file_name"}], also "width" and "height" if they are known
    categories   [{"id", "keypoints": [name], "skeleton": [[a, b]]}]; limbs may be missing and count
                 names from 1, or from 0 where a 0 is among them; categories without keypoints are
                 passed over with all that is in them; the others name the same keypoints
    annotations  [{"id", "image_id", "category_id", "keypoints": [x, y, v, x, y, v, ...]}], also
                 "bbox": [x, y, width, height] and "iscrowd": 0 or 1, which may be missing

Joints: v = 0 means absent, 1 occluded, 2 visible. Positions are kept as they are: COCO's keypoints
are 0-based pixels, which an annotator pointed at, so that pixel centers are at integers, as here.
A tool that measures from the corner of the image gives half a pixel more. Boxes are measured
from the corner: x = 0, width = 1 is the first column, and its center lies at 0. Keypoints that are
empty, null or missing mean that nothing is annotated. NaN is null: tables write it for gaps.

Names are read by side_names.py. A file that has all the names of a known skeleton, in any order,
and no others, is of that skeleton; COCO's 17 are `coco17`. Any others make a skeleton of their own
(`cpm.skeleton.own_skeleton`).

Scale: MPII's is a person's height / 200 px. A box's longer side stands for that height, which
also fits who lies; for a person that the image cuts off, both are too small.

An image that is listed twice, under two ids, in two files or by a link, is one image; copies of
a file are warned of. People outside a few wrong records are converted; the wrong ones are named in
the report, or refused (`strict`).

References: Lin et al., "Microsoft COCO: Common Objects in Context", ECCV 2014; "Data format" at
  cocodataset.org.
"""

import collections
import dataclasses
import os
from collections.abc import Iterator

from cpm.data import coco_file, position_checks
from cpm.data.coco_annotation import Annotation, Image
from cpm.data.image_files import ImageFiles, copies, file_identity, may_be_one, name_parts
from cpm.data.images import FOLLOW
from cpm.data.neighbors import neighbors
from cpm.data.own_layouts import find_parts
from cpm.data.person import Origin, Person, Pose
from cpm.data.report import Report, count, some
from cpm.data.splits import (
    TEST,
    TRAIN,
    VALIDATION,
    family_splits,
    file_split,
    folder_split,
    named_split,
)
from cpm.errors import UsageError
from cpm.humans import noun

CROWDS = "crowds"  # one annotation for many people; it has no joints
WRONG = "wrong records"
MOST_WRONG = 0.5  # of more, the file is another one than it is taken for


@dataclasses.dataclass(frozen=True)
class Options:
    """How a file is read.

    Attributes:
      pairs: of keypoint names that a mirror exchanges; None = as the names say.
      mirrored: False for an object that has no mirror image.
      strict: refuse a file with a wrong record.
    """

    pairs: tuple[tuple[str, str], ...] | None = None
    mirrored: bool = True
    strict: bool = False


USUAL = Options()


def read_people(
    folder: str | os.PathLike,
    options: Options = USUAL,
    report: Report | None = None,
    follow_links: bool = False,
) -> Iterator[Person]:
    """Yields the `Person` of every annotation, crowds too, also where its image is missing.

    All files are checked before the first person comes.

    Args:
      folder: of the annotations and the images, see own_layouts.py.
      options: `Options`.
      report: `Report` that is told what was left out and what looks wrong.
      follow_links: whether links may lead out of the folder.

    Raises:
      UsageError: if there is no file, or one is malformed.
    """
    report = report or Report()
    image_files = ImageFiles(folder, follow_links)
    skeleton, found, empty = None, [], 0
    for part in find_parts(folder, report):
        try:
            file = coco_file.read(part.record, options.pairs, options.mirrored)
            if skeleton is not None and file.skeleton != skeleton:
                raise ValueError(
                    "other keypoints than in the other files of the folder; expected the same"
                )
        except ValueError as error:
            raise UsageError(f"{part.path!r}: {error}") from error
        if skeleton is None:
            position_checks.note_sides(report, file, options)
            position_checks.note_tool(report, part.record)
        skeleton = file.skeleton
        report.joints = skeleton.joints
        found += _with_images(part, file, image_files, options.strict, report)
        empty += len(file.images) - len({annotation.image for annotation in file.annotations})
    if empty:
        report.note(
            f"{count(empty, 'image')} without annotated keypoints, of which nothing is learned"
        )
    if image_files.not_searched:
        report.warn(
            f"not searched for images, since links lead out of the folder: "
            f"{some(image_files.not_searched)}; copy what is needed, or trust the links: "
            f"{FOLLOW}"
        )
    yield from _people(found, skeleton, report)


@dataclasses.dataclass(frozen=True)
class _Found:
    """An annotation and its image.

    Attributes:
      annotation: `Annotation`; file: that it is of.
      path: of the image; real: the same for all links to it.
      name: what it is called here.
      split: that the file is named after, or None.
    """

    annotation: Annotation
    file: str
    path: str
    real: str
    name: str
    split: str | None


def _with_images(part, file, image_files, strict, report):
    """The `_Found` of one file; tells the report of wrong records."""
    wrong, found = part.wrong | file.wrong, []
    paths = _image_paths(part, file, image_files, report)
    for annotation in file.annotations:
        where = paths[annotation.image]
        if isinstance(where, ValueError):
            wrong[annotation.what] = str(where)
            continue
        path, real, name = where
        found.append(_Found(annotation, part.path, path, real, name, part.split))
    if wrong and (strict or len(wrong) > MOST_WRONG * (len(wrong) + len(found))):
        more = f" (and {len(wrong) - 1} more wrong records)" if len(wrong) > 1 else ""
        raise UsageError(f"{part.path!r}: {next(iter(wrong.values()))}{more}")
    for what, sentence in wrong.items():
        report.leave_out(f"{what} ({sentence})", WRONG)
    return found


def _image_paths(part, file, image_files, report):
    """{id of an image: (path, identity and name of its file), or a ValueError}."""
    paths: dict[str, tuple[str, str, str] | ValueError] = {}
    places: dict[str, list[tuple[bool, Image]]] = {}
    elsewhere = []
    for image in {a.image: file.images[a.image] for a in file.annotations}.values():
        try:
            path = _image_path(image.name, part, image_files)
            far = os.path.isfile(path) and image_files.is_elsewhere(image.name, path)
            places.setdefault(path, []).append((far, image))
            paths[image.id] = path, file_identity(path), image_files.name_of(path)
        except ValueError as error:
            paths[image.id] = ValueError(f"image {image.id} has {error}")
    for path, images in places.items():
        # Of several names, the file is whose folder it lies in.
        (_, owner), *_ = sorted(images, key=lambda found: found[0])
        for far, image in images:
            if not may_be_one(owner.name, image.name):
                paths[image.id] = ValueError(
                    f"image {image.id} has the file_name {image.name!r}, which is not there; "
                    f"{image_files.name_of(path)!r} is that of image {owner.id}"
                )
            elif far:
                elsewhere.append(f"{image.name} at {image_files.name_of(path)}")
    if elsewhere:
        report.warn(
            f"{count(len(elsewhere), 'image')} found in another folder than named: "
            + some(elsewhere)
        )
    return paths


def _image_path(name, part, image_files):
    """Path of an image; not in the folder of another split where the part's own is there."""
    path, named = image_files.find(name, part.folders), "/".join(name_parts(name))
    split = folder_split(image_files.name_of(path))
    own = [folder for folder in part.folders if named_split(os.path.basename(folder)) == part.split]
    foreign = split not in (None, part.split, folder_split(named))
    return os.path.join(own[0], named) if part.split and own and foreign else path


def _people(found, skeleton, report):
    """Yields the people of all files."""
    in_image = collections.defaultdict(list)
    for one in found:
        in_image[one.real].append(one)
    _note_joined(in_image.values(), report)
    twice = _repeated(in_image.values())
    kept = [one for one in found if id(one) not in twice]
    for one in found:
        if id(one) in twice:
            report.leave_out(_person_id(one), "annotated twice")
    folders = {folder for one in found for folder in one.name.split("/")[:-1]}
    family = family_splits(folders)
    splits = _splits(in_image, family, report)
    names = {key: min(one.name for one in group) for key, group in in_image.items()}
    _note_copies(in_image, splits, report)
    unsaid = [group[0].name for key, group in in_image.items() if splits[key] is None]
    _note_file_names(unsaid, report)
    position_checks.note_positions(report, [(_person_id(one), one.annotation.pose) for one in kept])
    position_checks.note_unread(report, [(_person_id(one), one.annotation) for one in kept])
    others: dict[int, tuple[Pose, ...]] = {}
    images = []
    for group in in_image.values():
        group = [one for one in group if id(one) not in twice]
        poses = [one.annotation.pose for one in group]
        others |= zip(map(id, group), neighbors(poses), strict=True)
        images.append([(_person_id(one), one.annotation.pose) for one in group])
    position_checks.note_nearly_twice(report, images)
    position_checks.note_company(report, images)
    ids: collections.Counter[str] = collections.Counter()
    for one in kept:
        a, name = one.annotation, _person_id(one)
        ids[name] += 1
        yield Person(
            id=name if ids[name] == 1 else f"{name}-{ids[name]}",
            origin=Origin(
                *("coco", one.name, a.number, names[one.real], splits[one.real]), image=a.image
            ),
            image=one.path,
            skeleton=skeleton,
            pose=a.pose,
            others=others[id(one)],
            center_px=a.center_px,
            scale=a.scale,
            excluded=CROWDS if a.crowd else None,
            annotated_size=a.size,
            bbox=a.bbox,
        )


def _entry(one):
    """What tells the entries of one image apart: two ids in a file, two files."""
    return one.annotation.image, one.file


def _person_id(one):
    return f"coco/{one.name}#{one.annotation.key}"


def _note_joined(groups, report):
    """Warns of images that are listed more than once."""
    listed = [group for group in groups if len({_entry(one) for one in group}) > 1]
    names = [" = ".join(dict.fromkeys(one.name for one in group)) for group in listed]
    if names:
        report.warn(
            f"{count(len(names), 'image')} listed under several ids, whose {noun(report.joints)} "
            f"are joined: {some(names)}"
        )


def _note_copies(in_image, splits, report):
    """Warns of files with the same content: their people do not know of each other."""
    images = {group[0].path: group[0] for group in in_image.values()}
    if same := copies(images):
        mixed = any(len({splits[images[path].real] for path in paths}) > 1 for paths in same)
        report.warn(
            f"copies of {count(len(same), 'image')} are taken for different images"
            + (", also of different splits, so that scores are too good" if mixed else "")
            + "; delete them: "
            + some([" = ".join(images[path].name for path in paths) for paths in same])
        )


def _note_file_names(images, report):
    """Warns of images that only their own names put into a split."""
    named = [image for image in images if file_split(image) not in (None, TRAIN)]
    if named:
        report.warn(
            f"{count(len(named), 'image')} named after a split, but in no folder of that name: "
            "a split is drawn for them by chance; put them into a folder validation/ or test/: "
            + some(named)
        )


def _repeated(groups):
    """The `id()`s of annotations that repeat another one of the same image, point by point."""
    twice = set()
    for group in groups:
        seen = set()
        for one in group:
            pose = one.annotation.pose
            key = pose.joints_px.tobytes(), pose.state.tobytes()
            if key in seen and pose.present.any():
                twice.add(id(one))
            seen.add(key)
    return twice


def _splits(in_image, family, report):
    """{image: its split or None}; where it is said to be in several, the one not trained on."""
    splits, several = {}, collections.defaultdict(list)
    for key, group in in_image.items():
        said = set(filter(None, (one.split or folder_split(one.name, family) for one in group)))
        if len(said) > 1:
            several[" and ".join(sorted(said))].append(group[0].name)
        splits[key] = max(said, key=(TRAIN, VALIDATION, TEST).index, default=None)
    for named, images in several.items():
        are, they = ("is", "it is") if len(images) == 1 else ("are", "they are")
        report.warn(f"{some(images)} {are} listed for {named}; {they} not trained on")
    return splits
