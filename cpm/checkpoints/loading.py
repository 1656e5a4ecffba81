"""Loading a network from a checkpoint or a file of weights: every variable, and nothing left over.

A run goes on from all of a checkpoint (cpm/checkpoints/saving.py); a network loaded from it to be
used is the average, if there is one.
"""

import json

import tensorflow as tf

from cpm.checkpoints import weights_file
from cpm.checkpoints.resolving import resolve
from cpm.checkpoints.tensorflow_files import UNREADABLE, assert_all, first_line
from cpm.config import TrainConfig
from cpm.config_json import from_dict
from cpm.config_upgrade import upgraded
from cpm.errors import UsageError
from cpm.network import ConvolutionalPoseMachine

_AVERAGE = "average/network/"
_DESCRIPTION_KEY = "description/.ATTRIBUTES/VARIABLE_VALUE"


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
    except (*UNREADABLE, KeyError) as error:
        raise UsageError(
            f"{prefix} is not a checkpoint of this project: {first_line(error)}"
        ) from error


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
    except UNREADABLE as error:
        raise UsageError(f"{prefix} cannot be read: {first_line(error)}") from error
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
        assert_all(status, "assert_existing_objects_matched")
    except UNREADABLE as error:
        raise UsageError(
            f"{prefix} does not fit the network it describes: {first_line(error)}"
        ) from error
