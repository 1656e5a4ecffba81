"""Figures of bin/figures.py that show runs: what they recorded, and whom they find or miss."""

import dataclasses
import os
from collections.abc import Iterable

import numpy as np
from absl import flags

from cpm import files, humans, untrusted
from cpm.checkpoints import load_network
from cpm.config import TrainConfig
from cpm.errors import UsageError
from cpm.evaluation import predictions as predicted
from cpm.evaluation.failures import worst
from cpm.evaluation.gathering import Example
from cpm.evaluation.reliability import SCHEMA
from cpm.network import ConvolutionalPoseMachine
from cpm.plots import curves
from cpm.plots.gallery import poses_sheet
from cpm.plots.reliability import reliability_diagram
from cpm.scoring.comparing import names_of
from cpm.scoring.evaluate import Evaluation, evaluate_folders
from cpm.scoring.shown_people import collect_people, pick_people
from cpm.skeleton import get_skeleton
from cpm.training.metrics_file import read_metrics
from cpm.training.run_config import read_run

FLAGS = flags.FLAGS


def training() -> np.ndarray:
    """Losses and scores of one run."""
    (run,) = named_runs(most=1)
    try:
        return curves.training_curves(read_metrics(run), title=os.path.basename(run))
    except ValueError as error:  # no line of a step is left
        raise UsageError(
            f"{os.path.join(run, 'metrics.jsonl')}: {error}; name another run"
        ) from error


def comparison() -> np.ndarray:
    """One score of several runs against time."""
    paths = named_runs()
    runs = {name: read_metrics(run) for name, run in zip(names_of(paths), paths, strict=True)}
    try:
        return curves.compare_runs(runs, FLAGS.metric, _who(paths))
    except ValueError as error:
        raise UsageError(f"--metric={FLAGS.metric}: {error}") from error


def stages() -> np.ndarray:
    """The score after each stage, from the runs' eval/validation.json."""
    totals, paths = {}, named_runs()
    for name, run in zip(names_of(paths), paths, strict=True):
        metrics, path = _evaluation(run, {"metrics": {f"{FLAGS.metric}?": {"per_stage": [float]}}})
        metrics = metrics["metrics"]
        if FLAGS.metric not in metrics:
            raise UsageError(f"{path} has no metric {FLAGS.metric!r}; it has {', '.join(metrics)}")
        totals[name] = found = metrics[FLAGS.metric]["per_stage"]
        try:
            if not found:
                raise ValueError(f"{FLAGS.metric} is of no stage")
            for stage, score in enumerate(found, 1):
                untrusted.check_percent(score, f"the {FLAGS.metric} of stage {stage}")
        except ValueError as error:
            raise UsageError(f"{path} cannot be read ({error}); {_advice(run)}") from error
    return curves.stage_curve(totals)


def reliability() -> np.ndarray:
    """The reliability diagram of one run, from its eval/validation.json."""
    (run,) = named_runs(most=1)
    record, path = _evaluation(run, {"reliability?": (SCHEMA, None)})
    found = record.get("reliability")
    rows = [row for row in found["bins"] if row["joints"]] if found else []
    if not rows or any(None in (row["correct"], row["confidence"]) for row in rows):
        raise UsageError(f"{path} says nothing of reliability; {_advice(run)}")
    return reliability_diagram(found, title=os.path.basename(run))


def _evaluation(run, schema):
    """The JSON value of a run's eval/validation.json, and its path."""
    path = os.path.join(run, "eval", "validation.json")
    return files.read_json(path, _advice(run), schema=schema), path


def _who(runs):
    """What all of these runs find: people, or objects; people where no run says."""
    said = [run for run in runs if os.path.exists(os.path.join(run, "config.json"))]
    names = {read_run(run)[0].network.skeleton for run in said}
    joints = [joint for name in names for joint in get_skeleton(name).joints]
    return humans.noun(joints) if joints else "people"


def _advice(run):
    return f"make it with: python bin/eval.py --ckpt={run}"


def poses() -> np.ndarray:
    """Typical validation people of one run, as skeletons without their photographs."""
    network, config, result = evaluated()
    errors = predicted.mean_errors(result.people)
    rows = pick_people(errors, FLAGS.count or 24)["typical"]
    people = collect_people(result, {"typical": rows}, network, config)
    return poses_sheet(without_photographs(people["typical"]), network.skeleton)


def failures() -> np.ndarray:
    """The validation people of one run who are missed most, of each kind, without photographs."""
    network, config, result = evaluated()
    rows = worst(result.people, network.skeleton, FLAGS.count or 4)
    if not rows:
        raise UsageError(
            f"--figure=failures: of the validation {humans.noun(network.skeleton.joints)} of "
            f"{FLAGS.runs[0]} none with a torso is missed; look at: --figure=poses"
        )
    columns = min(map(len, rows.values()))  # a kind a row
    rows = {kind: some[:columns] for kind, some in rows.items()}
    people = collect_people(result, rows, network, config)
    shown = [
        dataclasses.replace(example, id=kind.replace("_", " "))
        for kind, examples in people.items()
        for example in examples
    ]
    return poses_sheet(without_photographs(shown), network.skeleton, columns)


def evaluated() -> tuple[ConvolutionalPoseMachine, TrainConfig, Evaluation]:
    """(network, its configuration, `Evaluation` of its validation people) of the only run."""
    (run,) = named_runs(most=1)
    network, config, _ = load_network(run)
    folders = read_run(run)[1]["data"]
    return network, config, evaluate_folders(network, config, folders)


def without_photographs(examples: Iterable[Example]) -> list[Example]:
    """The same on gray."""
    return [
        dataclasses.replace(example, crop=np.full_like(example.crop, 235)) for example in examples
    ]


def named_runs(most: int | None = None) -> list[str]:
    """The folders of --runs, each with measurements in it."""
    if not FLAGS.runs or (most and len(FLAGS.runs) > most):
        raise UsageError(
            f"--figure={FLAGS.figure} needs {'one run' if most else 'runs'}: --runs=DIR"
        )
    runs = [os.path.normpath(run) for run in FLAGS.runs]
    for run in runs:
        if not os.path.isfile(os.path.join(run, "metrics.jsonl")):
            raise UsageError(
                f"{run} is not a run folder (no metrics.jsonl); train one with: "
                f"python bin/train.py --run_dir={run}"
            )
    return runs
