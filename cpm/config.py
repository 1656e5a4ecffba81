"""The whole of a run as one frozen, printable, comparable value.

`TrainConfig` nests one dataclass per room. It is written to `config.json` of the run folder and
stored inside each checkpoint, so that a checkpoint alone says what it is. Unknown keys are errors:
a misspelt option must not silently become a default.

Library code takes these values as arguments and never reads flags.
"""

import dataclasses
import json
import math
import typing


def _require(config, allowed, *fields):
    """Raises ValueError for the first of `fields` that is not a number inside `allowed`.

    Args:
      config: the dataclass that is being made.
      allowed: "> 0" or ">= 0".
    """
    for field in fields:
        value = getattr(config, field)
        fits = value > 0 if allowed == "> 0" else value >= 0
        if not (fits and math.isfinite(value)):
            raise ValueError(f"{field} should be {allowed}, not {value}")


@dataclasses.dataclass(frozen=True)
class NetworkConfig:
    """What the network is (cpm/network).

    Attributes:
      arch: `mini`, `vgg` or `paper` (cpm/network/architectures.py).
      skeleton: name of the skeleton whose joints the belief maps show (cpm/skeleton.py).
      stages: T ≥ 1, number of stages, each with a loss.
      width: multiplier of every hidden channel count.
      norm: `none` or `batch`, after each hidden convolution.
      center_map: stages ≥ 2 also see a Gaussian at the person's centre.
      background: one more map, 1 − max over joints.
      image_size: (height, width) of the crop, pixels, multiples of 8.
    """

    arch: str = "mini"
    skeleton: str = "mpii16"
    stages: int = 6
    width: float = 1.0
    norm: str = "batch"
    center_map: bool = True
    background: bool = False
    image_size: tuple[int, int] = (128, 128)


@dataclasses.dataclass(frozen=True)
class TargetConfig:
    """How joints become ideal belief maps (cpm/training/targets.py).

    Attributes:
      sigma_px: standard deviation of a joint's Gaussian, crop pixels.
      cutoff: values below it become 0 (the release: 0.01).
      mask_absent: leave unannotated joints out of the loss; False is the release's behaviour,
        an all-zero target.
      everyone_in_stage_1: stage 1 is trained on all people of the crop, later stages on the
        primary person only.
      foreground_weight: λ; a cell's squared error counts 1 + λ · target (cpm/training/loss.py);
        0 is the paper's loss.
    """

    sigma_px: float = 7.0
    cutoff: float = 0.01
    mask_absent: bool = True
    everyone_in_stage_1: bool = True
    foreground_weight: float = 0.0

    def __post_init__(self):
        _require(self, "> 0", "sigma_px")
        _require(self, ">= 0", "cutoff", "foreground_weight")


@dataclasses.dataclass(frozen=True)
class AugmentConfig:
    """Ranges of the random changes (cpm/data/augmentation.py); all zero = none.

    Attributes:
      scale: (low, high), log-uniform factor on the person's size.
      rotation_deg: uniform in ± this.
      flip: probability of a left-right mirror.
      shift: uniform in ± this fraction of the crop's side, each axis.
      brightness, contrast, saturation, hue: colour jitter, fractions; 0 = off.
      noise: standard deviation of added pixel noise, grey levels of 255, upper end of the range.
    """

    scale: tuple[float, float] = (1.0, 1.0)
    rotation_deg: float = 0.0
    flip: float = 0.0
    shift: float = 0.0
    brightness: float = 0.0
    contrast: float = 0.0
    saturation: float = 0.0
    hue: float = 0.0
    noise: float = 0.0


AUGMENTATIONS = {
    "none": AugmentConfig(),
    # For synthetic people, of whom each comes a few times only.
    "light": AugmentConfig(scale=(0.95, 1.05), rotation_deg=5.0, flip=0.5, shift=0.01),
    # Wei et al.: scale U[.7, 1.3], rotation U[-40, 40] degrees, flip 1/2, no colour.
    "paper": AugmentConfig(scale=(0.7, 1.3), rotation_deg=40.0, flip=0.5),
    # For some thousand photographs seen dozens of times.
    "strong": AugmentConfig(
        scale=(0.8, 1.25),
        rotation_deg=40.0,
        flip=0.5,
        shift=0.05,
        brightness=0.2,
        contrast=0.2,
        saturation=0.3,
        hue=0.02,
    ),
}


CROP_RULES = ("joints", "person", "image")


@dataclasses.dataclass(frozen=True)
class DataConfig:
    """Which people, cut how, in which order (cpm/data/pipeline.py).

    Attributes:
      crop: which of `CROP_RULES` places the crop: `joints` (the joints' box), `person` (annotated
        centre and scale) or `image` (the picture alone).
      margin: size of the crop relative to that rule's square.
      max_people: poses per crop for the stage-1 target, the primary person's first.
      batch_size: people per step.
      shuffle_buffer: people held in memory to shuffle among.
      augment: ranges of the random changes during training.
    """

    crop: str = "joints"
    margin: float = 1.25
    max_people: int = 3
    batch_size: int = 8
    shuffle_buffer: int = 4096
    augment: AugmentConfig = AUGMENTATIONS["strong"]

    def __post_init__(self):
        _require(self, "> 0", "margin", "max_people", "batch_size", "shuffle_buffer")


@dataclasses.dataclass(frozen=True)
class OptimizerConfig:
    """How gradients change variables (cpm/training/optimizers.py, schedules.py).

    Attributes:
      optimizer: `sgd` (momentum), `adam` (decoupled weight decay) or `muon` (Adam, but orthogonal
        steps for hidden kernels).
      learning_rate: peak.
      schedule: `constant`, `cosine` (after the warm-up, to 0) or `step`.
      warmup_steps: linear from 0 to the peak.
      step_every, step_factor: `step` multiplies by the factor every so many steps.
      momentum: of SGD.
      weight_decay: per step, relative to the learning rate; never on biases and norms.
      clip_norm: global norm of the gradients is limited to this; 0 = off.
      stage_1_multiplier, later_stage_multiplier, bias_multiplier: factors on the learning rate of
        stage 1 with its trunk, of stages >= 2, and of biases on top (the release's lr_mult).
    """

    optimizer: str = "adam"
    learning_rate: float = 2e-3
    schedule: str = "cosine"
    warmup_steps: int = 100
    step_every: int = 136_106
    step_factor: float = 0.333
    momentum: float = 0.9
    weight_decay: float = 1e-4
    clip_norm: float = 1.0
    stage_1_multiplier: float = 1.0
    later_stage_multiplier: float = 1.0
    bias_multiplier: float = 1.0

    def __post_init__(self):
        _require(self, "> 0", "learning_rate", "step_every", "step_factor")
        _require(self, ">= 0", "warmup_steps", "momentum", "weight_decay", "clip_norm")


@dataclasses.dataclass(frozen=True)
class TrainConfig:
    """A whole training run."""

    network: NetworkConfig = NetworkConfig()
    target: TargetConfig = TargetConfig()
    data: DataConfig = DataConfig()
    optimizer: OptimizerConfig = OptimizerConfig()
    steps: int = 2800
    seed: int = 0
    xla: bool = False
    eval_every: int = 700
    save_every: int = 350
    log_every: int = 20

    def __post_init__(self):
        _require(self, "> 0", "steps", "eval_every", "save_every", "log_every")


def to_dict(config):
    """The configuration as plain JSON values.

    >>> to_dict(AugmentConfig(flip=0.5))["flip"]
    0.5
    """
    return json.loads(json.dumps(dataclasses.asdict(config)))


def from_dict(cls, values, where="configuration"):
    """The inverse of `to_dict`.

    Args:
      cls: a configuration dataclass.
      values: dict, as read from JSON; missing keys take their defaults.
      where: how messages call it.
    Raises:
      ValueError: for an unknown key or a value of the wrong type; the message names it.

    >>> from_dict(AugmentConfig, {"flipp": 0.5})
    Traceback (most recent call last):
    ...
    ValueError: configuration has an unknown key 'flipp'; known: brightness, contrast, flip, hue, noise, rotation_deg, saturation, scale, shift
    """
    fields = {field.name: field for field in dataclasses.fields(cls)}
    for key in values:
        if key not in fields:
            raise ValueError(
                f"{where} has an unknown key {key!r}; known: {', '.join(sorted(fields))}"
            )
    types = typing.get_type_hints(cls)
    arguments = {
        key: _from_json(types[key], value, f"{where}.{key}")
        for key, value in values.items()
    }
    return cls(**arguments)


def _from_json(kind, value, where):
    """One JSON value as the annotated type `kind`."""
    if dataclasses.is_dataclass(kind):
        return from_dict(kind, value, where)
    if typing.get_origin(kind) is tuple:
        kinds = typing.get_args(kind)
        if not isinstance(value, (list, tuple)) or len(value) != len(kinds):
            raise ValueError(f"{where} should hold {len(kinds)} numbers, not {value!r}")
        return tuple(_from_json(k, v, where) for k, v in zip(kinds, value))
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        raise ValueError(f"{where} should be of type {kind.__name__}, not {value!r}")
    return value
