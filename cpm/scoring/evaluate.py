"""A network on data folders: predictions, scores, tables, JSON and pictures.

What bin/eval.py, bin/train.py and the experiments share; it joins `data`, `inference`,
`evaluation` and `plots`, none of which knows all of the others.
"""

import dataclasses
import functools
import os
import time

import numpy as np
from tqdm import tqdm

from cpm import files
from cpm.config import DecodingConfig
from cpm.data import pipeline
from cpm.data.manifest import read_manifest
from cpm.data.splits import VALIDATION
from cpm.errors import UsageError
from cpm.evaluation import predictions as predicted
from cpm.evaluation import report, tables
from cpm.evaluation.failures import failures
from cpm.evaluation.gathering import gather_examples, gather_predictions
from cpm.evaluation.reliability import reliability
from cpm.inference import crop_regions
from cpm.inference.batches import look, predict_batch
from cpm.plots.gallery import poses_sheet, write_gallery
from cpm.provenance import provenance
from cpm.training.loop import Validation

SHOWN = 8  # validation people in TensorBoard


@dataclasses.dataclass(frozen=True)
class Options:
    """What is evaluated and how.

    Attributes:
      split: `train`, `validation` or `test`.
      crop: rule that places the crops; None = as the network was trained.
      passes: how many looks at a person: the first where `crop` says, each further one at the
        joints found by the one before (cpm/inference/crop_regions.py).
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

    def decoding(self, config):
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
      regions: {id: `CropRegion`} of the last look, where it is not the first one's.
      seconds: wall time of prediction, input included.
    """

    people: predicted.Predictions
    metrics: dict
    sources: dict
    curves: dict
    reliability: dict | None
    failures: dict
    regions: dict
    seconds: float

    def text(self):
        """All tables; also a comparison of the folders if there are several."""
        text = tables.full_report(self.metrics, self.curves)
        if len(self.sources) > 1:
            compared = (tables.source_table(n, self.sources) for n in self.metrics)
            text = "\n\n".join([text, *compared])
        known = {folder: found for folder, found in self.failures.items() if found}
        return f"{text}\n\n{tables.failure_table(known)}" if known else text


def evaluate_folders(network, config, folders, options=_DEFAULTS):
    """Predicts and scores everybody in one split of some folders.

    Args:
      network: a `ConvolutionalPoseMachine`, or an `Executed`, which says how it is computed.
      config: the `TrainConfig` it was trained with.
      folders: list of converted data folders.
      options: `Options`.

    Returns:
      An `Evaluation`.

    Raises:
      UsageError: if a folder is no data folder, or nobody in the split has an annotated joint.
    """
    # A folder may lack this split (LSPet has no test half); the pipeline complains if all do.
    inhabited = [f for f in folders if read_manifest(f).people(options.split)]
    began = time.perf_counter()
    parts, regions = {}, {}
    for folder in inhabited or folders:
        people, where = _predict(network, config, folder, options)
        parts[str(folder)] = people
        regions |= where
    seconds = time.perf_counter() - began
    people = predicted.concatenate(parts.values())
    skeleton = network.skeleton
    metrics = report.score(people, skeleton, seed=options.seed)
    if not metrics:
        raise UsageError(
            f"split {options.split!r} of {', '.join(parts)} has no annotated joint that "
            f"skeleton {skeleton.name!r} knows; name other folders with --data"
        )
    sources = {
        folder: report.score(part, skeleton, seed=options.seed) for folder, part in parts.items()
    }
    curves = report.curves(people, skeleton)
    trust = reliability(people, skeleton)
    wrong = {folder: failures(part, skeleton) for folder, part in parts.items()}
    return Evaluation(people, metrics, sources, curves, trust, wrong, regions, seconds)


def _predict(network, config, folder, options):
    """`Predictions` of one folder's people after all looks, and where the last ones were."""
    regions, people = {}, None
    margin = crop_regions.box_margin(config.data)
    for _ in range(options.passes):
        if people is not None:
            regions = regions | crop_regions.next_regions(people, margin)
        # disable=None: no bar where the output is not a terminal.
        with tqdm(unit=" people", desc=str(folder), leave=False, disable=None) as bar:
            people = gather_predictions(
                _stream(config, folder, options, regions),
                functools.partial(predict_batch, network, decoding=options.decoding(config)),
                progress=bar.update,
            )
    return people, regions


def validation(config, data):
    """How a run measures itself while it trains: on the validation people, with plain decoding.

    Args:
      config: its `TrainConfig`.
      data: list of converted data folders.

    Returns:
      Function of a network that returns a `cpm.training.loop.Validation`.
    """

    def validate(network):
        predict = functools.partial(predict_batch, network)
        people = gather_predictions(stream(), predict)
        metrics = report.score(people, network.skeleton)

        def draw():
            # The same few people at every evaluation, spread over the split.
            few = people.ids[:: max(1, len(people) // SHOWN)][:SHOWN]
            examples = gather_examples(stream(), functools.partial(look, network), few)
            return poses_sheet([examples[name] for name in few], network.skeleton)

        return Validation(
            totals={name: metric["total"] for name, metric in metrics.items()},
            score=report.main_score(metrics) if metrics else None,
            text=report.one_line(metrics),
            draw=draw,
        )

    def stream():
        return pipeline.evaluation_batches(data, config, split=VALIDATION)

    return validate


def write_results(evaluation, path, config, options, checkpoint):
    """Writes the numbers to `path` (JSON) and the tables beside them (.md).

    Args:
      evaluation: what `evaluate_folders` returned.
      path: of the JSON file.
      config, options: as given to `evaluate_folders`.
      checkpoint: where the network came from, for the record.
    """
    record = {
        "metrics": evaluation.metrics,
        "box": {"rule": options.crop or config.data.crop, "margin": config.data.margin},
        "passes": options.passes,
        "sources": evaluation.sources,
        "curves": evaluation.curves,
        "reliability": evaluation.reliability,
        "failures": evaluation.failures,
        "checkpoint": checkpoint,
        "split": options.split,
        "flip": options.flip,
        "scales": list(options.scales),
        "refinement": options.refinement,
        "people": len(evaluation.people),
        "seconds": round(evaluation.seconds, 3),
    }
    files.write_json(path, record | provenance(options.seed))
    files.write_text(os.path.splitext(path)[0] + ".md", evaluation.text() + "\n")


def write_pictures(evaluation, folder, network, config, options=_DEFAULTS, *, count=8):
    """Draws the best, typical and worst people, their belief maps, and the curves.

    Args:
      evaluation: what `evaluate_folders` returned.
      folder: where to.
      network, config, options: as given to `evaluate_folders`.
      count: people on each sheet.

    Returns:
      The files' names.
    """
    people = evaluation.people
    errors = predicted.mean_errors(people)
    rows = pick_people(errors, count)
    return write_gallery(
        folder,
        collect_people(evaluation, rows, network, config, options),
        dict(zip(people.ids, errors, strict=True)),
        network.skeleton,
        annotated=(people.state > 0).any(0),
        metrics=evaluation.metrics,
        curve_points=evaluation.curves,
    )


def collect_people(evaluation, groups, network, config, options=_DEFAULTS):
    """Some people with all that a picture of them needs.

    Args:
      evaluation: what `evaluate_folders` returned.
      groups: {name: rows of its people}.
      network, config, options: as given to `evaluate_folders`.

    Returns:
      {name: list of `cpm.evaluation.gathering.Example`}.
    """
    people = evaluation.people
    wanted = {people.ids[n] for rows in groups.values() for n in rows}
    found = {}
    for source in evaluation.sources:
        found |= gather_examples(
            _stream(config, source, options, evaluation.regions),
            functools.partial(look, network, decoding=options.decoding(config)),
            wanted,
        )
    return {k: [found[people.ids[n]] for n in rows] for k, rows in groups.items()}


def pick_people(errors, count):
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
    return pipeline.evaluation_batches(
        [folder],
        config,
        split=options.split,
        crop=options.crop,
        scales=options.scales,
        regions=regions,
    )
