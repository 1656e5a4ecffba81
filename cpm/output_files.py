"""Files that flags name for results: refused before the work where one cannot be written, or would
replace what is not to be lost.
"""

import glob
import os
import re
import tempfile
from collections.abc import Mapping, Sequence

from cpm import files
from cpm.errors import UsageError

# Names of files, what lies beside them, and what they are then a part of.
_PARTS = (
    (r"config\.json|metrics\.jsonl|lock|report\.html", "checkpoints", "run"),
    (r"checkpoints\.json|step-.*", "../config.json", "run"),
    (r"checkpoints\.json", "step-*", "run"),
    (r"step-.*", "checkpoints.json", "run"),
    (r"manifest\.json", "*.tfrecord", "folder of data"),
    (r".*\.tfrecord", "manifest.json", "folder of data"),
    (r"annotations\.json", "images", "folder of data"),
)


def check_target(path: str | os.PathLike | None, flag: str) -> None:
    """UsageError if no file can be written at `path`: said before the work, not after it.

    Nor may it be one that a run or a folder of data is made of.

    Args:
      path: of the file to be, or None.
      flag: that names it, for the message.
    """
    if path is None:
        return
    folder = _nearest_folder(path)
    if os.path.isdir(path) or not os.path.isdir(folder):
        what = "a folder" if os.path.isdir(path) else f"in {folder}, which is a file"
        raise UsageError(f"--{flag}={path} is {what}; name a file to write")
    if not _is_writable(path):
        raise UsageError(
            f"--{flag}={path} cannot be written; make room or permission, or name another file"
        )
    if owner := _owner(path):
        raise UsageError(
            f"--{flag}={path} is a file of a {owner}, which would be lost; name another"
        )


def check_folder(path: str | os.PathLike | None, flag: str) -> None:
    """UsageError if no files can be written into a folder, which need not be there yet.

    Args:
      path: of the folder, or None.
      flag: that names it, for the message.
    """
    if path is None:
        return
    if os.path.exists(path) and not os.path.isdir(path):
        raise UsageError(f"--{flag}={path} is a file; name a folder")
    nearest = _nearest_folder(os.path.join(path, "any"))
    if not os.path.isdir(nearest):
        raise UsageError(f"--{flag}={path} is in {nearest}, which is a file; name another folder")
    if not _takes_files(nearest):
        raise UsageError(
            f"--{flag}={path} takes no files; make room or permission, or name another folder"
        )


def check_place(path: str | os.PathLike) -> None:
    """UsageError if no file can be written where a script puts one unasked, as in a run."""
    if not _is_writable(path):
        raise UsageError(f"{os.fspath(path)} cannot be written; make room or permission there")


def _is_writable(path):
    """Whether a file can be made or replaced: some folders, like /proc, allow it and refuse."""
    target, special = files.target_of(os.fspath(path))
    if special:
        return os.access(target, os.W_OK)
    if os.path.exists(target) and not os.access(target, os.W_OK):
        return False
    return _takes_files(_nearest_folder(target))


def _takes_files(folder):
    """Whether files can be made in a folder that is there."""
    try:
        tempfile.TemporaryFile(dir=folder).close()
    except OSError:
        return False
    return os.access(folder, os.W_OK)


def _nearest_folder(path):
    """The folder of a file to be, or the first one above it that is there."""
    folder = os.path.dirname(os.path.abspath(path))
    while not os.path.exists(folder):
        folder = os.path.dirname(folder)
    return folder


def _owner(path):
    """What an existing file is a part of, or None."""
    folder, name = os.path.split(os.path.realpath(path))
    if not os.path.exists(path):
        return None
    return next(
        (
            owner
            for names, beside, owner in _PARTS
            if re.fullmatch(names, name) and glob.glob(beside, root_dir=folder)
        ),
        None,
    )


def check_apart(
    outputs: Mapping[str, str | os.PathLike | None],
    inputs: Mapping[str, str | os.PathLike | Sequence[str] | None],
) -> None:
    """UsageError if a file to write is one to read, or two to write are one: it would be lost.

    Devices and pipes, like /dev/null, may be named twice.

    Args:
      outputs: {flag: path of a file or folder to write, or None}.
      inputs: {flag: path of one to read, a list of them, or None}.
    """
    named: dict[str, str] = {}
    for flag, value in inputs.items():
        paths = [value] if isinstance(value, str | os.PathLike) else value or []
        named |= {os.path.realpath(path): flag for path in paths}
    for flag, path in outputs.items():
        known = path and (os.path.isfile(path) or os.path.isdir(path))
        if not path or (os.path.exists(path) and not known):
            continue
        other = named.setdefault(os.path.realpath(path), flag)
        if other != flag:
            raise UsageError(f"--{flag}={path} is what --{other} names; name another")
