"""A network for use, from whatever `--ckpt` names: weights of this project, or an exported file."""

import os
from typing import Any

from cpm.checkpoints import load_network
from cpm.config import TrainConfig
from cpm.errors import UsageError
from cpm.execution import Execution
from cpm.execution.use import Executed
from cpm.runtimes import ExportedNetwork, is_exported, load_exported


def load_for_use(
    ckpt: str | os.PathLike, execution: Execution | None = None
) -> tuple[Executed | ExportedNetwork, TrainConfig, dict[str, Any]]:
    """The network of a checkpoint, computed as `execution` says, or that of an exported file.

    Args:
      ckpt: as of `cpm.checkpoints.resolve`; or a file of bin/export.py, which is computed by its
        own runtime.
      execution: `Execution`; None = the usual way.

    Returns:
      (network, `TrainConfig`, description dict with `prefix`).

    Raises:
      UsageError: if it cannot be used; the message says why.
    """
    if is_exported(ckpt):
        if execution is not None and execution.precision != "float32":
            raise UsageError(
                f"{ckpt} computes in the precision that it was exported with; leave out "
                f"--precision={execution.precision}, or export it anew"
            )
        return load_exported(ckpt)
    network, config, description = load_network(ckpt)
    return Executed(network, execution or Execution(), constant=True), config, description
