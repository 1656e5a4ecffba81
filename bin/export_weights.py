"""Writes a trained network as one small file: half precision, its architecture inside.

    python bin/export_weights.py --ckpt=runs/wild --out=wild.npz
    python bin/predict.py --ckpt=wild.npz --input=photo.jpg --out=poses
    python bin/train.py --init_from=wild.npz --stages=6 --data=data/mine --run_dir=runs/mine

Everything that takes a checkpoint takes the file; reading it runs no code. Of a run with averaged
weights it is those. cpm/pretrained/weights.npz is the file that --ckpt=pretrained means.
"""

import os

from absl import flags

from cpm import command_line
from cpm.errors import UsageError
from cpm.training import weights_file
from cpm.training.checkpoints import describe, load_network
from cpm.training.run_folder import read_config, run_of

FLAGS = flags.FLAGS
flags.DEFINE_string("ckpt", None, "Run folder or checkpoint.", required=True)
flags.DEFINE_string("out", None, "File to write, .npz.", required=True)


def main(_):
    if not weights_file.is_weights_file(FLAGS.out):
        raise UsageError(f"--out={FLAGS.out} should end in {weights_file.SUFFIX}")
    network, config, description = load_network(FLAGS.ckpt)
    prefix = description["prefix"]
    origin = {"checkpoint": prefix, "data": description.get("data")}
    if run := run_of(prefix):
        origin["data"] = read_config(run)[1].get("data")
    weights_file.write_weights(
        FLAGS.out,
        network,
        describe(config, network) | origin | command_line.provenance(config.seed),
    )
    size = os.path.getsize(FLAGS.out)
    print(f"wrote {FLAGS.out}: {size / 1e6:.1f} MB, of {prefix}")
    print(f"next: python bin/predict.py --ckpt={FLAGS.out} --input=PICTURE --out=poses")


if __name__ == "__main__":
    command_line.run(main)
