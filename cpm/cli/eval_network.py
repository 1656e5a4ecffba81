"""bin/eval.py with a network: its people, its scores, and where the results go."""

import hashlib
import os
from collections.abc import Mapping, Sequence
from typing import Any

from absl import flags

from cpm import output_files
from cpm.checkpoints import weights_file
from cpm.cli.flags import decoding_from_flags, execution_from_flags, people_from_flags
from cpm.config import TrainConfig
from cpm.data import id_list, pipeline
from cpm.data.datasets import is_own
from cpm.errors import UsageError
from cpm.evaluation import tables
from cpm.evaluation.failures import ALPHA, suspects
from cpm.evaluation.predictions import Predictions
from cpm.humans import noun
from cpm.inference import Predictor
from cpm.inference.loading import load_for_use
from cpm.prediction_files import scoring, writing
from cpm.runtimes import is_exported
from cpm.scoring.evaluate import (
    Evaluation,
    evaluate_as_used,
    evaluate_folders,
    inhabited,
)
from cpm.scoring.figures import write_figures
from cpm.scoring.options import Options
from cpm.scoring.result_files import write_results
from cpm.scoring.searching import evaluate_search
from cpm.skeleton import Skeleton, get_skeleton
from cpm.training import run_config

FLAGS = flags.FLAGS

# Flags that say how people are scored: without any of them own data is scored as it will be used.
HOW = ("crop", "passes", "flip", "scales", "refinement")
# Flags that a search has no use for: it looks for itself, and its crops are not those of a sheet.
NOT_OF_A_SEARCH = ("crop", "passes", "plots")
MOST_NAME = 200  # bytes of the name of a file of results; file systems take 255


def score_network() -> None:
    """Scores a checkpoint on every data folder."""
    if FLAGS.write_predictions:
        writing.check_suffix(FLAGS.write_predictions)
    options = Options(
        split=FLAGS.split,
        crop=FLAGS.crop,
        passes=FLAGS.passes or 1,
        **decoding_from_flags(),
        seed=FLAGS.seed,
    )
    network, config, description = load_for_use(FLAGS.ckpt, execution_from_flags())
    prefix = description["prefix"]
    run = run_config.run_of(prefix)
    folders = data_folders(run, description)
    results_path(prefix)
    if FLAGS.write_predictions:
        scoring.check_ids(inhabited(folders, FLAGS.split), FLAGS.split)
    box = None
    if is_own(folders) and not any(FLAGS[flag].present for flag in HOW):
        result, options, box = evaluate_as_used(
            network, config, folders, split=FLAGS.split, seed=FLAGS.seed
        )
    else:
        result = evaluate_folders(network, config, folders, options)
    print(result.text())
    if box is not None:
        print("\nfound without a box, as by bin/predict.py --people=1; with the true boxes:\n")
        print(tables.summary_table(box.metrics))
    write_files(result, config, options, prefix, box=box)
    if FLAGS.plots:
        names = write_figures(
            result, FLAGS.plots, network, config, options, count=FLAGS.plot_people
        )
        print(f"wrote {', '.join(names)} in {FLAGS.plots}")


def score_search() -> None:
    """Scores the surest person whom a checkpoint finds in each image of every data folder."""
    for flag in NOT_OF_A_SEARCH:
        if FLAGS[flag].value:
            raise UsageError(
                f"--{flag} is not for --people={FLAGS.people}, which searches all of each image; "
                "leave one of them out"
            )
    if FLAGS.write_predictions:
        writing.check_suffix(FLAGS.write_predictions)
    predictor = predictor_from_flags()
    prefix = predictor.description["prefix"]
    folders = data_folders(run_config.run_of(prefix), predictor.description)
    results_path(prefix)
    if FLAGS.write_predictions:
        scoring.check_ids(inhabited(folders, FLAGS.split), FLAGS.split)
    result, options, searched = evaluate_search(
        predictor, folders, people=people_from_flags(), split=FLAGS.split, seed=FLAGS.seed
    )
    print(result.text())
    print(f"\n{searched.text(predictor.skeleton.joints)}")
    assert predictor.config is not None  # `evaluate_search` needs it
    write_files(result, predictor.config, options, prefix, searched=searched)


def predictor_from_flags() -> Predictor:
    """A `Predictor` as bin/predict.py has it: mirrored, too, unless a flag says otherwise."""
    decoding = decoding_from_flags()
    decoding["flip"] = FLAGS.flip if FLAGS["flip"].present else None
    return Predictor(FLAGS.ckpt, passes=FLAGS.passes, execution=execution_from_flags(), **decoding)


def write_files(
    result: Evaluation, config: TrainConfig, options: Options, prefix: str, **more: Any
) -> None:
    """Writes the numbers, and what --write_predictions and --write_suspects ask for.

    Args:
      result, config, options: of an evaluation.
      prefix: of the checkpoint.
      **more: arguments of `write_results`.
    """
    people, skeleton = result.people, get_skeleton(config.network.skeleton)
    path = results_path(prefix)
    write_results(result, path, config, options, prefix, **more)
    who = noun(skeleton.joints, len(people))
    print(f"\n{len(people)} {who} in {result.seconds:.1f} s; wrote {path}")
    if FLAGS.write_predictions:
        scoring.write_network_predictions(
            FLAGS.write_predictions, people, skeleton, list(result.sources), FLAGS.split
        )
        print(f"wrote {FLAGS.write_predictions}")
    if FLAGS.write_suspects:
        write_suspects(people, skeleton)


def results_path(prefix: str) -> str:
    """The file of the numbers of an evaluation: --json, or one for each way to score a network.

    Args:
      prefix: of the checkpoint.

    Raises:
      UsageError: if it cannot be written: said before the evaluation.
    """
    if FLAGS.json:
        return FLAGS.json  # checked by bin/eval.py
    folder = default_folder(prefix, run_config.run_of(prefix))
    path = os.path.join(folder, default_name())
    output_files.check_target(path, "json")
    return path


def write_suspects(people: Predictions, skeleton: Skeleton) -> None:
    """Writes a list of suspect annotations, to be checked and for bin/convert.py --leave_out."""
    rows = suspects(people, skeleton)
    id_list.write_ids(
        FLAGS.write_suspects,
        [people.ids[n] for n, _, _ in rows],
        [f"{right} of {counted} joints" for _, right, counted in rows],
        f"{noun(skeleton.joints)} of split {FLAGS.split!r} that {FLAGS.ckpt} hardly finds "
        f"(right at PCK@{ALPHA:g})",
    )
    who = noun(skeleton.joints, len(people))
    print(f"wrote {FLAGS.write_suspects}: {len(rows)} of {len(people)} {who}")


def default_name() -> str:
    """A file for each way to score: `validation.json`, `validation-image-flip.json`, …"""
    searches = people_from_flags() != 1  # it is mirrored unless a flag says otherwise
    flip = "noflip" if searches and FLAGS["flip"].present and not FLAGS.flip else None
    if FLAGS.flip and not searches:
        flip = "flip"
    parts = [FLAGS.split, FLAGS.crop, f"people-{FLAGS.people}" if searches else None, flip]
    if FLAGS.passes:
        parts.append(f"passes-{FLAGS.passes}")
    if FLAGS["scales"].present:
        parts.append("scales-" + "-".join(FLAGS.scales))
    if FLAGS["refinement"].present:
        parts.append(FLAGS.refinement)
    if FLAGS.data:
        # Of `data/lsp/`, too: without a name the file would be that of the run's own data.
        parts += [os.path.basename(os.path.abspath(f)) for f in pipeline.split_names(FLAGS.data)]
    name = "-".join(part for part in parts if part)
    if len(name.encode()) > MOST_NAME:
        digest = hashlib.sha256(name.encode()).hexdigest()[:8]
        name = f"{name.encode()[:MOST_NAME].decode(errors='ignore')}-{digest}"
    return f"{name}.json"


def default_folder(prefix: str, run: str | None) -> str:
    """Where results go if nobody says: eval/ of the run, or of one named after the weights."""
    if run is None and (weights_file.is_weights_file(prefix) or is_exported(prefix)):
        name = os.path.splitext(os.path.basename(os.path.abspath(FLAGS.ckpt)))[0]
        return os.path.join("runs", name, "eval")
    return os.path.join(run or os.path.dirname(prefix), "eval")


def data_folders(run: str | None, description: Mapping[str, Any]) -> Sequence[str]:
    """--data, or what the network was trained on."""
    if FLAGS.data:
        return pipeline.split_names(FLAGS.data)
    recorded = run_config.data_of(description)
    if run:
        recorded = run_config.read_run(run)[1]["data"]
    if not recorded:
        raise UsageError(
            f"{FLAGS.ckpt} does not say on which data it was trained; name it with --data=DIR"
        )
    return recorded
