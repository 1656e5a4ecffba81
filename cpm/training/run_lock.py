"""One process at a time trains in a run directory: a lock that ends with the process.

The lock is POSIX's (`fcntl.lockf`) on the file `lock` of the directory. The system releases it
when the process ends, however that ends; a file that stays behind means nothing. It also holds
between machines that share the directory by NFS with locks; where a file system has no locks, that
is said, and the run goes on without.

A POSIX lock belongs to the process and is lost when any of its descriptors of the file is closed.
So the file is opened once and kept open to the end of the process.
"""

import errno
import fcntl
import os
import platform
from typing import TextIO

from absl import logging

from cpm.errors import UsageError

NAME = "lock"
_held: dict[
    tuple[int, int], TextIO
] = {}  # (device, inode) of the lock files of this process -> open file
_BUSY = (errno.EACCES, errno.EAGAIN)


def hold(folder: str) -> None:
    """Takes the lock of a run directory for the rest of this process; again is no harm.

    Args:
      folder: the run directory, which exists.

    Raises:
      UsageError: if another process trains there.
    """
    path = os.path.join(folder, NAME)
    if os.path.exists(path) and _identity(os.stat(path)) in _held:
        return
    file = open(path, "a+", encoding="utf-8")
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
    file.truncate(0)
    file.write(f"process {os.getpid()} on {platform.node()}\n")
    file.flush()
    _held[_identity(os.fstat(file.fileno()))] = file


def _identity(status):
    return status.st_dev, status.st_ino
