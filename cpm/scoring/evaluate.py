"""The scores of a network on data folders: predicted, measured, compared.

What bin/eval.py, bin/train.py and the experiments share; it joins `data`, `inference` and
`evaluation`, none of which knows all of the others.
"""

import dataclasses
import time
from collections.abc import Sequence
from typing import Any

import numpy as np

from cpm.config import TrainConfig
from cpm.data import pipeline
from cpm.data.datasets import is_own
from cpm.data.manifest import read_manifest
from cpm.data.splits import VALIDATION
from cpm.errors import UsageError
from cpm.evaluation import predictions as predicted
from cpm.evaluation import report, tables
from cpm.evaluation.failures import failures
from cpm.evaluation.reliability import reliability
from cpm.humans import noun
from cpm.inference import crop_regions
from cpm.inference.batches import check_finite
from cpm.inference.beliefs import Network, has_mirror_image
from cpm.scoring.options import DEFAULTS, Options
from cpm.scoring.passes import predict_folder

WITHOUT_A_BOX = crop_regions.RULES  # crop rules that know nothing of the person


@dataclasses.dataclass(frozen=True)
class Evaluation:
    """The scores of a network on some folders.

    Attributes:
      people: `Predictions` of everybody, the folders one after the other.
      metrics: what `report.score` says of them all.
      sources: {folder: what it says of that folder's people}.
      curves: what `report.curves` says of them all.
      reliability: of the confidence, what cpm/evaluation/reliability.py says; or None.
      failures: {folder: what cpm/evaluation/failures.py says of that folder's people, or None}.
      regions: {folder: {id: `CropRegion`}} of the last pass, where it is not the first one's.
      renamed: {id: (folder, id there)} of people whose id an earlier folder has, too.
      seconds: wall time of prediction, input included.
      precision: of the network's layers; None where the network does not say, as an exported file.
    """

    people: predicted.Predictions
    metrics: dict
    sources: dict
    curves: dict
    reliability: dict | None
    failures: dict
    regions: dict
    renamed: dict
    seconds: float
    precision: str | None

    def text(self) -> str:
        """All tables; also a comparison of the folders if there are several."""
        text = tables.full_report(self.metrics, self.curves)
        if len(self.sources) > 1:
            compared = (tables.source_table(n, self.sources) for n in self.metrics)
            text = "\n\n".join([text, *compared])
        known = {folder: found for folder, found in self.failures.items() if found}
        if not known:
            return text
        who = noun(self.metrics["pck@0.2"]["per_joint"])  # failures are by this metric
        return f"{text}\n\n{tables.failure_table(known, who)}"


def evaluate_folders(
    network: Network,
    config: TrainConfig,
    folders: Sequence[str],
    options: Options = DEFAULTS,
    *,
    unit: Evaluation | None = None,
    strict: bool = True,
) -> Evaluation:
    """Predicts and scores everybody in one split of some folders.

    Args:
      network: a `ConvolutionalPoseMachine`, or an `Executed`, which says how it is computed.
      config: the `TrainConfig` it was trained with.
      folders: list of converted data folders.
      options: `Options`.
      unit: an `Evaluation` of the same people by whose crops distances are measured; None = by
        their own.
      strict: whether it is an error that no joint is annotated, or that the network's maps are not
        finite; else there are no metrics, or none of the joints is right.

    Returns:
      An `Evaluation`.

    Raises:
      UsageError: if a folder is no data folder, or nobody in the split has an annotated joint.
      UsageError: if the network's belief maps are not finite.
    """
    began = time.perf_counter()
    parts: dict[str, predicted.Predictions] = {}
    regions: dict[str, Any] = {}
    for folder in inhabited(folders, options.split):
        parts[str(folder)], regions[str(folder)] = predict_folder(network, config, folder, options)
    seconds = time.perf_counter() - began
    parts, renamed = told_apart(parts)
    if unit is not None:
        parts = _in_unit(parts, unit.people)
    found = score_parts(parts, network, options, seconds=seconds, strict=strict)
    return dataclasses.replace(found, regions=regions, renamed=renamed)


def told_apart(
    parts: dict[str, predicted.Predictions],
) -> tuple[dict[str, predicted.Predictions], dict[str, tuple[str, str]]]:
    """Parts in which nobody has the id of somebody in an earlier folder.

    Folders of own images may well have the same names: frame_0001.png of two videos.

    Returns:
      ({folder: `Predictions`}, {new id: (folder, id there)}).
    """
    named: set[str] = set()
    apart: dict[str, predicted.Predictions] = {}
    renamed: dict[str, tuple[str, str]] = {}
    for number, (folder, part) in enumerate(parts.items(), 1):
        new = {id: f"{id} ({number})" for id in part.ids if id in named}
        named |= {*part.ids}
        renamed |= {name: (folder, id) for id, name in new.items()}
        apart[folder] = dataclasses.replace(part, ids=tuple(new.get(id, id) for id in part.ids))
    return apart, renamed


def inhabited(folders: Sequence[str], split: str) -> Sequence[str]:
    """The folders that have people in a split; all of them if none has, so that reading complains.

    A folder may lack a split: LSPet has no test half. One that is named twice, as to weigh double
    in training, counts once: the same people again would make the intervals look narrower.
    """
    folders = pipeline.each_once(folders)
    return [f for f in folders if read_manifest(f).people(split)] or folders


def score_parts(
    parts: dict[str, predicted.Predictions],
    network: Network,
    options: Options,
    *,
    seconds: float,
    strict: bool = True,
) -> Evaluation:
    """The scores of what a network said of the people of some folders.

    Args:
      parts: {folder: `Predictions`}.
      network, options, strict: as in `evaluate_folders`.
      seconds: as of `Evaluation`, which has no `regions` and nobody `renamed`.

    Raises:
      UsageError: as in `evaluate_folders`.
    """
    people = predicted.concatenate(list(parts.values()))
    if strict:  # 0 % would be the score of a network that can be used
        check_finite(people.confidence)
    skeleton = network.skeleton
    metrics = report.score(people, skeleton, seed=options.seed)
    if strict and not metrics:
        raise UsageError(
            f"split {options.split!r} of {', '.join(parts)} has no annotated joint that "
            f"skeleton {skeleton.name!r} knows; name other folders with --data"
        )
    sources = {folder: metrics for folder in parts}
    if len(parts) > 1:
        sources = {f: report.score(part, skeleton, seed=options.seed) for f, part in parts.items()}
    curves = report.curves(people, skeleton)
    trust = reliability(people, skeleton)
    wrong = {folder: failures(part, skeleton) for folder, part in parts.items()}
    precision = getattr(network, "precision", None)
    return Evaluation(people, metrics, sources, curves, trust, wrong, {}, {}, seconds, precision)


def evaluate_as_used(
    network: Network,
    config: TrainConfig,
    folders: Sequence[str],
    *,
    split: str = VALIDATION,
    seed: int = 0,
    strict: bool = True,
) -> tuple[Evaluation, Options, Evaluation | None]:
    """The score of what bin/predict.py will do, and on own data the score with true boxes beside.

    The protocol of published data sets gives the person's box, and networks are compared with it.
    Own data is scored as new photographs will be predicted: without a box. Then the network itself
    places the crop, so distances are still measured in pixels of the true box. Otherwise a crop
    that is too wide would make errors look smaller.

    Args:
      network, config, folders, strict: as in `evaluate_folders`.
      split: whose people are scored.
      seed: of the intervals.

    Returns:
      (`Evaluation`, its `Options`, `Evaluation` with true boxes or None).
    """
    if not is_own(folders):
        options = Options(split=split, seed=seed)
        return evaluate_folders(network, config, folders, options, strict=strict), options, None
    by_joints = Options(split, crop=true_box_rule(config), seed=seed)
    box = evaluate_folders(network, config, folders, by_joints, strict=strict)
    options = Options(
        split,
        crop=crop_regions.usual_rule(config.data),
        passes=2,
        flip=has_mirror_image(network),
        seed=seed,
    )
    found = evaluate_folders(network, config, folders, options, unit=box, strict=strict)
    return found, options, box


def true_box_rule(config: TrainConfig) -> str:
    """The rule that places crops by the true boxes: the network's own, if it knows of them."""
    return "joints" if config.data.crop in WITHOUT_A_BOX else config.data.crop


def _in_unit(parts, people):
    """The folders' `Predictions` with the crop scales that these people have."""
    scales = dict(zip(people.ids, people.crop_scale, strict=True))
    return {
        folder: dataclasses.replace(part, crop_scale=np.array([scales[id] for id in part.ids]))
        for folder, part in parts.items()
    }
