"""Whether a run can be written at a path, asked before data are drawn or anything is made."""

import os

from cpm import files
from cpm.checkpoints import LIST_NAME
from cpm.data import manifest
from cpm.errors import UsageError
from cpm.training import run_lock
from cpm.untrusted import shown

_MOST_PATH_BYTES = 4096 - 160  # Linux takes 4096; checkpoints under way have names of 130


def check_run_dir(path: str) -> None:
    """UsageError if a run cannot be written at `path`: before data are drawn or anything is made.

    Args:
      path: of the run directory, which may be missing.
    """
    if not path or "://" in path:
        raise UsageError(f"--run_dir={path} is no folder of this machine; name one")
    files.require_utf_8(path)
    if (length := len(os.fsencode(path))) > _MOST_PATH_BYTES:
        raise UsageError(
            f"--run_dir={shown(path)} has {length} bytes; at most {_MOST_PATH_BYTES} leave room "
            "for the names of its files: name a shorter one"
        )
    folder = os.path.abspath(path)
    while not os.path.lexists(folder):
        folder = os.path.dirname(folder)
    inner = [os.path.join(path, name) for name in ("checkpoints", "eval")]
    for place in (folder, *filter(os.path.lexists, inner)):
        if not os.path.isdir(place):
            raise UsageError(f"--run_dir={path} cannot be made: {place} is no folder; name another")
        if not os.access(place, os.R_OK | os.W_OK | os.X_OK):
            raise UsageError(_no_permission(path, place))
    for name in ("config.json", "metrics.jsonl", run_lock.NAME):
        place = os.path.join(path, name)
        if not os.path.lexists(place):
            continue
        if not os.access(place, os.R_OK | os.W_OK):
            raise UsageError(_no_permission(path, place))
        if not os.path.isfile(place):  # a pipe would be waited for, a device has no end
            raise UsageError(
                f"--run_dir={path} cannot be used: {place} is no regular file; remove it, or name "
                "another --run_dir"
            )
    run_lock.check(path)
    _check_inside(path)


def _check_inside(path):
    """UsageError for a folder that is a part of a run, or full of data: a run would begin in it."""
    if os.path.lexists(os.path.join(path, "checkpoints")):
        return  # a run is there already
    if os.path.lexists(os.path.join(path, LIST_NAME)):
        run = os.path.dirname(os.path.abspath(path))
        raise UsageError(
            f"--run_dir={path} has the checkpoints of a run, which would begin again: name the run "
            f"itself, --run_dir={run}"
        )
    if os.path.lexists(os.path.join(path, manifest.NAME)):
        raise UsageError(f"--run_dir={path} is a folder of data; name another --run_dir")


def _no_permission(path, place):
    return (
        f"--run_dir={path} cannot be used: {place} cannot be read and written; give permission, or "
        "name another --run_dir"
    )
