"""What a run learns, as one frozen, printable, comparable value.

`TrainConfig` nests one dataclass per package. It is written to `config.json` of the run folder and
stored inside each checkpoint, so that a checkpoint alone says what it is. The `Execution` says how
the run is computed (cpm/execution/settings.py). Defaults are those of the default recipe, `mini`
(cpm/training/recipes.py).

Library code takes these values as arguments and never reads flags. To and from JSON:
cpm/config_json.py.
"""

import dataclasses
import math
from collections.abc import Collection, Mapping
from typing import Any, ClassVar, Protocol, TypeVar


class Dataclass(Protocol):
    """Any dataclass, for the type hints."""

    __dataclass_fields__: ClassVar[dict[str, Any]]


Config = TypeVar("Config", bound=Dataclass)


FACTORS = (0.01, 100.0)  # of a person's size, or of a crop's
SIGMAS_PX = (0.01, 10_000.0)  # of Gaussians in crops of up to 4096 pixels
RATES = (1e-30, 1e30)  # float32, in which rates are computed with, has 1e-38 to 3e38
MOST_STEPS = 1_000_000_000


def require(config: Dataclass, allowed: str, *fields: str) -> None:
    """Raises ValueError for the first of `fields` that is not inside `allowed`.

    Args:
      config: the dataclass that is being made.
      allowed: "> 0" or ">= 0".
      fields: their names.
    """
    for field in fields:
        value = getattr(config, field)
        if not (value > 0 if allowed == "> 0" else value >= 0):
            raise ValueError(f"{field} should be {allowed}, not {value}")


def require_within(config: Dataclass, lowest: float, highest: float, *fields: str) -> None:
    """Raises ValueError for the first of `fields` with a number below `lowest` or above `highest`.

    Between them is far more than anybody uses; beyond, what computes with a number overflows.
    """
    for field in fields:
        value = getattr(config, field)
        numbers = value if isinstance(value, tuple) else (value,)
        if not all(lowest <= number <= highest for number in numbers):
            raise ValueError(f"{field} should be from {lowest:g} to {highest:g}, not {value}")


def require_numbers(config: Dataclass) -> None:
    """Raises ValueError for the first field with a number that is not finite, or beyond 64 bits."""
    for field in dataclasses.fields(config):
        value = getattr(config, field.name)
        for number in value if isinstance(value, tuple) else (value,):
            # Not `isfinite` for an integer: one of 400 digits is no float either.
            beyond = abs(number) >= 1 << 63 if isinstance(number, int) else False
            if beyond or (isinstance(number, float) and not math.isfinite(number)):
                raise ValueError(f"{field.name} should be a finite number, not {value}")


def require_one_of(config: Dataclass, allowed: Collection[str], field: str) -> None:
    """Raises ValueError if `field` is none of the names `allowed`."""
    value = getattr(config, field)
    if value not in allowed:
        raise ValueError(f"{field} is {value!r}; known: {', '.join(allowed)}")


@dataclasses.dataclass(frozen=True)
class NetworkConfig:
    """What the network is (cpm/network).

    Attributes:
      arch: `mini`, `deep`, `vgg` or `paper` (cpm/network/architectures.py).
      skeleton: name of the skeleton whose joints the belief maps show (cpm/skeleton.py).
      stages: T ≥ 1, number of stages, each with a loss.
      width: multiplier of every hidden channel count.
      norm: `none` or `batch`, after each hidden convolution.
      center_map: stages ≥ 2 also see a Gaussian at the person's center.
      background: one more map, 1 − max over joints.
      image_size: (height, width) of the crop, pixels, multiples of `stride`.
      stride: pixels per cell of a belief map: 8, of `mini` and `deep` also 4.
      normalization: `release`, (x − 128) / 256, or `blog`, x / 127.5 − 1, of gray levels 0 … 255.
      stage_kernel: side of the large kernels of stages ≥ 2; 0 = the preset's.
      stage_width: multiplier of those layers' channels, on top of `width`.
      trunk_blocks: further residual blocks near the end of the trunk of `mini` and `deep`; each
        adds four cells to the receptive field and starts as the identity.
      grid: where map cell g of stride s lies in the crop: `center`, at g·s + (s − 1)/2, the middle
        of the pixels it stands for, or `corner`, the blog's, at g·s. A corner grid has no mirror
        image of its own, so it excludes flip tests.
    """

    arch: str = "mini"
    skeleton: str = "mpii16"
    stages: int = 3
    width: float = 1.0
    norm: str = "batch"
    center_map: bool = True
    background: bool = False
    image_size: tuple[int, int] = (128, 128)
    stride: int = 8
    normalization: str = "release"
    stage_kernel: int = 0
    stage_width: float = 1.0
    trunk_blocks: int = 0
    grid: str = "center"

    def __post_init__(self) -> None:
        require_numbers(self)


@dataclasses.dataclass(frozen=True)
class TargetConfig:
    """How joints become ideal belief maps (cpm/training/targets.py).

    Attributes:
      sigma_px: standard deviation of a joint's Gaussian, crop pixels.
      cutoff: values below it become 0 (the release: 0.01).
      mask_absent: leave unannotated joints out of the loss; False is the release's behavior,
        an all-zero target.
      drop_outside: a joint outside the crop counts as absent (the release); otherwise the part
        of its Gaussian that reaches into the crop is drawn.
      everyone_in_stage_1: stage 1 is trained on all people of the crop, later stages on the
        primary person only.
      foreground_weight: λ; a cell's squared error counts 1 + λ · target (cpm/training/loss.py);
        0 is the paper's loss.
      reduction: `sum`, the release's: Σ over maps and cells / 2N; `mean`, the blog's: the mean
        over maps and cells.
      supervision: `every`, a loss after every stage (Eq. 5), or `last`, after the last one only.
    """

    sigma_px: float = 6.0
    cutoff: float = 0.01
    mask_absent: bool = True
    drop_outside: bool = False
    everyone_in_stage_1: bool = True
    foreground_weight: float = 5.0
    reduction: str = "sum"
    supervision: str = "every"

    def __post_init__(self) -> None:
        require_numbers(self)
        require_within(self, *SIGMAS_PX, "sigma_px")
        require(self, ">= 0", "cutoff", "foreground_weight")
        require_within(self, 0, 0.99, "cutoff")  # the highest value of a map is 1
        require_within(self, 0, 1e6, "foreground_weight")
        require_one_of(self, ("sum", "mean"), "reduction")
        require_one_of(self, ("every", "last"), "supervision")


@dataclasses.dataclass(frozen=True)
class AugmentConfig:
    """Ranges of the random augmentation (cpm/data/augmentation.py); all zero = none.

    Attributes:
      scale: (low, high), factor on the person's size.
      scale_law: how it is drawn between them: `log`, uniform in its logarithm, so that s and 1/s
        are as likely, or `uniform`, as in the paper.
      rotation_deg: uniform in ± this.
      flip: probability of a left-right mirror.
      shift: uniform in ± this fraction of the crop's side, each axis.
      room: for a scale below 1 the shift's range grows by room · (1 − scale) / 2 of the crop's
        side. With room = 1 and shift = 0 the crop still holds what a crop of scale 1 holds.
      tell_center: whether the center map moves with the person. If not, it stays in the middle of
        the crop, as in prediction, where the person's place is unknown.
      brightness, contrast, saturation, hue: color jitter, fractions; 0 = off.
      noise: standard deviation of added pixel noise, gray levels of 255, upper end of the range.
      gray, dark, blur, jpeg, cover: probabilities of a crop without colors, in little light, out of
        focus, badly compressed, with a rectangle drawn over it (cpm/data/wear.py).
      company: probability that another training person is pasted in (cpm/data/company.py).
      nobody: probability of a crop that shows no person at its center (cpm/data/nobody.py).
      truncate: probability that the image ends inside the person (cpm/data/truncation.py). It
        does not go with both `drop_outside` and `mask_absent` of `TargetConfig`, which would mask
        the joints beyond (cpm/training/contradictions.py).
    """

    scale: tuple[float, float] = (1.0, 1.0)
    scale_law: str = "log"
    rotation_deg: float = 0.0
    flip: float = 0.0
    shift: float = 0.0
    room: float = 0.0
    tell_center: bool = True
    brightness: float = 0.0
    contrast: float = 0.0
    saturation: float = 0.0
    hue: float = 0.0
    noise: float = 0.0
    gray: float = 0.0
    dark: float = 0.0
    blur: float = 0.0
    jpeg: float = 0.0
    cover: float = 0.0
    company: float = 0.0
    nobody: float = 0.0
    truncate: float = 0.0

    def __post_init__(self) -> None:
        require_numbers(self)
        require_one_of(self, ("log", "uniform"), "scale_law")
        require_within(self, *FACTORS, "scale")
        require_within(self, 0, 360, "rotation_deg")
        require_within(self, 0, 10, "shift", "room", "brightness", "contrast", "saturation", "hue")
        require_within(self, 0, 255, "noise")
        chances = ("flip", "gray", "dark", "blur", "jpeg", "cover", "company", "nobody", "truncate")
        for field in chances:
            if not 0 <= getattr(self, field) <= 1:
                raise ValueError(f"{field} is a probability, 0 to 1, not {getattr(self, field)}")


AUGMENTATIONS = {
    "none": AugmentConfig(),
    # For trainings of few epochs.
    "light": AugmentConfig(scale=(0.95, 1.05), rotation_deg=5.0, flip=0.5, shift=0.01),
    # Wei et al.: scale U[.7, 1.3], rotation U[-40, 40] degrees, flip 1/2, no color.
    "paper": AugmentConfig(scale=(0.7, 1.3), scale_law="uniform", rotation_deg=40.0, flip=0.5),
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
# For images without a box: the crop may show a whole image, as the first pass of prediction does,
# or the person alone, slightly too large, as the second pass may. Whole images of LSP and LSPet
# show people at 0.6 to 1 times their size in a joints' box × 1.1, up to 0.12 off the middle.
AUGMENTATIONS["wild"] = dataclasses.replace(
    AUGMENTATIONS["strong"], scale=(0.5, 1.2), room=0.6, tell_center=False
)
# `wild` for photographs of all kinds: neighbors, no person, gray, dark, blurred, covered.
AUGMENTATIONS["crowd"] = dataclasses.replace(
    AUGMENTATIONS["wild"],
    gray=0.1,
    dark=0.1,
    blur=0.1,
    jpeg=0.1,
    cover=0.1,
    company=0.3,
    nobody=0.06,
)


CROP_RULES = ("joints", "height", "person", "image", "whole")


@dataclasses.dataclass(frozen=True)
class DataConfig:
    """Which people, cut how, in which order (cpm/data/pipeline.py).

    Attributes:
      crop: which of `CROP_RULES` places the crop: `joints` (the longer side of the joints' box),
        `height` (its height; the blog's), `person` (annotated center and scale), or, of the image
        alone, `image` (its height fills 0.8 of the crop; LSP's test) or `whole` (its longer side
        fills the crop).
      margin: size of the crop relative to that rule's square.
      border: gray level outside the image; the default is the release's, which its
        normalization maps to 0.
      max_people: poses per crop for the stage-1 target, the primary person's first.
      batch_size: people per step.
      shuffle_buffer: people held in memory to shuffle among.
      augment: ranges of the augmentation during training.
    """

    crop: str = "joints"
    margin: float = 1.1
    border: float = 128.0
    max_people: int = 3
    batch_size: int = 16
    shuffle_buffer: int = 4096
    augment: AugmentConfig = AUGMENTATIONS["light"]

    def __post_init__(self) -> None:
        require_numbers(self)
        require(self, "> 0", "max_people", "batch_size", "shuffle_buffer")
        require_within(self, 1, 1000, "max_people")
        require_within(self, *FACTORS, "margin")
        require_within(self, 0, 255, "border")


SCHEDULES = ("constant", "cosine", "step", "milestones")


@dataclasses.dataclass(frozen=True)
class OptimizerConfig:
    """How gradients change variables (cpm/training/optimizers.py, schedules.py).

    Attributes:
      optimizer: `sgd` (momentum), `adam` (decoupled weight decay) or `muon` (Adam, but orthogonal
        steps for hidden kernels).
      learning_rate: peak.
      schedule: `constant`, `cosine` (after the warm-up, to 0), `step` or `milestones`.
      warmup_steps: linear from 0 to the peak, in at most half of the run.
      step_every, step_factor: `step` multiplies by the factor every so many steps.
      milestones: fractions of the run at each of which `milestones` multiplies by `step_factor`.
      momentum: of SGD.
      weight_decay: per step, relative to the learning rate; never on biases and norms.
      clip_norm: global norm of the gradients is limited to this; 0 = off.
      stage_1_multiplier, later_stage_multiplier, bias_multiplier: factors on the learning rate of
        stage 1 with its trunk, of stages >= 2, and of biases on top (the release's lr_mult).
      only_stage: train the variables of this stage alone, counted from 1; 0 = all.
    """

    optimizer: str = "muon"
    learning_rate: float = 2e-3
    schedule: str = "cosine"
    warmup_steps: int = 100
    step_every: int = 136_106
    step_factor: float = 0.333
    milestones: tuple[float, ...] = ()
    momentum: float = 0.9
    weight_decay: float = 1e-4
    clip_norm: float = 1.0
    stage_1_multiplier: float = 1.0
    later_stage_multiplier: float = 1.0
    bias_multiplier: float = 1.0
    only_stage: int = 0

    def __post_init__(self) -> None:
        require_numbers(self)
        require(self, "> 0", "learning_rate", "step_every", "step_factor")
        require(self, ">= 0", "warmup_steps", "momentum", "weight_decay", "clip_norm")
        require(self, ">= 0", "only_stage")
        require_within(self, *RATES, "learning_rate", "step_factor")
        require_within(self, 0, 1, "momentum", "milestones")
        require_within(self, 0, 1000, "weight_decay")
        require_within(self, 0, 1e12, "clip_norm")
        multipliers = ("stage_1_multiplier", "later_stage_multiplier", "bias_multiplier")
        require_within(self, 0, 1000, *multipliers)
        require_within(self, 0, MOST_STEPS, "warmup_steps", "step_every")
        require_one_of(self, SCHEDULES, "schedule")


@dataclasses.dataclass(frozen=True)
class TrainConfig:
    """What a training run learns; two runs of one value learn the same.

    Attributes:
      network, target, data, optimizer: its parts.
      steps: how many updates.
      seed: of weights, order and augmentation.
      average_decay: of the averaged weights (cpm/training/ema.py), which are evaluated and used
        in place of the last ones: 0.999 remembers about 1,000 steps; 0 = no average.
    """

    network: NetworkConfig = NetworkConfig()
    target: TargetConfig = TargetConfig()
    data: DataConfig = DataConfig()
    optimizer: OptimizerConfig = OptimizerConfig()
    steps: int = 2800
    seed: int = 0
    average_decay: float = 0.0

    def __post_init__(self) -> None:
        require_numbers(self)
        require(self, "> 0", "steps")
        require_within(self, 1, MOST_STEPS, "steps")
        require(self, ">= 0", "seed", "average_decay")
        if self.average_decay >= 1:
            raise ValueError(f"average_decay should be below 1, not {self.average_decay}")


@dataclasses.dataclass(frozen=True)
class DecodingConfig:
    """How joints are read out of belief maps when a network is used (cpm/inference).

    Attributes:
      flip: average over the mirrored crop as well.
      scales: average over crops in which the person is this much larger; the official test takes
        0.7, 0.8 … 1.3.
      refinement: from the highest cell to the joint, see `ops.find_peaks`.
      sigma_px: of the targets the network was trained on, crop pixels; `dark` blurs by it.
    """

    flip: bool = False
    scales: tuple[float, ...] = (1.0,)
    refinement: str = "taylor"
    sigma_px: float = 6.0

    def __post_init__(self) -> None:
        require_numbers(self)
        require_within(self, *SIGMAS_PX, "sigma_px")
        require_within(self, *FACTORS, "scales")
        if not self.scales:
            raise ValueError("scales are none; expected positive numbers, e.g. 0.9,1,1.1")

    def plain(self) -> "DecodingConfig":
        """The same without the mirror image and at one scale: the quickest."""
        return dataclasses.replace(self, flip=False, scales=(1.0,))


def changed(config: Config, changes: Mapping[str, Any]) -> Config:
    """A configuration with some fields replaced, and a dict for a part changes that part so.

    >>> changed(TrainConfig(), {"steps": 5, "network": {"stages": 2}}).network.stages
    2
    """
    given = {
        name: changed(getattr(config, name), value) if isinstance(value, dict) else value
        for name, value in changes.items()
    }
    return dataclasses.replace(config, **given)
