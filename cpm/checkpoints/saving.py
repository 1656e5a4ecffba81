"""Saving all of a run, and restoring it to go on.

A checkpoint holds the network, its average and its loss scale if there are such, the optimizer's
slots, the step, and a JSON description (what is learned and the joints' names), so that the file
alone says what it is. The format is TensorFlow's, tensors and their names in the object
graph; reading it runs no code.
"""

import json
import os

import tensorflow as tf

from cpm import files
from cpm.checkpoints.listing import LIST_NAME, read_list
from cpm.checkpoints.tensorflow_files import (
    UNREADABLE,
    assert_all,
    delete,
    first_line,
    require_complete,
)
from cpm.config_json import to_dict
from cpm.errors import UsageError

_LOSS_SCALE = "loss_scale/"


class Checkpoints:
    """The checkpoints of one run.

    Args:
      folder: where they lie.
      network, optimizer: what is saved and restored; without an optimiser (None) only networks can
        be loaded from it, no run can go on.
      config: `TrainConfig`.
      average: `ExponentialMovingAverage` of the network, or None.
      loss_scale: `LossScale` of a float16 run, or None.
      keep: how many of the latest stay; the best one always does.
    """

    def __init__(
        self,
        folder,
        network,
        optimizer,
        config,
        *,
        average=None,
        loss_scale=None,
        keep=2,
    ):
        self.folder, self._keep = folder, keep
        self._network, self._config = network, config
        self._step = tf.Variable(0, dtype=tf.int64, trainable=False, name="step")
        self._description = tf.Variable("", dtype=tf.string, trainable=False)
        parts = {"optimizer": optimizer, "average": average, "loss_scale": loss_scale}
        self._parts = {name: part for name, part in parts.items() if part is not None}
        self._parts |= {"network": network, "step": self._step, "description": self._description}
        self._checkpoint = tf.train.Checkpoint(**self._parts)

    def restore(self):
        """Restores the latest checkpoint, all of it.

        Returns:
          The number of steps done; 0 for a run that has not saved yet.

        Raises:
          UsageError: if a listed checkpoint is missing or does not fit.
        """
        latest = read_list(self.folder)["latest"]
        if latest is None:
            return 0
        prefix = require_complete(os.path.join(self.folder, latest))
        try:
            checkpoint = self._with_loss_scale_of(prefix)
            assert_all(checkpoint.read(prefix), "assert_consumed")
        except UNREADABLE as error:
            raise UsageError(
                f"checkpoint {prefix} does not fit this network: {first_line(error)}; "
                "give the flags it was trained with, or another --run_dir"
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

    def save(self, step, score=None):
        """Saves everything after `step` steps.

        Args:
          step: steps done.
          score: validation metric, higher is better; None if it was not measured now.
        """
        self._step.assign(step)
        self._description.assign(json.dumps(describe(self._config, self._network)))
        name = f"step-{step:07d}"
        prefix = os.path.join(self.folder, name)
        listed = read_list(self.folder)
        if not listed["all"]:
            # Even the first checkpoint has a list beside it: one without is a sign of damage.
            files.write_json(os.path.join(self.folder, LIST_NAME), listed)
        self._checkpoint.write(prefix)
        best = listed["best"]
        if score is not None and (best is None or score >= best["score"]):
            best = {"name": name, "score": score}
        names = [n for n in listed["all"] if n != name] + [name]
        kept = names[-self._keep :]
        if best is not None and best["name"] not in kept:
            kept = [best["name"], *kept]
        files.write_json(
            os.path.join(self.folder, LIST_NAME),
            {"latest": name, "best": best, "all": kept},
        )
        for old in set(names) - set(kept):
            delete(os.path.join(self.folder, old))


def step_of(prefix):
    """The steps done at one of a run's checkpoints.

    >>> step_of("runs/a/checkpoints/step-0000700")
    700
    """
    return int(os.path.basename(prefix).removeprefix("step-"))


def describe(config, network):
    """What a checkpoint says of itself, as plain JSON values."""
    skeleton = network.skeleton
    return {
        "config": to_dict(config),
        "joints": list(skeleton.joints),
        "limbs": [list(limb) for limb in skeleton.limbs],
    }
