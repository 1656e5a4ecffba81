"""What a training leaves in a run folder, and how it is put aside.

A folder with any trace of training never starts again at step 0 unless it is told to: --restart
moves the traces into a folder beside them.
"""

import os
import re
import shutil
import struct

from cpm import untrusted
from cpm.checkpoints import LIST_NAME

_TRACES = re.compile(r"metrics\.jsonl|checkpoints|eval|events\.out\..*|non_finite_.*|report\.html")
# The evidence of a run that ended in its first step: it has nothing to lose.
NOTHING_DONE = "non_finite_step_1.json"


def traces_of_training(path: str | os.PathLike) -> list[str]:
    """Names of what a training left in a folder: recorded steps, checkpoints, results."""
    found = []
    for name in sorted(os.listdir(path)):
        place = os.path.join(path, name)
        if name == "metrics.jsonl" and os.path.getsize(place):
            found.append(name)
        elif name.startswith("events.out.") and os.path.isfile(place) and _has_summaries(place):
            found.append(name)
        elif name == "report.html" or (name.startswith("non_finite_") and name != NOTHING_DONE):
            found.append(name)
        elif name in ("eval", "checkpoints") and os.path.isdir(place):
            if {*os.listdir(place)} - {LIST_NAME}:
                found.append(f"{name}/")
    return found


def _has_summaries(path):
    """Whether an event file holds more than its first record, which names its version."""
    with untrusted.open_regular(path) as file:
        header = file.read(8)
        if len(header) < 8:
            return False
        # A record of TensorFlow: length, its checksum (4 bytes), the bytes, their checksum.
        first = 12 + struct.unpack("<Q", header)[0] + 4
    return os.path.getsize(path) > first


def put_aside(path: str) -> str | None:
    """Puts every trace of an earlier training, config.json too, into a folder beside it.

    Returns:
      Path of that folder, or None if there was nothing.
    """
    found = [name for name in os.listdir(path) if _TRACES.fullmatch(name)]
    found += ["config.json"] if os.path.lexists(os.path.join(path, "config.json")) else []
    if not found:
        return None
    number = 1
    while os.path.exists(aside := os.path.join(path, f"before-restart-{number}")):
        number += 1
    os.makedirs(aside)
    for name in found:
        shutil.move(os.path.join(path, name), os.path.join(aside, name))
    return aside
