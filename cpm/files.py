"""Writing files so that a kill at any instant leaves the old file or the new one, never half."""

import contextlib
import errno
import json
import os
import tempfile

from cpm.errors import UsageError


@contextlib.contextmanager
def replacing(path):
    """Gives a temporary path beside `path`; on a clean exit it becomes `path` in one step.

    The data is flushed to the disk before the rename; after an exception nothing changes.

    Args:
      path: file to make or replace; missing parent folders are made.
    """
    if os.path.isdir(path):
        raise IsADirectoryError(errno.EISDIR, "it is a folder", str(path))
    folder, name = os.path.split(os.path.abspath(path))
    os.makedirs(folder, exist_ok=True)
    try:
        # The suffix stays last: picture writers choose the format by it.
        handle, temporary = tempfile.mkstemp(prefix=".partial-", suffix=name, dir=folder)
    except OSError as error:  # names the file that was asked for, not the temporary one
        raise type(error)(error.errno, error.strerror, str(path)) from None
    os.close(handle)
    try:
        yield temporary
        with open(temporary, "rb+") as file:
            os.fsync(file.fileno())
        os.chmod(temporary, 0o666 & ~_umask())
        os.replace(temporary, path)
    finally:
        if os.path.exists(temporary):
            os.remove(temporary)


def check_target(path, flag):
    """UsageError if no file can be written at `path`: said before the work, not after it.

    Args:
      path: of the file to be, or None.
      flag: that names it, for the message.
    """
    if path is None:
        return
    folder = os.path.dirname(os.path.abspath(path))
    while not os.path.exists(folder):
        folder = os.path.dirname(folder)
    if os.path.isdir(path) or not os.path.isdir(folder):
        what = "a folder" if os.path.isdir(path) else f"in {folder}, which is a file"
        raise UsageError(f"--{flag}={path} is {what}; name a file to write")
    if not os.access(path if os.path.exists(path) else folder, os.W_OK):
        raise UsageError(
            f"--{flag}={path} cannot be written; make room or permission, or name another file"
        )


def write_text(path, text):
    """Replaces the file at `path` by `text`, UTF-8."""
    with replacing(path) as temporary:
        with open(temporary, "w", encoding="utf-8") as file:
            file.write(text)


def write_json(path, value):
    """Replaces the file at `path` by `value` as JSON; NaN is refused (it is not JSON)."""
    write_text(path, json.dumps(value, indent=2, allow_nan=False) + "\n")


def read_json(path, advice):
    """The JSON value in the file at `path`.

    Args:
      path: file.
      advice: what to do about it, the end of the message.

    Raises:
      UsageError: if it is missing or no JSON.
    """
    try:
        # -sig: some editors and tools begin a UTF-8 file with a byte order mark.
        with open(path, encoding="utf-8-sig") as file:
            return json.load(file)
    except (OSError, ValueError, RecursionError) as error:
        raise UsageError(f"{path} cannot be read ({error}); {advice}") from error


def _umask():
    """The process's file mode mask (reading it needs setting it)."""
    mask = os.umask(0)
    os.umask(mask)
    return mask
