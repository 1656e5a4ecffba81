"""Says how much memory a training step takes.

    python bin/memory.py --arch=vgg --batch_size=2
    python bin/memory.py --arch=vgg --batch_size=2 --recompute

Three steps on noise, then the highest resident size of the process; nothing is read or written. One
process measures one configuration. The flags mean what they mean for bin/train.py.
"""

import os

from absl import flags

from cpm.cli import command_line
from cpm.cli.flags import (
    define_data_flags,
    define_network_flags,
    define_speed_flags,
    train_config_from_flags,
)
from cpm.config import PRECISIONS
from cpm.experiments import memory
from cpm.network import slicing

FLAGS = flags.FLAGS
define_network_flags()
define_data_flags()
define_speed_flags()
flags.DEFINE_enum("precision", None, PRECISIONS, "What the layers compute in.")
flags.DEFINE_bool("recompute", False, "Compute a segment's maps twice, keep none.")
flags.DEFINE_integer("steps", 3, "How many to take.", lower_bound=1)


def main(_):
    """Configuration, steps, one line."""
    config = train_config_from_flags(
        xla=FLAGS.xla,
        conv=FLAGS.conv,
        precision=FLAGS.precision,
        recompute=FLAGS.recompute,
    )
    slicing.share_out_batches(config)
    found = memory.measure(config, FLAGS.steps)
    ways = [config.precision]
    ways += [name for name in ("xla", "recompute") if getattr(config, name)]
    height, width = config.network.image_size
    print(
        f"{config.network.arch}, {config.network.stages} stages, norm {config.network.norm}, "
        f"{height} x {width} px, batch of {config.data.batch_size}, {', '.join(ways)}: "
        f"{found['peak_mib']:,.0f} MiB, of which {found['before_mib']:,.0f} before the first "
        f"variable; {os.cpu_count()} CPU cores"
    )


if __name__ == "__main__":
    command_line.run(main)
