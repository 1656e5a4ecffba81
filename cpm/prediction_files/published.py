"""Prediction files beside the truth, so that any method is scored by the same code.

A protocol says which joints are scored and which number its tables quote:

  lsp    LSP's 14 joints, PCK@0.2 by the torso, person-centric
  mpii   MPII's 14 official joints, PCKh@0.5
  flic   elbows and wrists of FLIC, PCK@0.2 by the torso

How files are read is in formats.py (predictions) and truth.py. People are matched by their ids
where the prediction file has ids (ours have), else by their order: as many as the truth has, or as
its test part has (LSP: 1000 predictions are those of columns 1001 … 2000).
"""

import collections
import dataclasses
import itertools
import os

import numpy as np

from cpm import geometry
from cpm.data import flic
from cpm.data.splits import TEST
from cpm.errors import UsageError
from cpm.evaluation.predictions import Predictions
from cpm.prediction_files import coco_results
from cpm.prediction_files import truth as truths
from cpm.prediction_files.formats import Found, read_predictions
from cpm.prediction_files.truth import Truth
from cpm.skeleton import SKELETONS, Skeleton


@dataclasses.dataclass(frozen=True)
class Protocol:
    """How published predictions of a data set are scored.

    Attributes:
      skeleton: names and order of the joints in files of this protocol.
      metric: the one its tables quote.
      joints: the only joints that are scored; None = all that the metric scores.
    """

    skeleton: Skeleton
    metric: str
    joints: tuple[str, ...] | None = None


FLIC_JOINTS = ("left_elbow", "right_elbow", "left_wrist", "right_wrist")
PROTOCOLS = {
    "lsp": Protocol(SKELETONS["lsp14"], "pck@0.2"),
    "mpii": Protocol(SKELETONS["mpii16"], "pckh@0.5"),
    "flic": Protocol(SKELETONS["flic11"], "pck@0.2", FLIC_JOINTS),
}


def read_truth(protocol: str, path: str) -> Truth:
    """The `Truth` of a protocol (a key of `PROTOCOLS`) in a data set's own file.

    Raises:
      UsageError: if the file cannot be read or does not hold what the protocol says.
    """
    reader = {"lsp": truths.lsp_truth, "mpii": truths.mpii_truth, "flic": _flic_truth}
    return reader[protocol](path, PROTOCOLS[protocol].skeleton)


def attach(path: str, truth: Truth, *, origin: int | None = None) -> tuple[Predictions, Found]:
    """The predictions in a file beside the truth of the same people.

    Where the truth knows no crops, `crop_scale` is nan and PCP@25px will not be scored.

    Args:
      path: of the predictions.
      truth: `Truth`.
      origin: number of the first pixel in the predictions; None = by the rule in formats.py.

    Returns:
      (`Predictions` with T = 1, the people in the order of the truth; the `Found`).

    Raises:
      UsageError: if the file cannot be read, or its people are not those of the truth.
    """
    found = read_predictions(path, truth.skeleton, counts=tuple(truth.parts), origin=origin)
    if found.images is not None and truth.images is not None:
        found = _with_ids(found, truth, path)
        rows, joints_px, confidence = _by_image(found, truth, path)
    else:
        rows, order = _matched(found, truth, path)
        joints_px, confidence = (
            _stored(found.joints_px[order], truth, rows),
            found.confidence[order],
        )
    unknown = np.full(len(truth), np.nan)
    sides_px = unknown if truth.crop_side_px is None else truth.crop_side_px
    people = Predictions(
        ids=tuple(truth.ids[n] for n in rows),
        joints_px=joints_px[np.newaxis],
        confidence=confidence[np.newaxis],
        truth_px=truth.joints_px[rows],
        state=truth.state[rows],
        head_size_px=truth.head_size_px[rows],
        crop_scale=geometry.REFERENCE_CROP_PX / sides_px[rows],
    )
    return people, found


def _stored(joints_px, truth, rows):
    """Positions in pixels of the original images as those of the truth's rows."""
    if truth.to_stored is None:
        return joints_px
    return geometry.transform_points(truth.to_stored[rows], joints_px)


def _with_ids(found, truth, path):
    """The same results by ids of images, also where they call images as their files are called.

    So does `bin/predict.py --coco`, which knows no ids: cat.jpg is `cat`, and 000042.jpg 42.
    """
    files = collections.defaultdict(set)
    for name, image in zip(truth.image_names or (), truth.images, strict=False):
        files[coco_results.called(name)].add(image)
    ids = {name: image for name, (image, *others) in files.items() if not others}
    images, by_id, by_name = {*found.images}, {*truth.images}, {*ids}
    if len(images & by_id) > len(images & by_name) or all(ids[i] == i for i in images & by_name):
        return found
    named = dataclasses.replace(
        found,
        images=tuple(ids.get(image, f"{image} (no file)") for image in found.images),
        source=f"{found.source}, images by the names of their files",
    )
    if len(images & by_id) < len(images & by_name):
        return named
    if _misfit(named, truth, path) < _misfit(found, truth, path) / 2:
        raise UsageError(
            f"{path} fits {truth.name} far better if its image_ids are the names of files than if "
            "they are ids of the annotations; expected ids, or a file that names the images, as "
            "bin/predict.py --json writes"
        )
    return found


def _misfit(found, truth, path):
    """Median distance of the joints to the truth, in pixels of its images."""
    _, joints_px, _ = _by_image(found, truth, path)
    distances = np.linalg.norm(joints_px - truth.joints_px, axis=-1)[truth.state > 0]
    return np.median(np.nan_to_num(distances, nan=np.inf)) if distances.size else 0.0


def _by_image(found, truth, path):
    """Everybody of the truth, their joints and confidences, by the ids of images."""
    images = set(truth.images)
    if not images & set(found.images):
        raise UsageError(
            f"{path} names no image of {truth.name}: there the first is {truth.images[0]!r}, here "
            f"{found.images[0]!r}; name the truth or the --split that was predicted"
        )
    rows = np.arange(len(truth))
    kept = [n for n, image in enumerate(found.images) if image in images]
    truth_px = truth.joints_px
    if truth.to_stored is not None:  # what is compared lies in the original image
        truth_px = geometry.transform_points(geometry.invert_affine(truth.to_stored), truth_px)
    chosen = coco_results.assign(
        found.joints_px[kept],
        [found.images[n] for n in kept],
        found.scores[kept],
        truth_px,
        truth.state,
        truth.images,
    )
    missing = chosen < 0
    joints_px = _stored(found.joints_px[kept][chosen], truth, rows)
    joints_px[missing] = np.nan
    confidence = np.where(missing[:, np.newaxis], np.nan, found.confidence[kept][chosen])
    return rows, joints_px, confidence


def median_offset(people: Predictions, truth: Truth) -> tuple[float, float]:
    """Median of predicted minus true position over all annotated joints, (x, y) pixels.

    About (1, 1) or (-1, -1) is what a file read with the wrong numbering shows; see formats.py.
    Pixels are those of the original images, which are numbered, not of smaller stored ones.
    """
    counted = (people.state > 0) & np.isfinite(people.joints_px[-1]).all(-1)
    offsets = people.joints_px[-1] - people.truth_px  # [N, P, 2]
    if truth.to_stored is not None:
        row = {id: n for n, id in enumerate(truth.ids)}
        rows = [row[id] for id in people.ids]
        offsets /= truth.to_stored[rows][:, np.newaxis, [0, 1], [0, 1]]
    offsets = offsets[counted]
    return tuple(np.median(offsets, 0).tolist()) if len(offsets) else (0.0, 0.0)


def _matched(found, truth, path):
    """Rows of the truth, ascending, and the row of each in the predictions."""
    if found.ids is None:
        count = len(found.joints_px)
        if count not in truth.parts:
            raise UsageError(
                f"{path} holds {count} people, but {truth.name} "
                f"{' or '.join(map(str, sorted(truth.parts)))}; "
                "expected the same people in the same order, or ids"
            )
        return truth.parts[count], np.arange(count)
    position, shared = _positions(truth)
    called = [_longest_end(id, position.keys() | shared) for id in found.ids]
    unknown = [name for name in called if name not in position]
    if several := [name for name in unknown if name in shared]:
        raise UsageError(
            f"{path} names the image {several[0]!r}, of which {truth.name} has several people; "
            "score COCO results, as bin/predict.py --coco writes them: they are matched by place"
        )
    if unknown or len(set(found.ids)) != len(found.ids):
        what = (
            f"{len(unknown)} of {len(found.ids)} people that {truth.name} does not have, "
            f"the first {unknown[0]!r} (there they are called like {truth.ids[0]!r})"
            if unknown
            else "the same person twice"
        )
        raise UsageError(f"{path} names {what}; name the truth they were predicted for")
    rows = np.array([position[name] for name in called])
    if len(set(rows.tolist())) != len(rows):
        raise UsageError(f"{path} names the same person in two ways; leave one of them")
    order = np.argsort(rows)
    return rows[order], order


def _positions(truth):
    """({id: row}, and {name: row} of images with one person of the truth; names of the others).

    bin/predict.py knows images, not people: its `photos/im1001.jpg` is lsp/im1001, whose image LSP
    calls `im1001`.
    """
    names = [_spellings(name) for name in truth.image_names or ()]
    once = collections.Counter(itertools.chain.from_iterable(names))
    rows = {name: n for n, called in enumerate(names) for name in called if once[name] == 1}
    shared = {name for name, number in once.items() if number > 1}
    return rows | {id: n for n, id in enumerate(truth.ids)}, shared


def _longest_end(path, known):
    """The longest end of a path that is known: folders of cameras have images of the same names."""
    parts = path.split("/")
    ends = ("/".join(parts[n:]) for n in range(len(parts)))
    return next((end for end in ends if end in known), path)


def _spellings(image_name):
    """Names under which a file may speak of an image, whatever folder it lies in."""
    if not image_name:  # unknown
        return set()
    names = {image_name, os.path.basename(image_name)}
    return names | {f"{name}.jpg" for name in names}


def _flic_truth(path, skeleton):
    """FLIC's people by cpm/data/flic.py, which reads positions 0-based."""
    folder, file = os.path.split(path)
    people = list(flic.read_people(folder, file, follow_links=True))  # no image is opened
    people = [person for person in people if not person.excluded]
    if not people:
        raise UsageError(f"{path} has nobody in its two halves; download the annotations again")
    return truths.Truth(
        name=str(path),
        skeleton=skeleton,
        ids=tuple(person.id for person in people),
        joints_px=np.stack([person.pose.joints_px for person in people]).astype(float),
        state=np.stack([person.pose.state for person in people]),
        head_size_px=np.zeros(len(people)),
        test=np.array([n for n, p in enumerate(people) if p.origin.official_split == TEST], int),
        image_names=tuple(person.origin.image_name for person in people),
    )
