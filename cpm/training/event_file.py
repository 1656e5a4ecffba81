"""The numbers of a run for TensorBoard: the same as in metrics.jsonl, now and then.

Where they cannot be written any more the run goes on, with a warning: nothing is resumed from them.

Numbers are written as NumPy's: TensorFlow keeps every Python number that it made a tensor of, 0.7
kB each, to the end of the process.
"""

import contextlib
from collections.abc import Mapping
from typing import Any

import numpy as np
import tensorflow as tf
from absl import logging


class EventFile:
    """An `events.out.*` file of a run folder.

    Args:
      folder: the run folder.
    """

    def __init__(self, folder: str) -> None:
        self._writer = tf.summary.create_file_writer(folder)

    def write_step(self, done: int, measurements: Mapping[str, Any]) -> None:
        """Writes the numbers of step `done`, but for those of single layers."""
        scalars = {k: v for k, v in measurements.items() if k != "gradient_rms" and v is not None}
        with self._at(done):
            for key, value in scalars.items():
                tf.summary.scalar(f"train/{key}", np.float32(value))

    def write_evaluation(
        self, done: int, record: Mapping[str, Any], drawing: np.ndarray | None
    ) -> None:
        """Writes the scores after step `done`.

        Args:
          done: number of steps done.
          record: line of metrics.jsonl with `evaluation` and, perhaps, `evaluation_raw`.
          drawing: `[h, w, 3]` uint8 of some people, or None.
        """
        with self._at(done):
            for name, total in record["evaluation"].items():
                tf.summary.scalar(f"validation/{name}", np.float32(total))
            for name, total in record.get("evaluation_raw", {}).items():
                tf.summary.scalar(f"validation_raw/{name}", np.float32(total))
            if drawing is not None:
                tf.summary.image("validation/poses", drawing[np.newaxis])
            self._writer.flush()

    @contextlib.contextmanager
    def _at(self, done):
        """A context in which summaries are written; where they cannot be, the run goes on."""
        try:
            with self._writer.as_default(step=np.int64(done)):
                yield
        except (OSError, tf.errors.OpError) as error:
            logging.warning("TensorBoard's file cannot be written any more: %s", error)
            self._writer = tf.summary.create_noop_writer()
