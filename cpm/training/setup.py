"""What a configuration stands for: the network, its optimizer, its average, and the step over them.

The one place where they are put together: for a run, for a measurement, for a test.
"""

import typing

from cpm.network import ConvolutionalPoseMachine, ConvolutionMethod
from cpm.training import optimizers
from cpm.training.ema import ExponentialMovingAverage
from cpm.training.step import TrainStep


class Training(typing.NamedTuple):
    """What a training changes, and what changes it.

    Attributes:
      network: `ConvolutionalPoseMachine`, at its start.
      optimizer: of `optimizers.make_optimizer`.
      average: `ExponentialMovingAverage` of the network, or None.
      step: `TrainStep`.
    """

    network: ConvolutionalPoseMachine
    optimizer: optimizers.Optimizer
    average: ExponentialMovingAverage | None
    step: TrainStep


def make_network(config):
    """The network of a `TrainConfig`, as it starts."""
    return ConvolutionalPoseMachine(
        config.network,
        seed=config.seed,
        compute_dtype=config.precision,
        method=ConvolutionMethod(config.conv, config.xla),
        recompute=config.recompute,
    )


def set_up(config):
    """The `Training` of a `TrainConfig`, before its first step."""
    network = make_network(config)
    optimizer = optimizers.make_optimizer(config.optimizer, network)
    average = None
    if config.average_decay:
        average = ExponentialMovingAverage(network, config.average_decay)
    step = TrainStep(network, optimizer, config, average)
    return Training(network, optimizer, average, step)
