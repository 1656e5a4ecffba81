"""Draws one batch exactly as training sees it, its ideal belief maps beside it.

    python bin/inspect_batch.py --data=data/lsp --out=batch.png
    python bin/inspect_batch.py --data=data/lsp,data/lspet --split=validation --out=batch.png

Look at it before every training run on new data: are the joints on the bodies, is the person's own
left side blue, does the person fill the crop? Discs are visible joints, rings occluded ones, white
dots other people; the map in the middle is the target of stage 1, the right one of later stages.
"""

import dataclasses
import itertools
import sys

from absl import flags

from cpm import command_line
from cpm.config import AUGMENTATIONS, DataConfig, TrainConfig
from cpm.data import pipeline
from cpm.errors import UsageError
from cpm.flags import define_network_flags, network_config_from_flags
from cpm.network.specs import STRIDE
from cpm.plots.batch import draw_batch
from cpm.plots.canvas import write_picture
from cpm.skeleton import get_skeleton
from cpm.training.targets import make_targets

FLAGS = flags.FLAGS
define_network_flags()
flags.DEFINE_string("data", None, "Converted folders, commas between.", required=True)
flags.DEFINE_string("out", None, "PNG file to write.", required=True)
flags.DEFINE_enum(
    "split", "train", ["train", "validation", "test"], "Other than train: unchanged."
)
flags.DEFINE_integer("step", 0, "Which batch of the run.", lower_bound=0)
flags.DEFINE_integer("batch_size", 8, "How many people.", lower_bound=1)
flags.DEFINE_integer("seed", 0, "Of the run.")
flags.DEFINE_enum("crop", "joints", ["joints", "person", "image"], "What places it.")
flags.DEFINE_float(
    "margin", DataConfig.margin, "Crop relative to the rule's box.", lower_bound=0.1
)
flags.DEFINE_enum("augment", "strong", sorted(AUGMENTATIONS), "Random changes.")


def main(_):
    config = _config()
    if FLAGS.split == "train":
        batches = pipeline.training_batches(FLAGS.data, config, start_step=FLAGS.step)
    else:
        batches = itertools.islice(
            pipeline.evaluation_batches(FLAGS.data, config, split=FLAGS.split),
            FLAGS.step,
            None,
        )
    batch = next(iter(batches), None)
    if batch is None:
        raise UsageError(f"--step={FLAGS.step}: split {FLAGS.split!r} ends before it")
    targets = make_targets(batch, config.target, stride=STRIDE, background=False)
    arrays = {key: value.numpy() for key, value in batch.items()}
    skeleton = get_skeleton(config.network.skeleton)
    write_picture(
        FLAGS.out,
        draw_batch(arrays, targets.first.numpy(), targets.later.numpy(), skeleton),
    )
    print(f"wrote {FLAGS.out}")


def _config():
    """The flags as a `TrainConfig`."""
    network = network_config_from_flags()
    data = DataConfig(
        crop=FLAGS.crop,
        margin=FLAGS.margin,
        batch_size=FLAGS.batch_size,
        augment=AUGMENTATIONS[FLAGS.augment],
    )
    return dataclasses.replace(
        TrainConfig(), network=network, data=data, seed=FLAGS.seed
    )


if __name__ == "__main__":
    sys.exit(command_line.run(main))
