"""Flags that several scripts share, so that the same flag means the same everywhere.

The one file of the library that may define absl flags; only bin/ imports it. The rest of the
library takes a configuration and never reads flags. A flag that is not given is None and takes
the value of the preset (`--arch`), because norm and image size differ between presets.
"""

import dataclasses
import re

from absl import flags

from cpm.errors import UsageError
from cpm.network.architectures import NORMS, PRESETS, architecture, preset
from cpm.skeleton import SKELETONS

# absl lists a script's own flags in --help: these count as the calling script's.
flags.disclaim_key_flags()


def define_network_flags(values=flags.FLAGS):
    """Defines the flags that say what the network is; call once, at the top of a script.

    Args:
      values: where they are defined; a test may bring its own `FlagValues`.
    """
    where = {"flag_values": values}
    flags.DEFINE_enum("arch", "mini", sorted(PRESETS), "The network's preset.", **where)
    flags.DEFINE_integer("stages", None, "How many, T.", lower_bound=1, **where)
    flags.DEFINE_float("width", None, "Multiplier of hidden channel counts.", **where)
    flags.DEFINE_enum("norm", None, NORMS, "What follows hidden convolutions.", **where)
    flags.DEFINE_bool("center_map", None, "Show later stages whom is meant.", **where)
    flags.DEFINE_bool("background", None, "A belief map for the background.", **where)
    flags.DEFINE_string("image_size", None, "Crop: SIDE or HEIGHTxWIDTH, px.", **where)
    flags.DEFINE_enum("skeleton", None, sorted(SKELETONS), "Joints to find.", **where)


def network_config_from_flags(values=flags.FLAGS):
    """The `NetworkConfig` that the flags of `define_network_flags` describe.

    Args:
      values: the parsed flags.
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
    config = dataclasses.replace(preset(values.arch), **given)
    try:
        architecture(config)
    except ValueError as error:
        raise UsageError(f"--{error}; try --help for what each flag takes") from None
    return config


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
            f"--image_size is {text!r}; it should be a side like 160, "
            "or HEIGHTxWIDTH like 192x144"
        )
    height, width = match.group(1), match.group(2) or match.group(1)
    return int(height), int(width)
