"""Trains a convolutional pose machine.

    python bin/train.py --stages=6 --xla
    python bin/train.py --xla --data=data/lsp,data/lspet --run_dir=runs/lsp --steps=10000
    python bin/train.py --stages=6 --xla --data=data/lsp,data/lspet --augment=wild \\
        --average_decay=0.999 --run_dir=runs/wild --steps=15000
    python bin/train.py --recipe=paper --data=data/mpii
    python bin/train.py --recipe=paper --data=data/mpii --distribute=mirrored --batch_size=32
    python bin/train.py --init_from=pretrained --xla --data=data/photos --steps=500

Without --data it draws its own people (nothing to download) and ends after about ten minutes on
two cores. With --data it takes folders made by bin/convert.py. A --run_dir that holds checkpoints
is resumed exactly, from the newest checkpoint that is whole, and --restart puts such a run aside
and begins again; Ctrl-C stops after the step under way and saves. --augment=wild, usual on your own
data, shows people small and off the middle too, for images without a box. --init_from takes the
network from the weights unless flags say otherwise: joints that they know keep their belief maps,
others start afresh, all at a quarter of the recipe's rate. Results: RUN_DIR/report.html, the run on
one page, RUN_DIR/eval/ (tables, JSON and images), RUN_DIR/metrics.jsonl; curves: tensorboard
--logdir=runs
"""

import contextlib
import math
import os
import re
import sys
from collections.abc import Iterator, Sequence
from typing import Any

from absl import flags

from cpm import checkpoints
from cpm.cli.flags import define_run_flags, recipe_name, settings_from_flags
from cpm.cli.run_lines import closing_lines, opening_lines
from cpm.cli.shorthands import DEVICES, EXECUTION, TRAINING
from cpm.cli.training_data import data_folders_from_flags, define_synthetic_people
from cpm.config import TrainConfig
from cpm.data import datasets, pipeline
from cpm.data.splits import TRAIN, VALIDATION
from cpm.errors import RunStopped, UsageError
from cpm.execution import Settings
from cpm.execution.devices import Devices, connect
from cpm.execution.processor import bfloat16_pays, slow_precision
from cpm.execution.threads import configure_threads
from cpm.execution.use import Executed
from cpm.scoring import run_page
from cpm.scoring.evaluate import Evaluation, evaluate_as_used
from cpm.scoring.figures import write_groups
from cpm.scoring.result_files import write_results
from cpm.scoring.shown_people import shown_people
from cpm.scoring.validating import validation
from cpm.skeleton import get_skeleton
from cpm.training import loop
from cpm.training.run_place import check_run_dir

FLAGS = flags.FLAGS
FEWEST_JOINTS = 100  # of validation that say from which confidence on joints are drawn


def define_flags() -> None:
    """Defines the flags of this script."""
    define_run_flags(*TRAINING, *EXECUTION, *DEVICES)
    flags.DEFINE_float("epochs", None, "Length of the run in epochs. Default: --steps.")
    define_synthetic_people()
    flags.DEFINE_string(
        "run_dir",
        None,
        "Folder of the run; one with checkpoints is resumed. Default: runs/NAME.",
    )
    flags.DEFINE_string(
        "init_from",
        None,
        "Run, checkpoint, .npz file, pretrained or pretrained-small, whose weights are the start, "
        "joints by name. Default: random weights.",
    )
    flags.DEFINE_bool(
        "restart", False, "Put aside the run that --run_dir holds and start again at step 0."
    )
    flags.mark_flags_as_mutual_exclusive(["steps", "epochs"])


def main(_: Sequence[str]) -> None:
    """Devices, data, configuration, training, report."""
    check_run_dir("runs" if FLAGS.run_dir is None else FLAGS.run_dir)  # before people are drawn
    weights = weights_config() if FLAGS.init_from else None
    # Threads come before anything is computed, and whose data it is changes nothing of them.
    execution = settings_from_flags(synthetic=not FLAGS.data, weights=weights).execution
    configure_threads(execution)
    devices = connect(execution)
    if not devices.chief:
        print(f"host {devices.host} of {devices.hosts}: the chief says how it goes", flush=True)
        sys.stdout = open(os.devnull, "w")
    with devices.losing_one_is_a_sentence(), going_on(FLAGS.restart):
        train(devices, weights)
        devices.wait()  # nobody leaves before the chief has written all


@contextlib.contextmanager
def going_on(restart: bool) -> Iterator[None]:
    """Says how a run that stopped goes on: with --restart the same command would begin again."""
    try:
        yield
    except RunStopped as stopped:
        if not restart:
            raise
        said = re.sub("the same command", r"\g<0> without --restart", str(stopped), flags=re.I)
        raise RunStopped(said) from stopped


def train(devices: Devices, weights: TrainConfig | None) -> None:
    """Data, configuration, training, report, on some `Devices`.

    `weights`: `TrainConfig` of the weights that the run starts from, or None.
    """
    if not devices.chief:
        devices.wait()  # the chief draws the people, if there is no data: hosts may share a disk
    folders = data_folders_from_flags()
    if devices.chief:
        devices.wait()
    settings, recipe = run_settings(folders, weights)
    run_dir = FLAGS.run_dir or default_run_dir(settings.config, folders)
    check_run_dir(run_dir)
    if not os.path.isdir(run_dir) and wants_bfloat16(settings.config):
        print(
            "this processor multiplies bfloat16: --precision=bfloat16 would train faster",
            flush=True,
        )
    if devices.chief and (note := slow_precision(settings.execution.precision)):
        print(f"note: {note}", flush=True)
    run = loop.Run(
        settings,
        folders,
        run_dir,
        validation(settings.config, folders),
        init_from=FLAGS.init_from,
        recipe=recipe,
        show=write_page,
        restart=FLAGS.restart,
        devices=devices,
    )
    print("\n".join(describe(run, recipe)), flush=True)
    run.train()
    if devices.chief:
        try:
            report_best(run)
        except KeyboardInterrupt as interrupt:
            raise loop.Interrupted(loop.FINISHED) from interrupt


def run_settings(folders: Sequence[str], weights: TrainConfig | None) -> tuple[Settings, str]:
    """The recipe with what weights and flags change, and the recipe's name."""
    training = pipeline.open_folders(folders, TRAIN)
    kind: dict[str, Any] = {"synthetic": not FLAGS.data, "own": datasets.is_own(folders)}
    settings = settings_from_flags(
        skeleton=pipeline.largest_skeleton(training), weights=weights, **kind
    )
    recipe = recipe_name(FLAGS, settings.config.network.arch, **kind)
    if FLAGS.epochs is None:
        return settings, recipe
    if not 0 < FLAGS.epochs < math.inf:
        raise UsageError(f"--epochs={FLAGS.epochs} should be a number above 0")
    people = sum(folder.people for folder in training)
    steps = max(1, round(FLAGS.epochs * people / settings.config.data.batch_size))
    return settings.changed({"steps": steps}), recipe


def weights_config() -> TrainConfig:
    """The `TrainConfig` of the weights to start from.

    A run that goes on has their network itself, and their file may be gone by then.
    """
    if FLAGS.run_dir and not FLAGS.restart:
        own = os.path.join(FLAGS.run_dir, "checkpoints")
        prefix = checkpoints.find_whole(own).prefix
        if prefix is None:
            checkpoints.require_whole(own)  # says it if there are checkpoints all the same
        else:
            return checkpoints.read_description(prefix)[0]
    return checkpoints.read_description(checkpoints.resolve(FLAGS.init_from))[0]


def describe(run: loop.Run, recipe: str) -> list[str]:
    """The lines that say what is trained."""
    folders = {
        TRAIN: pipeline.open_folders(run.data, TRAIN),
        VALIDATION: pipeline.open_folders(pipeline.each_once(run.data), VALIDATION),
    }
    skeleton = get_skeleton(run.config.network.skeleton)
    lost = [joint for folder in folders[TRAIN] for joint in skeleton.lost_from(folder.skeleton)]
    return opening_lines(
        run.config,
        run.execution,
        data=run.data,
        people={split: sum(one.people for one in found) for split, found in folders.items()},
        not_learned=[*dict.fromkeys(lost)],
        recipe=recipe,
        taken=(FLAGS.init_from, run.taken) if run.taken else None,
        run_dir=run.folder.path,
    )


def wants_bfloat16(config: TrainConfig) -> bool:
    """Whether nobody chose, and bfloat16 would be faster."""
    chosen = FLAGS.precision or any(s.startswith("execution.precision=") for s in FLAGS.set)
    return not chosen and bfloat16_pays(config.network.arch)


def default_run_dir(config: TrainConfig, folders: Sequence[str]) -> str:
    """`runs/mini-6stages-lsp-lspet`, `runs/paper-blog-6stages-mpii`: what is trained on what."""
    tuned = "tuned" if FLAGS.init_from else None
    name = "-".join(filter(None, [config.network.arch, FLAGS.recipe, tuned]))
    data = "-".join(os.path.basename(os.path.normpath(folder)) for folder in folders)
    return os.path.join("runs", f"{name}-{config.network.stages}stages-{data}")


def write_page(run: loop.Run, step: int, found: Any) -> None:
    """Writes the page of what is known at an evaluation, for `cpm.training.loop.Run`."""
    run_page.show(run.folder.path, step, found)


def report_best(run: loop.Run) -> None:
    """Scores the best checkpoint; writes tables, JSON, images and the page into the run folder."""
    plain, config, description = checkpoints.load_network(run.folder.path)
    network = Executed(plain, run.execution.in_float32(), constant=True)
    result, options, box = evaluate_as_used(network, config, run.data)
    path = os.path.join(run.folder.evaluation, "validation.json")
    write_results(result, path, config, options, description["prefix"], box=box)
    people = shown_people(result, network, config, options)
    write_groups(result, run.folder.evaluation, people, network)
    note_threshold(result, description["prefix"])
    step = checkpoints.step_of(description["prefix"])
    run_page.write_run_page(run.folder.path, step, result, box=box, people=people)
    lines = closing_lines(
        result,
        box=box,
        step=step,
        steps=config.steps,
        seconds=run.folder.metrics.seconds_trained(),
        run_dir=run.folder.path,
    )
    print("\n".join(lines))


def note_threshold(result: Evaluation, prefix: str) -> None:
    """Keeps with the checkpoint from which confidence on its joints are more often right."""
    trust = result.reliability
    # Of few joints it is chance; above 1 it would say that nothing is worth drawing.
    if trust and trust["joints"] >= FEWEST_JOINTS and trust["threshold"] <= 1:
        checkpoints.record_threshold(prefix, trust["threshold"])
