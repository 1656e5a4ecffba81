"""Draws the pictures of README.md and docs/ from runs and from the embedded people.

    python bin/figures.py --figure=samples --out=docs/samples.jpg
    python bin/figures.py --figure=training --runs=runs/lsp --out=docs/lsp_training.png
    python bin/figures.py --figure=comparison --runs=runs/2,runs/6 --metric=pck@0.2 --out=2_6.png
    python bin/figures.py --figure=reliability --runs=runs/lsp --out=reliability.png
    python bin/figures.py --figure=failures --runs=runs/lsp --count=4 --out=failures.png
    python bin/figures.py --figure=gallery --count=8 --out=docs/gallery.jpg
    python bin/figures.py --figure=beliefs --ckpt=runs/lsp --out=beliefs.png
    python bin/figures.py --figure=stages --runs=runs/2,runs/6 --metric=pck@0.2 --out=stages.png

samples: embedded people with their true skeletons. training: losses and scores of one run.
comparison: a score of several runs against minutes of training. stages: a run's last score after
each stage, as in the paper's figure 6. reliability: share of correct joints against the confidence of
one run's last evaluation, from its eval/validation.json. poses: predicted and true skeletons of typical validation
people of one run, without the photographs, which may not be ours to show. failures: the same of
those who are missed most, --count of each kind. gallery: embedded people as --ckpt sees them, without
boxes. beliefs: its belief maps of one of them, from the first stage to the last.
"""

import dataclasses
import os

import numpy as np
from absl import flags

from cpm.cli import command_line, evaluate
from cpm import files, synthetic
from cpm.checkpoints import load_network, pretrained
from cpm.errors import UsageError
from cpm.evaluation import predictions as predicted
from cpm.evaluation.failures import worst
from cpm.inference import Predictor
from cpm.plots import (
    check_picture_name,
    contact_sheet,
    curves,
    draw_skeleton,
    draw_stages,
    write_picture,
)
from cpm.plots.gallery import poses_sheet
from cpm.plots.reliability import reliability_diagram
from cpm.training.run_folder import read_config, read_metrics

# Belief maps of one joint a limb are enough to see.
SHOWN = ("head_top", "left_wrist", "right_knee", "left_ankle")

FLAGS = flags.FLAGS
flags.DEFINE_enum(
    "figure",
    None,
    [
        *("samples", "training", "comparison", "stages", "reliability", "poses"),
        *("failures", "gallery", "beliefs"),
    ],
    "Figure to draw; the text above says what each shows.",
    required=True,
)
flags.DEFINE_string("out", None, "PNG or JPEG file to write.", required=True)
flags.DEFINE_list("runs", [], "Run folders, separated by commas.")
flags.DEFINE_string("ckpt", pretrained.NAME, "Network that gallery and beliefs show.")
flags.DEFINE_string("metric", "pck@0.2", "Score that comparison and stages show.")
flags.DEFINE_integer(
    "count",
    None,
    "Number of people to draw, in failures of each kind. Default: by figure, 4 to 24.",
    lower_bound=1,
)
flags.DEFINE_integer("seed", 0, "Seed of the synthetic people.")


def main(_):
    """Draws and writes one figure."""
    check_picture_name(FLAGS.out)
    write_picture(FLAGS.out, FIGURES[FLAGS.figure]())
    print(f"wrote {FLAGS.out}")


def samples():
    """A sheet of embedded people."""
    people = list(synthetic.read_people(FLAGS.count or 24, FLAGS.seed))
    drawn = [
        draw_skeleton(person.image, person.pose.joints_px, person.skeleton) for person in people
    ]
    return contact_sheet(drawn, columns=6, tile_px=200)


def training():
    """Losses and scores of one run."""
    (run,) = named_runs(most=1)
    return curves.training_curves(read_metrics(run), title=os.path.basename(run))


def comparison():
    """One score of several runs against time."""
    runs = {os.path.basename(run): read_metrics(run) for run in named_runs()}
    try:
        return curves.compare_runs(runs, FLAGS.metric)
    except ValueError as error:
        raise UsageError(f"--metric={FLAGS.metric}: {error}") from error


def stages():
    """The score after each stage, from the runs' eval/validation.json."""
    totals = {}
    for run in named_runs():
        path = os.path.join(run, "eval", "validation.json")
        metrics = files.read_json(path, f"make it with: python bin/eval.py --ckpt={run}")["metrics"]
        if FLAGS.metric not in metrics:
            raise UsageError(f"{path} has no metric {FLAGS.metric!r}; it has {', '.join(metrics)}")
        totals[os.path.basename(run)] = metrics[FLAGS.metric]["per_stage"]
    return curves.stage_curve(totals)


def reliability():
    """The reliability diagram of one run, from its eval/validation.json."""
    (run,) = named_runs(most=1)
    path = os.path.join(run, "eval", "validation.json")
    advice = f"make it with: python bin/eval.py --ckpt={run}"
    found = files.read_json(path, advice).get("reliability")
    if not found:
        raise UsageError(f"{path} says nothing of reliability; {advice}")
    return reliability_diagram(found, title=os.path.basename(run))


def poses():
    """Typical validation people of one run, as skeletons without their photographs."""
    network, config, result = evaluated()
    errors = predicted.mean_errors(result.people)
    rows = evaluate.pick_people(errors, FLAGS.count or 24)["typical"]
    people = evaluate.collect_people(result, {"typical": rows}, network, config)
    return poses_sheet(without_photographs(people["typical"]), network.skeleton)


def failures():
    """The validation people of one run who are missed most, of each kind, without photographs."""
    network, config, result = evaluated()
    rows = worst(result.people, network.skeleton, FLAGS.count or 4)
    if not rows:
        raise UsageError(
            f"--figure=failures: of the validation people of {FLAGS.runs[0]} nobody with a torso is "
            "missed; look at: --figure=poses"
        )
    columns = min(map(len, rows.values()))  # a kind a row
    rows = {kind: some[:columns] for kind, some in rows.items()}
    people = evaluate.collect_people(result, rows, network, config)
    shown = [
        dataclasses.replace(example, id=kind.replace("_", " "))
        for kind, examples in people.items()
        for example in examples
    ]
    return poses_sheet(without_photographs(shown), network.skeleton, columns)


def evaluated():
    """(network, its configuration, `Evaluation` of its validation people) of the only run."""
    (run,) = named_runs(most=1)
    network, config, _ = load_network(run)
    folders = read_config(run)[1]["data"]
    return network, config, evaluate.evaluate_folders(network, config, folders)


def without_photographs(examples):
    """The same on grey."""
    return [
        dataclasses.replace(example, crop=np.full_like(example.crop, 235)) for example in examples
    ]


def gallery():
    """Embedded people with the skeletons that a network finds."""
    predictor = Predictor(FLAGS.ckpt)
    drawn = []
    for person in synthetic.read_people(FLAGS.count or 8, FLAGS.seed):
        found = predictor(person.image)
        joints = np.where(
            found.confidence[:, np.newaxis] < predictor.threshold,
            np.nan,
            found.joints_px,
        )
        drawn.append(draw_skeleton(person.image, joints, found.skeleton))
    return contact_sheet(drawn, tile_px=240)


def beliefs():
    """Belief maps of every stage for an embedded person: the first of --seed."""
    predictor = Predictor(FLAGS.ckpt)
    (person,) = synthetic.read_people(1, FLAGS.seed)
    found = predictor(person.image)
    shown = [joint for joint in SHOWN if joint in found.skeleton.joints]
    return draw_stages(found.crop, found.beliefs, found.skeleton, shown or None)


def named_runs(most=None):
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


FIGURES = {
    "samples": samples,
    "training": training,
    "comparison": comparison,
    "stages": stages,
    "reliability": reliability,
    "poses": poses,
    "failures": failures,
    "gallery": gallery,
    "beliefs": beliefs,
}

if __name__ == "__main__":
    command_line.run(main)
