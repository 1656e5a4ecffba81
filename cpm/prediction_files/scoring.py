"""Prediction files scored and compared, and a network's own predictions written as such files.

What bin/eval.py does without running a network, and the way from one to the other: the truth is a
data set's own file or a converted folder, the numbers are those of `cpm.evaluation`.
"""

import collections
import functools
import os
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from cpm import files, geometry
from cpm.data.annotations import read_annotations
from cpm.data.splits import mpii_people
from cpm.errors import UsageError
from cpm.evaluation import compare as comparing
from cpm.evaluation import report, tables
from cpm.evaluation.pck import torso_lengths
from cpm.evaluation.predictions import Predictions
from cpm.humans import noun
from cpm.prediction_files import published
from cpm.prediction_files.layout_checks import check_layout
from cpm.prediction_files.truth import Truth
from cpm.prediction_files.writing import write_predictions
from cpm.provenance import provenance
from cpm.skeleton import Skeleton


def read_truth(path: str, protocol: str | None = None, split: str = "validation") -> Truth:
    """The truth in a data set's own file, or in a converted folder.

    Args:
      path: file of the protocol, or folder that bin/convert.py made.
      protocol: key of `published.PROTOCOLS`; may be None for a folder, which knows its joints.
      split: of a folder.

    Returns:
      `Truth`.

    Raises:
      UsageError: if there is nothing to read, or a folder has other joints than the protocol.
    """
    if not os.path.isdir(path):
        if protocol is None:
            raise UsageError(
                f"--ground_truth={path} is no data folder; a data set's own file also needs "
                f"--protocol={'|'.join(published.PROTOCOLS)}"
            )
        return published.read_truth(protocol, path)
    found = read_annotations(path, split)
    expected = published.PROTOCOLS[protocol].skeleton if protocol else found.skeleton
    if found.skeleton != expected:
        raise UsageError(
            f"{path} has the joints of {found.skeleton.name}, the protocol {protocol} those of "
            f"{expected.name}; leave --protocol out to score the folder's own joints"
        )
    images = tuple(origin.image for origin in found.origins)
    return Truth(
        name=f"{path} ({split})",
        skeleton=found.skeleton,
        ids=found.ids,
        joints_px=found.joints_px,
        state=found.state,
        head_size_px=found.head_size_px,
        to_stored=geometry.invert_affine(found.to_source),
        image_names=tuple(origin.image_name for origin in found.origins),
        images=images if all(images) else None,
        crop_side_px=None if _has_own_unit(found) else found.crop_side_px,
    )


def _has_own_unit(found):
    """Whether somebody's torso or head says what "near" is; else it is a part of the crop."""
    torsos = torso_lengths(found.joints_px, found.state, found.skeleton)
    return bool(np.isfinite(torsos).any() or (found.head_size_px > 0).any())


def score_file(
    path: str,
    truth: Truth,
    protocol: str | None = None,
    *,
    origin: int | None = None,
    seed: int = 0,
) -> tuple[str, dict[str, Any]]:
    """Scores one prediction file.

    Args:
      path: of the predictions, see cpm/prediction_files/formats.py.
      truth: `Truth`.
      protocol: key of `published.PROTOCOLS` or None; says which joints are scored.
      origin: number of the first pixel in the file, 0 or 1; None = by its format.
      seed: of the bootstrap.

    Returns:
      (text of all tables, record of plain JSON values).

    Raises:
      UsageError: if the file does not fit the truth, or nobody has an annotated joint.
    """
    people, found = published.attach(path, truth, origin=origin)
    source, warnings = found.source, _warnings(people, found, truth, path)
    joints = _scored_joints(protocol)
    metrics = _metrics(people, truth, joints, seed)
    curves = report.curves(people, truth.skeleton, joints)
    x, y = published.median_offset(people, truth)
    who = noun(truth.skeleton.joints)
    compared = (
        f"{len(people)} of the {len(truth)} {who} of {truth.name}; predicted minus true position, "
        f"median: x {x:+.2f} px, y {y:+.2f} px (1 px in both, in a file of exact predictions, "
        "would mean another first pixel: --origin)"
    )
    lines = [compared, f"read {path}: {source}", *(f"warning: {w}" for w in warnings)]
    text = tables.full_report(metrics, curves) + "\n\n" + "\n".join(lines)
    record = {"metrics": metrics, "curves": curves, "median_offset_px": [x, y]}
    record |= {"source": source, "warnings": warnings}
    return text, record


def compare_files(
    paths: Sequence[str],
    truth: Truth,
    protocol: str | None = None,
    *,
    origin: int | None = None,
    seed: int = 0,
) -> tuple[str, dict[str, Any]]:
    """Compares two prediction files of the same people, joint by joint.

    Args:
      paths: of the two.
      truth, protocol, origin, seed: as in `score_file`.

    Returns:
      (text, record of plain JSON values).

    Raises:
      UsageError: if a file does not fit the truth, or they are of different people.
    """
    attached = [published.attach(path, truth, origin=origin) for path in paths]
    first, second = (people for people, _ in attached)
    warnings = [
        warning
        for (people, found), path in zip(attached, paths, strict=True)
        for warning in _warnings(people, found, truth, path)
    ]
    if first.ids != second.ids:
        both = len({*first.ids} & {*second.ids})
        raise UsageError(
            f"{paths[0]} has {len(first)} people, {paths[1]} {len(second)}, and {both} are in "
            "both; expected the same people in two files that are compared"
        )
    joints, names = _scored_joints(protocol), comparing.short_names(paths)
    metrics = [_metrics(people, truth, joints, seed) for people in (first, second)]
    metric = published.PROTOCOLS[protocol].metric if protocol else report.main_metric(metrics[0])
    if metric not in metrics[0]:
        raise UsageError(
            f"{truth.name} does not annotate what {metric} is measured by; choose another "
            "--ground_truth, or score the files one by one"
        )
    rows = comparing.compare(first, second, truth.skeleton, metric, joints=joints, seed=seed)
    sources = dict(zip(names, (found.source for _, found in attached), strict=True))
    lines = [
        f"read {path}: {source}" for path, source in zip(paths, sources.values(), strict=False)
    ]
    lines += [f"warning: {warning}" for warning in warnings]
    text = comparing.comparison_table(rows, metric, names)
    text += "\n\n" + "\n".join(lines)
    record = {
        "comparison": comparing.as_json(rows, metric, names),
        "metrics": dict(zip(names, metrics, strict=True)),
        "source": sources,
        "warnings": warnings,
    }
    return text, record


def write_record(path: str, record: Mapping[str, Any], seed: int = 0) -> None:
    """Writes a record as JSON together with the command, commit, versions and seed."""
    files.write_json(path, {**record, **provenance(seed)})


def write_network_predictions(
    path: str, people: Predictions, skeleton: Skeleton, folders: Sequence[str], split: str
) -> None:
    """Writes a network's predictions for other tools: original pixels, the data set's own order.

    Args:
      path: ends in .mat, .h5, .npz or .json.
      people: `Predictions` by `evaluate.evaluate_folders`; the last stage is written.
      skeleton: names of its joints.
      folders: converted folders that the people are from.
      split: of the folders.

    Raises:
      UsageError: for another suffix, or if two people have the same id.
    """
    to_source: dict[str, np.ndarray] = {}
    origins: dict[str, Any] = {}
    for found in _all_annotations(folders, split):
        to_source |= dict(zip(found.ids, found.to_source, strict=True))
        origins |= dict(zip(found.ids, found.origins, strict=True))
    _require_own_ids(people.ids)
    rows = sorted(range(len(people)), key=lambda n: _place(people.ids[n], origins[people.ids[n]]))
    matrices = np.stack([to_source[people.ids[n]] for n in rows])
    write_predictions(
        path,
        [people.ids[n] for n in rows],
        geometry.transform_points(matrices, people.joints_px[-1, rows]),
        people.confidence[-1, rows],
        skeleton,
        note=provenance(),
    )


def check_ids(folders: Sequence[str], split: str) -> None:
    """UsageError if folders have people of the same id: said before their joints are found.

    Args:
      folders, split: as of `write_network_predictions`.
    """
    _all_annotations(folders, split)


def _all_annotations(folders, split):
    """`read_annotations` of each folder; UsageError if two people have the same id."""
    found = [read_annotations(folder, split) for folder in folders]
    _require_own_ids([id for part in found for id in part.ids])
    return found


def _require_own_ids(ids):
    for id, count in collections.Counter(ids).items():
        if count > 1:
            raise UsageError(
                f"two people have the same id, {id!r}, so a file could not tell them apart; write "
                "a file for each data folder"
            )


def _place(id, origin):
    """Sort key: MPII's validation people in the published order, everybody else by id."""
    order = _published_order()
    person = (origin.image_name, origin.number) if origin.source == "mpii" else None
    return order.get(person, len(order)), id


@functools.cache
def _published_order():
    return {person: k for k, person in enumerate(mpii_people())}


def _warnings(people, found, truth, path):
    """What `check_layout` says of a file, as far as the file leaves its order open."""
    named = found.ids is not None or found.images is not None
    warnings = check_layout(
        people, truth.skeleton, path, joints_named=found.named, people_named=named
    )
    if found.images is not None and truth.images is not None:
        warnings = [*warnings, *_image_warnings(found.images, truth.images, path)]
    return warnings


def _image_warnings(found, known, path):
    """What results by images leave out; ids that are shifted by one leave out one at either end."""
    found, known = dict.fromkeys(found), dict.fromkeys(known)
    missing = [image for image in known if image not in found]
    strange = [image for image in found if image not in known]
    if not missing:
        return []
    text = (
        f"{path} has no result of {len(missing)} of {len(known)} images, the first {missing[0]!r}: "
        "their people count as not found"
    )
    if strange:
        text += f"; it names {len(strange)} others, the first {strange[0]!r}: are its ids the same?"
    return [text]


def _scored_joints(protocol):
    return published.PROTOCOLS[protocol].joints if protocol else None


def _metrics(people, truth, joints, seed):
    """What `report.score` says; UsageError if that is nothing."""
    metrics = report.score(people, truth.skeleton, seed=seed, joints=joints)
    if not metrics:
        raise UsageError(
            f"{truth.name} has no annotated joint that any metric scores; choose another "
            "--ground_truth or --split"
        )
    return metrics
