"""One process at a time trains in a run directory: a lock that ends with the process.

The lock is POSIX's (`fcntl.lockf`) on the file `lock` of the directory. The system releases it
when the process ends, however that ends; a file that stays behind means nothing. It also holds
between machines that share the directory by NFS with locks; where a file system has no locks, that
is said, and the run goes on without.

A POSIX lock belongs to the process and is lost when any of its descriptors of the file is closed.
So the file is opened once and kept open to the end of the process.

The name is a common one. A link, or a file that does not begin as ours does, belongs to somebody
else and is refused, because holding the lock replaces its text.
"""

import errno
import fcntl
import os
import platform
from typing import TextIO

from absl import logging

from cpm import files, untrusted
from cpm.errors import UsageError

NAME = "lock"
_BEGIN = "process "
_held: dict[
    tuple[int, int], TextIO
] = {}  # (device, inode) of the lock files of this process -> open file
_BUSY = (errno.EACCES, errno.EAGAIN)


def hold(folder: str) -> None:
    """Takes the lock of a run directory for the rest of this process; again is no harm.

    Args:
      folder: the run directory, which exists.

    Raises:
      UsageError: if another process trains there, or the file is somebody else's.
    """
    path = os.path.join(folder, NAME)
    check(folder)
    if _is_held(path):
        return
    file = open(path, "a+", encoding="utf-8", opener=_without_links)
    try:
        fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in _BUSY:
            file.seek(0)
            who = file.read(200).strip()
            file.close()
            raise UsageError(
                f"{folder} is being trained by another process{f' ({who})' if who else ''}; "
                "wait for its end, stop it, or name another --run_dir"
            ) from None
        logging.warning(
            "%s: this file system has no locks (%s); nothing keeps a second training out",
            path,
            error.strerror,
        )
    with files.naming(path):
        file.truncate(0)
        file.write(f"{_BEGIN}{os.getpid()} on {platform.node()}\n")
        file.flush()
    _held[_identity(os.fstat(file.fileno()))] = file


def check(folder: str) -> None:
    """UsageError if what is called `lock` in a folder is not ours."""
    path = os.path.join(folder, NAME)
    if os.path.islink(path):
        what = "is a link"
    elif not os.path.exists(path) or _is_held(path):  # closing a held one would release it
        return
    else:
        with untrusted.open_regular(path) as file:
            begin = file.read(len(_BEGIN))
        if not begin or begin == _BEGIN.encode():
            return
        what = "is not the lock of a training"
    raise UsageError(
        f"{path} {what}, and training would overwrite it; move it away, or name another --run_dir"
    )


def _without_links(path, flags):
    return os.open(path, flags | os.O_NOFOLLOW, 0o666)


def _is_held(path):
    return os.path.exists(path) and _identity(os.stat(path)) in _held


def _identity(status):
    return status.st_dev, status.st_ino
