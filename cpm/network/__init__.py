"""The network: presets as data (`architectures`), layers, the machine itself (`model`), its
sizes (`summary`).

Knows nothing of losses, labels or files.
"""

from cpm.network.architectures import PRESETS, architecture, preset
from cpm.network.convolution import ConvolutionMethod
from cpm.network.model import ConvolutionalPoseMachine

__all__ = [
    "PRESETS",
    "ConvolutionMethod",
    "ConvolutionalPoseMachine",
    "architecture",
    "preset",
]
