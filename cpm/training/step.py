"""One training step: a pure core, run for each replica, and what the host does around it.

    (variables, part of a batch) → losses, gradients, moments    `core`, for each replica
    sums over replicas, averages of batch norms                  `losses_and_gradients`
    (gradients, learning rate) → variables, averages             `update`

The core has no effects and knows nothing of the other parts: its sums are divided by counts of the
whole batch, which are given to it. So its results only have to be added up, wherever the replicas
run (cpm/execution/replicas.py).

With `--xla` the core is compiled on a GPU; on a CPU only the parts of it that gain by that: fast
convolutions on tiles (cpm/execution/convolution.py), the drawing of the targets, and the update if
its rule does (`Optimizer.gains_by_xla`). Sums over replicas and the update stand around the core,
because XLA on a CPU cannot cross a collective.

In float16 the loss is scaled within the core, and an update whose gradients overflowed is left out
(loss_scale.py). That is decided between the two, by the same number on every replica.
"""

import math
from collections.abc import Mapping
from typing import Any

import tensorflow as tf

from cpm.config import TrainConfig
from cpm.execution import replicas
from cpm.execution.convolution import compiles_whole
from cpm.execution.devices import Devices
from cpm.execution.processor import on_gpu, return_freed_memory
from cpm.execution.settings import Execution
from cpm.execution.threads import operations_at_once
from cpm.execution.training import Training
from cpm.network import ConvolutionalPoseMachine
from cpm.network.layers import BatchNorm
from cpm.training import loss, optimizers, targets
from cpm.training.ema import ExponentialMovingAverage
from cpm.training.loss_scale import LossScale

# What the core needs of a batch; strings (ids) cannot enter XLA.
TENSORS = ("image", "joints_px", "state", "center_px", "valid")
OPTIONAL_TENSORS = ("nobody",)


class TrainStep:
    """The compiled functions of a run.

    Attributes:
      network, optimizer, average: as given.
      variables: those that it changes, in the order of the gradients.
      loss_scale: `LossScale` in float16, else None.

    Args:
      network: `ConvolutionalPoseMachine`.
      optimizer: of `optimizers.make_optimizer`.
      config: `TrainConfig`.
      execution: `Execution`.
      average: `ExponentialMovingAverage` that follows the updates, or None.
      devices: `Devices` in whose scope network, optimizer and average were made; None = one.
      compile_core: compile the whole core; None = where `--xla` was given and it pays.
    """

    def __init__(
        self,
        network: ConvolutionalPoseMachine,
        optimizer: optimizers.Optimizer,
        config: TrainConfig,
        execution: Execution,
        average: ExponentialMovingAverage | None = None,
        *,
        devices: Devices | None = None,
        compile_core: bool | None = None,
    ) -> None:
        if compile_core is None:
            compile_core = compiles_whole(execution)
        self._devices = devices or Devices()
        self.network, self.optimizer, self.average = network, optimizer, average
        self._config, self._execution = config, execution
        self.variables = optimizers.trained_variables(config.optimizer, network)
        with self._devices.scope():
            self.loss_scale = LossScale() if execution.precision == "float16" else None
        self._norms = {m.name: m for m in network.submodules if isinstance(m, BatchNorm)}
        # A map's product and cutoff are four passes over memory, compiled one.
        self._targets = tf.function(self._draw_targets, jit_compile=execution.xla, autograph=False)
        self._core = tf.function(self.core, jit_compile=compile_core, autograph=False)
        if execution.sync_batch_norm and self._devices.count > 1:
            self._core = self.core  # devices meet inside of it, which a function of its own forbids
        self._sums = tf.function(self._sum_over_devices, autograph=False)
        # Operations of one thread each, several at once: many share out better than a compiled one.
        gains = optimizer.gains_by_xla and execution.replicas == 1
        self._apply = tf.function(
            self._clip_and_apply,
            jit_compile=execution.xla and (on_gpu() or gains),
            autograph=False,
        )
        self._update = tf.function(self._update_devices, autograph=False)
        self._norm = tf.function(optimizers.global_norm, jit_compile=execution.xla, autograph=False)

    @property
    def state(self) -> list[tf.Variable]:
        """Every variable that a step may change."""
        parts = (self.network, self.optimizer, self.average, self.loss_scale)
        return [v for part in parts if part is not None for v in part.variables]

    def losses_and_gradients(
        self, batch: Mapping[str, tf.Tensor], step: int
    ) -> tuple[dict[str, float], Any]:
        """The loss of every stage and the gradient of their sum; moves the averages of batch norms.

        Args:
          batch: dict of cpm/data/pipeline.py, this host's part of the batch.
          step: int, 0-based; keys the dropout masks.

        Returns:
          measurements: dict of scalars, t = 1 … T: `loss` and `loss_stage_t`, what is minimized;
            `release_loss_stage_t`, the same maps in the release's convention, Σ (b − b*)² / 2N, and
            `release_loss_empty`, what empty maps would score in it (the later stages' target);
            `peak_stage_t`, mean height of the joints' maps.
          gradients: one for each of `variables`, of the whole batch, as `Devices.run` returns
            them.
        """
        seed = tf.constant([self._config.seed % 2**31, step], tf.int32)
        tensors = {key: batch[key] for key in (*TENSORS, *OPTIONAL_TENSORS) if key in batch}
        measurements, gradients = _call(self._sums, self._devices.cut(tensors), seed)
        measurements = self._devices.first(measurements)
        # TensorFlow returns a dict sorted by key; the stages belong in their order.
        stages = range(1, self._config.network.stages + 1)
        kinds = ("loss", "release_loss", "peak")
        keys = ["loss", *(f"{kind}_stage_{t}" for kind in kinds for t in stages)]
        keys.append("release_loss_empty")
        return {key: float(measurements[key]) for key in keys}, gradients

    def update(self, gradients: Any, learning_rate: float) -> float:
        """Clips the gradients and changes the variables and their average.

        With a loss scale nothing is changed by gradients that are not finite, but the scale; where
        `on_non_finite` is skip, nothing at all.

        Args:
          gradients: as `losses_and_gradients` gives them.
          learning_rate: float.

        Returns:
          The gradients' norm before clipping; not finite and the step left out, if one is not.
        """
        # In a list: TensorFlow keeps every lone Python number that it made a tensor of (0.7 kB).
        rate = tf.constant([learning_rate], tf.float32, shape=[])
        if self.loss_scale is not None or self._execution.on_non_finite == "skip":
            norm = float(self._norm(self._devices.first(gradients)))
            if not math.isfinite(norm):
                return norm
        return float(self._devices.first(_call(self._update, gradients, rate)))

    def whole(
        self, tensors: Mapping[str, tf.Tensor], seed: tf.Tensor, learning_rate: tf.Tensor
    ) -> tuple[dict[str, tf.Tensor], tf.Tensor]:
        """All of a step in one graph, nothing decided by the host between losses and update.

        Args:
          tensors: dict of `TENSORS`, perhaps `OPTIONAL_TENSORS`.
          seed: `[2]` int32, of dropout masks.
          learning_rate: scalar.

        Returns:
          measurements as of `losses_and_gradients`, but tensors; the norm of the gradients.
        """
        measurements, gradients = self._sum_over_devices(tensors, seed)
        return measurements, self._update_devices(gradients, learning_rate)

    def core(
        self, part: Mapping[str, tf.Tensor], seed: tf.Tensor, counts: loss.Counts
    ) -> tuple[dict[str, tf.Tensor], list[tf.Tensor], dict[str, Any]]:
        """What one replica computes: a pure function of the variables and these arguments.

        Args:
          part: dict of `TENSORS`, the replica's part of a batch.
          seed: `[2]` int32, of its dropout masks.
          counts: `loss.Counts` of the whole batch.

        Returns:
          measurements: as of `losses_and_gradients`, this part's share of each.
          gradients: of its share of the loss, one for each of `variables`.
          moments: {name of a batch norm: (mean, variance)} of this part.
        """
        target = self._config.target
        joints = len(self.network.skeleton)
        training = Training(self._execution, self._devices)
        with tf.GradientTape() as tape:
            beliefs = self.network(
                part["image"], part["center_px"], training=True, seed=seed, apply=training
            )
            # No loss in 16 bits.
            beliefs = tuple(tf.cast(b_t, self.network.dtype) for b_t in beliefs)
            ideal = self._targets(part)
            stage_losses = loss.stage_losses(
                beliefs, ideal, target.foreground_weight, target.reduction, counts.people
            )  # [T]
            supervised = stage_losses if target.supervision == "every" else stage_losses[-1:]
            total = tf.reduce_sum(supervised)
            scaled = total if self.loss_scale is None else total * self.loss_scale.scale
        gradients = tape.gradient(scaled, self.variables)
        if self.loss_scale is not None:
            gradients = self.loss_scale.unscale(gradients)
        empty = [loss.empty_answer(ideal, joints)] * 2  # of stage 1, of the later ones
        measurements = {
            "loss": total,
            "release_loss_empty": loss.stage_losses(empty, ideal, people=counts.people)[-1],
        }
        release_losses = loss.stage_losses(beliefs, ideal, people=counts.people)
        for t, belief in enumerate(beliefs):
            measurements[f"loss_stage_{t + 1}"] = stage_losses[t]
            measurements[f"release_loss_stage_{t + 1}"] = release_losses[t]
            measurements[f"peak_stage_{t + 1}"] = loss.mean_peak(
                belief[..., :joints], ideal.mask[:, :joints], counts.joints
            )
        return measurements, gradients, training.moments

    def _sum_over_devices(self, batch, seed):
        return self._devices.run(self._sum_over_replicas, batch, seed)

    def _sum_over_replicas(self, batch, seed):
        """Runs the core for every replica of a device, adds up what all replicas of all devices
        give, and moves the averages of norms.
        """
        devices = self._devices
        background = self.network.config.background
        mask = targets.counted_maps(batch, self._config.target, background=background)
        counts = devices.sum(loss.count(mask, len(self.network.skeleton)))
        parts = replicas.cut(batch, self._execution.replicas)
        first, count = devices.index() * len(parts), devices.count * len(parts)
        seeds = [replicas.seed_of(seed, first + r, count) for r in range(len(parts))]
        results = [self._core(*pair, counts) for pair in zip(parts, seeds, strict=True)]
        sums = [replicas.total(parts) for parts in zip(*results, strict=True)]
        measurements, gradients, moments = devices.sum(sums)
        for name, (mean, variance) in replicas.over(moments, count).items():
            self._norms[name].move_averages(mean, variance)
        return measurements, gradients

    def _update_devices(self, gradients, learning_rate):
        """Changes the copies of every device, each from the same sums: they stay equal."""
        return self._devices.run(self._apply, gradients, learning_rate)

    def _draw_targets(self, batch):
        network = self.network
        return targets.make_targets(
            batch,
            self._config.target,
            stride=network.stride,
            background=network.config.background,
            origin_px=network.origin_px,
        )

    def _clip_and_apply(self, gradients, learning_rate):
        norm = optimizers.global_norm(gradients)
        factor = optimizers.clipping_factor(norm, self._config.optimizer.clip_norm)
        at_once = operations_at_once(self._execution)
        self.optimizer.apply(gradients, learning_rate, factor, at_once=at_once)
        if self.average is not None:
            self.average.update(self.network)
        return norm


def make_step(
    config: TrainConfig, execution: Execution, devices: Devices | None = None
) -> TrainStep:
    """The `TrainStep` of a run, with a new network, its optimizer and its average.

    Args:
      config: `TrainConfig`.
      execution: `Execution`.
      devices: `Devices` that compute it together; None = one.
    """
    devices = devices or Devices()
    with devices.scope():
        network = ConvolutionalPoseMachine(config.network, seed=config.seed)
        optimizer = optimizers.make_optimizer(config.optimizer, network)
        average = None
        if config.average_decay:
            average = ExponentialMovingAverage(network, config.average_decay)
    return TrainStep(network, optimizer, config, execution, average, devices=devices)


def _call(function, *arguments):
    """Calls a `tf.function`; the memory that tracing and compiling it took is not kept."""
    before = function.experimental_get_tracing_count()
    results = function(*arguments)
    if function.experimental_get_tracing_count() > before:
        return_freed_memory()
    return results
