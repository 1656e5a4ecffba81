"""Prints what a network is made of: layers, parameters, multiply-adds and receptive fields.

Nothing is built or trained, so it answers at once, before a run is started:

    python bin/describe.py --arch=paper --stages=6
    python bin/describe.py --arch=mini --width=1.5 --image_size=192x144

The first table lists layers, the second sums them up by stage. One MAC is one product added to a
sum; a field is the side of the square of input pixels that a cell of a belief map depends on.
"""

from absl import flags

from cpm.cli.flags import define_network_flags, network_config_from_flags
from cpm.network import summary

FLAGS = flags.FLAGS


def define_flags():
    """Defines the flags of this script."""
    define_network_flags()


def main(_):
    """Prints the tables."""
    config = network_config_from_flags(FLAGS)
    height, width = config.image_size
    print(
        f"{config.arch}: {config.stages} stages, width {config.width:g}, norm {config.norm}, "
        f"{config.skeleton}, crop {height}×{width}\n"
    )
    print(summary.format_layers(summary.layer_rows(config)))
    print()
    print(summary.format_stages(summary.stage_rows(config)))
