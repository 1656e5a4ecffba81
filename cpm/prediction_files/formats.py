"""Prediction files, read by what they hold: which array, which order of its axes, which numbering.

The array. The one with three axes (those of length 1 aside), of which one is as long as the
skeleton and one is x and y, or x, y and a confidence; the third axis is the people's: [14, 2, N],
[2, 14, N], [N, 14, 3] or any other order. It may lie in cells or structs (matlab_structs.py). Among
several such arrays the one called `preds` is meant, then the only one with "pred" in its name, and
[people, joints, 2] by it if that fits. What can still be read in two ways (two arrays, 14 people of
14 joints) is refused with everything that was found, never guessed.

The numbering. MATLAB's first pixel is 1, and MPII's and LSP's annotations are MATLAB's; so are the
predictions that the Torch and MATLAB codes wrote for them:

  .mat, .h5            1-based; 1 is subtracted here, once
  .npz, .npy, .json    0-based
  a number `origin`    0 or 1 in the file itself (ours have it) decides, and --origin before it
  `node_names` (.h5)   SLEAP's analysis of one animal, 0-based

A file cannot betray its numbering: a good method is a pixel off either way. The report prints the
median offset to the truth, which shows a numbering that is off by one.

COCO's results name images, not people, and have one reading only (coco_results.py).

Names. A text array `joints`, or any other whose texts all name joints (`output_joints` of Tompson's
file: rank, rkne, …), says which joint each is, `ids` which person: our own files have both. Without
them joints come in the protocol's order and people in that of the truth; what does not look so is
refused in layout_checks.py.
"""

import dataclasses
import itertools
from collections.abc import Mapping, Sequence

import numpy as np

from cpm import files
from cpm.errors import UsageError
from cpm.prediction_files import coco_results, containers, json_numbers, named_joints
from cpm.skeleton import Skeleton, canonical_name
from cpm.text_table import counted

PREFERRED, NEARLY = "preds", "pred"
SLEAP = "node_names"  # only SLEAP calls the names of joints so
MOST_PX = 1e6  # no image is larger; beyond it a mean over people says nothing
ONE_BASED = (containers.MATLAB, containers.HDF5)


@dataclasses.dataclass(frozen=True)
class Found:
    """What a prediction file says. All arrays are NumPy.

    Attributes:
      joints_px: `[N, P, 2]` float64, 0-based image pixels, P joints of the skeleton asked for;
        nan = no prediction.
      confidence: `[N, P]` float64; nan where the file says none.
      ids: N ids, or None: in the order of the truth.
      source: which array was read how, for the report.
      named: whether the file names its joints.
      images: N ids of images, where the file names these instead of people, with N `scores`; None.
    """

    joints_px: np.ndarray
    confidence: np.ndarray
    ids: tuple[str, ...] | None
    source: str
    named: bool = False
    images: tuple[str, ...] | None = None
    scores: np.ndarray | None = None


def read_predictions(
    path: str, skeleton: Skeleton, *, counts: Sequence[int] = (), origin: int | None = None
) -> Found:
    """The predictions in a file, in the order of a skeleton's joints.

    Args:
      path: .mat (5 or 7.3), .h5, .npz, .npy or .json file.
      skeleton: `Skeleton` that the protocol scores.
      counts: numbers of people that would fit the truth; they tell axes of equal length apart.
      origin: number of the first pixel, 0 or 1; None = by the rule at the top of this file.

    Returns:
      `Found`.

    Raises:
      UsageError: if the file cannot be read, or does not hold one array that fits.
    """
    kind, results = containers.kind_of(path), None
    if kind == containers.JSON:
        record = files.read_json(path, named_joints.ADVICE, most_bytes=containers.MOST_BYTES)
        if coco_results.is_results(record):
            results = coco_results.read_results(record, path, len(skeleton))
        arrays = {} if results else json_numbers.arrays_in(record)
    else:
        arrays = containers.load_arrays(path)
    if results:
        names, joints, ids, stated, source = None, results.joints, None, None, results.source
    elif kind == containers.JSON and not arrays:
        names, joints, ids, stated = named_joints.from_record(record, path, skeleton)
        source = "joints by name"
        if several := named_joints.several_people(record):
            source += f", in {counted(several, 'image')} of several people the surest"
    else:
        names, joints, ids, stated, source = _from_arrays(arrays, path, skeleton, counts)
    if origin is None:
        origin = stated if stated is not None else int(kind in ONE_BASED)
    joints = _by_name(joints, names, skeleton) if names else joints
    source += f", first pixel {origin}"
    positions = joints[..., :2]
    if (np.abs(positions[np.isfinite(positions)]) > MOST_PX).any():
        raise UsageError(
            f"{path} holds positions beyond ±{MOST_PX:,.0f}; expected pixels of the original "
            "images, and nan or null for a joint that was not found"
        )
    return Found(
        joints_px=joints[..., :2] - origin,
        confidence=joints[..., 2],
        ids=ids,
        source=source,
        named=bool(names),
        images=results.images if results else None,
        scores=results.scores if results else None,
    )


def _from_arrays(arrays, path, skeleton, counts):
    """(names or None, `[N, P, 3]`, confidence may be nan, ids or None, origin or None, source)."""
    ids = containers.texts(arrays["ids"]) if "ids" in arrays else None
    names = _names(arrays, path, skeleton)
    counts = counts if ids is None else (len(ids),)
    joints, name, order = find_joints(arrays, path, len(names or skeleton), counts)
    if not len(joints):
        raise UsageError(
            f"{path}: {name} holds nobody, so there is nothing to score; write it again"
        )
    if ids is not None and len(ids) != len(joints):
        raise UsageError(
            f"{path}: `ids` names {len(ids)} people, but {name} holds {len(joints)}; write it again"
        )
    confidence = arrays.get("confidence")
    if joints.shape[-1] == 2:
        fits = np.shape(confidence) == joints.shape[:2]
        third = confidence if fits else np.full(joints.shape[:2], np.nan)
        joints = np.concatenate([joints, np.asarray(third, float)[..., None]], -1)
    source = f"array {name!r} as {_describe(_shape(arrays[name]), order)}"
    if names:
        source += ", joints by name"
    return names, joints, ids, _origin(arrays, path), source


def _names(arrays, path, skeleton):
    """The file's own joint names in the order of its joints, or None."""
    if "joints" in arrays and (given := containers.texts(arrays["joints"])):
        return named_joints.check_names(given, path, skeleton)
    texts = [found for array in arrays.values() if (found := containers.texts(array))]
    names = [found for found in texts if named_joints.are_names(found, skeleton)]
    # SLEAP's file also names the two joints of each limb.
    return named_joints.check_names(max(names, key=len), path, skeleton) if names else None


def find_joints(
    arrays: Mapping[str, np.ndarray], path: str, joints: int, counts: Sequence[int] = ()
) -> tuple[np.ndarray, str, tuple[int, int, int]]:
    """The one array that holds predictions, as `[N, P, 2 or 3]`.

    Args:
      arrays: {name: array}.
      path: for the messages.
      joints: P.
      counts: numbers of people that would fit.

    Returns:
      (array `[N, P, 2 or 3]` float64, its name, which of its axes are people, joints, x and y).

    Raises:
      UsageError: if none fits, or several do.
    """
    readings = [
        (name, order)
        for name, array in arrays.items()
        if np.asarray(array).dtype.kind in "fiu"
        for order in axis_orders(_shape(array), joints)
    ]
    fitting = [r for r in readings if _shape(arrays[r[0]])[r[1][0]] in counts]
    readings = _meant(fitting or readings)
    found = f"{path} holds {containers.contents(arrays)}"
    if not readings:
        raise UsageError(
            f"{found}; expected an array of real numbers with the axes people, {joints} joints, 2 "
            "coordinates (or 3 with a confidence) in any order: choose another --protocol or "
            "--predictions"
        )
    if len(readings) > 1:
        ways = " or ".join(
            f"{name} as {_describe(_shape(arrays[name]), order)}" for name, order in readings
        )
        raise UsageError(
            f"{found}; that can be read in several ways ({ways}): leave one array in the file, "
            f"called {PREFERRED!r}, as people x joints x 2"
        )
    ((name, order),) = readings
    array = np.asarray(arrays[name], np.float64).reshape(_shape(arrays[name]))
    return array.transpose(order), name, order


def _meant(readings):
    """Of several readings those whose array is called as predictions are; all if none is."""
    for called in (
        lambda name, order: name == PREFERRED,
        lambda name, order: NEARLY in name.lower(),
        lambda name, order: name == PREFERRED and order == (0, 1, 2),
    ):
        if len(readings) > 1:
            readings = [r for r in readings if called(*r)] or readings
    return readings


def _shape(array):
    """An array's shape; of more than three axes those of length 1 do not count."""
    shape = np.shape(array)
    return tuple(n for n in shape if n != 1) if len(shape) > 3 else shape


def axis_orders(shape: Sequence[int], joints: int) -> list[tuple[int, int, int]]:
    """Every way to read a shape as (people's axis, joints' axis, coordinates' axis).

    >>> axis_orders((14, 2, 1000), 14), axis_orders((3, 1000, 14), 14), axis_orders((14, 2), 14)
    ([(2, 0, 1)], [(1, 2, 0)], [])
    >>> axis_orders((14, 14, 2), 14)  # ambiguous
    [(0, 1, 2), (1, 0, 2)]
    """
    if len(shape) != 3:
        return []
    return [
        (people, joint, xy)
        for people, joint, xy in itertools.permutations(range(3))
        if shape[joint] == joints and shape[xy] in (2, 3)
    ]


def _describe(shape, order):
    """`14 people x 14 joints x 2`."""
    people, joints, coordinates = (shape[axis] for axis in order)
    return f"{people} people x {joints} joints x {coordinates}"


def _origin(arrays, path):
    """The file's own `origin`, 0 for SLEAP's, or None."""
    if "origin" not in arrays:
        return 0 if SLEAP in arrays else None
    value = np.ravel(arrays["origin"])
    if value.shape != (1,) or value[0] not in (0, 1):
        raise UsageError(
            f"{path}: `origin` is {value.tolist()}; expected 0 or 1, the number of the first pixel"
        )
    return int(value[0])


def _by_name(joints, names, skeleton):
    """`[N, len(names), 3]` in the order of the skeleton; nan where no name fits a joint."""
    channels = {canonical_name(name): p for p, name in enumerate(names)}
    result = np.full([len(joints), len(skeleton), 3], np.nan)
    for p, joint in enumerate(skeleton.joints):
        if canonical_name(joint) in channels:
            result[:, p] = joints[:, channels[canonical_name(joint)]]
    return result
