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


def read_list(folder):
    """`checkpoints.json` of a folder: `latest` (name or None), `best` (dict or None), `all`.

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
