"""Loading a network from a checkpoint or a file of weights: every variable, and nothing left over.

A run goes on from all of a checkpoint (cpm/checkpoints/saving.py); a network loaded from it to be
used is the average, if there is one.
"""

import math
import os
from typing import Any

import numpy as np
import tensorflow as tf

from cpm.checkpoints import weights_file
from cpm.checkpoints.resolving import resolve
from cpm.checkpoints.tensorflow_files import UNREADABLE, assert_all, first_line, readable
from cpm.checkpoints.thresholds import threshold_of
from cpm.config import TrainConfig
from cpm.config_json import from_dict
from cpm.config_upgrade import upgraded
from cpm.errors import UsageError
from cpm.network import ConvolutionalPoseMachine
from cpm.untrusted import parse_json

_AVERAGE = "average/network/"
# What every description has; that of a run also says of what data (cpm/checkpoints/saving.py).
DESCRIPTION = {"config": dict, "joints": [str], "limbs": list}
_DESCRIPTION_KEY = "description/.ATTRIBUTES/VARIABLE_VALUE"


def load_network(
    ckpt: str | os.PathLike,
) -> tuple[ConvolutionalPoseMachine, TrainConfig, dict[str, Any]]:
    """Builds the network a checkpoint describes and fills all of its variables.

    Args:
      ckpt: as in `resolve`.

    Returns:
      (`ConvolutionalPoseMachine`, `TrainConfig`, description dict with `prefix` added).

    Raises:
      UsageError: missing, damaged or foreign checkpoint.
    """
    prefix = resolve(os.fspath(ckpt))
    config, description = read_description(prefix)
    network = ConvolutionalPoseMachine(config.network, seed=None)
    if list(network.skeleton.joints) != description["joints"]:
        raise UsageError(
            f"{prefix} was trained for the joints {description['joints']}, but this version's "
            f"skeleton {config.network.skeleton!r} has {list(network.skeleton.joints)}"
        )
    read_network_variables(network, prefix)
    threshold = threshold_of(prefix)
    noted = {} if threshold is None else {"threshold": threshold}
    return network, config, description | noted | {"prefix": prefix}


def read_description(prefix: str) -> tuple[TrainConfig, dict[str, Any]]:
    """The JSON description inside a checkpoint or a file of weights: (`TrainConfig`, dict).

    Raises:
      UsageError: if it is not one of this project's.
    """
    if weights_file.is_weights_file(prefix):
        return weights_file.read_description(prefix)
    try:
        with readable(prefix) as path:
            reader = tf.train.load_checkpoint(path)
            description = parse_json(
                reader.get_tensor(_DESCRIPTION_KEY), DESCRIPTION, "its description"
            )
            shapes = reader.get_variable_to_shape_map()
        config = from_dict(TrainConfig, upgraded(description)["config"], prefix)
        root = _root(shapes)
        stored = [math.prod(shape) for key, shape in shapes.items() if key.startswith(root)]
        weights_file.check_size(config.network, stored)
        return config, description
    except (*UNREADABLE, KeyError, TypeError, AttributeError) as error:
        raise UsageError(
            f"{prefix} is not a checkpoint of this project: {first_line(error)}"
        ) from error


def _root(keys):
    """What the keys of the network to be used begin with: the average's, if there is one."""
    return _AVERAGE if any(key.startswith(_AVERAGE) for key in keys) else "network/"


def read_network_variables(network: ConvolutionalPoseMachine, prefix: str) -> None:
    """Fills every variable of `network` from `prefix` and uses every one stored there.

    If the checkpoint holds averaged weights, it is those that are read.

    Raises:
      UsageError: if either side has a variable the other lacks, a shape differs, or a number is
        not finite.
    """
    if weights_file.is_weights_file(prefix):
        weights_file.read_variables(network, prefix)
        return
    try:
        with readable(prefix) as path:
            keys = [key for key, _ in tf.train.list_variables(path)]
    except UNREADABLE as error:
        raise UsageError(f"{prefix} cannot be read: {first_line(error)}") from error
    root = _root(keys)
    averaged = root == _AVERAGE
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
        with readable(prefix) as path:
            assert_all(checkpoint.read(path), "assert_existing_objects_matched")
    except UNREADABLE as error:
        raise UsageError(
            f"{prefix} does not fit the network it describes: {first_line(error)}"
        ) from error
    for variable in network.variables:
        if not np.isfinite(variable.numpy()).all():
            raise UsageError(
                f"{prefix} holds numbers in {variable.name} that are not finite; name an earlier "
                "checkpoint, or train again with a lower --learning_rate"
            )
