"""The training loop, in chapters: set up, resume, step, record, evaluate, save, finish.

Nothing here knows how an image is decoded or a convolution computed; it is the order of things.
A run cut at any step and started again with the same command sees the same examples, seeds and
learning rates, and ends in the same weights as one that was never cut
(tests/training/test_loop.py).
"""

import contextlib
import dataclasses
import math
import os
import signal
import time
from collections.abc import Callable

import numpy as np
import tensorflow as tf

from cpm import checkpoints, files
from cpm.data import pipeline
from cpm.data.splits import TRAIN, VALIDATION
from cpm.errors import RunStopped
from cpm.execution.use import Executed
from cpm.training import schedules
from cpm.training.progress import FlatMapsWarning, Progress
from cpm.training.run_folder import RunFolder
from cpm.training.step import make_step


class NonFiniteLoss(RunStopped):
    """Training diverged; the message says at which step and where the evidence lies."""


class Interrupted(RunStopped):
    """The user or the machine asked to stop; the message says how to go on."""


@dataclasses.dataclass(frozen=True)
class Validation:
    """What a network is worth on the validation people, as a run asks for it while it trains.

    Attributes:
      totals: {metric: its mean over the joints}, for the records.
      score: the number that decides which checkpoint is the best, higher is better; None if
        no joint is annotated.
      text: one line for the screen.
      draw: function that draws some of the people, `[h, w, 3]` uint8.
      details: what `totals` are of, for whoever shows more; nothing here reads it.
      box_totals: of own data, `totals` if the people's true boxes are given; or None.
    """

    totals: dict[str, float]
    score: float | None
    text: str
    draw: Callable[[], np.ndarray]
    details: object = None
    box_totals: dict[str, float] | None = None


class Run:
    """One training run: the variables it changes and the folder it writes.

    Args:
      config: `TrainConfig`, what is learned.
      execution: `Execution`, how it is computed; may differ between the parts of a run.
      data: list of converted data folders.
      run_dir: the run folder; one with checkpoints is resumed.
      validate: function of a network that returns its `Validation`.
      init_from: checkpoint or run folder whose network weights are the start, or None; one of
        other joints or stages fills what it can (cpm/checkpoints/starting.py).
      recipe: name of the recipe that `config` began as, for the record; or None.
      show: function of this run, the steps done and a `Validation`, called after each evaluation
        when everything is saved; or None.

    Attributes:
      taken: `cpm.checkpoints.Start`, what the network has of `init_from`; None if it began with
        random weights or goes on.
    """

    def __init__(
        self,
        config,
        execution,
        data,
        run_dir,
        validate,
        *,
        init_from=None,
        recipe=None,
        show=None,
    ):
        for split in (TRAIN, VALIDATION):  # a missing one must not show hours later
            pipeline.open_folders(data, split, config.data.crop)
        self.config, self.execution, self.data = config, execution, data
        self.validate, self.show = validate, show
        self.step = make_step(config, execution)
        self.network, self.optimizer = self.step.network, self.step.optimizer
        # All that can fail comes before the folder: a start that failed leaves none.
        self.taken = self._start_from(init_from, run_dir)
        self.folder = RunFolder(run_dir)
        changes = self.folder.claim(config, execution, data, init_from, recipe)
        self.average = self.step.average
        self._last = self._used = Executed(self.network, execution)
        if self.average is not None:
            self._used = Executed(self.average.network, execution)
        self.checkpoints = checkpoints.Checkpoints(
            self.folder.checkpoints,
            self.network,
            self.optimizer,
            config,
            average=self.average,
            loss_scale=self.step.loss_scale,
        )
        self.writer = tf.summary.create_file_writer(self.folder.path)
        self.start = self._resume(changes)

    def _start_from(self, init_from, run_dir):
        """Fills the network from `init_from`, unless the run has checkpoints of its own."""
        own = os.path.join(os.fspath(run_dir), "checkpoints")
        if not init_from or checkpoints.read_list(own)["latest"]:
            return None
        prefix = checkpoints.resolve(os.fspath(init_from))
        taken = checkpoints.start_from(self.network, prefix)
        if self.step.average is not None:
            self.step.average.restart(self.network)
        return taken

    def _resume(self, changes):
        """The steps that are done: those of our own latest checkpoint, or none.

        `changes`: of the execution, see `RunFolder.claim`.
        """
        start = self.checkpoints.restore()
        self.folder.forget_after(start)
        if start:
            print(f"resuming {self.folder.path} after step {start}{_described(changes)}")
        return start

    def train(self):
        """Trains to the end of the run and evaluates there.

        Returns:
          The last `Validation`; None if the run had been finished before.

        Raises:
          NonFiniteLoss: the loss or the gradient is no longer a number; nothing worse was saved.
            In float16 a gradient may, as long as its loss scale can be halved.
          Interrupted: SIGINT or SIGTERM came; the step under way was finished and saved.
        """
        config = self.config
        progress = Progress(
            self.start,
            config.steps,
            config.data.batch_size,
            self.folder.seconds_trained(),
        )
        flat = FlatMapsWarning(config.network.stages)
        stream = pipeline.training_batches(self.data, config, start_step=self.start)
        began, found = time.perf_counter(), None
        with contextlib.closing(progress), _stop_requests() as stop:
            for step, batch in zip(range(self.start, config.steps), stream, strict=False):
                measurements = self.one_step(step, batch)
                if step == self.start:
                    seconds = time.perf_counter() - began
                    progress.say(f"first step after {seconds:.1f} s, compilation included")
                progress.advance(measurements)
                flat.check(step, measurements)
                done = step + 1
                self._record(done, measurements, progress)
                found = self._evaluate_and_save(done, progress, stop)
                progress.resume_clock()
        return found

    def one_step(self, step, batch):
        """Losses, gradients, update of step `step` (0-based); returns the measurements."""
        rate = schedules.learning_rate(self.config.optimizer, step, self.config.steps)
        measurements, gradients = self.step.losses_and_gradients(batch, step)
        self._require_finite(step, batch, "loss", measurements["loss"])
        every = self.execution.gradients_every
        if every and step % every == 0:
            measurements["gradient_rms"] = self._gradient_rms(gradients)
        norm = self.step.update(gradients, rate)
        measurements |= {"gradient_norm": norm, "learning_rate": rate}
        scaled = self._adjust_loss_scale(norm)
        if scaled.get("skipped"):  # JSON has no word for such numbers
            measurements["gradient_norm"] = None
            measurements.pop("gradient_rms", None)
        else:
            self._require_finite(step, batch, "norm of the gradient", norm)
        return measurements | scaled

    def _adjust_loss_scale(self, norm):
        """What float16 adds to a step's record: {} in other types or at the end of the scale."""
        loss_scale = self.step.loss_scale
        if loss_scale is None:
            return {}
        used, finite = float(loss_scale.scale.numpy()), math.isfinite(norm)
        if not loss_scale.adjust(finite):
            return {}
        return {"loss_scale": used, "skipped": not finite}

    def _gradient_rms(self, gradients):
        """{layer: root mean square of its kernel's gradient}, in the order of computation."""
        by_variable = {v.ref(): g for v, g in zip(self.step.variables, gradients, strict=True)}
        return {
            name: float(tf.sqrt(tf.reduce_mean(tf.square(by_variable[kernel.ref()]))))
            for name, kernel in self.network.kernels.items()
            if kernel.ref() in by_variable
        }

    def _require_finite(self, step, batch, what, value):
        """Stops the run where a number stops being one, and keeps the evidence."""
        if math.isfinite(value):
            return
        number = step + 1  # as metrics.jsonl counts
        path = os.path.join(self.folder.path, f"non_finite_step_{number}.json")
        ids = [name.decode() for name in batch["id"].numpy()]
        files.write_json(path, {"step": number, "what": what, "ids": ids})
        raise NonFiniteLoss(
            f"the {what} is {value} at step {number}; the batch's ids are in {path}. Earlier "
            f"checkpoints are untouched; try a lower --learning_rate than "
            f"{self.config.optimizer.learning_rate:g}"
            f"{', or --precision=bfloat16' if self.step.loss_scale else ''} in a new --run_dir"
        )

    def _record(self, done, measurements, progress):
        """Writes one step's measurements to metrics.jsonl and, now and then, TensorBoard."""
        clock = {"seconds": progress.seconds, "images_per_second": progress.rate}
        self.folder.append({"step": done} | measurements | clock)
        if done % self.execution.log_every == 0:
            scalars = {
                k: v for k, v in measurements.items() if k != "gradient_rms" and v is not None
            }
            with self.writer.as_default(step=done):
                for key, value in scalars.items():
                    tf.summary.scalar(f"train/{key}", value)

    def _evaluate_and_save(self, done, progress, stop):
        """What happens between steps: evaluation, checkpoint, orderly stop.

        Returns:
          The `Validation` if this step was evaluated, else None.
        """
        execution, found = self.execution, None
        last = done == self.config.steps
        if last or done % execution.eval_every == 0:
            found = self.evaluate(done, progress.seconds)
            progress.say(f"step {done}: {found.text}")
        if found or done % execution.save_every == 0 or stop.requested:
            self.checkpoints.save(done, found.score if found else None)
        if found and self.show:
            self.show(self, done, found)
        if stop.requested and not last:
            raise Interrupted(
                f"stopped after step {done} of {self.config.steps}, which is saved; "
                "the same command goes on from there"
            )
        return found

    def evaluate(self, done, seconds):
        """Scores the validation people and records the numbers.

        Returns:
          The `Validation` of the network to be used: of the averaged one if there is one.
        """
        found = self.validate(self._used)
        record = {"step": done, "evaluation": found.totals, "seconds": seconds}
        if found.box_totals is not None:
            record["evaluation_box"] = found.box_totals
        if self.average is not None:
            record["evaluation_raw"] = self.validate(self._last).totals
        self.folder.append(record)
        with self.writer.as_default(step=done):
            for name, total in record["evaluation"].items():
                tf.summary.scalar(f"validation/{name}", total)
            for name, total in record.get("evaluation_raw", {}).items():
                tf.summary.scalar(f"validation_raw/{name}", total)
            tf.summary.image("validation/poses", found.draw()[np.newaxis])
        self.writer.flush()
        return found


def _described(changes):
    """What is computed in another way than before, for the line that says a run is resumed."""
    listed = [f"{name} {before} → {now}" for name, (before, now) in changes.items()]
    return f", computed in another way: {', '.join(listed)}" if listed else ""


class _Stop:
    """Whether somebody asked for an orderly stop."""

    requested = False


@contextlib.contextmanager
def _stop_requests():
    """Turns SIGINT and SIGTERM into a flag that is looked at between steps.

    A signal in the middle of a step would leave weights that are neither of this step nor of the
    next. A second SIGINT interrupts at once.
    """
    stop = _Stop()

    def request(number, frame):
        if stop.requested:
            raise KeyboardInterrupt
        stop.requested = True

    earlier = {s: signal.signal(s, request) for s in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        for number, handler in earlier.items():
            signal.signal(number, handler)
