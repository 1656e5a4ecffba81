"""Whether a training can fit into memory at all: said before the first step, not by a library."""

from cpm.config import TrainConfig
from cpm.errors import UsageError
from cpm.execution.processor import on_gpu
from cpm.execution.settings import Execution
from cpm.machine import memory_bytes
from cpm.network import summary


def require_memory(config: TrainConfig, execution: Execution, devices: int = 1) -> None:
    """UsageError for a training that surely takes more memory than this process may have.

    A library that gets no memory ends the process with pages of its own stack. What is counted is
    what no step can do without, so a training that passes may still take too much.

    Args:
      config: `TrainConfig`.
      execution: `Execution`.
      devices: that share a batch.
    """
    available = memory_bytes()
    if available is None:
        return
    if execution.cache_gb * 1e9 > available:
        raise UsageError(
            f"--cache={execution.cache_gb:g} asks for more memory than the "
            f"{available / 1e9:,.1f} GB that this process may have: give fewer GB, or leave it out"
        )
    rows = summary.layer_rows(config.network)
    parameters = sum(row.parameters for row in rows)
    weights = 4 * parameters * (4 + bool(config.average_decay))  # gradients, two slots, the average
    if weights > available:
        raise UsageError(
            f"the network has {parameters:,} parameters, which take {weights / 1e9:,.1f} GB while "
            f"they are trained; this process may have {available / 1e9:,.1f} GB: choose a smaller "
            "--width or number of --stages"
        )
    if execution.recompute or on_gpu():
        return
    # The output of every convolution is kept until its gradient is computed.
    cells = sum(r.height * r.width * r.channels for r in rows if r.kind.startswith("conv"))
    people = config.data.batch_size // (execution.replicas * devices)
    maps = people * cells * (4 if execution.precision == "float32" else 2)
    if weights + maps > available:
        height, width = config.network.image_size
        raise UsageError(
            f"a batch of {config.data.batch_size} crops of {width} x {height} pixels takes at "
            f"least {(weights + maps) / 1e9:,.1f} GB while the network learns from it; this "
            f"process may have {available / 1e9:,.1f} GB: choose a smaller --batch_size, "
            "--image_size, --width or number of --stages, or give --recompute"
        )
