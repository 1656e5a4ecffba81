"""The parent's end of a worker (worker.py): start it, ask it, end it."""

import contextlib
import json
import os
import subprocess
import sys
import tempfile

from cpm.errors import RunStopped


class Failed(RunStopped):
    """A side could not be built or run; the message names it, and ends with what it printed."""


class Process:
    """One side's process; a context manager that ends it.

    Args:
      name: of the side, for messages.
      threads: how many each library may use.
    """

    def __init__(self, name, threads):
        self.name = name
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

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._process.stdin.close()
        try:
            self._process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process.stdout.close()
        self._printed.close()

    def start(self, make, folder, settings, *, compare=True):
        """Builds the side and runs it once; see worker.py for the reply."""
        request = {"make": make, "folder": folder, "settings": settings, "compare": compare}
        return self._ask(do="start", **request)

    def run(self, calls, uncounted):
        """Seconds of each of `calls` calls, after `uncounted` more."""
        return self._ask(do="run", calls=calls, uncounted=uncounted)["seconds"]

    def call(self, make, folder, settings):
        """What the function `make` returns there."""
        return self._ask(do="call", make=make, folder=folder, settings=settings)["value"]

    def memory(self):
        """`peak_mb` since the last start, and `imported_mb`, the size before that."""
        return self._ask(do="memory")

    def _ask(self, **request):
        with contextlib.suppress(BrokenPipeError):  # it died: there is no answer to read
            self._process.stdin.write(json.dumps(request) + "\n")
            self._process.stdin.flush()
        line = self._process.stdout.readline()
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
