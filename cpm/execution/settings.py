"""The `Execution`: how a run is computed and how often it is looked at, as one frozen value.

A script decides it once (cpm/cli/flags.py) and passes it down; nothing reads it from anywhere else.
It may differ between the parts of a resumed run. What is learned is the `TrainConfig`
(cpm/config.py).
"""

import dataclasses
from collections.abc import Mapping
from typing import Any

from cpm.config import TrainConfig, changed, require, require_numbers, require_one_of

CONVOLUTIONS = ("auto", "direct", "fast")
PRECISIONS = ("float32", "bfloat16", "float16")
NON_FINITE = ("stop", "skip")
DISTRIBUTIONS = ("none", "mirrored", "multiworker")


@dataclasses.dataclass(frozen=True)
class Execution:
    """How a network is computed, in training and in use.

    Attributes:
      xla: compile with XLA what gains by it (cpm/execution/convolution.py).
      conv: how convolutions are computed, one of `CONVOLUTIONS` (cpm/execution/convolution.py).
      precision: one of `PRECISIONS`, the type the layers compute in. Variables, statistics, belief
        maps, loss, targets and the optimizer stay float32. In training float16 has its loss scaled
        (cpm/training/loss_scale.py), and what is evaluated on the way is computed in float32.
      recompute: keep little for the backward pass and compute the rest again there
        (cpm/execution/recompute.py).
      replicas: parts of a batch that are computed side by side, on a CPU with one thread each
        (cpm/execution/replicas.py). Batch norms take the moments of their own part.
      distribute: one of `DISTRIBUTIONS`, the devices that share every batch
        (cpm/execution/devices.py).
      devices: of this host, with `mirrored`; 0 = all GPUs, without a GPU as many logical devices
        of the CPU as it has cores.
      sync_batch_norm: batch norms take the moments of the whole batch, of all devices together.
      serial: run one operation after the other on a CPU, each on all cores. A large network's
        operations keep all cores busy, and several at once only hold more memory.
      cache_gb: gigabytes of decoded training images to keep in memory (cpm/data/decoding.py).
      eval_every, save_every, log_every: steps between evaluations, checkpoints, TensorBoard points.
      gradients_every: steps between records of every kernel's gradient; 0 = none.
      on_non_finite: what a batch does whose loss or gradient is no number: `stop` the run, or be
        left out of it (`skip`), counted.
    """

    xla: bool = False
    conv: str = "auto"
    precision: str = "float32"
    recompute: bool = False
    replicas: int = 1
    distribute: str = "none"
    devices: int = 0
    sync_batch_norm: bool = False
    serial: bool = False
    cache_gb: float = 0.0
    eval_every: int = 700
    save_every: int = 350
    log_every: int = 20
    gradients_every: int = 0
    on_non_finite: str = "stop"

    def __post_init__(self) -> None:
        require_numbers(self)
        require_one_of(self, CONVOLUTIONS, "conv")
        require_one_of(self, PRECISIONS, "precision")
        require_one_of(self, NON_FINITE, "on_non_finite")
        require_one_of(self, DISTRIBUTIONS, "distribute")
        require(self, "> 0", "replicas", "eval_every", "save_every", "log_every")
        require(self, ">= 0", "devices", "cache_gb", "gradients_every")
        if self.sync_batch_norm and self.replicas > 1:
            raise ValueError(
                f"sync_batch_norm is of devices, not of the {self.replicas} replicas on the cores "
                "of one: use --replicas=1 with it"
            )

    def in_float32(self) -> "Execution":
        """The same in full precision: how a network is scored, however it is trained."""
        return dataclasses.replace(self, precision="float32")


@dataclasses.dataclass(frozen=True)
class Settings:
    """All that a script decides about a run.

    Attributes:
      config: `TrainConfig`, what is learned.
      execution: `Execution`, how it is computed.
    """

    config: TrainConfig = dataclasses.field(default_factory=TrainConfig)
    execution: Execution = dataclasses.field(default_factory=Execution)

    def changed(self, changes: Mapping[str, Any]) -> "Settings":
        """Settings with some fields replaced.

        Args:
          changes: as of `cpm.config.changed` for the `TrainConfig`; those of the `Execution` under
            the key `execution`.

        >>> settings = Settings().changed({"steps": 5, "execution": {"xla": True}})
        >>> settings.config.steps, settings.execution.xla
        (5, True)
        """
        changes = dict(changes)
        execution = changed(self.execution, changes.pop("execution", {}))
        return Settings(changed(self.config, changes), execution)
