"""What an exported file says of itself: one JSON object, kept where each format has room for it.

format, version      `cpm-export`, 1
functions            names of what was written together (cpm/interchange/portable.py)
function             which of them this file holds, where a file holds one
joints, limbs        names in the order of the outputs, pairs of names
mirror               mirror[p] is the left/right partner of joint p
threshold            confidence below which a joint is more likely wrong than right
crop                 rule, margin, border, size (height, width)
passes, flip         passes without a box; whether each is averaged with its mirror image
stride, origin_px    map cell g stands for the crop pixel origin_px + g · stride
sigma_px, stages     of the ideal belief maps, crop pixels; T
terms                what the weights may be used for
config               the whole `TrainConfig`
target, precision    of the file; and where it comes from: command, commit, versions
"""

import os
from typing import Any

from cpm.errors import UsageError
from cpm.untrusted import SMALL_JSON_BYTES, check_schema, open_regular, parse_json

FORMAT, VERSION = "cpm-export", 1
KEY = "cpm"  # its name where a format stores named texts
FILE = "cpm.json"  # and where it stores files
_SCHEMA = {
    **{"functions": [str], "function?": str, "joints": [str], "limbs": [[str]]},
    **{"stride": int, "origin_px": float, "config": dict, "execution?": dict, "threshold?": float},
}


def read_note(path: str) -> bytes | None:
    """The text of a file beside or in an exported one; None if there is none.

    Raises:
      OSError: if it is no regular file, or too large.
    """
    if not os.path.lexists(path):
        return None
    with open_regular(path, SMALL_JSON_BYTES) as file:
        return file.read()


def checked(text: str | bytes | None, path: str) -> dict[str, Any]:
    """The metadata in a text.

    Args:
      text: JSON, or None if the file has none.
      path: of the file, for the message.

    Raises:
      UsageError: if it is none of this project's, or of a later version, or damaged.
    """
    try:
        if len(text or "") > SMALL_JSON_BYTES:
            raise ValueError
        metadata = parse_json(text or "")
        known = (metadata["format"], metadata["version"]) == (FORMAT, VERSION)
    except (TypeError, ValueError, KeyError):
        known = False
    if not known:
        raise UsageError(
            f"{path} does not say which joints it finds, so it was not written by this version of "
            "bin/export.py; export the network again"
        )
    try:
        check_schema(metadata, _SCHEMA, "what it says of itself")
        if not all(name.isidentifier() for name in metadata["functions"]):
            raise ValueError("its functions are no names")
        functions = metadata["functions"]
        if not functions or metadata.get("function", functions[0]) not in functions:
            raise ValueError("its function is none of its functions")
        if not 0 <= metadata.get("threshold", 0.0) <= 1:
            raise ValueError(f"its threshold {metadata['threshold']} is no confidence")
    except ValueError as error:
        raise UsageError(
            f"{path} is damaged ({error}); export the network again with bin/export.py"
        ) from error
    return metadata
