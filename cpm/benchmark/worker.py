"""The process of one side: builds it, runs it when told to, reports times and peak memory.

    python -m cpm.benchmark.worker

reads one JSON request a line from its input and answers each with one JSON line:

    {"do": "start", "make": "module:function", "folder": DIR, "settings": {…}, "compare": true}
        builds the side, runs it once, compares (or leaves) its results if asked to
        → import_s, build_s, first_call_s, error, error_of
    {"do": "run", "calls": n, "uncounted": m}     → seconds: [n numbers]
    {"do": "call", "make": …}                     → value: what the function returned
    {"do": "memory"}                              → peak_mb since the last start, imported_mb

A side is an object of four methods (`Side`). What it prints goes to the error stream. A failure is
answered with its sentence; the traceback goes to the error stream too.
"""

import importlib
import json
import os
import sys
import time
import traceback
from collections.abc import Iterable
from typing import Any

import numpy as np

from cpm.benchmark import exchange
from cpm.process_memory import forget_peak, peak_mb


class Side:
    """What is timed: `compute` and `finish`, one after the other, are one call."""

    def compute(self) -> None:
        """The part that has results; returns when they are there."""
        raise NotImplementedError

    def outputs(self) -> Iterable[tuple[str, np.ndarray]]:
        """Yields (name, array) of the last `compute`; not timed."""
        return ()

    def finish(self) -> None:
        """What changes the state: a training step's update."""


class Worker:
    """Answers requests; keeps the side that was started last."""

    def __init__(self) -> None:
        self._side: Any = None
        self._imported_mb = 0.0

    def answer(self, request: dict[str, Any]) -> dict[str, Any]:
        """The reply, a dict, to one request."""
        return getattr(self, "_" + request.pop("do"))(**request)

    def _start(self, make, folder, settings, compare=True):
        self._side = None  # before memory is counted anew
        began = time.perf_counter()
        function = _find(make)
        imported = time.perf_counter()
        self._imported_mb = forget_peak()
        self._side = side = function(folder, settings)
        built = time.perf_counter()
        side.compute()
        computed = time.perf_counter()
        error, error_of = self._compare(side, folder) if compare else (None, "")
        compared = time.perf_counter()
        side.finish()
        done = time.perf_counter()
        return {
            "import_s": imported - began,
            "build_s": built - imported,
            "first_call_s": computed - built + done - compared,
            "error": error,
            "error_of": error_of,
        }

    def _compare(self, side, folder):
        if exchange.has_reference(folder):
            return exchange.largest_error(folder, side.outputs())
        exchange.write_arrays(folder, exchange.REFERENCE, dict(side.outputs()))
        return None, ""

    def _run(self, calls, uncounted):
        seconds = []
        for _ in range(uncounted + calls):
            start = time.perf_counter()
            self._side.compute()
            self._side.finish()
            seconds.append(time.perf_counter() - start)
        return {"seconds": seconds[uncounted:]}

    def _call(self, make, folder, settings):
        return {"value": _find(make)(folder, settings)}

    def _memory(self):
        return {"peak_mb": peak_mb(), "imported_mb": self._imported_mb}


def _find(name):
    """The function that `module:function` names."""
    module, function = name.split(":")
    return getattr(importlib.import_module(module), function)


def main() -> None:
    """Answers until the input ends."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what libraries print must not look like an answer
    worker = Worker()
    for line in sys.stdin:
        try:
            reply = worker.answer(json.loads(line))
        except Exception as error:  # whatever a peer throws, the other end has to know
            traceback.print_exc()
            reply = {"failed": f"{type(error).__name__}: {error}"}
        answers.write(json.dumps(reply) + "\n")
        answers.flush()


if __name__ == "__main__":
    main()
