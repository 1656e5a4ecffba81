"""Writes a network for other programs: TensorFlow Serving, LiteRT, ONNX, OpenVINO, StableHLO.

    python bin/export.py --ckpt=pretrained --format=litert --out=pose.tflite
    python bin/export.py --ckpt=pretrained --format=litert --precision=int8 --out=small.tflite
    python bin/export.py --ckpt=runs/cats --format=onnx --precision=float16 --out=cats.onnx
    python bin/export.py --ckpt=pretrained --format=openvino --out=pose.xml
    python bin/export.py --ckpt=pretrained --format=savedmodel --out=pose_model
    python bin/export.py --ckpt=pretrained --format=all --out=exports --data=data/lsp
    python bin/export.py --ckpt=pretrained --format=litert --precision=all --out=exports
    python bin/export.py --ckpt=runs/cats --format=stablehlo --what=train_step --out=packed

The file takes an image of any size and gives joints in its pixels: crop, mirror image, both passes
and decoding are inside. It holds three functions: `image`, `box` (an image and where the person
is) and `crops` (the network alone). Formats of one function a file write them beside one another:
cats.onnx, cats_box.onnx, cats_crops.onnx. Each file says which joints it finds.

After writing, the file is opened in its own runtime and compared with this project's answers, on
synthetic people or on --images. The table of deviations is printed and stored beside the file; a
file of which a function does not run, or moves joints in float32, is not left behind. With --data
both are scored on people, too. --format=all tries every format and precision, or that of
--precision, and says which are left out, and why. --precision=all does so for one format.

What was exported can be used and scored like a checkpoint:

    python bin/predict.py --ckpt=pose.tflite --input=photo.jpg --out=poses
    python bin/eval.py --ckpt=pose.tflite --data=data/lsp

--what=train_step writes the next step of a run as a program, with the run's variables. JAX trains
on where there is no TensorFlow, and bin/import_weights.py brings the result back
(docs/howto/train_with_jax.md).

The formats' packages are in requirements-export.txt. docs/howto/export.md says more.
"""

import datetime
import os
from collections.abc import Sequence

from absl import flags

from cpm import files
from cpm.config import TrainConfig
from cpm.data import pipeline
from cpm.data.images import read_image
from cpm.errors import UsageError
from cpm.evaluation import report
from cpm.execution import Execution
from cpm.execution.use import Executed
from cpm.inference import crop_regions
from cpm.inference.beliefs import Network
from cpm.interchange import deviations
from cpm.interchange.exporting import (
    FORMATS,
    PRECISIONS,
    SUFFIXES,
    Exporter,
    Target,
    comparison_images,
    paths_of,
    versions,
)
from cpm.interchange.portable import FUNCTIONS
from cpm.provenance import provenance
from cpm.runtimes import load_exported
from cpm.scoring.evaluate import evaluate_folders
from cpm.scoring.options import Options
from cpm.training.exported_step import export_step
from ops import REFINEMENTS

FLAGS = flags.FLAGS
ALL = "all"
TRAIN_STEP = "train_step"
# How a network is used, which a step of a training does not know.
NOT_OF_A_STEP = ("precision", "flip", "crop", "refinement", "images", "terms", "json")


def define_flags() -> None:
    """Defines the flags of this script."""
    flags.DEFINE_string(
        "ckpt",
        None,
        "Network: run folder, checkpoint, .npz file, pretrained or pretrained-small. Required.",
        required=True,
    )
    flags.DEFINE_enum(
        "format", None, [*FORMATS, ALL], "File format to write. Required.", required=True
    )
    flags.DEFINE_string(
        "out",
        None,
        "File to write; a folder with --format=savedmodel, or where something is all. Required.",
        required=True,
    )
    flags.DEFINE_enum(
        "precision",
        None,
        [*PRECISIONS, ALL],
        "Width of the weights. Default: float32; with --format=all: all.",
    )
    flags.DEFINE_list(
        "what", list(FUNCTIONS), f"Functions to write, or {TRAIN_STEP} alone: a run's next step."
    )
    flags.DEFINE_integer(
        "batches", 2, f"Number of batches that --what={TRAIN_STEP} writes, too.", lower_bound=1
    )
    flags.DEFINE_bool(
        "flip",
        None,
        "Average each pass with its mirror image. Default: true if the network has one.",
    )
    flags.DEFINE_enum(
        "crop",
        None,
        crop_regions.RULES,
        "First pass without a box: windows of three sizes around the middle, the whole image, or "
        "LSP's test. Default: image if trained so, else middle.",
    )
    flags.DEFINE_enum(
        "refinement", "taylor", REFINEMENTS, "How the joint is placed around the highest cell."
    )
    flags.DEFINE_list("images", None, "Images to compare on. Default: synthetic people.")
    flags.DEFINE_string(
        "data", None, "Converted folders whose validation people are scored. Default: none."
    )
    flags.DEFINE_string("terms", None, "What the weights may be used for. Default: as they say.")
    flags.DEFINE_string(
        "json", None, "File for the table of deviations. Default: OUT.deviations.json."
    )


def main(_: Sequence[str]) -> None:
    """Writes a network in the formats that were asked for, and compares each with ours."""
    if TRAIN_STEP in FLAGS.what:
        write_train_step()
        return
    if FLAGS["batches"].present:
        raise UsageError(f"--batches is for --what={TRAIN_STEP} alone; leave it out")
    table = FLAGS.json or FLAGS.out.rstrip("/") + ".deviations.json"
    files.check_target(table, "json")
    files.check_apart({"out": FLAGS.out, "json": table}, {"ckpt": FLAGS.ckpt})
    if unknown := set(FLAGS.what) - set(FUNCTIONS):
        raise UsageError(
            f"--what={','.join(FLAGS.what)} names {', '.join(sorted(unknown))}; "
            f"expected some of {','.join(FUNCTIONS)}, or {TRAIN_STEP}"
        )
    if FLAGS.format == "stablehlo" and "crops" not in FLAGS.what:
        raise UsageError(
            f"--what={','.join(FLAGS.what)}: --format=stablehlo holds crops alone, since XLA knows "
            "fixed sizes only; leave out --what"
        )
    exporter = Exporter(
        FLAGS.ckpt,
        flip=FLAGS.flip,
        crop=FLAGS.crop,
        refinement=FLAGS.refinement,
        terms=FLAGS.terms,
    )
    images = [read_image(path) for path in FLAGS.images or ()] or comparison_images()
    scored = None
    if FLAGS.data:
        network = Executed(exporter.network, Execution(), constant=True)
        scored = score(network, exporter.config)
    rows, missing = {}, {}
    several = len(targets()) > 1
    for target in targets():
        name = f"{target.name} {target.precision}"
        try:
            row = exporter.export(target, images)
            if scored is not None and "crops" in target.functions:
                other, config = load_exported(target.path)[:2]
                row |= {"pck": score(other, config), "ours_pck": scored}
        except UsageError as error:
            if not several:
                raise
            missing[name] = str(error)
            continue
        rows[name] = row
        print(f"wrote {', '.join(paths_of(target))}", flush=True)
    if rows:
        print(f"\n{deviations.table(rows)}")
    for name, reason in missing.items():
        print(f"left out: {name}: {reason}")
    if not rows:
        raise UsageError("nothing was written; see above for what is missing")
    record = {"rows": rows, "left_out": missing, "checkpoint": FLAGS.ckpt, "data": FLAGS.data}
    record |= {"versions": versions(), "date": datetime.date.today().isoformat()}
    files.write_json(table, record | provenance(exporter.config.seed))
    print(f"wrote {table}")
    print(f"terms: {exporter.origin['terms']}")


def write_train_step() -> None:
    """Writes the next step of the run --ckpt as a program."""
    if FLAGS.what != [TRAIN_STEP] or FLAGS.format != "stablehlo":
        raise UsageError(
            f"--what={','.join(FLAGS.what)} --format={FLAGS.format}: a training step is written "
            f"alone and as StableHLO; use --what={TRAIN_STEP} --format=stablehlo"
        )
    for flag in NOT_OF_A_STEP:
        if FLAGS[flag].present:
            raise UsageError(f"--{flag} is not for --what={TRAIN_STEP}; leave it out")
    data = pipeline.split_names(FLAGS.data) if FLAGS.data else None
    written = export_step(FLAGS.ckpt, FLAGS.out, data=data, batches=FLAGS.batches)
    print(
        f"wrote {FLAGS.out}: step {written['step'] + 1} of {FLAGS.ckpt}, a program of "
        f"{written['bytes'] / 1e6:.1f} MB and {written['variables']} variables\n"
        f"next: python docs/howto/train_with_jax.py {FLAGS.out} --check"
    )


def targets() -> list[Target]:
    """The `Target`s that the flags ask for; some of several may not exist."""
    functions = tuple(name for name in FUNCTIONS if name in FLAGS.what)
    precision = FLAGS.precision or (ALL if FLAGS.format == ALL else "float32")
    if ALL not in (FLAGS.format, precision):
        return [Target(FLAGS.out, FLAGS.format, precision, functions_of(FLAGS.format, functions))]
    return [
        Target(
            os.path.join(FLAGS.out, f"pose_{width}{SUFFIXES[name]}"),
            name,
            width,
            functions_of(name, functions),
        )
        for name in (FORMATS if FLAGS.format == ALL else [FLAGS.format])
        for width in (PRECISIONS if precision == ALL else [precision])
    ]


def functions_of(name: str, functions: tuple[str, ...]) -> tuple[str, ...]:
    """Those of the functions that a format can hold: XLA knows fixed sizes only."""
    return ("crops",) if name == "stablehlo" else functions


def score(network: Network, config: TrainConfig) -> float:
    """PCK@0.2 of the validation people of --data, in percent, with two passes and no box."""
    options = Options(crop=crop_regions.usual_rule(config.data), passes=2)
    result = evaluate_folders(network, config, pipeline.split_names(FLAGS.data), options)
    return report.main_score(result.metrics)
