"""Writing files so that a kill at any instant leaves the old file or the new one, never half."""

import contextlib
import errno
import hashlib
import itertools
import json
import os
import shutil
import stat
import sys
import tempfile
from collections.abc import Iterator
from typing import Any

from cpm import untrusted
from cpm.errors import UsageError

_PARTIAL = ".partial-"  # begins the names of files that are not whole yet
MOST_LINKS = 40  # that are followed from a name to its file, as Linux does
MOST_NAME_BYTES = 255  # of a file's name, in every usual file system


@contextlib.contextmanager
def naming(path: str | os.PathLike) -> Iterator[None]:
    """A context in which an OSError that names no file, as of a full disk, names `path`."""
    try:
        yield
    except OSError as error:
        if error.filename is not None:
            raise
        reason = error.strerror or str(error)
        raise OSError(error.errno or errno.EIO, reason, os.fspath(path)) from error


@contextlib.contextmanager
def replacing(path: str | os.PathLike) -> Iterator[str]:
    """Gives a temporary path beside `path`; on a clean exit it becomes `path` in one step.

    The data is flushed to the disk before the rename; after an exception nothing changes. A link
    stays, and the file it leads to is replaced. What is no regular file, like /dev/null, a pipe or
    /dev/stdout, is written into and never replaced.

    Args:
      path: file to make or replace; missing parent folders are made.

    Raises:
      OSError: if it cannot be written; it names `path`, whoever noticed.
    """
    path = os.fspath(path)
    if os.path.isdir(path):
        raise IsADirectoryError(errno.EISDIR, "it is a folder", path)
    target, special = target_of(path)
    folder, name = os.path.split(os.path.abspath(target))
    if special:
        folder = tempfile.gettempdir()
    temporary = None
    try:
        os.makedirs(folder, exist_ok=True)
        # The suffix stays last: image writers choose the format by it.
        handle, temporary = tempfile.mkstemp(
            prefix=_PARTIAL, suffix=os.path.splitext(name)[1], dir=folder
        )
        os.close(handle)
        yield temporary
        if special:
            _pour(temporary, target)
        else:
            with open(temporary, "rb+") as file:
                os.fsync(file.fileno())
            os.chmod(temporary, 0o666 & ~_umask())
            os.replace(temporary, target)
    except OSError as error:
        ours = os.path.basename(error.filename or _PARTIAL).startswith(_PARTIAL)
        if not ours and error.filename != folder:
            raise  # about another file
        # Names the file that was asked for, not the temporary one, nor none, as writers do.
        reason = error.strerror or str(error)
        raise OSError(error.errno or errno.EIO, reason, path) from error
    finally:
        if temporary is not None and os.path.exists(temporary):
            os.remove(temporary)


def target_of(path: str) -> tuple[str, bool]:
    """The file that a name leads to, and whether it is written into instead of replaced."""
    for _ in range(MOST_LINKS):
        folder = os.path.realpath(os.path.dirname(path) or ".")
        if folder.startswith("/proc/"):  # a descriptor: /dev/stdout, /dev/fd/3
            return path, True
        if not os.path.islink(path):
            break
        path = os.path.join(folder, os.readlink(path))
    else:
        raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), path)
    try:
        return path, not stat.S_ISREG(os.stat(path).st_mode)
    except FileNotFoundError:
        return path, False


def _pour(source, path):
    """Appends the bytes of one file to another, behind what was printed before."""
    if sys.stdout is not None:
        sys.stdout.flush()
    with open(source, "rb") as file, open(path, "ab", buffering=0) as out:
        shutil.copyfileobj(file, out)


def require_utf_8(path: str | os.PathLike) -> None:
    """UsageError if a name has bytes that are no UTF-8: TensorFlow opens no such path."""
    try:
        os.fspath(path).encode()
    except UnicodeEncodeError:
        raise UsageError(
            f"the name {os.fspath(path)} is no UTF-8; TensorFlow cannot open it: name another path"
        ) from None


def fitting(name: str, end: str) -> str:
    """The name of a file, `name + end`; what makes it too long for a file system is cut off `name`.

    >>> fitting("photo", "_pose.jpg"), len(fitting(300 * "n", "_pose.jpg"))
    ('photo_pose.jpg', 255)
    """
    while name and len(os.fsencode(name + end)) > MOST_NAME_BYTES:
        name = name[:-1]  # a whole character, which may be several bytes
    return name + end


def result_names(stem: str, base: str, end: str) -> Iterator[str]:
    """Names for a result of the file `base`, without end: the first that is free is to be taken.

    >>> list(itertools.islice(result_names("a", "a.png", "_pose.jpg"), 3))
    ['a_pose.jpg', 'a.png_pose.jpg', 'a_2_pose.jpg']
    """
    yield fitting(stem, end)
    yield fitting(base, end)
    for n in itertools.count(2):
        yield fitting(stem, f"_{n}{end}")


def write_text(path: str | os.PathLike, text: str) -> None:
    """Replaces the file at `path` by `text`, UTF-8; bytes of names that are no UTF-8 as escapes."""
    with replacing(path) as temporary:
        with open(temporary, "w", encoding="utf-8", errors="backslashreplace") as file:
            file.write(text)


def write_json(path: str | os.PathLike, value: object) -> None:
    """Replaces the file at `path` by `value` as JSON; NaN is refused (it is not JSON)."""
    write_text(path, json.dumps(value, indent=2, allow_nan=False) + "\n")


def read_json(path: str | os.PathLike, advice: str, **limits: Any) -> Any:
    """`cpm.untrusted.read_json`: the JSON value in a file, or a UsageError."""
    return untrusted.read_json(path, advice, **limits)


def sha256(path: str | os.PathLike) -> str:
    """Hex digest of a file."""
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def _umask():
    """The process's file mode mask (reading it needs setting it)."""
    mask = os.umask(0)
    os.umask(mask)
    return mask
