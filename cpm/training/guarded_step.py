"""A step of a run that ends, or leaves a batch out, where its numbers are none any more.

It returns what is recorded of the step. A loss or a gradient that is no number is found in the step
in which it appears, before anything worse is saved.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import tensorflow as tf
from absl import logging

from cpm.data import pipeline
from cpm.execution.devices import Devices
from cpm.execution.settings import Settings
from cpm.training import non_finite, schedules
from cpm.training.non_finite import NonFiniteLoss
from cpm.training.step import TrainStep

MOST_SKIPPED = 20  # batches in a row that --on_non_finite=skip leaves out before it stops


class GuardedStep:
    """A `TrainStep` at the learning rate of its schedule, whose numbers are looked at.

    Attributes:
      skipped: number of batches that were left out.

    Args:
      step: the `TrainStep`.
      settings: `Settings` of the run.
      data: list of converted data folders.
      devices: `Devices` that train together.
      folder: where the evidence of what is no number is written; None on a host that has none.
      init_from: where the first weights came from; None = random ones.
    """

    def __init__(
        self,
        step: TrainStep,
        settings: Settings,
        data: Sequence[str],
        devices: Devices,
        folder: str | None,
        *,
        init_from: str | None = None,
    ) -> None:
        self._step, self._data, self._devices, self._folder = step, data, devices, folder
        self._init_from = init_from
        self._config, self._execution = settings.config, settings.execution
        self.skipped = self._in_a_row = 0

    def __call__(self, step: int, batch: Mapping[str, tf.Tensor]) -> dict[str, Any]:
        """Losses, gradients, update of step `step` (0-based); returns the measurements.

        With `on_non_finite` = skip, a batch whose loss or gradient is no number changes nothing.
        """
        skips = self._execution.on_non_finite == "skip"
        kept = [(v, v.numpy()) for v in self._step.network.variables if skips and not v.trainable]
        try:
            measurements = self._try_step(step, batch)
            self._in_a_row = 0
            return measurements
        except NonFiniteLoss as error:
            self.skipped += 1
            self._in_a_row += 1
            if not skips or self._in_a_row >= MOST_SKIPPED:
                raise
            logging.warning("step %d is left out: %s", step + 1, error)
            for variable, value in kept:  # the averages of batch norms have moved
                variable.assign(value)
            numbers = error.measurements.items()
            finite = {k: v if math.isfinite(v) else None for k, v in numbers}
            return finite | {"gradient_norm": None, "skipped": True}

    def _try_step(self, step, batch):
        rate = schedules.learning_rate(self._config.optimizer, step, self._config.steps)
        losses, gradients = self._step.losses_and_gradients(batch, step)
        measurements: dict[str, Any] = losses
        self._require_finite(step, batch, "loss", measurements["loss"], measurements)
        every = self._execution.gradients_every
        if every and step % every == 0:
            measurements["gradient_rms"] = self._gradient_rms(self._devices.first(gradients))
        norm = self._step.update(gradients, rate)
        measurements |= {"gradient_norm": norm, "learning_rate": rate}
        scaled = self._adjust_loss_scale(norm)
        if scaled.get("skipped"):  # JSON has no word for such numbers
            measurements["gradient_norm"] = None
            measurements.pop("gradient_rms", None)
        else:
            self._require_finite(step, batch, "norm of the gradient", norm, measurements)
        return measurements | scaled

    def _adjust_loss_scale(self, norm):
        """What float16 adds to a step's record: {} in other types or at the end of the scale."""
        loss_scale = self._step.loss_scale
        if loss_scale is None:
            return {}
        used, finite = float(loss_scale.scale.numpy()), math.isfinite(norm)
        if not loss_scale.adjust(finite):
            return {}
        return {"loss_scale": used, "skipped": not finite}

    def _gradient_rms(self, gradients):
        """{layer: root mean square of its kernel's gradient}, in the order of computation."""
        by_variable = {v.ref(): g for v, g in zip(self._step.variables, gradients, strict=True)}
        return {
            name: float(tf.sqrt(tf.reduce_mean(tf.square(by_variable[kernel.ref()]))))
            for name, kernel in self._step.network.kernels.items()
            if kernel.ref() in by_variable
        }

    def _require_finite(self, step, batch, what, value, measurements):
        """Stops the run where a number stops being one, and keeps the evidence."""
        if math.isfinite(value):
            return
        if self._devices.hosts > 1:  # this host has a part of the batch
            [batch] = pipeline.training_batches(self._data, self._config, start_step=step).take(1)
        raise non_finite.with_evidence(
            self._folder,
            step + 1,  # as metrics.jsonl counts
            what,
            value,
            measurements,
            batch,
            non_finite.Circumstances(
                self._config.optimizer.learning_rate,
                scaled=self._step.loss_scale is not None,
                skips=self._execution.on_non_finite == "skip",
                untrained=step == self.skipped,  # every step before was left out
                init_from=self._init_from,
            ),
        )
