"""Trains a convolutional pose machine.

    python bin/train.py --stages=6 --xla
    python bin/train.py --xla --data=data/lsp,data/lspet --run_dir=runs/lsp --steps=10000
    python bin/train.py --stages=6 --xla --data=data/lsp,data/lspet --augment=wild \\
        --average_decay=0.999 --run_dir=runs/wild --steps=15000
    python bin/train.py --recipe=paper --data=data/mpii

Without --data it draws its own people (nothing to download) and ends after about ten minutes on
two cores. With --data it takes folders made by bin/convert.py. A --run_dir that holds checkpoints
is resumed exactly; Ctrl-C stops after the step under way and saves. --augment=wild shows people
small and off the middle too, for pictures without a box. Results: tables on the screen,
RUN_DIR/eval/ (JSON and pictures), RUN_DIR/metrics.jsonl; curves: tensorboard --logdir=runs
"""

import dataclasses
import math
import os

from absl import flags

from cpm.cli import command_line, evaluate
from cpm import checkpoints
from cpm.cli.flags import (
    define_data_flags,
    define_network_flags,
    define_speed_flags,
    train_config_from_flags,
)
from cpm.config import PRECISIONS, SCHEDULES
from cpm.data import datasets, pipeline
from cpm.data.splits import TRAIN
from cpm.errors import UsageError
from cpm.network import slicing
from cpm.network.processor import on_gpu
from cpm.provenance import multiplies_bfloat16
from cpm.training import loop

FLAGS = flags.FLAGS
define_network_flags()
define_data_flags()
flags.DEFINE_integer("synthetic_people", 8000, "How many to draw without --data.", lower_bound=1)
flags.DEFINE_string("run_dir", None, "Where to write; default by network and data.")
define_speed_flags()
flags.DEFINE_enum(
    "precision",
    None,
    PRECISIONS,
    "What the layers compute in while training; weights, loss and results stay float32.",
)
flags.DEFINE_bool("recompute", False, "Less memory: compute a segment's maps twice, keep none.")
flags.DEFINE_bool(
    "side_by_side",
    True,
    "On a CPU: slices of a batch on a core each, large layers one by one.",
)
flags.DEFINE_integer("steps", None, "Length of the run.")
flags.DEFINE_float("epochs", None, "Length of the run, instead of --steps.")
flags.DEFINE_enum("optimizer", None, ["adam", "muon", "sgd"], "Update rule.")
flags.DEFINE_float("learning_rate", None, "Peak learning rate.")
flags.DEFINE_enum(
    "schedule",
    None,
    SCHEDULES,
    "How it changes; step is the release's, × 0.333 every 136,106 steps.",
)
flags.DEFINE_integer("warmup_steps", None, "Steps of a rising learning rate.")
flags.DEFINE_float("weight_decay", None, "Of kernels, per unit of learning rate.")
flags.DEFINE_float("clip_norm", None, "Limit of the gradient's norm; 0: none.")
flags.DEFINE_float("average_decay", None, "Use the average of past weights, e.g. 0.999; 0: none.")
flags.DEFINE_string(
    "init_from",
    None,
    "Run, checkpoint or .npz of the same network to take the weights of.",
)
flags.DEFINE_integer("eval_every", None, "Steps between evaluations.")
flags.DEFINE_integer("save_every", None, "Steps between checkpoints.")
flags.mark_flags_as_mutual_exclusive(["steps", "epochs"])


def main(_):
    """Data, configuration, training, report."""
    folders = pipeline.split_names(
        FLAGS.data or [datasets.embedded_people(FLAGS.synthetic_people, FLAGS.seed)]
    )
    config = train_config(folders)
    slicing.share_out_batches(config)
    run_dir = FLAGS.run_dir or default_run_dir(config, folders)
    if not os.path.isdir(run_dir) and wants_bfloat16(config):
        print(
            "this processor multiplies bfloat16: --precision=bfloat16 would train faster",
            flush=True,
        )
    run = loop.Run(
        config,
        folders,
        run_dir,
        evaluate.validation(config, folders),
        init_from=FLAGS.init_from,
    )
    run.train()
    report_best(run)


def train_config(folders):
    """The recipe, with what the flags change."""
    training = pipeline.open_folders(folders, TRAIN)
    config = train_config_from_flags(
        skeleton=pipeline.largest_skeleton(training),
        synthetic=not FLAGS.data,
        optimizer={
            name: getattr(FLAGS, name)
            for name in (
                "optimizer",
                "learning_rate",
                "schedule",
                "warmup_steps",
                "weight_decay",
                "clip_norm",
            )
        },
        xla=FLAGS.xla,
        conv=FLAGS.conv,
        precision=FLAGS.precision,
        recompute=FLAGS.recompute,
        side_by_side=FLAGS.side_by_side,
        steps=FLAGS.steps,
        average_decay=FLAGS.average_decay,
        eval_every=FLAGS.eval_every,
        save_every=FLAGS.save_every,
    )
    if FLAGS.epochs is None:
        return config
    if not 0 < FLAGS.epochs < math.inf:
        raise UsageError(f"--epochs={FLAGS.epochs} should be a number above 0")
    people = sum(folder.people for folder in training)
    steps = max(1, round(FLAGS.epochs * people / config.data.batch_size))
    return dataclasses.replace(config, steps=steps)


def wants_bfloat16(config):
    """Whether nobody chose and bfloat16 would be faster; measured of `mini` on a CPU alone."""
    open_choice = FLAGS.precision is None and config.network.arch == "mini"
    return open_choice and not on_gpu() and multiplies_bfloat16()


def default_run_dir(config, folders):
    """`runs/mini-6stages-lsp-lspet`, `runs/paper-blog-6stages-mpii`: what is trained on what."""
    name = "-".join(filter(None, [config.network.arch, FLAGS.recipe]))
    data = "-".join(os.path.basename(os.path.normpath(folder)) for folder in folders)
    return os.path.join("runs", f"{name}-{config.network.stages}stages-{data}")


def report_best(run):
    """Scores the best checkpoint; writes tables, JSON, pictures and curves into the run folder."""
    network, config, description = checkpoints.load_network(run.folder.path)
    result = evaluate.evaluate_folders(network, config, run.data)
    print("\n" + result.text())
    path = os.path.join(run.folder.evaluation, "validation.json")
    evaluate.write_results(result, path, config, evaluate.Options(), description["prefix"])
    evaluate.write_pictures(result, run.folder.evaluation, network, config)
    print(f"tables, JSON and pictures are in {run.folder.evaluation}")
    print(f"next: python bin/predict.py --ckpt={run.folder.path} --input=PICTURE --out=poses")


if __name__ == "__main__":
    command_line.run(main)
