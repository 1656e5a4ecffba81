"""The flags that are short names for fields of a run's settings, each declared once.

`--stages=6` is `--set network.stages=6`. A row names the field and says in a sentence what it
means; type and default follow from the field. cpm/cli/flags.py makes absl flags of the rows.
"""

import re
import typing
from collections.abc import Callable

from cpm import config_keys
from cpm.config import AUGMENTATIONS, CROP_RULES, SCHEDULES
from cpm.errors import UsageError
from cpm.execution.settings import CONVOLUTIONS, DISTRIBUTIONS, NON_FINITE, PRECISIONS
from cpm.network.architectures import NORMS, PRESETS
from cpm.skeleton import SKELETONS


class Shorthand(typing.NamedTuple):
    """A flag for one field.

    Attributes:
      key: dotted name of the field, as `--set` takes it.
      text: what it means, a sentence.
      choices: the words it takes, if they are a list.
      lower: least value, if absl should check it.
      read, write: functions from the flag's text to the field's value and back, where they differ.
      default: text for "Default: …" where it is not the field's value.
    """

    key: str
    text: str
    choices: tuple[str, ...] | None = None
    lower: int | None = None
    read: Callable | None = None
    write: Callable = config_keys.spelled
    default: str | None = None


def parse_image_size(text: str) -> tuple[int, int]:
    """`"160"` or `"192x144"` (height × width) as `(height, width)`.

    Raises:
      UsageError: for anything else.

    >>> parse_image_size("160"), parse_image_size("192x144")
    ((160, 160), (192, 144))
    """
    match = re.fullmatch(r"(\d{1,5})(?:x(\d{1,5}))?", text)
    if not match:
        raise UsageError(
            f"--image_size is {text!r}; it should be a side like 160, or HEIGHTxWIDTH like 192x144"
        )
    height, width = match.group(1), match.group(2) or match.group(1)
    return int(height), int(width)


SHORTHANDS = {
    "arch": Shorthand("network.arch", "Preset of the network.", tuple(sorted(PRESETS))),
    "stages": Shorthand("network.stages", "Number of stages T, each with a loss.", lower=1),
    "width": Shorthand("network.width", "Multiplier of all hidden channel counts."),
    "norm": Shorthand("network.norm", "Normalization after hidden convolutions.", NORMS),
    "center_map": Shorthand("network.center_map", "Feed the center map to stages 2 and later."),
    "background": Shorthand("network.background", "Add a belief map for the background."),
    "image_size": Shorthand(
        "network.image_size",
        "Size of the crop in pixels, SIDE or HEIGHTxWIDTH.",
        read=parse_image_size,
        write=lambda size: "x".join(map(str, size)),
    ),
    "skeleton": Shorthand(
        "network.skeleton",
        "Skeleton whose joints the network finds.",
        tuple(sorted(SKELETONS)),
        default="the recipe's, else the data's, else mpii16",
    ),
    "batch_size": Shorthand("data.batch_size", "Number of people in a training step."),
    "crop": Shorthand("data.crop", "Rule that places the crop.", CROP_RULES),
    "margin": Shorthand("data.margin", "Side of the crop, in sides of the rule's square."),
    "augment": Shorthand(
        "data.augment",
        "Random augmentation of the training people. With --set data.augment.flip=0 no image is "
        "mirrored.",
        tuple(sorted(AUGMENTATIONS)),
        read=AUGMENTATIONS.get,
        write={value: name for name, value in AUGMENTATIONS.items()}.get,
    ),
    "sigma": Shorthand("target.sigma_px", "Standard deviation σ of target peaks, in crop pixels."),
    "mask_absent": Shorthand(
        "target.mask_absent", "Leave joints without annotation out of the loss."
    ),
    "seed": Shorthand(
        "seed", "Seed of weights, order, augmentation and synthetic people.", lower=0
    ),
    "steps": Shorthand("steps", "Number of training steps."),
    "optimizer": Shorthand("optimizer.optimizer", "Update rule.", ("adam", "muon", "sgd")),
    "learning_rate": Shorthand("optimizer.learning_rate", "Peak learning rate."),
    "schedule": Shorthand(
        "optimizer.schedule",
        "How the learning rate changes; step is the release's, × 0.333 every 136,106 steps.",
        SCHEDULES,
    ),
    "warmup_steps": Shorthand("optimizer.warmup_steps", "Steps in which the learning rate rises."),
    "weight_decay": Shorthand(
        "optimizer.weight_decay", "Decay of kernels, per unit of learning rate."
    ),
    "clip_norm": Shorthand("optimizer.clip_norm", "Limit of the gradient's norm; 0 is no limit."),
    "average_decay": Shorthand(
        "average_decay", "Decay of the averaged weights, like 0.999; 0 is no average."
    ),
    "xla": Shorthand("execution.xla", "Compile by XLA what runs faster for it."),
    "conv": Shorthand(
        "execution.conv",
        "How convolutions are computed: direct, fast (ops/fast_conv/README.md), or auto, fast "
        "where it pays.",
        CONVOLUTIONS,
    ),
    "precision": Shorthand(
        "execution.precision",
        "Type that the layers compute in; weights, belief maps and loss stay float32.",
        PRECISIONS,
    ),
    "recompute": Shorthand(
        "execution.recompute",
        "Save memory: keep few maps for the backward pass and compute the others twice.",
    ),
    "replicas": Shorthand(
        "execution.replicas",
        "Number of parts of a batch that are computed in parallel on a CPU.",
        lower=1,
        default="one for each core where that pays, else 1",
    ),
    "distribute": Shorthand(
        "execution.distribute",
        "Devices that share every batch: none, one device; mirrored, the GPUs of this host; "
        "multiworker, the hosts of TF_CONFIG (docs/howto/many_devices.md).",
        DISTRIBUTIONS,
    ),
    "devices": Shorthand(
        "execution.devices",
        "Number of devices of --distribute=mirrored.",
        lower=0,
        default="all GPUs; without a GPU, as many logical devices of the CPU as it has cores",
    ),
    "sync_batch_norm": Shorthand(
        "execution.sync_batch_norm",
        "Batch norms take the moments of the batch of all devices, not of each device's part.",
    ),
    "cache": Shorthand(
        "execution.cache_gb",
        "Gigabytes of decoded training images to keep in memory, so that later epochs need not "
        "decode them again. It pays where images are stored much larger than their crops.",
    ),
    "eval_every": Shorthand("execution.eval_every", "Steps between evaluations."),
    "save_every": Shorthand("execution.save_every", "Steps between checkpoints."),
    "on_non_finite": Shorthand(
        "execution.on_non_finite",
        "What happens at a batch whose loss or gradient is not finite: stop the run, or skip it.",
        NON_FINITE,
    ),
}
NETWORK = (
    *("arch", "stages", "width", "norm", "center_map", "background", "image_size"),
    "skeleton",
)
DATA = ("batch_size", "crop", "margin", "augment", "sigma", "mask_absent", "seed")
TRAINING = (
    *("steps", "optimizer", "learning_rate", "schedule", "warmup_steps", "weight_decay"),
    *("clip_norm", "average_decay"),
)
SPEED = ("xla", "conv", "precision")
DEVICES = ("distribute", "devices", "sync_batch_norm")
EXECUTION = (
    *(*SPEED, "recompute", "replicas", "cache", "eval_every", "save_every"),
    "on_non_finite",
)
