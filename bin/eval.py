"""Scores a trained network on annotated people, joint by joint and stage by stage.

    python bin/eval.py --ckpt=runs/mini
    python bin/eval.py --ckpt=runs/mini --data=data/lsp,data/lspet --flip --plots=pictures

Without --data the run's own data folders are used. Tables go to the terminal and, with a JSON
file of the same numbers, into the run folder's eval/. The score depends on how the crop is placed:
--crop=joints uses the true joints' box, person the annotated centre and scale, image nothing.

Others' predictions are scored by the same code, without any network:

    python bin/eval.py --protocol=mpii --predictions=preds.mat \\
        --ground_truth=detections_our_format.mat
"""

import os
import time

import numpy as np
from absl import flags
from tqdm import tqdm

from cpm import command_line, files
from cpm.data import pipeline
from cpm.errors import UsageError
from cpm.evaluation import predictions as predicted
from cpm.evaluation import published, report, tables
from cpm.inference import batches
from cpm.plots.gallery import write_gallery
from cpm.training import run_folder
from cpm.training.checkpoints import load_network

FLAGS = flags.FLAGS
flags.DEFINE_string("ckpt", None, "Run folder (its best checkpoint) or checkpoint.")
flags.DEFINE_string("data", None, "Converted folders, separated by commas.")
flags.DEFINE_enum("split", "validation", ["train", "validation", "test"], "Who.")
flags.DEFINE_enum(
    "crop",
    None,
    ["joints", "person", "image"],
    "How to place crops; as trained if not given.",
)
flags.DEFINE_bool("flip", False, "Average over the mirrored crop as well.")
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
    return score_published() if FLAGS.predictions else score_network()


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
        write_numbers(FLAGS.json, record)


def score_network():
    """Scores a checkpoint on every data folder."""
    network, config, description = load_network(FLAGS.ckpt)
    run = run_of(description["prefix"])
    folders = data_folders(run)
    began = time.perf_counter()
    by_source = {folder: evaluate(network, config, folder) for folder in folders}
    seconds = time.perf_counter() - began
    people = predicted.concatenate(by_source.values())
    metrics = report.score(people, network.skeleton, seed=FLAGS.seed)
    if not metrics:
        raise UsageError(
            f"split {FLAGS.split!r} of {', '.join(folders)} has no annotated joint"
        )
    sources = {
        folder: report.score(part, network.skeleton, seed=FLAGS.seed)
        for folder, part in by_source.items()
    }
    text = as_text(metrics, sources)
    print(text)
    json_path = FLAGS.json or os.path.join(
        run or os.path.dirname(description["prefix"]), "eval", f"{FLAGS.split}.json"
    )
    curves = report.curves(people, network.skeleton)
    record = {
        "metrics": metrics,
        "box": {"rule": FLAGS.crop or config.data.crop, "margin": config.data.margin},
        "sources": sources,
        "curves": curves,
        "checkpoint": description["prefix"],
        "split": FLAGS.split,
        "flip": FLAGS.flip,
        "people": len(people),
        "seconds": seconds,
    }
    write_numbers(json_path, record)
    files.write_text(os.path.splitext(json_path)[0] + ".md", text + "\n")
    print(f"\n{len(people)} people in {seconds:.1f} s; wrote {json_path}")
    if FLAGS.plots:
        write_pictures(network, config, by_source, people, metrics, curves)


def run_of(prefix):
    """The run folder that a checkpoint lies in, or None for one that was taken out of its run."""
    folder = os.path.dirname(os.path.dirname(os.path.abspath(prefix)))
    is_run = os.path.isfile(os.path.join(folder, "config.json"))
    return os.path.relpath(folder) if is_run else None


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


def stream(config, folder):
    """The batches of one data folder."""
    return pipeline.evaluation_batches(
        [folder], config, split=FLAGS.split, crop=FLAGS.crop
    )


def evaluate(network, config, folder):
    """Predictions for everybody in one data folder."""
    with tqdm(unit=" people", desc=folder, leave=False) as bar:
        return batches.evaluate_batches(
            network,
            stream(config, folder),
            flip=FLAGS.flip,
            xla=FLAGS.xla,
            progress=bar.update,
        )


def as_text(metrics, sources):
    """All tables; a comparison of the data folders if there are several."""
    text = tables.full_report(metrics)
    if len(sources) > 1:
        text += "".join(f"\n\n{tables.source_table(name, sources)}" for name in metrics)
    return text


def write_numbers(path, record):
    files.write_json(path, record | command_line.provenance(FLAGS.seed))


def write_pictures(network, config, by_source, people, metrics, curves):
    """Sheets of the best, typical and worst people, belief maps and curves."""
    errors = predicted.mean_errors(people)
    ranked = [n for n in np.argsort(errors) if np.isfinite(errors[n])]
    count = min(FLAGS.pictures, len(ranked))
    spread = np.linspace(0, len(ranked) - 1, count).round().astype(int)
    groups = {
        "best": ranked[:count],
        "typical": [ranked[k] for k in spread],
        "worst": ranked[::-1][:count],
    }
    wanted = {people.ids[n] for rows in groups.values() for n in rows}
    examples = {}
    for folder in by_source:
        examples |= batches.collect_examples(
            network, stream(config, folder), wanted, flip=FLAGS.flip
        )
    names = write_gallery(
        FLAGS.plots,
        {k: [examples[people.ids[n]] for n in rows] for k, rows in groups.items()},
        dict(zip(people.ids, errors)),
        network.skeleton,
        metrics=metrics,
        curve_points=curves,
    )
    print(f"wrote {', '.join(names)} in {FLAGS.plots}")


if __name__ == "__main__":
    command_line.run(main)
