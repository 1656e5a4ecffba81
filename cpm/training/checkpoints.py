"""Checkpoints: saving all of a run, finding the right one again, loading a network from one.

A checkpoint holds the network, its average and its loss scale if there are such, the optimiser's
slots, the step, and a JSON description (what is learned and the joints' names), so that the file
alone says what it is. A run goes on from all of it; a network loaded from it to be used is the
average. `checkpoints.json`
lists the complete ones and the best; it is replaced in one step after a checkpoint's files are on
disk, so what it lists exists. If a listed file is missing, that is an error: a run that had
checkpoints never silently starts again at step 0 (as `tf.train.latest_checkpoint` would let it).

The format is TensorFlow's (tensors and names); reading it runs no code.
"""

import dataclasses
import glob
import json
import os

import tensorflow as tf

from cpm import files, pretrained
from cpm.config import TrainConfig
from cpm.config_json import from_dict, to_dict
from cpm.config_upgrade import upgraded
from cpm.errors import UsageError
from cpm.network import ConvolutionalPoseMachine
from cpm.training import weights_file

# What TensorFlow raises for files that are short, foreign or of another network.
_UNREADABLE = (AssertionError, ValueError, IndexError, tf.errors.OpError)
LIST_NAME = "checkpoints.json"
_AVERAGE = "average/network/"
_LOSS_SCALE = "loss_scale/"
_DESCRIPTION_KEY = "description/.ATTRIBUTES/VARIABLE_VALUE"


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
        prefix = _existing(os.path.join(self.folder, latest))
        try:
            checkpoint = self._with_loss_scale_of(prefix)
            _assert_all(checkpoint.read(prefix), "assert_consumed")
        except _UNREADABLE as error:
            raise UsageError(
                f"checkpoint {prefix} does not fit this network: {_first_line(error)}; "
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
            _delete(os.path.join(self.folder, old))


def read_list(folder):
    """`checkpoints.json` of a folder: `latest` (name or None), `best` (dict or None), `all`.

    Raises:
      UsageError: if it is damaged, or missing beside checkpoints: then a run must not start anew.
    """
    path = os.path.join(folder, LIST_NAME)
    if os.path.exists(path):
        return files.read_json(path, "restore it, or name another --run_dir")
    stray = sorted(glob.glob(os.path.join(glob.escape(folder), "*.index")))
    if stray:
        raise UsageError(
            f"{path} is missing, but there are checkpoints beside it: restore it, or go on from "
            f"one in a new --run_dir with --init_from={stray[-1].removesuffix('.index')}"
        )
    return {"latest": None, "best": None, "all": []}


def describe(config, network):
    """What a checkpoint says of itself, as plain JSON values."""
    skeleton = network.skeleton
    return {
        "config": to_dict(config),
        "joints": list(skeleton.joints),
        "limbs": [list(limb) for limb in skeleton.limbs],
    }


def resolve(ckpt):
    """The checkpoint prefix that `--ckpt` means.

    Args:
      ckpt: a run folder (its best checkpoint, else its latest), its checkpoints folder, one
        checkpoint's prefix or `.index` file, a `.npz` file of cpm/training/weights_file.py (which
        is its own prefix), or `pretrained`, the one of cpm/pretrained.

    Raises:
      UsageError: if nothing of the kind is there.
    """
    if ckpt == pretrained.NAME:
        return pretrained.path()
    if weights_file.is_weights_file(ckpt):
        if not os.path.isfile(ckpt):
            raise UsageError(f"{ckpt} does not exist; name another file with --ckpt")
        return ckpt
    if os.path.isdir(ckpt):
        inner = os.path.join(ckpt, "checkpoints")
        folder = inner if os.path.isdir(inner) else ckpt
        listed = read_list(folder)
        if listed["latest"] is None:
            raise UsageError(
                f"{ckpt} holds no checkpoint; train one with: python bin/train.py --run_dir={ckpt}"
            )
        name = listed["best"]["name"] if listed["best"] else listed["latest"]
        return _existing(os.path.join(folder, name))
    return _existing(ckpt.removesuffix(".index"))


def read_description(prefix):
    """The JSON description inside a checkpoint or a file of weights: (`TrainConfig`, dict).

    Raises:
      UsageError: if it is not one of this project's.
    """
    if weights_file.is_weights_file(prefix):
        return weights_file.read_description(prefix)
    try:
        reader = tf.train.load_checkpoint(prefix)
        description = json.loads(reader.get_tensor(_DESCRIPTION_KEY))
        return from_dict(TrainConfig, upgraded(description)["config"], prefix), description
    except (*_UNREADABLE, KeyError) as error:
        raise UsageError(
            f"{prefix} is not a checkpoint of this project: {_first_line(error)}"
        ) from error


def load_network(ckpt):
    """Builds the network a checkpoint describes and fills all of its variables.

    Args:
      ckpt: as in `resolve`.

    Returns:
      (`ConvolutionalPoseMachine`, `TrainConfig`, description dict with `prefix` added).

    Raises:
      UsageError: missing, damaged or foreign checkpoint.
    """
    prefix = resolve(ckpt)
    config, description = read_description(prefix)
    network = ConvolutionalPoseMachine(config.network)
    if list(network.skeleton.joints) != description["joints"]:
        raise UsageError(
            f"{prefix} was trained for the joints {description['joints']}, but this version's "
            f"skeleton {config.network.skeleton!r} has {list(network.skeleton.joints)}"
        )
    read_network_variables(network, prefix)
    return network, config, description | {"prefix": prefix}


def read_network_variables(network, prefix):
    """Fills every variable of `network` from `prefix` and uses every one stored there.

    If the checkpoint holds averaged weights, it is those that are read.

    Raises:
      UsageError: if either side has a variable the other lacks, or a shape differs.
    """
    if weights_file.is_weights_file(prefix):
        return weights_file.read_variables(network, prefix)
    try:
        keys = [key for key, _ in tf.train.list_variables(prefix)]
    except _UNREADABLE as error:
        raise UsageError(f"{prefix} cannot be read: {_first_line(error)}") from error
    averaged = any(key.startswith(_AVERAGE) for key in keys)
    root = _AVERAGE if averaged else "network/"
    stored = [key for key in keys if key.startswith(root) and key.endswith("VARIABLE_VALUE")]
    if len(stored) != len(network.variables):
        raise UsageError(
            f"{prefix} holds {len(stored)} network variables, this network has "
            f"{len(network.variables)}; give the --arch, --stages, --width and --norm it was "
            "trained with (config.json of its run), or name another checkpoint"
        )
    try:
        checkpoint = tf.train.Checkpoint(network=network)
        if averaged:
            checkpoint = tf.train.Checkpoint(average=checkpoint)
        status = checkpoint.read(prefix)
        _assert_all(status, "assert_existing_objects_matched")
    except _UNREADABLE as error:
        raise UsageError(
            f"{prefix} does not fit the network it describes: {_first_line(error)}"
        ) from error


def read_stages(network, prefix):
    """Fills a network from a checkpoint of the same one with as many stages, or with fewer.

    Stages that the checkpoint lacks keep their weights.

    Args:
      network: a `ConvolutionalPoseMachine`.
      prefix: of the checkpoint.

    Returns:
      How many stages were filled.

    Raises:
      UsageError: as `read_network_variables`; or if the checkpoint has more stages.
    """
    stored, _ = read_description(prefix)
    stages = stored.network.stages
    fits = dataclasses.replace(stored.network, stages=network.config.stages)
    if stages >= network.config.stages or fits != network.config:
        read_network_variables(network, prefix)
        return network.config.stages
    smaller = ConvolutionalPoseMachine(stored.network)
    read_network_variables(smaller, prefix)
    values = {v.name: v for v in smaller.variables}
    for variable in network.variables:
        if variable.name in values:
            variable.assign(values.pop(variable.name))
    if values:
        raise UsageError(f"{prefix} holds {', '.join(values)}, this network does not")
    return stages


def _assert_all(status, assertion):
    """Calls an assertion of a load status, and keeps its destructor from a page of warnings."""
    try:
        getattr(status, assertion)()
    finally:
        status.expect_partial()


def _existing(prefix):
    """`prefix`, if its index and all of its data files exist."""
    folder, name = os.path.split(prefix)
    present = os.listdir(folder or ".") if os.path.isdir(folder or ".") else []
    data = [f for f in present if f.startswith(name + ".data-")]
    if name + ".index" not in present or not data:
        found = ", ".join(sorted(f for f in present if f.endswith(".index"))) or "none"
        raise UsageError(
            f"checkpoint {prefix} is missing or incomplete (in its folder: {found}); restore its "
            "files, or name another one with --ckpt or --run_dir"
        )
    return prefix


def _delete(prefix):
    """Removes one checkpoint's files."""
    folder, name = os.path.split(prefix)
    for file in os.listdir(folder):
        if file == name + ".index" or file.startswith(name + ".data-"):
            os.remove(os.path.join(folder, file))


def _first_line(error):
    return str(error).strip().splitlines()[0] if str(error).strip() else repr(error)
