"""The vocabulary in which a network is described: layers, stages, the whole machine, as data.

Frozen values without TensorFlow: presets (architectures.py) are written in them, the network
(layers.py, model.py) is built from them and tables (summary.py) are computed from them.
"""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Conv:
    """A square convolution: `kernel` × `kernel` taps, `channels` outputs, then norm, then ReLU."""

    name: str
    kernel: int
    channels: int
    stride: int = 1
    norm: bool = False
    relu: bool = True
    initializer: str = "gaussian"

    @property
    def bias(self):
        """Whether it has a bias of its own; a norm's offset takes its place."""
        return not self.norm


@dataclasses.dataclass(frozen=True)
class MaxPool:
    """A square maximum over `window` cells every `stride` cells."""

    name: str
    window: int
    stride: int


@dataclasses.dataclass(frozen=True)
class Dropout:
    """Zeroes each value with probability `rate` during training."""

    name: str
    rate: float


@dataclasses.dataclass(frozen=True)
class Residual:
    """Convolutions f around which the input is added: max(x + f(x), 0); f keeps the shape.

    The last of `layers` has no ReLU of its own.
    """

    name: str
    layers: tuple[Conv, ...]


@dataclasses.dataclass(frozen=True)
class LaterStage:
    """One stage t ≥ 2: its own view x'_t of the shared features, and its predictor g_t."""

    features: tuple
    head: tuple


@dataclasses.dataclass(frozen=True)
class Architecture:
    """A convolutional pose machine, layer by layer.

    Attributes:
      trunk: layers from the image to the features x of stage 1.
      first_head: layers from x to b_1 (Eq. 1: g_1).
      second_trunk: layers from the image to the features x' that stages ≥ 2 share;
        None where they see x itself.
      later_stages: stages 2 … T (Eq. 3: g_t).
      concat: order in which a stage ≥ 2 stacks its inputs, names out of
        `features`, `beliefs`, `center`.
      maps: P, or P + 1 with the background.
      stride: input pixels per cell.
    """

    trunk: tuple
    first_head: tuple
    second_trunk: tuple | None
    later_stages: tuple[LaterStage, ...]
    concat: tuple[str, ...]
    maps: int
    stride: int
