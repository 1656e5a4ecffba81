"""The files of one TensorFlow checkpoint: whether all are there, and what reading them may raise.

A checkpoint `step-0001000` is an index, `step-0001000.index`, and one or more files of data,
`step-0001000.data-00000-of-00001`; their common start is the checkpoint's *prefix*.
"""

import os

import tensorflow as tf

from cpm.errors import UsageError

# What TensorFlow raises for files that are short, foreign or of another network.
UNREADABLE = (AssertionError, ValueError, IndexError, tf.errors.OpError)


def require_complete(prefix):
    """`prefix`, if its index and all of its data files exist."""
    folder, name = os.path.split(prefix)
    present = os.listdir(folder or ".") if os.path.isdir(folder or ".") else []
    data = [f for f in present if f.startswith(name + ".data-")]
    if name + ".index" not in present or not data:
        found = ", ".join(sorted(f for f in present if f.endswith(".index"))) or "none"
        raise UsageError(
            f"checkpoint {prefix} is missing or incomplete (in its folder: {found}); restore its "
            "files, or name another one with --ckpt or --run_dir"
        )
    return prefix


def delete(prefix):
    """Removes one checkpoint's files."""
    folder, name = os.path.split(prefix)
    for file in os.listdir(folder):
        if file == name + ".index" or file.startswith(name + ".data-"):
            os.remove(os.path.join(folder, file))


def assert_all(status, assertion):
    """Calls an assertion of a load status, and keeps its destructor from a page of warnings."""
    try:
        getattr(status, assertion)()
    finally:
        status.expect_partial()


def first_line(error):
    """What an error says, without the pages that may follow."""
    return str(error).strip().splitlines()[0] if str(error).strip() else repr(error)
