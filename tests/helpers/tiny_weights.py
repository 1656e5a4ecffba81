"""A network of few weights that was not trained, as a file: quick to load and to run."""

from cpm.checkpoints import describe, weights_file
from cpm.config import NetworkConfig, TrainConfig
from cpm.network import ConvolutionalPoseMachine


def make_weights(path):
    """A file of weights of a network that was not trained."""
    network = NetworkConfig(stages=2, width=0.1, image_size=(48, 48), skeleton="lsp14")
    config = TrainConfig(network=network)
    network = ConvolutionalPoseMachine(network, seed=1)
    weights_file.write_weights(str(path), network, describe(config, network))
