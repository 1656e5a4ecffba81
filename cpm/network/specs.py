"""The vocabulary in which a network is described: layers, stages, the whole machine, as data.

Plain values without TensorFlow: presets (architectures.py) are written in them, the network
(layers.py, model.py) is built from them and tables (summary.py) are computed from them.
"""

import typing


class Conv(typing.NamedTuple):
    """A square convolution: `kernel` × `kernel` taps, `channels` outputs, then norm, then ReLU.

    `norm_scale` is what the norm multiplies by at the start of a training.
    """

    name: str
    kernel: int
    channels: int
    stride: int = 1
    norm: bool = False
    norm_scale: float = 1.0
    relu: bool = True
    initializer: str = "gaussian"

    @property
    def bias(self) -> bool:
        """Whether it has a bias of its own; a norm's offset takes its place."""
        return not self.norm


class MaxPool(typing.NamedTuple):
    """A square maximum over `window` cells every `stride` cells."""

    name: str
    window: int
    stride: int


class Dropout(typing.NamedTuple):
    """Zeroes each value with probability `rate` during training."""

    name: str
    rate: float


class Residual(typing.NamedTuple):
    """Convolutions f around which the input is added: max(x + f(x), 0); f keeps the shape.

    The last of `layers` has no ReLU of its own.
    """

    name: str
    layers: tuple[Conv, ...]


Layer: typing.TypeAlias = Conv | MaxPool | Dropout | Residual


class LaterStage(typing.NamedTuple):
    """One stage t ≥ 2: its own view x'_t of the shared features, and its predictor g_t."""

    features: tuple[Layer, ...]
    head: tuple[Layer, ...]


class Architecture(typing.NamedTuple):
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

    trunk: tuple[Layer, ...]
    first_head: tuple[Layer, ...]
    second_trunk: tuple[Layer, ...] | None
    later_stages: tuple[LaterStage, ...]
    concat: tuple[str, ...]
    maps: int
    stride: int
