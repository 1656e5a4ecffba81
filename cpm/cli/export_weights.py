"""Writes a trained network as one small file: half precision, its architecture inside.

    python bin/export_weights.py --ckpt=runs/wild --out=wild.npz
    python bin/predict.py --ckpt=wild.npz --input=photo.jpg --out=poses
    python bin/train.py --init_from=wild.npz --stages=6 --data=data/mine --run_dir=runs/mine

Everything that takes a checkpoint takes the file; reading it runs no code. Of a run with averaged
weights it is those. With an evaluation of the checkpoint, made as it will be used, the file also
says from which confidence on a joint is more likely right than wrong, and joints below are not
drawn:

    python bin/eval.py --ckpt=runs/wild --crop=middle --passes=2 --flip --json=whole.json
    python bin/export_weights.py --ckpt=runs/wild --out=wild.npz --evaluation=whole.json

cpm/checkpoints/pretrained/weights.npz is the file that --ckpt=pretrained means.
"""

import math
import os
import shlex
from collections.abc import Sequence
from typing import Any

from absl import flags

from cpm import files, output_files
from cpm.checkpoints import describe, load_network, weights_file
from cpm.data.splits import TRAIN
from cpm.errors import UsageError
from cpm.provenance import provenance
from cpm.training.run_config import read_run, run_of

FLAGS = flags.FLAGS
READ = ("ckpt", "evaluation")


def define_flags() -> None:
    """Defines the flags of this script."""
    flags.DEFINE_string(
        "ckpt", None, "Network to export: run folder or checkpoint. Required.", required=True
    )
    flags.DEFINE_string("out", None, "File to write; it ends in .npz. Required.", required=True)
    flags.DEFINE_string(
        "evaluation",
        None,
        "JSON file of its evaluation, for the default --threshold. Default: none.",
    )


def main(_: Sequence[str]) -> None:
    """Writes the file and says what it holds."""
    if not weights_file.is_weights_file(FLAGS.out):
        raise UsageError(f"--out={FLAGS.out} should end in {weights_file.SUFFIX}")
    output_files.check_target(FLAGS.out, "out")
    output_files.check_apart({"out": FLAGS.out}, {flag: FLAGS[flag].value for flag in READ})
    network, config, description = load_network(FLAGS.ckpt)
    prefix = description["prefix"]
    # What weights that were exported before know of themselves.
    kept = ("data", "threshold", "threshold_from")
    origin = {key: description[key] for key in kept if key in description}
    origin["checkpoint"] = prefix
    if run := run_of(prefix):
        origin["data"] = read_run(run)[1].get("data")
    if FLAGS.evaluation:
        origin |= measured_threshold(FLAGS.evaluation, prefix)
    weights_file.write_weights(
        FLAGS.out,
        network,
        describe(config, network) | origin | provenance(config.seed),
    )
    size = os.path.getsize(FLAGS.out)
    print(f"wrote {FLAGS.out}: {size / 1e6:.1f} MB, of {prefix}")
    if "threshold" in origin:
        print(f"joints below a confidence of {origin['threshold']:.2f} are drawn gray")
    out = shlex.quote(FLAGS.out)
    print(f"next: python bin/predict.py --ckpt={out} --input=IMAGE --out=poses")


def measured_threshold(path: str, prefix: str) -> dict[str, Any]:
    """What an evaluation says of confidence: `threshold`, and how that was measured.

    Args:
      path: JSON file of bin/eval.py.
      prefix: of the checkpoint that it should be about.

    Raises:
      UsageError: if it is no such file, about another checkpoint, about a search, or about the
        people of training.
    """
    is_special = os.path.exists(path) and not os.path.isfile(path)  # nothing to write into
    advice = (
        f"write it with: python bin/eval.py --ckpt={FLAGS.ckpt} --crop=middle --passes=2 --flip "
        f"--json={'evaluation.json' if is_special else path}"
    )
    record = files.read_json(path, advice)
    try:
        checkpoint, trust = record["checkpoint"], record["reliability"]
        how = {key: record[key] for key in ("split", "box", "passes", "flip", "scales")}
        same = os.path.abspath(checkpoint) == os.path.abspath(prefix)
        threshold = None if trust is None else float(trust["threshold"])
        is_search = record.get("search") is not None
    except (KeyError, TypeError, ValueError):
        raise UsageError(f"{path} is no evaluation of bin/eval.py; {advice}") from None
    if not same:
        raise UsageError(f"{path} is about {checkpoint}, not about {prefix}; {advice}")
    if is_search:  # its confidences are those of the surest of several people
        raise UsageError(
            f"{path} scores a search (--people), and a threshold is measured without one; {advice}"
        )
    if how["split"] == TRAIN:
        raise UsageError(f"{path} is about examples of the training; {advice}")
    if threshold is None or not math.isfinite(threshold):
        raise UsageError(
            f"{path} says nothing of confidence, since none of its joints could be scored; leave "
            "out --evaluation"
        )
    # Belief maps may overshoot; where no joint is right, the threshold lies above them all.
    return {"threshold": min(max(threshold, 0.0), 1.0), "threshold_from": how}
