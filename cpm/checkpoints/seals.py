"""Whether a checkpoint is the one that was saved: sizes and checksums, kept in a file beside it.

`step-0001000.seal.json` is written after the checkpoint's own files are on the disk:

    {"step": 1000, "score": 61.3, "files": {"step-0001000.index": {"bytes", "sha256"}, ...},
     "checksum": of the seal itself}

A byte that changed since, a file cut short by a power cut, a file of another checkpoint: each is
noticed before anything is restored. Checkpoints of earlier versions have no seal, and a seal may be
damaged itself; their files are read to the end instead, because TensorFlow keeps a checksum of each
tensor.
"""

import os
import typing
from typing import Any

import tensorflow as tf

from cpm import files, untrusted
from cpm.checkpoints import checksums
from cpm.checkpoints.tensorflow_files import (
    UNREADABLE,
    files_of,
    first_line,
    missing_of,
    readable,
)

SUFFIX = ".seal.json"
_SCHEMA = {"step": int, "score": (float, None), "files": dict, "checksum?": str}
_FILE = {"bytes": int, "sha256": str}
_MOST_BYTES = 1 << 20


class Seal(typing.NamedTuple):
    """What a checkpoint said of itself when it was saved.

    Attributes:
      step: steps done.
      score: of the evaluation at that step, or None.
      files: {name: {"bytes", "sha256"}}.
    """

    step: int
    score: float | None
    files: dict[str, dict[str, Any]]


def write_seal(prefix: str, step: int, score: float | None) -> None:
    """Seals a checkpoint whose files are complete."""
    folder = os.path.dirname(prefix)
    sizes = {}
    for name in files_of(prefix):
        path = os.path.join(folder, name)
        sizes[name] = {"bytes": os.path.getsize(path), "sha256": files.sha256(path)}
    seal = {"step": step, "score": score, "files": sizes}
    files.write_json(prefix + SUFFIX, checksums.stamped(seal))


def read_seal(prefix: str) -> Seal | None:
    """The `Seal` of a checkpoint; None if it has none, or one that cannot be used."""
    try:
        with untrusted.open_regular(prefix + SUFFIX, _MOST_BYTES) as file:
            record = untrusted.parse_json(file.read(), _SCHEMA, "the seal")
        for name, sizes in record["files"].items():
            untrusted.check_schema(sizes, _FILE, name)
        checksums.check(record)
    except (OSError, ValueError):
        return None
    return Seal(record["step"], record["score"], record["files"])


def require_readable(prefix: str) -> None:
    """UsageError if a file of a checkpoint may not be read: then it is not known to be damaged."""
    for name in files_of(prefix):
        untrusted.require_readable(os.path.join(os.path.dirname(prefix), name))


def problem_of(prefix: str) -> str | None:
    """What is wrong with a checkpoint, in words; None if it is whole.

    Args:
      prefix: of a checkpoint whose files may be missing, damaged or unreadable.
    """
    if missing := missing_of(prefix):
        return missing
    try:
        for name in files_of(prefix):  # TensorFlow would wait for a pipe
            untrusted.check_regular(os.path.join(os.path.dirname(prefix), name))
        seal = read_seal(prefix)
        return _unlike(prefix, seal) if seal else _unreadable(prefix)
    except OSError as error:
        return f"{os.path.basename(str(error.filename))} cannot be read: {error.strerror}"


def _unlike(prefix, seal):
    """Where the files differ from their seal."""
    folder = os.path.dirname(prefix)
    if set(seal.files) != set(files_of(prefix)):
        return "its files are not those that were saved"
    for name, sizes in seal.files.items():
        path = os.path.join(folder, name)
        found = os.path.getsize(path)
        if found != sizes["bytes"]:
            return f"{name} has {found} bytes, {sizes['bytes']} were saved"
        if files.sha256(path) != sizes["sha256"]:
            return f"{name} is damaged: its checksum is not the one that was saved"
    return None


def _unreadable(prefix):
    """Why TensorFlow cannot read every tensor, or None."""
    for name in files_of(prefix):  # TensorFlow's own message for these would name neither
        with open(os.path.join(os.path.dirname(prefix), name), "rb") as file:
            if not file.read(1):
                return f"{name} is empty"
    try:
        with readable(prefix) as path:
            reader = tf.train.load_checkpoint(path)
            for name in reader.get_variable_to_shape_map():
                reader.get_tensor(name)
    except UNREADABLE as error:
        return f"it is damaged: {first_line(error)}"
    return None
