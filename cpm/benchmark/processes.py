"""The parent's end of a worker (worker.py): start it, ask it, end it."""

import contextlib
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from typing import Any

from cpm.errors import RunStopped


class Failed(RunStopped):
    """A side could not be built or run; the message names it, and ends with what it printed."""


class Process:
    """One side's process; a context manager that ends it.

    Attributes:
      ended: whether it died at a request; it answers none after that.

    Args:
      name: of the side, for messages.
      threads: how many each library may use.
    """

    def __init__(self, name: str, threads: int) -> None:
        self.name, self.ended = name, False
        environment = os.environ | {
            "OMP_NUM_THREADS": str(threads),
            "TF_CPP_MIN_LOG_LEVEL": "2",
        }
        self._printed = tempfile.TemporaryFile()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "cpm.benchmark.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._printed,
            env=environment,
            text=True,
            encoding="utf-8",
        )
        assert self._process.stdin and self._process.stdout, "pipes were asked for"
        self._requests, self._replies = self._process.stdin, self._process.stdout

    def __enter__(self) -> "Process":
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(BrokenPipeError):  # it died with a request unread
            self._requests.close()
        try:
            self._process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._replies.close()
        self._printed.close()

    def start(
        self, make: str, folder: str, settings: Mapping[str, Any], *, compare: bool = True
    ) -> dict[str, Any]:
        """Builds the side and runs it once; see worker.py for the reply."""
        request = {"make": make, "folder": folder, "settings": settings, "compare": compare}
        return self._ask(do="start", **request)

    def run(self, calls: int, uncounted: int) -> list[float]:
        """Seconds of each of `calls` calls, after `uncounted` more."""
        return self._ask(do="run", calls=calls, uncounted=uncounted)["seconds"]

    def call(self, make: str, folder: str, settings: Mapping[str, Any]) -> Any:
        """What the function `make` returns there."""
        return self._ask(do="call", make=make, folder=folder, settings=settings)["value"]

    def memory(self) -> dict[str, float]:
        """`peak_mb` since the last start, and `imported_mb`, the size before that."""
        return self._ask(do="memory")

    def _ask(self, **request):
        with contextlib.suppress(BrokenPipeError):  # it died: there is no answer to read
            self._requests.write(json.dumps(request) + "\n")
            self._requests.flush()
        line = self._replies.readline()
        self.ended = not line
        reply = json.loads(line) if line else {"failed": "its process ended"}
        if "failed" in reply:
            raise Failed(
                f"{self.name} could not {request['do']}: {reply['failed']}\n{self._tail()}"
            )
        return reply

    def _tail(self):
        """The last lines that the process printed."""
        size = os.fstat(self._printed.fileno()).st_size
        # Not `seek`: the process writes through the same position.
        text = os.pread(self._printed.fileno(), size, 0).decode(errors="replace")
        lines = text.splitlines()
        return "\n".join(lines[-20:])
