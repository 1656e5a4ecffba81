"""Flags that several scripts share, so that the same flag means the same everywhere.

The one file of the library that may define absl flags; only bin/ imports it. The rest of the
library takes a configuration and never reads flags. A flag that is not given is None and takes
the value of the recipe (`--recipe`), or of the preset (`--arch`) where nothing is trained.
"""

import dataclasses
import math
import re

from absl import flags

from cpm.config import AUGMENTATIONS, CONVOLUTIONS, CROP_RULES, changed
from cpm.errors import UsageError
from cpm.network.architectures import NORMS, PRESETS, architecture, preset
from cpm.network.convolution import ConvolutionMethod
from cpm.skeleton import SKELETONS
from cpm.training.recipes import RECIPES, default_recipe, joints_of, recipe
from ops import REFINEMENTS

# absl lists a script's own flags in --help: these count as the calling script's.
flags.disclaim_key_flags()


def define_network_flags(values=flags.FLAGS):
    """Defines the flags that say what the network is; call once, at the top of a script.

    Args:
      values: where they are defined; a test may bring its own `FlagValues`.
    """
    where = {"flag_values": values}
    flags.DEFINE_enum("arch", None, sorted(PRESETS), "The preset; mini, or the recipe's.", **where)
    flags.DEFINE_integer("stages", None, "How many, T.", lower_bound=1, **where)
    flags.DEFINE_float("width", None, "Multiplier of hidden channel counts.", **where)
    flags.DEFINE_enum("norm", None, NORMS, "What follows hidden convolutions.", **where)
    flags.DEFINE_bool("center_map", None, "Feed the centre map to stages 2 and later.", **where)
    flags.DEFINE_bool("background", None, "A belief map for the background.", **where)
    flags.DEFINE_string("image_size", None, "Crop: SIDE or HEIGHTxWIDTH, px.", **where)
    flags.DEFINE_enum("skeleton", None, sorted(SKELETONS), "Joints to find.", **where)


def network_config_from_flags(values=flags.FLAGS, base=None):
    """The `NetworkConfig` that the flags of `define_network_flags` describe.

    Args:
      values: the parsed flags.
      base: `NetworkConfig` of what is not given; None = the preset `--arch`.
    Raises:
      UsageError: for a value out of range; the message names the flag.
    """
    given = {
        name: getattr(values, name)
        for name in ("stages", "width", "norm", "center_map", "background", "skeleton")
        if getattr(values, name) is not None
    }
    if values.image_size is not None:
        given["image_size"] = parse_image_size(values.image_size)
    base = preset(values.arch or "mini") if base is None else base
    config = dataclasses.replace(base, **given)
    try:
        architecture(config)
    except ValueError as error:
        raise UsageError(f"--{error}; try --help for what each flag takes") from None
    return config


def define_data_flags(values=flags.FLAGS):
    """Defines the flags that say what a step of training sees; call once, at the top of a script.

    Args:
      values: where they are defined; a test may bring its own `FlagValues`.
    """
    where = {"flag_values": values}
    flags.DEFINE_list("data", [], "Converted folders, comma-separated.", **where)
    flags.DEFINE_enum(
        "recipe",
        None,
        list(RECIPES),
        "All settings at once (cpm/training/recipes.py); by --arch if not given.",
        **where,
    )
    flags.DEFINE_integer("batch_size", None, "People per step.", **where)
    flags.DEFINE_enum("crop", None, CROP_RULES, "What places the crop.", **where)
    flags.DEFINE_float("margin", None, "Crop side, in the rule's boxes.", **where)
    flags.DEFINE_enum("augment", None, sorted(AUGMENTATIONS), "Changes.", **where)
    flags.DEFINE_float("sigma", None, "σ of targets, crop pixels.", **where)
    flags.DEFINE_bool("mask_absent", None, "Leave unannotated joints out of the loss.", **where)
    flags.DEFINE_integer("seed", 0, "Of weights, order and changes.", **where)


def train_config_from_flags(values=flags.FLAGS, *, skeleton=None, synthetic=False, **changes):
    """The recipe of `--recipe` or `--arch` with what the flags change.

    Args:
      values: the parsed flags of `define_network_flags` and `define_data_flags`.
      skeleton: the data's own, used if neither `--skeleton` nor the recipe names one it has.
      synthetic: the data is the embedded people.
      **changes: more fields of `TrainConfig`, or dicts of changes to its parts; None = unchanged.
    Returns:
      `TrainConfig`.
    Raises:
      UsageError: for a value out of range; the message names it.
    """
    name = values.recipe or default_recipe(values.arch or "mini", synthetic=synthetic)
    config = recipe(name, values.arch)
    network = network_config_from_flags(values, config.network)
    if values.skeleton is None and skeleton is not None:
        network = dataclasses.replace(network, skeleton=joints_of(name, skeleton))
    data = {
        "batch_size": values.batch_size,
        "crop": values.crop,
        "margin": values.margin,
        "augment": AUGMENTATIONS[values.augment] if values.augment else None,
    }
    changes = {
        "network": network,
        "data": data,
        "target": {"sigma_px": values.sigma, "mask_absent": values.mask_absent},
        "seed": values.seed,
    } | changes
    try:
        return changed(config, _given(changes))
    except ValueError as error:
        raise UsageError(f"{error}; try --help for what each flag takes") from None


def define_speed_flags(values=flags.FLAGS):
    """Defines `--xla` and `--conv`, which change speed and memory and nothing else; call once.

    Args:
      values: where they are defined; a test may bring its own `FlagValues`.
    """
    where = {"flag_values": values}
    flags.DEFINE_bool("xla", False, "Compile with XLA what gains by it.", **where)
    flags.DEFINE_enum(
        "conv",
        "auto",
        CONVOLUTIONS,
        "Convolutions: direct, fast (ops/fast_conv/README.md), or fast where it pays.",
        **where,
    )


def convolution_method(values=flags.FLAGS):
    """The `ConvolutionMethod` that the flags of `define_speed_flags` describe."""
    return ConvolutionMethod(values.conv, values.xla)


def define_decoding_flags(values=flags.FLAGS, *, flip=False):
    """Defines the flags that say how joints are read; call once, at the top of a script.

    Args:
      values: where they are defined; a test may bring its own `FlagValues`.
      flip: what --flip is if it is not given; None = whether the network allows it.
    """
    where = {"flag_values": values}
    usual = "; usual if the network can" if flip is None else ""
    text = f"Average over the mirrored picture too{usual}."
    flags.DEFINE_bool("flip", flip, text, **where)
    flags.DEFINE_list("scales", ["1"], "Average over sizes: 0.9,1,1.1.", **where)
    flags.DEFINE_enum(
        "refinement",
        "taylor",
        REFINEMENTS,
        "From the highest cell to the joint.",
        **where,
    )


def decoding_from_flags(values=flags.FLAGS):
    """`flip`, `scales` and `refinement`, as `define_decoding_flags` describes them.

    Returns:
      dict.
    Raises:
      UsageError: if --scales are no numbers.
    """
    return {
        "flip": values.flip,
        "scales": parse_numbers("scales", values.scales),
        "refinement": values.refinement,
    }


def _given(changes):
    """The changes that are not None, in dicts too."""
    return {
        name: _given(value) if isinstance(value, dict) else value
        for name, value in changes.items()
        if value is not None
    }


def parse_numbers(flag, texts, count=None):
    """The numbers of a flag like --box=1,2,3,4.

    Args:
      flag: its name, for the message.
      texts: its parts.
      count: how many there should be; None = any number.
    Raises:
      UsageError: if they are not `count` finite numbers.

    >>> parse_numbers("scales", ["0.9", "1"])
    (0.9, 1.0)
    """
    try:
        numbers = tuple(float(text) for text in texts)
    except ValueError:
        numbers = (math.nan,)
    if not all(map(math.isfinite, numbers)) or (count and len(numbers) != count):
        expected = f"{count} numbers" if count else "numbers"
        raise UsageError(
            f"--{flag} is {','.join(texts)!r}; expected {expected} separated by commas"
        )
    return numbers


def parse_image_size(text):
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
