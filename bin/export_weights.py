"""Writes a trained network as one small file: half precision, its architecture inside.

    python bin/export_weights.py --ckpt=runs/wild --out=wild.npz
    python bin/eval.py --ckpt=runs/wild --crop=whole --passes=2 --json=whole.json
    python bin/export_weights.py --ckpt=runs/wild --out=wild.npz --evaluation=whole.json
    python bin/predict.py --ckpt=wild.npz --input=photo.jpg --out=poses
    python bin/train.py --init_from=wild.npz --stages=6 --data=data/mine --run_dir=runs/mine

Everything that takes a checkpoint takes the file; reading it runs no code. Of a run with averaged
weights it is those. --evaluation, a JSON file of bin/eval.py, says from which confidence on a joint is
more likely right than wrong; prediction with the file does not draw those below. cpm/pretrained/weights.npz is the file that --ckpt=pretrained means.
"""

import os

from absl import flags

from cpm import command_line, files
from cpm.errors import UsageError
from cpm.training import weights_file
from cpm.training.checkpoints import describe, load_network
from cpm.training.run_folder import read_config, run_of

FLAGS = flags.FLAGS
flags.DEFINE_string("ckpt", None, "Run folder or checkpoint.", required=True)
flags.DEFINE_string("out", None, "File to write, .npz.", required=True)

flags.DEFINE_string(
    "evaluation", None, "JSON file of its evaluation, for the default --threshold."
)


def main(_):
    if not weights_file.is_weights_file(FLAGS.out):
        raise UsageError(f"--out={FLAGS.out} should end in {weights_file.SUFFIX}")
    network, config, description = load_network(FLAGS.ckpt)
    prefix = description["prefix"]
    origin = {"checkpoint": prefix, "data": description.get("data")}
    if run := run_of(prefix):
        origin["data"] = read_config(run)[1].get("data")
    if FLAGS.evaluation:
        origin["threshold"] = measured_threshold(FLAGS.evaluation, prefix)
    weights_file.write_weights(
        FLAGS.out,
        network,
        describe(config, network) | origin | command_line.provenance(config.seed),
    )
    size = os.path.getsize(FLAGS.out)
    print(f"wrote {FLAGS.out}: {size / 1e6:.1f} MB, of {prefix}")
    if FLAGS.evaluation:
        print(f"joints below a confidence of {origin['threshold']:.2f} are not drawn")
    print(f"next: python bin/predict.py --ckpt={FLAGS.out} --input=PICTURE --out=poses")


def measured_threshold(path, prefix):
    """The confidence from which on a joint is more likely right than wrong.

    Args:
      path: JSON file of bin/eval.py.
      prefix: of the checkpoint that it should be about.

    Raises:
      UsageError: if it is no such file, or about another checkpoint.
    """
    advice = f"write it with: python bin/eval.py --ckpt={FLAGS.ckpt} --json={path}"
    record = files.read_json(path, advice)
    if "checkpoint" not in record or not record.get("reliability"):
        raise UsageError(f"{path} says nothing of confidence; {advice}")
    if os.path.abspath(record["checkpoint"]) != os.path.abspath(prefix):
        raise UsageError(
            f"{path} is about {record['checkpoint']}, not about {prefix}; {advice}"
        )
    return record["reliability"]["threshold"]


if __name__ == "__main__":
    command_line.run(main)
