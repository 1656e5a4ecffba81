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
    """Notes the threshold, 0 … 1, of the checkpoint at `prefix`."""
    files.write_json(prefix + SUFFIX, checksums.stamped({"threshold": float(threshold)}))


def threshold_of(prefix: str) -> float | None:
    """What was noted of a checkpoint; None if nothing was, or, with a warning, if it is damaged."""
    path = prefix + SUFFIX
    if not os.path.exists(path):
        return None
    try:
        with untrusted.open_regular(path, _MOST_BYTES) as file:
            record = untrusted.parse_json(file.read(), _SCHEMA, "it")
        checksums.check(record)
        threshold = record["threshold"]
        if 0 <= threshold <= 1:
            return threshold
        problem = f"{threshold} is no confidence"
    except (OSError, ValueError) as error:
        problem = str(error)
    logging.warning("%s is damaged (%s); all joints are drawn", path, problem)
    return None
