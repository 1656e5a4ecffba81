"""Trains a convolutional pose machine.

    python bin/train.py --stages=6 --xla
    python bin/train.py --stages=6 --xla --data=data/lsp,data/lspet \\
        --run_dir=runs/lsp --epochs=24

Without --data it draws its own people (nothing to download) and ends after about ten minutes on
two cores. With --data it takes folders made by bin/convert.py. A --run_dir that holds checkpoints
is resumed exactly; Ctrl-C stops after the step under way and saves. Results: tables on the screen,
RUN_DIR/eval/ (JSON and pictures), RUN_DIR/metrics.jsonl; curves: tensorboard --logdir=runs
"""

import dataclasses
import os

from absl import flags

from cpm import command_line, evaluate
from cpm.config import AUGMENTATIONS
from cpm.data import manifest, pipeline, sources
from cpm.data.splits import TRAIN
from cpm.flags import define_network_flags, network_config_from_flags
from cpm.training import checkpoints, loop
from cpm.training.recipes import RECIPES

HELD_OUT = 512  # synthetic people kept for validation

FLAGS = flags.FLAGS
define_network_flags()
flags.DEFINE_list(
    "data", [], "Converted folders, comma-separated; none = synthetic people."
)
flags.DEFINE_integer(
    "synthetic_people", 8000, "How many to draw without --data.", lower_bound=100
)
flags.DEFINE_string("run_dir", None, "Where to write; default runs/ARCH-DATA-STAGES.")
flags.DEFINE_bool("xla", False, "Compile the step with XLA.")
flags.DEFINE_integer("steps", None, "Length of the run.", lower_bound=1)
flags.DEFINE_float("epochs", None, "Length of the run, instead of --steps.")
flags.DEFINE_integer("batch_size", None, "People per step.", lower_bound=1)
flags.DEFINE_enum("optimizer", None, ["adam", "sgd"], "Update rule.")
flags.DEFINE_float("learning_rate", None, "Peak learning rate.", lower_bound=0)
flags.DEFINE_enum("augment", None, sorted(AUGMENTATIONS), "Ranges of random changes.")
flags.DEFINE_enum("crop", None, ["joints", "person", "image"], "What places the crop.")
flags.DEFINE_float("margin", None, "Crop side relative to the rule's box.")
flags.DEFINE_float("sigma", None, "σ of the target Gaussians, crop pixels.")
flags.DEFINE_integer("seed", 0, "Of weights, order and augmentation.")
flags.DEFINE_string(
    "init_from", None, "Checkpoint or run whose network weights are the start."
)
flags.DEFINE_integer("eval_every", None, "Steps between evaluations.", lower_bound=1)
flags.DEFINE_integer("save_every", None, "Steps between checkpoints.", lower_bound=1)


def main(_):
    folders = FLAGS.data or [synthetic_folder(FLAGS.synthetic_people, FLAGS.seed)]
    config = train_config(folders)
    run_dir = FLAGS.run_dir or default_run_dir(config, folders)
    run = loop.Run(config, folders, run_dir, init_from=FLAGS.init_from)
    run.train()
    report_best(run)


def synthetic_folder(people, seed):
    """The folder of the embedded people, drawn once and used by every run of the same size."""
    folder = os.path.join("data", f"synthetic-{people}-seed{seed}")
    if not manifest.is_ours(folder):
        print(f"drawing {people} synthetic people into {folder} (once)", flush=True)
        sources.convert(
            sources.SYNTHETIC, folder, count=people, seed=seed, held_out=HELD_OUT
        )
    return folder


def train_config(folders):
    """The recipe of `--arch`, with what the flags change."""
    config = RECIPES[FLAGS.arch]()
    people = sum(f.people for f in pipeline.open_folders(folders, TRAIN))
    network = network_config_from_flags(FLAGS)
    if FLAGS.skeleton is None:
        network = dataclasses.replace(network, skeleton=largest_skeleton(folders))
    data = {
        "batch_size": FLAGS.batch_size,
        "crop": FLAGS.crop,
        "margin": FLAGS.margin,
        "augment": AUGMENTATIONS[FLAGS.augment] if FLAGS.augment else None,
    }
    optimizer = {"optimizer": FLAGS.optimizer, "learning_rate": FLAGS.learning_rate}
    run = {k: getattr(FLAGS, k) for k in ("steps", "eval_every", "save_every")}
    config = dataclasses.replace(
        config,
        network=network,
        target=replaced(config.target, {"sigma_px": FLAGS.sigma}),
        data=replaced(config.data, data),
        optimizer=replaced(config.optimizer, optimizer),
        seed=FLAGS.seed,
        xla=FLAGS.xla,
    )
    if FLAGS.epochs is not None:
        run["steps"] = max(1, round(FLAGS.epochs * people / config.data.batch_size))
    return replaced(config, run)


def replaced(part, changes):
    """`part` with the changes that were asked for (those that are not None)."""
    given = {name: value for name, value in changes.items() if value is not None}
    return dataclasses.replace(part, **given)


def largest_skeleton(folders):
    """The data's own skeleton; where folders differ, the one with the most joints."""
    skeletons = [f.skeleton for f in pipeline.open_folders(folders, TRAIN)]
    return max(skeletons, key=len).name


def default_run_dir(config, folders):
    """`runs/mini-6stages-lsp-lspet`: what is trained on what."""
    data = "-".join(os.path.basename(os.path.normpath(folder)) for folder in folders)
    return os.path.join(
        "runs", f"{config.network.arch}-{config.network.stages}stages-{data}"
    )


def report_best(run):
    """Scores the best checkpoint; writes tables, JSON, pictures and curves into the run folder."""
    network, config, description = checkpoints.load_network(run.folder.path)
    result = evaluate.evaluate_folders(network, config, run.data)
    print("\n" + result.text())
    path = os.path.join(run.folder.evaluation, "validation.json")
    evaluate.write_results(
        result, path, config, evaluate.Options(), description["prefix"]
    )
    evaluate.write_pictures(result, run.folder.evaluation, network, config)
    print(f"tables, JSON and pictures are in {run.folder.evaluation}")
    print(
        f"next: python bin/predict.py --ckpt={run.folder.path} --input=PICTURE --out=poses"
    )


if __name__ == "__main__":
    command_line.run(main)
