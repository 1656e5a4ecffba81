"""From which confidence on a checkpoint's joints are more often right than wrong.

It is measured at the end of a training, after the checkpoint was saved and sealed, so it stands in
a file of its own beside it. Without one nothing is known.
"""

import os

from absl import logging

from cpm import files, untrusted
from cpm.checkpoints import checksums

SUFFIX = ".threshold.json"
_MOST_BYTES = 1000
_SCHEMA = {"threshold": float, "checksum?": str}


def record_threshold(prefix: str, threshold: float) -> None:
    """Notes the threshold of the checkpoint at `prefix`, as a number from 0 to 1."""
    noted = min(max(float(threshold), 0.0), 1.0)  # belief maps may overshoot
    files.write_json(prefix + SUFFIX, checksums.stamped({"threshold": noted}))


def check_threshold(threshold: float) -> None:
    """ValueError if it is no confidence."""
    if not 0 <= threshold <= 1:
        raise ValueError(f"its threshold is {threshold}, which is no confidence from 0 to 1")


def threshold_of(prefix: str) -> float | None:
    """What was noted of a checkpoint; None if nothing was, or, with a warning, if it is damaged."""
    path = prefix + SUFFIX
    if not os.path.exists(path):
        return None
    try:
        with untrusted.open_regular(path, _MOST_BYTES) as file:
            record = untrusted.parse_json(file.read(), _SCHEMA, "it")
        checksums.check(record)
        check_threshold(record["threshold"])
        return record["threshold"]
    except (OSError, ValueError) as error:
        logging.warning("%s is damaged (%s); all joints are drawn", path, error)
        return None
