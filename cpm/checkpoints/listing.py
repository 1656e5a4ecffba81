"""checkpoints.json: which checkpoints of a run are complete, which is the latest, which the best.

It is replaced in one step after a checkpoint's files are on disk, so what it lists exists. If a
listed file is missing, that is an error: a run that had checkpoints never silently starts again at
step 0 (as `tf.train.latest_checkpoint` would let it).
"""

import glob
import os

from cpm import files
from cpm.errors import UsageError

LIST_NAME = "checkpoints.json"


def record_threshold(prefix, threshold):
    """Notes in `checkpoints.json` from which confidence on a checkpoint's joints are drawn.

    Args:
      prefix: of the checkpoint.
      threshold: measured at the end of training, of people it was not trained on.
    """
    folder, name = os.path.split(prefix)
    listed = read_list(folder)
    listed["thresholds"] = listed.get("thresholds", {}) | {name: float(threshold)}
    files.write_json(os.path.join(folder, LIST_NAME), listed)


def threshold_of(prefix):
    """What `record_threshold` noted of a checkpoint, or None."""
    folder, name = os.path.split(prefix)
    if not os.path.exists(os.path.join(folder, LIST_NAME)):
        return None
    return read_list(folder).get("thresholds", {}).get(name)


def read_list(folder):
    """`checkpoints.json` of a folder: `latest` (name or None), `best` (dict or None), `all`.

    There may be `thresholds`, too, by name.

    Raises:
      UsageError: if it is damaged, or missing beside checkpoints: then a run must not start anew.
    """
    path = os.path.join(folder, LIST_NAME)
    if os.path.exists(path):
        return files.read_json(path, "restore it, or name another --run_dir")
    stray = sorted(glob.glob(os.path.join(glob.escape(folder), "*.index")))
    if stray:
        raise UsageError(
            f"{path} is missing, but there are checkpoints beside it: restore it, or go on from "
            f"one in a new --run_dir with --init_from={stray[-1].removesuffix('.index')}"
        )
    return {"latest": None, "best": None, "all": []}
