"""Trains every variant with every seed and collects the scores.

Folders: OUT/VARIANT/seed-N/phase-K, each an ordinary run folder: an experiment that was cut short
goes on where it stopped, and a finished one only reads its results.
"""

import contextlib
import dataclasses
import json
import math
import os
import re
import tempfile
import time
from collections.abc import Sequence

from cpm import checkpoints, files, untrusted
from cpm.config import OptimizerConfig, TargetConfig
from cpm.config_json import from_dict, to_dict
from cpm.config_upgrade import upgraded
from cpm.data import datasets, pipeline
from cpm.errors import MapsNotFinite, UsageError
from cpm.execution import Settings
from cpm.execution.use import Executed
from cpm.experiments.variants import EXPERIMENTS, Phase, Variant
from cpm.network.summary import stage_rows
from cpm.scoring.evaluate import evaluate_folders
from cpm.scoring.options import DEFAULTS
from cpm.scoring.result_files import write_results
from cpm.scoring.validating import validation
from cpm.training import loop
from cpm.training.metrics_file import metrics_so_far
from cpm.training.non_finite import NonFiniteLoss

# Of files that an earlier call wrote.
_TIMES = {"config": dict, "execution?": dict, "data?": [str], "seconds": dict}
_METRIC = {"per_stage": [float], "total?": float, "interval?": ([float], None)}
TIMED_STEPS = 80  # of each variant, where all are to take the same time
TIMED_RATE = 1e-6
SYNTHETIC_PEOPLE = 8000  # of variants that learn from them beside the given ones


@dataclasses.dataclass(frozen=True)
class Result:
    """One variant trained with one seed.

    Attributes:
      label, seed: which.
      metrics: what `cpm.evaluation.report.score` says of the validation people.
      steps, minutes: of training, all phases.
      parameters, receptive_field_px: of its last network.
      gradients: [(step, {layer: root mean square})] of the last phase; empty if not recorded.
    """

    label: str
    seed: int
    metrics: dict
    steps: int
    minutes: float
    parameters: int
    receptive_field_px: int
    gradients: list


def run_experiment(
    name: str,
    settings: Settings,
    data: Sequence[str],
    out: str,
    seeds: Sequence[int],
    only: Sequence[str] | None = None,
) -> list[Result]:
    """Runs one experiment.

    Args:
      name: key of `EXPERIMENTS`.
      settings: `Settings` that its variants change.
      data: list of converted data folders.
      out: folder for the runs.
      seeds: ints.
      only: labels of the variants to run, None = all.

    Returns:
      List of `Result`, seed by seed, without those that diverged.

    Raises:
      UsageError: if a label is unknown, the folder holds runs of other settings, the run is too
        short for phases, or every variant diverged.
    """
    experiment = EXPERIMENTS[name]
    settings = settings.changed(experiment.changes)
    every = experiment.variants(settings)
    variants = _chosen(every, only)
    if experiment.equal_time:
        variants = equal_time(variants, every[0], settings, data, out)
    results = []
    for seed in seeds:  # all variants of a seed first: a cut experiment can be compared
        for variant in variants:
            print(f"\n{name}: {variant.label}, seed {seed}", flush=True)
            seeded = settings.changed({"seed": seed})
            folder = os.path.join(out, slug(variant.label), f"seed-{seed}")
            try:
                results.append(run_variant(variant, seeded, data, folder))
            except (NonFiniteLoss, MapsNotFinite) as error:  # a result, too: the others go on
                print(f"left out: {error}", flush=True)
    if not results:
        raise UsageError("no variant could be trained; try a lower --learning_rate")
    return results


def _chosen(variants, labels):
    """The variants of these labels, all for None; UsageError for a label that nobody has."""
    known = [variant.label for variant in variants]
    for label in labels or ():
        if label not in known:
            raise UsageError(f"there is no variant {label!r}; there are: {', '.join(known)}")
    return [v for v in variants if labels is None or v.label in labels]


def equal_time(
    variants: Sequence[Variant], first: Variant, settings: Settings, data: Sequence[str], out: str
) -> list[Variant]:
    """The variants with as many steps as fit into the time that those of `first` take.

    A step is timed before anything is trained, in short runs, twice each and the faster counts; of
    variants whose steps compute the same, one is timed. What was timed is kept in
    OUT/seconds_per_step.json, so that an experiment that goes on, or has more seeds or variants,
    has the same steps.

    Args:
      variants: list of `Variant`.
      first: `Variant` that they are compared with.
      settings, data, out: as given to `run_experiment`.

    Raises:
      UsageError: if the folder holds times of other settings.
    """
    path = os.path.join(out, "seconds_per_step.json")
    of = to_dict(settings.changed({"seed": 0})) | {"data": list(data)}
    seconds = _known_seconds(path, of)
    # What steps compute: those that compute it, by label.
    alike: dict[Settings, dict[str, Variant]] = {}
    for variant in [first, *variants]:
        alike.setdefault(_work_of_a_step(variant, settings), {})[variant.label] = variant
    untimed = []
    for labels in alike.values():
        known = [seconds[label] for label in labels if label in seconds]
        if known:
            seconds |= dict.fromkeys(labels, known[0])
        else:
            untimed.append(labels)
    for labels in 2 * untimed:
        label, variant = next(iter(labels.items()))
        found = seconds_per_step(variant, settings, data)
        print(f"{label}: {1000 * found:.0f} ms a step", flush=True)
        found = min(found, seconds.get(label, math.inf))
        seconds |= dict.fromkeys(labels, found)
    if untimed:  # another process may have timed its own variants meanwhile
        seconds |= _known_seconds(path, of)
        files.write_json(path, of | {"seconds": seconds})
    return [
        dataclasses.replace(v, phases=_longer(v, seconds[first.label] / seconds[v.label]))
        for v in variants
    ]


def _known_seconds(path, of):
    """{label: seconds a step} of an earlier call; UsageError if it had other settings than `of`."""
    advice = "name another --out, or delete that folder"
    if not os.path.exists(path):
        return {}
    record = files.read_json(path, advice, schema=_TIMES)
    if _settings_of(record, path) | {"data": record.get("data")} != json.loads(json.dumps(of)):
        raise UsageError(f"{path} was measured with other settings; {advice}")
    try:
        for label, seconds in record["seconds"].items():
            untrusted.check_schema(seconds, float, f"the time of {label}")
            if not seconds > 0:
                raise ValueError(f"the time of {label} is {seconds}; expected more than 0")
    except ValueError as error:
        raise UsageError(f"{path} cannot be used: {error}; delete that file") from error
    return record["seconds"]


def _settings_of(record, path):
    """The settings that a record of this or an earlier version names, as JSON values."""
    try:
        parts = {key: upgraded(record)[key] for key in ("config", "execution")}
        return to_dict(from_dict(Settings, parts, path))
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise UsageError(f"{path} cannot be used: {error}; delete that folder") from error


def _longer(variant, factor):
    """The variant's phases, of `factor` times as many steps."""
    return tuple(dataclasses.replace(phase, share=factor * phase.share) for phase in variant.phases)


def _work_of_a_step(variant, settings):
    """What decides how long a step takes, the same value for variants that take the same time.

    That is all but what a target looks like and how large a step is.
    """
    settings = settings.changed(variant.phases[0].changes)
    rule = settings.config.optimizer.optimizer
    return settings.changed(
        {"target": TargetConfig(), "optimizer": OptimizerConfig(optimizer=rule)}
    )


def seconds_per_step(variant: Variant, settings: Settings, data: Sequence[str]) -> float:
    """Of one variant's first phase, its data included: the second half of a short run."""
    settings = settings.changed(variant.phases[0].changes)
    with tempfile.TemporaryDirectory() as folder:
        # So slow that nothing diverges, whatever the variant.
        slow = settings.changed({"optimizer": {"learning_rate": TIMED_RATE}})
        validate = validation(slow.config, data)
        run = loop.Run(slow, data, folder, validate)
        stream = pipeline.training_batches(data, slow.config, start_step=0)
        for step, batch in zip(range(TIMED_STEPS), stream, strict=False):
            if step == TIMED_STEPS // 2:
                began = time.perf_counter()
            run.one_step(step, batch)
        return (time.perf_counter() - began) / (TIMED_STEPS - TIMED_STEPS // 2)


def run_variant(variant: Variant, settings: Settings, data: Sequence[str], folder: str) -> Result:
    """Trains the phases of one variant, each from the weights of the one before: `Result`."""
    steps, minutes, before = 0, 0.0, None
    for number, phase in enumerate(variant.phases, start=1):
        of_phase = phase_settings(settings, phase)
        run_dir = os.path.join(folder, f"phase-{number}")
        people = folders_of(phase, data)
        validate = validation(of_phase.config, people)
        with _naming_our_flags(run_dir):
            run = loop.Run(of_phase, people, run_dir, validate, init_from=before)
        run.train()
        steps += of_phase.config.steps
        minutes += max(record.get("seconds", 0) for record in _records(run_dir)) / 60
        before = last_checkpoint(run_dir)
    metrics = _scores(before, of_phase, data, run_dir)
    last = stage_rows(of_phase.config.network)[-1]
    return Result(
        label=variant.label,
        seed=settings.config.seed,
        metrics=metrics,
        steps=steps,
        minutes=minutes,
        parameters=last.total_parameters,
        receptive_field_px=last.receptive_field_px,
        gradients=[
            (record["step"], record["gradient_rms"])
            for record in _records(run_dir)
            if "gradient_rms" in record
        ],
    )


@contextlib.contextmanager
def _naming_our_flags(run_dir):
    """Advises what bin/experiment.py has, in place of --run_dir and --restart of bin/train.py."""
    try:
        yield
    except UsageError as error:
        if "--run_dir" not in str(error):
            raise
        fact = str(error).rpartition("; ")[0]
        raise UsageError(
            f"{fact}; restore it from a copy, delete {run_dir} and run again, or name another --out"
        ) from error


def _records(run_dir):
    """The lines of a run's metrics.jsonl; UsageError if none is left."""
    if not (records := metrics_so_far(run_dir)):
        raise UsageError(
            f"metrics.jsonl of {run_dir} is lost or damaged, and says how long it took; delete "
            "that folder and run again"
        )
    return records


def folders_of(phase: Phase, data: Sequence[str]) -> Sequence[str]:
    """The converted folders that a phase learns from; `data` are the experiment's own."""
    if phase.data == "given":
        return data
    synthetic = [datasets.synthetic_folder(SYNTHETIC_PEOPLE, seed=0)]
    return synthetic if phase.data == "synthetic" else [*data, *synthetic]


def phase_settings(settings: Settings, phase: Phase) -> Settings:
    """The settings of one phase: changed, with its share of the steps, evaluated at its end."""
    steps = round(settings.config.steps * phase.share)
    if not steps:
        raise UsageError(
            f"{settings.config.steps} steps are too few for phases of {phase.share:.0%}; "
            "raise --steps"
        )
    at_the_end = settings.changed({"steps": steps, "execution": {"eval_every": steps}})
    return at_the_end.changed(phase.changes)


def last_checkpoint(run_dir: str) -> str:
    """Where a finished run ended: variants are compared after equal work, not at their best."""
    folder = os.path.join(run_dir, "checkpoints")
    return os.path.join(folder, checkpoints.read_list(folder)["latest"])


def slug(label: str) -> str:
    """A label as a folder's name.

    >>> slug("stage 1: primary person only"), slug("kernels 7×7")
    ('stage-1-primary-person-only', 'kernels-7x7')
    """
    return re.sub(r"[^a-z0-9]+", "-", label.lower().replace("×", "x")).strip("-")


def _scores(checkpoint, settings, data, run_dir):
    """The scores of a finished run, from its eval/ folder if they were measured before."""
    path = os.path.join(run_dir, "eval", "validation.json")
    if not os.path.exists(path):
        plain, config, _ = checkpoints.load_network(checkpoint)
        network = Executed(plain, settings.execution.in_float32(), constant=True)
        result = evaluate_folders(network, config, data)
        write_results(result, path, config, DEFAULTS, checkpoint)
    record = files.read_json(path, f"delete {path} and run again", schema={"metrics": dict})
    try:
        for name, metric in record["metrics"].items():
            untrusted.check_schema(metric, _METRIC, name)
            if not metric["per_stage"]:
                raise ValueError(f"{name} is of no stage")
            for score in (*metric["per_stage"], *(metric.get("interval") or ())):
                untrusted.check_percent(score, name)
    except ValueError as error:
        raise UsageError(f"{path} cannot be used: {error}; delete it and run again") from error
    return record["metrics"]
