"""Says how much memory a training step takes.

    python bin/memory.py --arch=vgg --batch_size=2
    python bin/memory.py --arch=vgg --batch_size=2 --recompute

Three steps on noise, then the highest resident size of the process; nothing is read or written. One
process measures one configuration. The flags mean what they mean for bin/train.py.
"""

import os
from collections.abc import Sequence

from cpm.cli.flags import define_run_flags, settings_from_flags
from cpm.execution.threads import configure_threads
from cpm.experiments import memory


def define_flags() -> None:
    """Defines the flags of this script."""
    define_run_flags("steps", "xla", "conv", "precision", "recompute", "replicas", steps=3)


def main(_: Sequence[str]) -> None:
    """Configuration, steps, one line."""
    settings = settings_from_flags()
    config, execution = settings.config, settings.execution
    configure_threads(execution)
    found = memory.measure(config, execution)
    ways = [execution.precision]
    ways += [name for name in ("xla", "recompute") if getattr(execution, name)]
    height, width = config.network.image_size
    print(
        f"{config.network.arch}, {config.network.stages} stages, norm {config.network.norm}, "
        f"{height} x {width} px, batch of {config.data.batch_size}, {', '.join(ways)}: "
        f"{found['peak_mib']:,.0f} MiB, of which {found['before_mib']:,.0f} before the first "
        f"variable; {os.cpu_count()} CPU cores"
    )
