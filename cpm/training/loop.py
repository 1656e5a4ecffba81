"""The training loop, in chapters: set up, resume, step, record, evaluate, save, finish.

Nothing here knows how an image is decoded or a convolution computed; it is the order of things.
A run cut at any step and started again with the same command sees the same examples, seeds and
learning rates, and ends in the same weights as one that was never cut
(tests/training/test_loop.py).
"""

import contextlib
import os
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import tensorflow as tf
from absl import logging

from cpm import checkpoints
from cpm.data import pipeline, verification
from cpm.data.manifest import changed_since, fingerprints
from cpm.data.splits import TRAIN, VALIDATION
from cpm.errors import RunStopped, UsageError
from cpm.execution.devices import Devices, require_equal_parts
from cpm.execution.settings import Settings
from cpm.execution.use import Executed
from cpm.training import run_lock
from cpm.training.event_file import EventFile
from cpm.training.guarded_step import GuardedStep
from cpm.training.needed_memory import require_memory
from cpm.training.progress import FlatMapsWarning, Progress
from cpm.training.run_folder import RunFolder
from cpm.training.step import make_step
from cpm.training.stop_requests import stop_requests
from cpm.training.validation import Validation

SPLITS = (TRAIN, VALIDATION)
FINISHED = (
    "stopped after the last step, which is saved; the same command writes the tables and the page"
)


class Interrupted(RunStopped):
    """The user or the machine asked to stop; the message says how to go on."""


class Run:
    """One training run: the variables it changes and the folder it writes.

    Args:
      settings: `Settings`: what is learned (`TrainConfig`), and how it is computed (`Execution`,
        which may differ between the parts of a run).
      data: list of converted data folders.
      run_dir: the run folder; one with checkpoints is resumed.
      validate: function of a network that returns its `Validation`.
      init_from: checkpoint or run folder whose network weights are the start, or None; one of
        other joints or stages fills what it can (cpm/checkpoints/starting.py).
      recipe: name of the recipe that `config` began as, for the record; or None.
      show: function of this run, the steps done and a `Validation`, called after each evaluation
        when everything is saved; or None.
      restart: whether a run that the folder holds is put aside, to start at step 0.
      devices: `Devices` that train together; None = one. Hosts other than the chief evaluate and
        save nothing, and have a run folder that is thrown away.

    Attributes:
      taken: `cpm.checkpoints.Start`, what the network has of `init_from`; None if it began with
        random weights or goes on.
    """

    def __init__(
        self,
        settings: Settings,
        data: Sequence[str],
        run_dir: str | os.PathLike,
        validate: Callable[[Executed], Validation],
        *,
        init_from: str | os.PathLike | None = None,
        recipe: str | None = None,
        show: Callable[["Run", int, Validation], object] | None = None,
        restart: bool = False,
        devices: Devices | None = None,
    ) -> None:
        config, execution = settings.config, settings.execution
        for split in SPLITS:  # a missing or damaged one must not show hours later
            pipeline.open_folders(data, split, config.data.crop)
        verification.verify(data, SPLITS)
        self.config, self.execution, self.data = config, execution, data
        self.validate, self.show = validate, show
        self.devices = devices or Devices()
        require_memory(config, execution, self.devices.count)
        require_equal_parts(config.data.batch_size, self.devices, execution.replicas)
        # What a run learns from is in each checkpoint, so that a resumed one learns from the same.
        self._people = fingerprints(data, SPLITS)
        began_from = str(init_from) if init_from else None
        origin = {"data": self._people, "init_from": began_from}
        self.devices.require_equal("settings or people", repr([config, execution, origin]))
        self.step = make_step(config, execution, self.devices)
        self.network, self.optimizer = self.step.network, self.step.optimizer
        # All that can fail comes before the folder: a start that failed leaves none.
        self.taken = self._start_from(init_from, run_dir, restart)
        if not self.devices.chief:
            self._scratch = tempfile.TemporaryDirectory(prefix="cpm-host-")
            run_dir = self._scratch.name
        self.folder = RunFolder(run_dir)
        if restart and (aside := self.folder.restart()):
            print(f"starting at step 0; what was there is in {aside}", flush=True)
        changes = self.folder.claim(config, execution, data, init_from, recipe, origin=origin)
        self.average = self.step.average
        self._last = self._used = Executed(self.network, execution.in_float32())
        if self.average is not None:
            self._used = Executed(self.average.network, execution.in_float32())
        self.checkpoints = checkpoints.Checkpoints(
            self.folder.checkpoints,
            self.network,
            self.optimizer,
            config,
            average=self.average,
            loss_scale=self.step.loss_scale,
            origin=origin,
        )
        self.events = EventFile(self.folder.path)
        evidence = self.folder.path if self.devices.chief else None
        self._guarded = GuardedStep(
            self.step, settings, data, self.devices, evidence, init_from=began_from
        )
        self.start = self._resume(changes)

    def _start_from(self, init_from, run_dir, restart):
        """Fills the network from `init_from`, unless the run goes on from a checkpoint of its own.

        Of several hosts the chief does, which shares its weights.
        """
        own = os.path.join(os.fspath(run_dir), "checkpoints")
        if not init_from or not self.devices.chief:
            return None
        if not restart and not checkpoints.find_whole(own).is_new:
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
        # The chief has the checkpoints.
        start = self.devices.numbers(self.checkpoints.restore(self.folder.found))[0]
        self.folder.metrics.forget_after(start)
        if start:
            print(f"resuming {self.folder.path} after step {start}{_described(changes)}")
        self.devices.share(self.step.state)
        return start

    def train(self) -> Validation | None:
        """Trains to the end of the run and evaluates there.

        Returns:
          The last `Validation`; None if the run had been finished before.

        Raises:
          NonFiniteLoss: the loss or the gradient is no longer a number; nothing worse was saved.
            In float16 a gradient may, as long as its loss scale can be halved.
          Interrupted: SIGINT, SIGTERM or SIGHUP came; the step or the evaluation under way was
            finished and saved. Of the last step too, whose caller then writes no tables.
          RunStopped: a file cannot be written, a record of the data cannot be read, or the data
            are others than at the start.
        """
        config = self.config
        progress = Progress(
            self.start,
            config.steps,
            config.data.batch_size,
            self.folder.metrics.seconds_trained(),
            silent=not self.devices.chief,
        )
        flat = FlatMapsWarning(config.network.stages)
        stream = self._batches()
        began, found = time.perf_counter(), None
        with contextlib.closing(progress), stop_requests() as stop:
            for step, batch in zip(range(self.start, config.steps), stream, strict=False):
                measurements = self.one_step(step, batch)
                if step == self.start:
                    seconds = time.perf_counter() - began
                    progress.say(f"first step after {seconds:.1f} s, compilation included")
                progress.advance(measurements)
                flat.check(step, measurements)
                done = step + 1
                self._record(done, measurements, progress)
                found = self._between_steps(done, progress, stop)
                progress.resume_clock()
        if skipped := self._guarded.skipped:
            print(f"{skipped} batches were left out; their evidence is in {self.folder.path}")
        return found

    def _batches(self):
        """The batches from step `start` on; a record that cannot be read is named."""
        with _stopping_at_damage():
            batches = pipeline.training_batches(
                self.data,
                self.config,
                start_step=self.start,
                part=(self.devices.host, self.devices.hosts),
                cache_bytes=round(self.execution.cache_gb * 1e9),
            )
            yield from verification.whole_batches(batches, self.data, TRAIN)

    def one_step(self, step: int, batch: Mapping[str, tf.Tensor]) -> dict[str, Any]:
        """Losses, gradients, update of step `step` (0-based); returns the measurements."""
        return self._guarded(step, batch)

    def _record(self, done, measurements, progress):
        """Writes one step's measurements to metrics.jsonl and, now and then, TensorBoard."""
        clock = {"seconds": progress.seconds, "images_per_second": progress.rate}
        self.folder.metrics.append({"step": done} | measurements | clock)
        if done % self.execution.log_every == 0:
            self.events.write_step(done, measurements)

    def _between_steps(self, done, progress, stop):
        """Evaluation, checkpoint, orderly stop.

        Returns:
          The `Validation` if this step was evaluated, else None.
        """
        stopping = self.devices.any(stop.requested)  # a signal to one host ends all at one step
        found = self._evaluate_where_due(done, progress)
        if self.devices.chief and (found or done % self.execution.save_every == 0 or stopping):
            self._save(done, found.score if found else None)
        if found:
            self._show(done, found)
        if found and self.devices.hosts == 1 and stop.requested:
            stopping = True  # while it was evaluated, which may take minutes
        if stopping:
            self._stop(done)
        return found

    def _evaluate_where_due(self, done, progress):
        """The `Validation` after every `eval_every` steps and the last one, else None."""
        due = done == self.config.steps or done % self.execution.eval_every == 0
        if not (self.devices.chief and due):
            return None
        try:
            found = self.evaluate(done, progress.seconds)
        except Exception:  # whatever it was, the steps that led here are kept
            self._save(done)
            raise
        progress.say(f"step {done}: {found.text}")
        return found

    def _save(self, done, score=None):
        """Saves the run; RunStopped if it may have learned from other people since the last time.

        Shards are opened again in every epoch, and the checkpoint would say that they are the same.

        A lock that somebody removed meanwhile is taken again, unless another process has one now:
        that process goes on from our last checkpoint, and two would write over each other's.
        """
        if folder := changed_since(self._people):
            raise RunStopped(
                f"the training stopped: the data in {folder} changed while it learned from them. "
                "Earlier checkpoints are kept: convert the data as before and the same command "
                "goes on from there, or start another --run_dir"
            )
        os.makedirs(self.folder.path, exist_ok=True)
        run_lock.hold(self.folder.path)
        self.checkpoints.save(done, score)

    def evaluate(self, done: int, seconds: float) -> Validation:
        """Scores the validation people and records the numbers.

        Returns:
          The `Validation` of the network to be used: of the averaged one if there is one.
        """
        with _stopping_at_damage():
            found = self.validate(self._used)
            record: dict[str, Any] = {"step": done, "evaluation": found.totals}
            record["seconds"] = seconds
            if found.box_totals is not None:
                record["evaluation_box"] = found.box_totals
            if self.average is not None:
                record["evaluation_raw"] = self.validate(self._last).totals
        self.folder.metrics.append(record)
        self.events.write_evaluation(done, record, self._drawing(found))
        return found

    def _show(self, done, found):
        """Calls `show`, if there is one; no page is worth the end of a training either."""
        if self.show is None:
            return
        try:
            self.show(self, done, found)
        except Exception as error:
            logging.warning("the page of the run cannot be written: %s", error)

    def _drawing(self, found):
        """What a `Validation` draws, or None: no drawing is worth the end of a training."""
        try:
            return found.draw()
        except Exception as error:
            logging.warning("the validation examples cannot be drawn: %s", error)
            return None

    def _stop(self, done):
        """Ends the run after step `done`, which is saved, where the user or the machine asked."""
        if done < self.config.steps:
            self.devices.wait()  # until the chief has saved
            raise Interrupted(
                f"stopped after step {done} of {self.config.steps}, which is saved; "
                "the same command goes on from there"
            )
        if self.devices.hosts == 1:
            raise Interrupted(FINISHED)


@contextlib.contextmanager
def _stopping_at_damage():
    """Ends a training whose data cannot be read, or are gone: after its last save, as no bad flag.

    All flags and data were good when it began.
    """
    try:
        yield
    except UsageError as error:
        raise RunStopped(
            f"the training stopped: {error}. Earlier checkpoints are kept; once the data are "
            "there again, the same command goes on"
        ) from error


def _described(changes):
    """What is computed in another way than before, for the line that says a run is resumed."""
    listed = [f"{name} {before} → {now}" for name, (before, now) in changes.items()]
    return f", computed in another way: {', '.join(listed)}" if listed else ""
