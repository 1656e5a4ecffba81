"""Prints what a network is made of: layers, parameters, multiply-adds and receptive fields.

Nothing is built or trained, so it answers at once, before a run is started:

    python bin/describe.py --arch=paper --stages=6
    python bin/describe.py --arch=mini --width=1.5 --image_size=192x144

The first table lists layers, the second sums them up by stage. One MAC is one product added to a
sum; a field is the side of the square of input pixels that a cell of a belief map depends on.

With a run directory it says instead whether that is whole, checksums of checkpoints and data
included. The exit status is 1 if anything is not:

    python bin/describe.py runs/mini
"""

from collections.abc import Sequence

from absl import flags

from cpm.cli import run_check
from cpm.cli.flags import define_network_flags, network_config_from_flags
from cpm.cli.shorthands import NETWORK
from cpm.errors import UsageError
from cpm.network import summary

FLAGS = flags.FLAGS
POSITIONAL = 1  # a run directory


def define_flags() -> None:
    """Defines the flags of this script."""
    define_network_flags()


def main(arguments: Sequence[str]) -> int:
    """Prints the tables."""
    if len(arguments) > 1:
        for name in ("set", *NETWORK):
            if FLAGS[name].present:
                raise UsageError(
                    f"--{name} is of a network that is not built yet, but {arguments[1]} is a run, "
                    "which says itself what it is; leave one of them out"
                )
        return describe_run(arguments[1])
    config = network_config_from_flags(FLAGS)
    height, width = config.image_size
    print(
        f"{config.arch}: {config.stages} stages, width {config.width:g}, norm {config.norm}, "
        f"{config.skeleton}, crop {height}×{width}\n"
    )
    print(summary.format_layers(summary.layer_rows(config)))
    print()
    print(summary.format_stages(summary.stage_rows(config)))
    return 0


def describe_run(path: str) -> int:
    """Prints what is whole in a run directory; 1 if something is not."""
    rows = run_check.check_run(path)
    print(run_check.format_rows(rows))
    return 0 if all(row.whole for row in rows) else 1
