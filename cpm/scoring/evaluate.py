"""A network on data folders: predictions, scores, tables, JSON and figures.

What bin/eval.py, bin/train.py and the experiments share; it joins `data`, `inference`,
`evaluation` and `plots`, none of which knows all of the others.
"""

import dataclasses
import functools
import os
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from tqdm import tqdm

from cpm import files
from cpm.config import DecodingConfig, TrainConfig
from cpm.data import pipeline, verification
from cpm.data.datasets import is_own
from cpm.data.manifest import read_manifest
from cpm.data.splits import VALIDATION
from cpm.errors import UsageError
from cpm.evaluation import predictions as predicted
from cpm.evaluation import report, tables
from cpm.evaluation.failures import failures
from cpm.evaluation.gathering import Example, gather_examples, gather_predictions
from cpm.evaluation.reliability import reliability
from cpm.inference import crop_regions
from cpm.inference.batches import predict_batch, predict_with_beliefs
from cpm.inference.beliefs import Network, has_mirror_image
from cpm.plots.gallery import poses_sheet, write_gallery
from cpm.provenance import provenance
from cpm.scoring import people_file
from cpm.training.loop import Validation

SHOWN = 8  # validation people in TensorBoard
WITHOUT_A_BOX = crop_regions.RULES  # crop rules that know nothing of the person


@dataclasses.dataclass(frozen=True)
class Options:
    """What is evaluated and how.

    Attributes:
      split: `train`, `validation` or `test`.
      crop: rule that places the crops, one of `CROP_RULES` or of `crop_regions.RULES`; None = as
        the network was trained.
      passes: number of passes a person: the first over the crop that `crop` places, each further
        one around the joints found by the one before (cpm/inference/crop_regions.py).
      flip, scales, refinement: how joints are read, see `DecodingConfig`.
      seed: of the bootstrap intervals.
    """

    split: str = "validation"
    crop: str | None = None
    passes: int = 1
    flip: bool = False
    scales: tuple[float, ...] = (1.0,)
    refinement: str = "taylor"
    seed: int = 0

    def decoding(self, config: TrainConfig) -> DecodingConfig:
        """The `DecodingConfig` for a network that was trained with `config`.

        Raises:
          UsageError: for a scale that is not positive.
        """
        try:
            return DecodingConfig(self.flip, self.scales, self.refinement, config.target.sigma_px)
        except ValueError as error:
            raise UsageError(str(error)) from None


_DEFAULTS = Options()


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
      regions: {id: `CropRegion`} of the last pass, where it is not the first one's.
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
    seconds: float
    precision: str | None

    def text(self) -> str:
        """All tables; also a comparison of the folders if there are several."""
        text = tables.full_report(self.metrics, self.curves)
        if len(self.sources) > 1:
            compared = (tables.source_table(n, self.sources) for n in self.metrics)
            text = "\n\n".join([text, *compared])
        known = {folder: found for folder, found in self.failures.items() if found}
        return f"{text}\n\n{tables.failure_table(known)}" if known else text


def evaluate_folders(
    network: Network,
    config: TrainConfig,
    folders: Sequence[str],
    options: Options = _DEFAULTS,
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
      strict: whether it is an error that no joint is annotated; else there are no metrics then.

    Returns:
      An `Evaluation`.

    Raises:
      UsageError: if a folder is no data folder, or nobody in the split has an annotated joint.
    """
    # A folder may lack this split (LSPet has no test half); the pipeline complains if all do.
    inhabited = [f for f in folders if read_manifest(f).people(options.split)]
    began = time.perf_counter()
    parts: dict[str, predicted.Predictions] = {}
    regions: dict[str, Any] = {}
    for folder in inhabited or folders:
        people, where = _predict(network, config, folder, options)
        parts[str(folder)] = people
        regions |= where
    seconds = time.perf_counter() - began
    if unit is not None:
        parts = _in_unit(parts, unit.people)
    people = predicted.concatenate(list(parts.values()))
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
    return Evaluation(people, metrics, sources, curves, trust, wrong, regions, seconds, precision)


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
    rule = config.data.crop
    by_joints = Options(split, crop="joints" if rule in WITHOUT_A_BOX else rule, seed=seed)
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


def _in_unit(parts, people):
    """The folders' `Predictions` with the crop scales that these people have."""
    scales = dict(zip(people.ids, people.crop_scale, strict=True))
    return {
        folder: dataclasses.replace(part, crop_scale=np.array([scales[id] for id in part.ids]))
        for folder, part in parts.items()
    }


def _predict(network, config, folder, options):
    """`Predictions` of one folder's people after all passes, and the regions of the last."""
    margin = crop_regions.box_margin(config.data)
    regions: dict[str, Any] = {}
    passes = options.passes
    if options.crop == "middle":
        regions, passes = _from_the_middle(network, config, folder, options, margin)
    people = _one_pass(network, config, folder, options, regions)
    for _ in range(passes - 1):
        regions = regions | crop_regions.next_regions(people, margin)
        people = _one_pass(network, config, folder, options, regions)
    return people, regions


def _from_the_middle(network, config, folder, options, margin):
    """As `Predictor` begins in the middle: {id: `CropRegion`}, and the number of passes left."""
    windows = {
        id: crop_regions.first_regions(*size, "middle")
        for id, size in pipeline.image_sizes([folder], options.split).items()
    }
    plain = dataclasses.replace(options, flip=False)
    found = [
        _one_pass(network, config, folder, plain, {id: w[n] for id, w in windows.items()})
        for n in range(len(crop_regions.SHARES["middle"]))
    ]
    chosen = {
        id: crop_regions.choose_window(np.stack([people.confidence[-1, row] for people in found]))
        for row, id in enumerate(found[0].ids)
    }
    regions = {id: windows[id][n] for id, n in chosen.items()}
    if options.passes == 1:
        return regions, 1
    nearer = [crop_regions.next_regions(people, margin) for people in found]
    regions |= {id: nearer[n][id] for id, n in chosen.items() if id in nearer[n]}
    return regions, options.passes - 1


def _one_pass(network, config, folder, options, regions):
    """`Predictions` of one pass over one folder's people."""
    # disable=None: no bar where the output is not a terminal.
    with tqdm(unit=" people", desc=str(folder), leave=False, disable=None) as bar:
        return gather_predictions(
            _stream(config, folder, options, regions),
            functools.partial(predict_batch, network, decoding=options.decoding(config)),
            progress=bar.update,
        )


def validation(config: TrainConfig, data: Sequence[str]) -> Callable[[Network], Validation]:
    """How a run measures itself while it trains: on the validation people, as `evaluate_as_used`.

    Args:
      config: its `TrainConfig`.
      data: list of converted data folders.

    Returns:
      Function of a network that returns a `cpm.training.loop.Validation`.
    """

    def validate(network):
        result, options, box = evaluate_as_used(network, config, data, strict=False)

        @functools.cache
        def draw():
            # The same few people at every evaluation, spread over the split.
            count = len(result.people)
            rows = range(0, count, max(1, count // SHOWN))[:SHOWN]
            shown = collect_people(result, {"few": rows}, network, config, options)
            return poses_sheet(shown["few"], network.skeleton)

        text = report.one_line(result.metrics)
        if box is not None:
            text += f" without a box; with it {report.one_line(box.metrics)}"
        return Validation(
            totals=totals(result.metrics),
            score=report.main_score(result.metrics) if result.metrics else None,
            text=text,
            draw=draw,
            details=(result, options, box),
            box_totals=None if box is None else totals(box.metrics),
        )

    return validate


def totals(metrics: Mapping[str, Any]) -> dict[str, float]:
    """{metric: its total}."""
    return {name: values["total"] for name, values in metrics.items()}


def write_results(
    evaluation: Evaluation,
    path: str,
    config: TrainConfig,
    options: Options,
    checkpoint: str,
    *,
    box: Evaluation | None = None,
) -> None:
    """Writes the numbers to `path` (JSON), the tables beside them (.md) and the joints (.npz).

    Args:
      evaluation: what `evaluate_folders` returned.
      path: of the JSON file.
      config, options: as given to `evaluate_folders`.
      checkpoint: where the network came from, for the record.
      box: `Evaluation` of the same people with their true boxes, or None.
    """
    record = {
        "metrics": evaluation.metrics,
        "box": {"rule": options.crop or config.data.crop, "margin": config.data.margin},
        "passes": options.passes,
        "sources": evaluation.sources,
        "curves": evaluation.curves,
        "reliability": evaluation.reliability,
        "failures": evaluation.failures,
        "metrics_with_box": None if box is None else box.metrics,
        "checkpoint": checkpoint,
        "split": options.split,
        "flip": options.flip,
        "scales": list(options.scales),
        "refinement": options.refinement,
        "precision": evaluation.precision,
        "people": len(evaluation.people),
        "seconds": round(evaluation.seconds, 3),
    }
    files.write_json(path, record | provenance(options.seed))
    text = evaluation.text()
    if box is not None:
        text += f"\n\nWith the true boxes:\n\n{tables.summary_table(box.metrics)}"
    stem = os.path.splitext(path)[0]
    files.write_text(stem + ".md", text + "\n")
    people_file.write_people(stem + ".npz", evaluation.people, config.network.skeleton)


def write_figures(
    evaluation: Evaluation,
    folder: str,
    network: Network,
    config: TrainConfig,
    options: Options = _DEFAULTS,
    *,
    count: int = 8,
) -> list[str]:
    """Draws the best, typical and worst people, their belief maps, and the curves.

    Args:
      evaluation: what `evaluate_folders` returned.
      folder: where to.
      network, config, options: as given to `evaluate_folders`.
      count: people on each sheet.

    Returns:
      The files' names.
    """
    groups = shown_people(evaluation, network, config, options, count=count)
    return write_groups(evaluation, folder, groups, network)


def write_groups(
    evaluation: Evaluation,
    folder: str,
    groups: Mapping[str, Sequence[Example]],
    network: Network,
) -> list[str]:
    """`write_figures` of people who were collected before, by `shown_people`."""
    people = evaluation.people
    return write_gallery(
        folder,
        groups,
        dict(zip(people.ids, predicted.mean_errors(people), strict=True)),
        network.skeleton,
        annotated=np.any(people.state > 0, axis=0),
        metrics=evaluation.metrics,
        curve_points=evaluation.curves,
    )


def shown_people(
    evaluation: Evaluation,
    network: Network,
    config: TrainConfig,
    options: Options = _DEFAULTS,
    *,
    count: int = 8,
) -> dict[str, list[Example]]:
    """The best, typical and worst people, as `collect_people`.

    Args:
      evaluation: what `evaluate_folders` returned.
      network, config, options: as given to `evaluate_folders`.
      count: of each.
    """
    rows = pick_people(predicted.mean_errors(evaluation.people), count)
    return collect_people(evaluation, rows, network, config, options)


def collect_people(
    evaluation: Evaluation,
    groups: Mapping[str, Sequence[int]],
    network: Network,
    config: TrainConfig,
    options: Options = _DEFAULTS,
) -> dict[str, list[Example]]:
    """Some people with all that a figure of them needs.

    Args:
      evaluation: what `evaluate_folders` returned.
      groups: {name: rows of its people}.
      network, config, options: as given to `evaluate_folders`.

    Returns:
      {name: list of `cpm.evaluation.gathering.Example`}.
    """
    people = evaluation.people
    wanted = {people.ids[n] for rows in groups.values() for n in rows}
    found: dict[str, Example] = {}
    for source in evaluation.sources:
        found |= gather_examples(
            _stream(config, source, options, evaluation.regions),
            functools.partial(predict_with_beliefs, network, decoding=options.decoding(config)),
            wanted,
        )
    return {k: [found[people.ids[n]] for n in rows] for k, rows in groups.items()}


def pick_people(errors: np.ndarray, count: int) -> dict[str, list[int]]:
    """Rows of the best, typical (evenly spread over the ranks) and worst people.

    Args:
      errors: `[N]`; people without a finite error are left out.
      count: how many of each, at most.

    >>> picked = pick_people(np.array([3.0, 1.0, np.nan, 2.0]), 2)
    >>> {name: [int(n) for n in rows] for name, rows in picked.items()}
    {'best': [1, 3], 'typical': [1, 0], 'worst': [0, 3]}
    """
    ranked = [n for n in np.argsort(errors, kind="stable") if np.isfinite(errors[n])]
    count = min(count, len(ranked))
    spread = np.linspace(0, len(ranked) - 1, count).round().astype(int)
    return {
        "best": ranked[:count],
        "typical": [ranked[k] for k in spread],
        "worst": ranked[::-1][:count],
    }


def _stream(config, folder, options, regions):
    """The batches of one data folder, crops at these regions where there are any."""
    batches = pipeline.evaluation_batches(
        [folder],
        config,
        split=options.split,
        crop="whole" if options.crop == "middle" else options.crop,
        scales=options.scales,
        regions=regions,
    )
    return verification.whole_batches(batches, [folder], options.split)
