"""One training step: a pure, compiled core with the update around it.

    (variables, batch) → losses, gradients, measurements      `losses_and_gradients`
    (gradients, learning rate) → variables, averages          `update`

The core is one pure function of its inputs. With `--xla` it is compiled on a GPU; on a CPU only the
parts of it that gain by that: fast convolutions on tiles (cpm/network/convolution.py), the drawing
of the targets, and the update if its rule does (`Optimizer.gains_by_xla`). Averaging over replicas
and the update stand around the core, because XLA on a CPU cannot cross a collective.

In float16 the loss is scaled within the core, and an update whose gradients overflowed is left out
(loss_scale.py). That is decided between the two, by the same number on every replica.
"""

import math

import tensorflow as tf

from cpm.network.convolution import compiles_whole
from cpm.network.processor import (
    on_gpu,
    operations_at_once,
    return_freed_memory,
    threads_of_operation,
)
from cpm.training import loss, optimizers, targets
from cpm.training.loss_scale import LossScale

# What the compiled core needs of a batch; strings (ids) cannot enter XLA.
TENSORS = ("image", "joints_px", "state", "center_px", "valid")
OPTIONAL_TENSORS = ("nobody",)


class TrainStep:
    """The compiled functions of a run.

    Attributes:
      variables: those that it changes, in the order of the gradients.
      loss_scale: `LossScale` in float16, else None.

    Args:
      network: `ConvolutionalPoseMachine`.
      optimizer: of `optimizers.make_optimizer`.
      config: `TrainConfig`.
      average: `ExponentialMovingAverage` that follows the updates, or None.
      compile_core: compile the whole core; None = where `--xla` was given and it pays.
    """

    def __init__(self, network, optimizer, config, average=None, *, compile_core=None):
        if compile_core is None:
            compile_core = compiles_whole(config.xla)
        self._network, self._optimizer, self._config = network, optimizer, config
        self._average = average
        self.variables = optimizers.trained_variables(config.optimizer, network)
        self.loss_scale = LossScale() if config.precision == "float16" else None
        # A map's product and cutoff are four passes over memory, compiled one.
        self._targets = tf.function(self._draw_targets, jit_compile=config.xla)
        self._core = tf.function(self._losses_and_gradients, jit_compile=compile_core)
        # Operations of one thread each, several at once: many share out better than a compiled one.
        side_by_side = threads_of_operation() == 1 and operations_at_once() > 1
        gains = optimizer.gains_by_xla and not side_by_side
        self._update = tf.function(
            self._clip_and_apply, jit_compile=config.xla and (on_gpu() or gains)
        )
        self._norm = tf.function(optimizers.global_norm, jit_compile=config.xla)

    def losses_and_gradients(self, batch, step):
        """The loss of every stage and the gradient of their sum.

        Args:
          batch: dict of cpm/data/pipeline.py.
          step: int, 0-based; keys the dropout masks.

        Returns:
          measurements: dict of scalars, t = 1 … T: `loss` and `loss_stage_t`, what is minimised;
            `release_loss_stage_t`, the same maps in the release's convention, Σ (b − b*)² / 2N, and
            `release_loss_empty`, what empty maps would score in it (the later stages' target);
            `peak_stage_t`, mean height of the joints' maps.
          gradients: one for each of `variables`.
        """
        seed = tf.constant([self._config.seed % 2**31, step], tf.int32)
        tensors = {key: batch[key] for key in (*TENSORS, *OPTIONAL_TENSORS) if key in batch}
        measurements, gradients = _call(self._core, tensors, seed)
        # XLA returns a dict sorted by key; the stages belong in their order.
        stages = range(1, self._config.network.stages + 1)
        kinds = ("loss", "release_loss", "peak")
        keys = ["loss", *(f"{kind}_stage_{t}" for kind in kinds for t in stages)]
        keys.append("release_loss_empty")
        return {key: float(measurements[key]) for key in keys}, gradients

    def update(self, gradients, learning_rate):
        """Clips the gradients and changes the variables and their average.

        With a loss scale nothing is changed by gradients that are not finite, but the scale.

        Args:
          gradients: as `losses_and_gradients` gives them.
          learning_rate: float.

        Returns:
          The gradients' norm before clipping; not finite and the step left out, if one is not.
        """
        rate = tf.constant(learning_rate, tf.float32)
        if self.loss_scale is not None:
            norm = float(self._norm(gradients))
            if not math.isfinite(norm):
                return norm
        return float(_call(self._update, gradients, rate))

    def _losses_and_gradients(self, batch, seed):
        network, target = self._network, self._config.target
        joints = len(network.skeleton)
        with tf.GradientTape() as tape:
            beliefs = network(batch["image"], batch["center_px"], training=True, seed=seed)
            ideal = self._targets(batch)
            stage_losses = loss.stage_losses(
                beliefs, ideal, target.foreground_weight, target.reduction
            )  # [T]
            supervised = stage_losses if target.supervision == "every" else stage_losses[-1:]
            total = tf.reduce_sum(supervised)
            scaled = total
            if self.loss_scale is not None:
                scaled = total * self.loss_scale.scale
        gradients = tape.gradient(scaled, self.variables)
        if self.loss_scale is not None:
            gradients = self.loss_scale.unscale(gradients)
        empty = [loss.empty_answer(ideal, joints)] * 2  # of stage 1, of the later ones
        measurements = {
            "loss": total,
            "release_loss_empty": loss.stage_losses(empty, ideal)[-1],
        }
        release_losses = loss.stage_losses(beliefs, ideal)
        for t, belief in enumerate(beliefs):
            measurements[f"loss_stage_{t + 1}"] = stage_losses[t]
            measurements[f"release_loss_stage_{t + 1}"] = release_losses[t]
            measurements[f"peak_stage_{t + 1}"] = loss.mean_peak(
                belief[..., :joints], ideal.mask[:, :joints]
            )
        return measurements, gradients

    def _draw_targets(self, batch):
        network = self._network
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
        self._optimizer.apply(gradients, learning_rate, factor)
        if self._average is not None:
            self._average.update(self._network)
        return norm


def _call(function, *arguments):
    """Calls a `tf.function`; the memory that tracing and compiling it took is not kept."""
    before = function.experimental_get_tracing_count()
    results = function(*arguments)
    if function.experimental_get_tracing_count() > before:
        return_freed_memory()
    return results
