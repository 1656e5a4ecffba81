"""The network: presets as data (`architectures`), layers, the network itself (`model`), its
sizes (`summary`).

What the network is, one layer after the other. Knows nothing of losses, labels or files, nor of how
it is made fast (cpm/execution).
"""

from cpm.network.architectures import PRESETS, architecture, preset
from cpm.network.model import ConvolutionalPoseMachine

__all__ = [
    "PRESETS",
    "ConvolutionalPoseMachine",
    "architecture",
    "preset",
]
