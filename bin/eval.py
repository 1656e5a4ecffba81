"""Scores a trained network on annotated people, joint by joint and stage by stage.

    python bin/eval.py --ckpt=runs/mini
    python bin/eval.py --ckpt=runs/mini --data=data/lsp,data/lspet --flip --plots=pictures
    python bin/eval.py --ckpt=runs/mini --flip --scales=0.9,1,1.1 --refinement=dark

Without --data the run's own data folders are used. Tables go to the terminal and, with a JSON
file of the same numbers, into the run folder's eval/. The score depends on how the crop is placed:
--crop=joints uses the true joints' box, person the annotated centre and scale, image nothing.

Others' predictions are scored by the same code, without any network:

    python bin/eval.py --protocol=mpii --predictions=preds.mat \\
        --ground_truth=detections_our_format.mat
"""

import os

from absl import flags

import ops
from cpm import command_line, evaluate, files
from cpm.config import CROP_RULES
from cpm.data import pipeline
from cpm.errors import UsageError
from cpm.evaluation import published, report, tables
from cpm.flags import parse_numbers
from cpm.training import run_folder
from cpm.training.checkpoints import load_network

FLAGS = flags.FLAGS
flags.DEFINE_string("ckpt", None, "Run folder (its best checkpoint) or checkpoint.")
flags.DEFINE_string("data", None, "Converted folders, separated by commas.")
flags.DEFINE_enum("split", "validation", ["train", "validation", "test"], "Who.")
flags.DEFINE_enum(
    "crop",
    None,
    CROP_RULES,
    "How to place crops; as trained if not given.",
)
flags.DEFINE_bool("flip", False, "Average over the mirrored crop as well.")
flags.DEFINE_list("scales", ["1"], "Average over these sizes, e.g. 0.9,1,1.1.")
flags.DEFINE_enum(
    "refinement", "taylor", ops.REFINEMENTS, "From the highest cell to the joint."
)
flags.DEFINE_bool("xla", False, "Compile with XLA.")
flags.DEFINE_string("json", None, "File for the numbers, instead of eval/ of the run.")
flags.DEFINE_string("plots", None, "Folder for pictures.")
flags.DEFINE_integer("pictures", 8, "People on each sheet of --plots.", lower_bound=1)
flags.DEFINE_integer("seed", 0, "Of the bootstrap intervals.")
flags.DEFINE_string("predictions", None, "Others' predictions, a .mat file.")
flags.DEFINE_string("ground_truth", None, "The truth for --predictions, a .mat file.")
flags.DEFINE_enum("protocol", None, sorted(published.PROTOCOLS), "Of --predictions.")


def main(_):
    if bool(FLAGS.ckpt) == bool(FLAGS.predictions):
        raise UsageError(
            "give either --ckpt=RUN or --predictions=FILE --ground_truth=FILE --protocol=NAME"
        )
    if FLAGS.ckpt and (FLAGS.ground_truth or FLAGS.protocol):
        raise UsageError(
            "--ground_truth and --protocol go with --predictions, not --ckpt"
        )
    return score_published() if FLAGS.predictions else score_network()


def score_network():
    """Scores a checkpoint on every data folder."""
    network, config, description = load_network(FLAGS.ckpt)
    prefix = description["prefix"]
    run = run_of(prefix)
    options = evaluate.Options(
        split=FLAGS.split,
        crop=FLAGS.crop,
        flip=FLAGS.flip,
        scales=parse_numbers("scales", FLAGS.scales),
        refinement=FLAGS.refinement,
        xla=FLAGS.xla,
        seed=FLAGS.seed,
    )
    result = evaluate.evaluate_folders(network, config, data_folders(run), options)
    print(result.text())
    path = FLAGS.json or os.path.join(
        run or os.path.dirname(prefix), "eval", default_name()
    )
    evaluate.write_results(result, path, config, options, prefix)
    print(f"\n{len(result.people)} people in {result.seconds:.1f} s; wrote {path}")
    if FLAGS.plots:
        names = evaluate.write_pictures(
            result, FLAGS.plots, network, config, options, count=FLAGS.pictures
        )
        print(f"wrote {', '.join(names)} in {FLAGS.plots}")


def default_name():
    """A file for each way to score: `validation.json`, `validation-image-flip.json`, …"""
    parts = [FLAGS.split, FLAGS.crop, "flip" if FLAGS.flip else None]
    if FLAGS["scales"].present:
        parts.append("scales-" + "-".join(FLAGS.scales))
    if FLAGS["refinement"].present:
        parts.append(FLAGS.refinement)
    if FLAGS.data:
        parts += [os.path.basename(f) for f in pipeline.split_names(FLAGS.data)]
    return "-".join(part for part in parts if part) + ".json"


def run_of(prefix):
    """The run folder that a checkpoint lies in, or None if it was taken out of its run."""
    folder = os.path.normpath(os.path.join(os.path.dirname(prefix), os.pardir))
    return folder if os.path.isfile(os.path.join(folder, "config.json")) else None


def data_folders(run):
    """--data, or what the run was trained on."""
    if FLAGS.data:
        return pipeline.split_names(FLAGS.data)
    recorded = run_folder.read_config(run)[1].get("data") if run else None
    if not recorded:
        raise UsageError(
            f"{FLAGS.ckpt} does not say on which data it was trained; name it with --data=DIR"
        )
    return recorded


def score_published():
    """Scores a prediction file."""
    if not (FLAGS.ground_truth and FLAGS.protocol):
        raise UsageError("--predictions also needs --ground_truth=FILE and --protocol")
    people = published.read_published(
        FLAGS.protocol, FLAGS.predictions, FLAGS.ground_truth
    )
    skeleton = published.PROTOCOLS[FLAGS.protocol]
    metrics = report.score(people, skeleton, seed=FLAGS.seed)
    print(tables.full_report(metrics))
    if FLAGS.json:
        record = {"metrics": metrics, "curves": report.curves(people, skeleton)}
        files.write_json(FLAGS.json, record | command_line.provenance(FLAGS.seed))


if __name__ == "__main__":
    command_line.run(main)
