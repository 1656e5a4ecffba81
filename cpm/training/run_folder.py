"""A run on disk: what was asked for, what was measured, what can be resumed.

    config.json      what is learned and how it is computed, cpm/training/run_config.py
    metrics.jsonl    one JSON object a step, cpm/training/metrics_file.py
    checkpoints/     cpm/checkpoints/saving.py
    eval/            tables and figures
    report.html      all of it on one page (cpm/report)
    events.out.*     the same numbers for TensorBoard
    lock             held by the process that trains, cpm/training/run_lock.py

What a run learns is in its checkpoints as well, and they decide (cpm/training/same_run.py). A
folder with any trace of training (cpm/training/run_traces.py) never starts again at step 0 unless
it is told to.

References: cpm/training/loop.py writes it.
"""

import os
from collections.abc import Mapping, Sequence
from typing import Any

from absl import logging

from cpm import checkpoints, files
from cpm.checkpoints.listing import Search
from cpm.config import TrainConfig
from cpm.config_json import from_dict, to_dict
from cpm.errors import UsageError
from cpm.execution import Execution
from cpm.training import run_config, run_lock
from cpm.training.metrics_file import MetricsFile
from cpm.training.run_place import check_run_dir
from cpm.training.run_traces import put_aside, traces_of_training
from cpm.training.same_run import check_checkpoint, check_same

RESTORE = (
    "restore it from a copy, name another --run_dir, or train again from step 0 with --restart, "
    "which puts what is there aside"
)


class RunFolder:
    """Paths and files of one run.

    Attributes:
      metrics: the `MetricsFile`.
      found: the `listing.Search` for the checkpoint to go on from; None before `claim`.

    Args:
      path: the folder; made when it is missing, and locked against other processes.

    Raises:
      UsageError: if it is no folder of this machine, cannot be written, or is in use.
    """

    def __init__(self, path: str | os.PathLike) -> None:
        self.path = path = os.fspath(path)
        self.config_path = os.path.join(path, run_config.NAME)
        self.metrics = MetricsFile(path)
        self.checkpoints = os.path.join(path, "checkpoints")
        self.evaluation = os.path.join(path, "eval")
        self.found: Search | None = None
        check_run_dir(path)
        os.makedirs(path, exist_ok=True)
        run_lock.hold(path)

    def restart(self) -> str | None:
        """Puts every trace of an earlier training aside; the folder it is in now, or None."""
        return put_aside(self.path)

    def claim(
        self,
        config: TrainConfig,
        execution: Execution,
        data: Sequence[str],
        init_from: str | os.PathLike | None = None,
        recipe: str | None = None,
        *,
        origin: Mapping[str, Any] | None = None,
    ) -> dict[str, tuple[Any, Any]]:
        """Writes config.json, or checks that a resumed run learns the same thing.

        How it is computed may differ between the parts of a run; config.json keeps the latest. A
        folder in which no step was recorded yet is claimed anew.

        Args:
          config: `TrainConfig`.
          execution: `Execution`.
          data: list of data folders, kept so that bin/eval.py finds them again.
          init_from: where the first weights came from, or None.
          recipe: name of the recipe that `config` began as, or None.
          origin: what a checkpoint says beside its configuration, see `loop.Run`.

        Returns:
          {field of the `Execution` that differs from the run's last part: (value then, value now)};
          the checkpoint to go on from is in `found` then.

        Raises:
          UsageError: if the folder holds a run with another configuration, or one whose checkpoints
            are lost.
        """
        found = self.found = checkpoints.require_whole(self.checkpoints)
        record, problem = self._record()
        steps = self.metrics.last_step()
        if found.prefix is not None:
            asked = (config, data, init_from)
            check_checkpoint(self.path, found.prefix, *asked, origin=origin or {}, record=record)
            if problem:
                logging.warning("%s; it is written anew by what the checkpoint says", problem)
        elif steps is None:
            self._require_no_trace(problem)
            if problem and os.path.lexists(self.config_path):  # it may be somebody else's
                raise UsageError(
                    f"{self.config_path} is no record of a run that can be read, and a new run "
                    f"would overwrite it; {RESTORE}"
                )
            record = None
        else:
            self._require_no_save(record, problem, steps)
            check_same(self.path, record, config, data, init_from)
            logging.warning("%s had not come to its first save; step 0 again", self.path)
        if record is None:
            checkpoints.begin(self.checkpoints)
            run_config.write_config(self.path, config, execution, data, init_from, recipe)
            return {}
        then = to_dict(from_dict(Execution, record["execution"], self.config_path))
        now = to_dict(execution)
        changed = record | {"config": to_dict(config), "execution": now, "data": list(data)}
        if changed != record:
            files.write_json(self.config_path, changed)
        return {key: (then[key], now[key]) for key in now if then[key] != now[key]}

    def _record(self):
        """(config.json as a dict or None, what is wrong with it or None)."""
        if not os.path.lexists(self.config_path):
            return None, f"{self.config_path} is missing"
        try:
            return run_config.read_config(self.path)[1], None
        except UsageError as error:
            return None, str(error)

    def _require_no_trace(self, problem):
        """UsageError if the folder shows any trace of training, although no step is recorded."""
        if traces := traces_of_training(self.path):
            what = f", and {problem}" if problem else ""
            raise UsageError(
                f"{self.path} shows traces of training ({', '.join(traces)}), but holds neither "
                f"metrics nor a checkpoint{what}; {RESTORE}"
            )

    def _require_no_save(self, record, problem, steps):
        """UsageError if a run of some recorded steps has lost its checkpoints."""
        if lost := problem or lost_checkpoints(self.path, record, steps):
            raise UsageError(f"{self.path} holds a run, but {lost}; {RESTORE}")


def lost_checkpoints(
    path: str | os.PathLike, record: Mapping[str, Any] | None, steps: int | None
) -> str | None:
    """How a run without a checkpoint has lost it, in words; None if it never came to a save.

    Args:
      path: the run folder.
      record: its config.json; None if it cannot be read.
      steps: of its metrics; 0 if nobody knows, None if none is recorded.
    """
    listed = os.path.exists(os.path.join(path, "checkpoints", checkpoints.LIST_NAME))
    if not listed and (record is None or record.get("layout", 1) >= run_config.LAYOUT):
        return "its folder checkpoints/, or the list in it, is gone"
    if steps == 0:
        return "no line of its metrics can be read, and no checkpoint is there"
    if record is None or steps is None:
        return None
    execution = from_dict(Execution, record["execution"], os.path.join(path, run_config.NAME))
    if steps > min(execution.save_every, execution.eval_every):
        return f"its metrics reach step {steps}, yet no checkpoint is there"
    return None
