"""Turns weights of others into a checkpoint: the authors' Caffe networks, or VGG-19's trunk.

    python bin/import_weights.py --arch=vgg --src=pose_iter_320000.caffemodel --out=runs/released
    python bin/predict.py --ckpt=runs/released --input=photo.jpg --out=poses

    python bin/import_weights.py --arch=vgg --src=VGG_ILSVRC_19_layers.caffemodel \\
        --out=runs/vgg19 --skeleton=lsp14
    python bin/train.py --recipe=release --init_from=runs/vgg19 --data=data/lsp,data/lspet

A released file decides joints and stages; --arch=paper is the one described by "centerMap" deploy
files, vgg by "resize". VGG-19 (.caffemodel, .npz, .h5) fills vgg up to conv4_2; the other layers
stay fresh, from --seed, and the network is what the other flags say. Channels are reordered (BGR to
RGB, the release's joints to the skeleton's) and VGG-19's input is folded into its first layer. The
table lists each layer of both sides; what is missing or left over is an error. OUT/import.json
keeps the table and the file's checksum.

A folder of `bin/export.py --what=train_step`, in which JAX has trained, becomes a checkpoint of the
run that it was exported from (docs/howto/train_with_jax.md):

    python bin/import_weights.py --src=packed --out=runs/cats
"""

import dataclasses
import os
import shlex
from collections.abc import Sequence

from absl import flags

from cpm import files
from cpm.cli.flags import define_network_flags, network_config_from_flags
from cpm.data.manifest import sha256
from cpm.interchange import importer
from cpm.provenance import provenance
from cpm.training.exported_step import import_step

FLAGS = flags.FLAGS


def define_flags() -> None:
    """Defines the flags of this script."""
    define_network_flags()
    flags.DEFINE_string(
        "src",
        None,
        "File of weights to import, or folder of a training step. Required.",
        required=True,
    )
    flags.DEFINE_string(
        "out",
        None,
        "Run folder to make; of a training step, the run it is from. Required.",
        required=True,
    )
    flags.DEFINE_enum(
        "channel_order",
        "bgr",
        ["bgr", "rgb"],
        "Order of the color channels that VGG-19's file was made for.",
    )
    flags.DEFINE_integer(
        "seed", 0, "Seed of the layers that the file does not have.", lower_bound=0
    )


def main(_: Sequence[str]) -> None:
    """Imports, prints the table, keeps the record."""
    out = shlex.quote(FLAGS.out)  # in commands to copy
    if os.path.isdir(FLAGS.src):
        done = import_step(FLAGS.src, FLAGS.out)
        print(
            f"{FLAGS.out} has a checkpoint of step {done}\n"
            f"next: the command that began the run goes on from there, "
            f"or python bin/eval.py --ckpt={out}"
        )
        return
    given = [name for name in ("skeleton", "stages") if FLAGS[name].value is not None]
    config, rows = importer.import_weights(
        network_config_from_flags(FLAGS),
        FLAGS.src,
        FLAGS.out,
        given=given,
        channel_order=FLAGS.channel_order,
        seed=FLAGS.seed,
    )
    print(importer.format_rows(rows))
    record = {"src": FLAGS.src, "sha256": sha256(FLAGS.src)}
    record["layers"] = [dataclasses.asdict(row) for row in rows]
    path = os.path.join(FLAGS.out, "import.json")
    files.write_json(path, record | provenance(FLAGS.seed))
    fresh = sum(row.stored is None for row in rows)
    print(
        f"\n{len(rows) - fresh} layers imported, {fresh} fresh: {config.arch}, {config.stages} "
        f"stages, {config.skeleton}; wrote {FLAGS.out}"
    )
    print(
        f"next: python bin/train.py --recipe=release --init_from={out} --data=DIR"
        if fresh
        else f"next: python bin/predict.py --ckpt={out} --input=IMAGE --out=poses"
    )
