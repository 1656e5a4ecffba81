"""The files of one TensorFlow checkpoint: whether all are there, and what reading them may raise.

A checkpoint `step-0001000` is an index, `step-0001000.index`, and one or more files of data,
`step-0001000.data-00000-of-00001`; their common start is the checkpoint's *prefix*.
"""

import contextlib
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from typing import Any

import tensorflow as tf

from cpm.errors import UsageError

# What TensorFlow raises for files that are short, foreign or of another network.
UNREADABLE = (AssertionError, ValueError, IndexError, tf.errors.OpError)


# TensorFlow takes these for patterns where it reads a checkpoint, though not where it writes one.
_PATTERN = re.compile(r"[\[\]*?\\]")
# What an operation adds to its error: its own name and place, before and behind.
_OPERATION = re.compile(r"\{\{[^{}]*\}\} ?| ?\[Op:\w+\]")


def files_of(prefix: str) -> list[str]:
    """Names of the files of one checkpoint that are there, its index first; [] if there are none.

    Args:
      prefix: folder and common start of the names.
    """
    folder, name = os.path.split(prefix)
    if not os.path.isdir(folder or "."):
        return []
    kind = re.compile(re.escape(name) + r"\.(?:index|data-\d{5}-of-\d{5})")
    found = [file for file in os.listdir(folder or ".") if kind.fullmatch(file)]
    return sorted(found, key=lambda file: (not file.endswith(".index"), file))


def missing_of(prefix: str) -> str | None:
    """What is missing of a checkpoint, in words; None if its index and all data files exist."""
    found = files_of(prefix)
    name = os.path.basename(prefix)
    if f"{name}.index" not in found:
        return f"{name}.index is missing"
    data = found[1:]
    expected = int(data[0].rpartition("-")[2]) if data else 1
    if len(data) != expected:
        return f"{len(data)} of its {expected} data files are there"
    return None


def require_complete(prefix: str) -> str:
    """`prefix`, if its index and all of its data files exist.

    Raises:
      UsageError: otherwise; it names the checkpoints of the folder.
    """
    if missing := missing_of(prefix):
        folder = os.path.dirname(prefix) or "."
        present = os.listdir(folder) if os.path.isdir(folder) else []
        found = ", ".join(sorted(f for f in present if f.endswith(".index"))) or "none"
        raise UsageError(
            f"checkpoint {prefix} is missing or incomplete: {missing} (in its folder: {found}); "
            "restore its files, or name another one, a run folder or a .npz file of weights with "
            "--ckpt, --init_from or --run_dir"
        )
    return prefix


@contextlib.contextmanager
def readable(prefix: str) -> Iterator[str]:
    """A prefix that TensorFlow reads; another one where the name of a folder looks like a pattern.

    The other one leads through a link to the folder, which lasts as long as the context.
    """
    folder, name = os.path.split(os.path.abspath(prefix))
    if not _PATTERN.search(folder):
        yield prefix
        return
    with tempfile.TemporaryDirectory(prefix="cpm-") as temporary:
        link = os.path.join(temporary, "checkpoints")
        os.symlink(folder, link)
        yield os.path.join(link, name)


def flush(prefix: str) -> None:
    """Waits until a checkpoint's files and their names are on the disk."""
    folder = os.path.dirname(prefix) or "."
    for path in (*(os.path.join(folder, name) for name in files_of(prefix)), folder):
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def delete(prefix: str) -> None:
    """Removes one checkpoint's files, and what an interrupted save left of it."""
    folder, name = os.path.split(prefix)
    for file in files_of(prefix):
        os.remove(os.path.join(folder, file))
    shutil.rmtree(os.path.join(folder, f"{name}_temp"), ignore_errors=True)


def assert_all(status: Any, assertion: str) -> None:
    """Calls an assertion of a load status, and keeps its destructor from a page of warnings."""
    try:
        getattr(status, assertion)()
    finally:
        status.expect_partial()


def first_line(error: BaseException) -> str:
    """What an error says, without the pages that may follow, and names of operations.

    >>> first_line(ValueError("{{function_node __SaveV2_device_/job:a}} f; No space [Op:SaveV2]"))
    'f; No space'
    """
    text = _OPERATION.sub("", str(error)).strip()
    return text.splitlines()[0] if text else repr(error)
