"""Draws the pictures of README.md and BUILD_NOTES.md from runs and from the embedded people.

    python bin/figures.py --figure=samples --out=docs/samples.jpg
    python bin/figures.py --figure=training --runs=runs/lsp --out=docs/lsp_training.png
    python bin/figures.py --figure=comparison --runs=runs/2,runs/6 --metric=pck@0.2 --out=2_6.png
    python bin/figures.py --figure=reliability --runs=runs/lsp --out=reliability.png
    python bin/figures.py --figure=stages --runs=runs/2,runs/6 --metric=pck@0.2 --out=stages.png

samples: embedded people with their true skeletons. training: losses and scores of one run.
comparison: a score of several runs against minutes of training. stages: a run's last score after
each stage, as in the paper's figure 6. reliability: share of correct joints against the confidence of
one run's last evaluation, from its eval/validation.json. poses: predicted and true skeletons of typical validation
people of one run, without the photographs, which may not be ours to show.
"""

import dataclasses
import os

import numpy as np
from absl import flags

from cpm import command_line, evaluate, files
from cpm.data import synthetic
from cpm.errors import UsageError
from cpm.plots import (
    check_picture_name,
    contact_sheet,
    curves,
    draw_skeleton,
    write_picture,
)
from cpm.plots.gallery import poses_sheet
from cpm.plots.reliability import reliability_diagram
from cpm.training.checkpoints import load_network
from cpm.training.run_folder import read_config, read_metrics

FLAGS = flags.FLAGS
flags.DEFINE_enum(
    "figure",
    None,
    ["samples", "training", "comparison", "stages", "reliability", "poses"],
    "Which.",
    required=True,
)
flags.DEFINE_string("out", None, "PNG or JPEG file to write.", required=True)
flags.DEFINE_list("runs", [], "Run folders, comma-separated.")
flags.DEFINE_string("metric", "pck@0.2", "What comparison and stages show.")
flags.DEFINE_integer("count", 24, "People to draw.", lower_bound=1)
flags.DEFINE_integer("seed", 0, "Of the embedded people.")


def main(_):
    """Draws and writes one figure."""
    check_picture_name(FLAGS.out)
    write_picture(FLAGS.out, FIGURES[FLAGS.figure]())
    print(f"wrote {FLAGS.out}")


def samples():
    """A sheet of embedded people."""
    people = list(synthetic.read_people(FLAGS.count, FLAGS.seed))
    drawn = [
        draw_skeleton(person.image, person.pose.joints_px, person.skeleton)
        for person in people
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
        metrics = files.read_json(
            path, f"make it with: python bin/eval.py --ckpt={run}"
        )["metrics"]
        if FLAGS.metric not in metrics:
            raise UsageError(
                f"{path} has no metric {FLAGS.metric!r}; it has {', '.join(metrics)}"
            )
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
    (run,) = named_runs(most=1)
    network, config, _ = load_network(run)
    folders = read_config(run)[1]["data"]
    result = evaluate.evaluate_folders(network, config, folders)
    people = evaluate.collect_people(result, network, config, count=FLAGS.count)
    blank = [
        dataclasses.replace(example, crop=np.full_like(example.crop, 235))
        for example in people["typical"]
    ]
    return poses_sheet(blank, network.skeleton)


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
}

if __name__ == "__main__":
    command_line.run(main)
