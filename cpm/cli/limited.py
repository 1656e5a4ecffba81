"""A script under `ulimit -v`: however its memory ends, the last words are a sentence.

A process that gets no more addresses is ended by TensorFlow's libraries in ways of their own: XLA
aborts, a thread does not begin, oneDNN throws, a segmentation fault, pages of stacks. Nothing in it
can speak after that. So under such a limit, and only there, a script runs in a child of a process
that loads nothing, waits, and knows how the child ended. What libraries write meanwhile is kept in
a file, and shown after an end of another kind.

The limits of Docker, Slurm and systemd are of another kind: there the kernel ends the process, and
says so.
"""

import contextlib
import ctypes
import faulthandler
import os
import re
import signal
import sys
import tempfile

from cpm import machine
from cpm.untrusted import printable

LESS_MEMORY = (
    "ask for less: a smaller --batch_size, --image_size, --width or number of --stages, in "
    "training also --recompute"
)
SCRIPTS = os.path.join(os.path.dirname(__file__), os.pardir, os.pardir, "bin")
FORWARDED = ("SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT", "SIGUSR1", "SIGUSR2")
# How a process ends that cannot go on: signals, and the status of the C library without memory.
CRASHES = (-signal.SIGABRT, -signal.SIGSEGV, -signal.SIGBUS, 127)
_PREFIX = re.compile(r"^[A-Z]\d{4} [^]]*\] ")  # of a line of a log: level, time, place
_CAUSE = re.compile(r"\berror\b|failed|alloc|what\(\)", re.IGNORECASE)
_PR_SET_PDEATHSIG = 1  # prctl(2)


def is_script() -> bool:
    """Whether this process runs one of bin/, and not a test or a program of somebody else."""
    return os.path.realpath(os.path.dirname(sys.argv[0])) == os.path.realpath(SCRIPTS)


def is_limited() -> bool:
    """Whether this process is a script under a limit of addresses, which a parent waits for."""
    return machine.address_limit() is not None and is_script()


def run_in_child(limit: int) -> None:
    """Returns in a child, which is the script from now on; its parent ends with its status.

    Call it before any library has threads: they are not in a child.

    Args:
      limit: bytes of addresses that the script may map, for the sentence.
    """
    said = tempfile.TemporaryFile()
    parent, child = os.getpid(), os.fork()
    if not child:
        _follow(parent)
        # In a group of its own: else Ctrl-C, which goes to a whole group, would come twice.
        os.setpgid(0, 0)
        # Python's own words are shown at once.
        sys.stderr = open(os.dup(2), "w", buffering=1, encoding=sys.stderr.encoding)
        os.dup2(said.fileno(), 2)
        return
    for name in FORWARDED:
        if signal.getsignal(getattr(signal, name)) != signal.SIG_IGN:  # as nohup sets it
            signal.signal(getattr(signal, name), lambda number, _: _forward(child, number))
    signal.signal(signal.SIGTSTP, lambda *_: _pause(child))
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    said.seek(0)
    text = said.read().decode("utf-8", "replace")
    if status in CRASHES:
        text = printable(_sentence(text, status, limit)) + "\n"
        status = 1
    with contextlib.suppress(OSError):
        os.write(2, text.encode("utf-8", "replace"))
    if status < 0:  # as whoever sent the signal expects
        if -status != signal.SIGKILL:
            signal.signal(-status, signal.SIG_DFL)
        os.kill(os.getpid(), -status)
    os._exit(status)


def show_no_stacks() -> None:
    """Keeps Python from printing the stacks of a limited script that aborts; absl asks for them."""
    if is_limited():
        faulthandler.disable()


def leave(status: int) -> int:
    """The status; a limited script ends with it at once.

    What is left of a process without memory may wait forever for a thread that never began.
    """
    if is_limited():
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        os._exit(status)
    return status


def _sentence(text, status, limit):
    causes = [
        _PREFIX.sub("", line).strip()[:300] for line in text.splitlines() if _CAUSE.search(line)
    ]
    cause = causes[0] if causes else signal.Signals(-status).name if status < 0 else status
    return (
        f"error: out of memory ({cause}): this process may use "
        f"{limit / 1e9:.1f} GB of addresses (ulimit -v); allow more with ulimit -v unlimited, or "
        f"{LESS_MEMORY}"
    )


def _forward(child, number):
    with contextlib.suppress(ProcessLookupError):
        os.kill(child, number)


def _pause(child):
    """Ctrl-Z: both wait until the parent is continued."""
    _forward(child, signal.SIGSTOP)
    os.kill(os.getpid(), signal.SIGSTOP)
    _forward(child, signal.SIGCONT)


def _follow(parent):
    """Ends this process with its parent, even if that is killed (Linux)."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, int(signal.SIGKILL))
    if os.getppid() != parent:
        os._exit(1)
