"""Saving all of a run, and restoring it to go on.

A checkpoint holds the network, its average and its loss scale if there are such, the optimizer's
slots, the step, and a JSON description (what is learned and the joints' names), so that the file
alone says what it is. The format is TensorFlow's, tensors and their names in the object
graph; reading it runs no code.
"""

import json
import os
from collections.abc import Mapping
from typing import Any

import tensorflow as tf

from cpm.checkpoints import seals, thresholds
from cpm.checkpoints.listing import (
    Search,
    begin,
    checkpoint_name,
    read_list,
    require_whole,
    step_of,
    write_list,
)
from cpm.checkpoints.tensorflow_files import (
    UNREADABLE,
    assert_all,
    delete,
    first_line,
    flush,
    readable,
)
from cpm.config import TrainConfig
from cpm.config_json import to_dict
from cpm.errors import RunStopped, UsageError
from cpm.network.model import ConvolutionalPoseMachine

_LOSS_SCALE = "loss_scale/"


class Checkpoints:
    """The checkpoints of one run.

    Args:
      folder: where they lie.
      network, optimizer: what is saved and restored; without an optimizer (None) only networks can
        be loaded from it, no run can go on.
      config: `TrainConfig`.
      average: `ExponentialMovingAverage` of the network, or None.
      loss_scale: `LossScale` of a float16 run, or None.
      keep: how many of the latest stay; the best one always does.
      origin: plain JSON values that the description keeps as `learned_from`: data, first weights.
    """

    def __init__(
        self,
        folder: str,
        network: ConvolutionalPoseMachine,
        optimizer: tf.Module | None,
        config: TrainConfig,
        *,
        average: tf.Module | None = None,
        loss_scale: tf.Module | None = None,
        keep: int = 2,
        origin: Mapping[str, Any] | None = None,
    ) -> None:
        self.folder, self._keep, self._origin = folder, keep, dict(origin or {})
        self._network, self._config = network, config
        self._step = tf.Variable(0, dtype=tf.int64, trainable=False, name="step")
        self._description = tf.Variable("", dtype=tf.string, trainable=False)
        parts = {"optimizer": optimizer, "average": average, "loss_scale": loss_scale}
        self._parts = {name: part for name, part in parts.items() if part is not None}
        self._parts |= {"network": network, "step": self._step, "description": self._description}
        self._checkpoint = tf.train.Checkpoint(**self._parts)

    def restore(self, search: Search | None = None) -> int:
        """Restores the newest whole checkpoint, all of it.

        Args:
          search: what `listing.require_whole` found; None = search now.

        Returns:
          The number of steps done; 0 for a run that has not saved yet.

        Raises:
          UsageError: if there are checkpoints and none is whole, or it does not fit.
        """
        prefix = (search or require_whole(self.folder)).prefix
        if prefix is None:
            return 0
        try:
            with readable(prefix) as path:
                checkpoint = self._with_loss_scale_of(path)
                assert_all(checkpoint.read(path), "assert_consumed")
        except UNREADABLE as error:
            raise UsageError(
                f"checkpoint {prefix} is whole, but does not fit this network: "
                f"{first_line(error)}; give the flags it was trained with, or another --run_dir"
            ) from error
        return int(self._step.numpy())

    def _with_loss_scale_of(self, prefix):
        """The checkpoint with a loss scale if the file has one, whatever the precision is now.

        The scale of a float16 run that goes on in another type is read and dropped; a run that goes
        on in float16 starts with a new one.
        """
        stored = any(key.startswith(_LOSS_SCALE) for key, _ in tf.train.list_variables(prefix))
        if stored == ("loss_scale" in self._parts):
            return self._checkpoint
        parts = {name: part for name, part in self._parts.items() if name != "loss_scale"}
        if stored:
            unused = [tf.Variable(0.0), tf.Variable(0)]
            parts["loss_scale"] = tf.train.Checkpoint(scale=unused[0], good_steps=unused[1])
        return tf.train.Checkpoint(**parts)

    def save(self, step: int, score: float | None = None) -> None:
        """Saves everything after `step` steps.

        Args:
          step: steps done.
          score: validation metric, higher is better; None if it was not measured now.

        Raises:
          RunStopped: if it cannot be written; earlier checkpoints are whole.
        """
        self._step.assign(step)
        description = describe(self._config, self._network)
        if self._origin:
            description["learned_from"] = self._origin
        self._description.assign(json.dumps(description))
        prefix = os.path.join(self.folder, checkpoint_name(step))
        try:
            begin(self.folder)
            self._write(prefix, step, score)
        except (OSError, tf.errors.OpError) as error:
            raise RunStopped(self._unsaved(prefix, error)) from error

    def _write(self, prefix, step, score):
        """Checkpoint, seal, list, in this order; then the old ones go."""
        name, listed = os.path.basename(prefix), read_list(self.folder)
        remove(prefix)  # what an interrupted save, or a damaged one, left under this name
        self._checkpoint.write(prefix)
        flush(prefix)
        seals.write_seal(prefix, step, score)
        # A run that went back to an earlier checkpoint has no later ones any more.
        earlier = [other for other in listed["all"] if step_of(other) < step]
        best = listed["best"] if listed["best"] and listed["best"]["name"] in earlier else None
        if score is not None and (best is None or score >= best["score"]):
            best = {"name": name, "score": score}
        kept = [*earlier, name][-self._keep :]
        if best is not None and best["name"] not in kept:
            kept = [best["name"], *kept]
        write_list(self.folder, {"latest": name, "best": best, "all": kept})
        for old in {*listed["all"]} - {*kept}:
            remove(os.path.join(self.folder, old))

    def _unsaved(self, prefix, error):
        """Why a save failed, and what is left, as a sentence; what was half written goes."""
        name, kept = os.path.basename(prefix), "no earlier checkpoint was saved"
        listed = read_list(self.folder)
        try:
            if name not in listed["all"]:
                remove(prefix)
        except OSError:  # read-only by now
            pass
        if listed["latest"] not in (None, name):
            kept = f"the checkpoint before, {listed['latest']}, is kept"
        # TensorFlow says "FILE; REASON", of a file that only it knows.
        reason = getattr(error, "strerror", None) or first_line(error).rpartition("; ")[2]
        return (
            f"checkpoint {prefix} cannot be saved: {reason}; {kept}. Make room or permission "
            "there, then give the same command to go on"
        )


def remove(prefix: str) -> None:
    """Removes one checkpoint with its seal, the seal last: without files it says nothing."""
    delete(prefix)
    for suffix in (thresholds.SUFFIX, seals.SUFFIX):
        if os.path.exists(prefix + suffix):
            os.remove(prefix + suffix)


def describe(config: TrainConfig, network: ConvolutionalPoseMachine) -> dict[str, Any]:
    """What a checkpoint says of itself, as plain JSON values."""
    skeleton = network.skeleton
    return {
        "config": to_dict(config),
        "joints": list(skeleton.joints),
        "limbs": [list(limb) for limb in skeleton.limbs],
    }
