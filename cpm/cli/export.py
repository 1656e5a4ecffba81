"""Writes a network for other programs: TensorFlow Serving, LiteRT, ONNX, OpenVINO, StableHLO.

    python bin/export.py --ckpt=pretrained --format=litert --out=pose.tflite
    python bin/export.py --ckpt=pretrained --format=litert --precision=int8 --out=small.tflite
    python bin/export.py --ckpt=runs/cats --format=onnx --precision=float16 --out=cats.onnx
    python bin/export.py --ckpt=pretrained --format=openvino --out=pose.xml
    python bin/export.py --ckpt=pretrained --format=savedmodel --out=pose_model
    python bin/export.py --ckpt=pretrained --format=all --out=exports --data=data/lsp
    python bin/export.py --ckpt=pretrained,pretrained-small --format=all --out=exports
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
--precision, and says which are left out, and why. --precision=all does so for one format. Both
store the table after every row, so that a run that is cut keeps what it had.

What was exported can be used and scored like a checkpoint:

    python bin/predict.py --ckpt=pose.tflite --input=photo.jpg --out=poses
    python bin/eval.py --ckpt=pose.tflite --data=data/lsp

--what=train_step writes the next step of a run as a program, with the run's variables. JAX trains
on where there is no TensorFlow, and bin/import_weights.py brings the result back
(docs/howto/train_with_jax.md).

The formats' packages are in requirements-export.txt. docs/howto/export.md says more.
"""

import os
from collections.abc import Sequence
from typing import Any

import numpy as np
from absl import flags

from cpm import output_files
from cpm.checkpoints import resolve
from cpm.cli.export_rows import Rows, export_each, head_of, name_of
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
)
from cpm.interchange.portable import FUNCTIONS
from cpm.provenance import provenance
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
        "Network: run folder, checkpoint, .npz file, pretrained or pretrained-small. Several, "
        "separated by commas, each go to a folder of their name in --out. Required.",
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
    """Writes networks in the formats that were asked for, and compares each file with ours."""
    if TRAIN_STEP in FLAGS.what:
        write_train_step()
        return
    if FLAGS["batches"].present:
        raise UsageError(f"--batches is for --what={TRAIN_STEP} alone; leave it out")
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
    networks = places()
    for ckpt, out, table in networks:
        output_files.check_target(table, "json")
        output_files.check_apart({"out": out, "json": table}, {"ckpt": ckpt})
        resolve(ckpt)
    images = [read_image(path) for path in FLAGS.images or ()] or comparison_images()
    origin = provenance()
    for place in networks:
        export_network(*place, images, origin)


def export_network(
    ckpt: str, out: str, table: str, images: Sequence[np.ndarray], origin: dict[str, Any]
) -> None:
    """Writes one network in the formats that were asked for, and the table of deviations.

    Args:
      ckpt, out, table: of `places`.
      images: list of `[H, W, 3]` uint8 to compare on.
      origin: `cpm.provenance.provenance` of this command.
    """
    exporter = Exporter(
        ckpt, flip=FLAGS.flip, crop=FLAGS.crop, refinement=FLAGS.refinement, terms=FLAGS.terms
    )
    asked = targets(out)
    if len(asked) > 1:
        print(f"{ckpt} into {out}; {table} has the rows so far", flush=True)
    head = head_of(exporter, ckpt, FLAGS.data, origin | {"seed": exporter.config.seed})
    rows = Rows(table, [name_of(target) for target in asked], head)
    scored = None
    if FLAGS.data:
        scored = score(Executed(exporter.network, Execution(), constant=True), exporter.config)
    try:
        export_each(exporter, asked, images, rows, score, scored)
    except KeyboardInterrupt:
        if rows.rows:
            print(f"{len(rows.rows)} of {len(asked)} rows are in {table}")
        raise
    print(f"\n{deviations.table(rows.rows)}")
    print(f"wrote {table}")
    print(f"terms: {exporter.origin['terms']}")


def places() -> list[tuple[str, str, str]]:
    """(network, where it goes, file of its table of deviations) of every network of --ckpt."""
    several = FLAGS.ckpt.split(",")
    if len(several) == 1 or os.path.exists(FLAGS.ckpt):
        return [(FLAGS.ckpt, FLAGS.out, FLAGS.json or f"{FLAGS.out.rstrip('/')}.deviations.json")]
    names = [os.path.basename(os.path.normpath(ckpt)).removesuffix(".npz") for ckpt in several]
    if ALL not in (FLAGS.format, FLAGS.precision) or FLAGS.json:
        raise UsageError(
            f"--ckpt={FLAGS.ckpt} names several networks, each of which gets a folder in --out and "
            "a table beside it; use --format=all or --precision=all, and leave out --json"
        )
    if "" in several or len(set(names)) < len(names):
        raise UsageError(
            f"--ckpt={FLAGS.ckpt}: the networks' folders would be {', '.join(names)}; name "
            "networks of different names"
        )
    return [
        (ckpt, os.path.join(FLAGS.out, name), os.path.join(FLAGS.out, f"{name}.deviations.json"))
        for ckpt, name in zip(several, names, strict=True)
    ]


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


def targets(out: str) -> list[Target]:
    """The `Target`s that the flags ask for; some of several may not exist.

    Args:
      out: file or folder that they go to.
    """
    functions = tuple(name for name in FUNCTIONS if name in FLAGS.what)
    precision = FLAGS.precision or (ALL if FLAGS.format == ALL else "float32")
    if ALL not in (FLAGS.format, precision):
        return [Target(out, FLAGS.format, precision, functions_of(FLAGS.format, functions))]
    return [
        Target(
            os.path.join(out, f"pose_{width}{SUFFIXES[name]}"),
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
