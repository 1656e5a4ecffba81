"""Networks of few random weights, as files: quick to load, to run and to export."""

import dataclasses

from cpm.checkpoints import describe, weights_file
from cpm.config import DataConfig, TrainConfig
from cpm.network import ConvolutionalPoseMachine
from cpm.network.architectures import preset


def tiny_config(arch="mini", **changes):
    """A `TrainConfig` of a preset with few channels, two stages and a small crop."""
    usual = {"stages": 2, "width": 0.125, "image_size": (64, 64), "skeleton": "lsp14"}
    network = dataclasses.replace(preset(arch), **(usual | changes))
    return TrainConfig(network=network, data=DataConfig(crop="whole"))


def tiny_weights(path, config=None, *, seed=0, threshold=0.001):
    """Writes a network with random weights.

    Args:
      path: of the file, ends in `.npz`.
      config: `TrainConfig`; None = `tiny_config()`.
      seed: of the weights.
      threshold: that the file says of its confidences; the default finds somebody everywhere.

    Returns:
      The path as text.
    """
    config = config or tiny_config()
    network = ConvolutionalPoseMachine(config.network, seed=seed)
    for variable in network.trainable_variables:
        # The last layers start near zero, and their maps would be flat.
        if variable.shape[-1] >= len(network.skeleton) and "kernel" in variable.name:
            if variable.shape[0] == 1:
                variable.assign(variable * 10.0)
    weights_file.write_weights(
        str(path), network, describe(config, network) | {"threshold": threshold}
    )
    return str(path)
