"""LiteRT (`.tflite`): all functions in one file, the metadata in an archive at its end.

A ZIP archive is found from its end, and LiteRT reads from the start, so one file is both. This is
how the format's own metadata library attaches files, too.
"""

import zipfile
from collections.abc import Mapping
from typing import Any

import numpy as np
from ai_edge_litert.interpreter import Interpreter

from cpm.machine import usable_cores
from cpm.runtimes.metadata import FILE, checked
from cpm.untrusted import SMALL_JSON_BYTES


class LiteRtFile:
    """A `.tflite` file; see cpm/runtimes/opening.py."""

    def __init__(self, path: str) -> None:
        text = None
        if zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as archive:
                if FILE in archive.namelist():
                    size = archive.getinfo(FILE).file_size
                    text = archive.read(FILE) if size <= SMALL_JSON_BYTES else None
        self.metadata = checked(text, path)
        self._interpreter = Interpreter(path, num_threads=usable_cores())
        self.functions = tuple(self._interpreter.get_signature_list())
        # A runner adapts to the sizes of its inputs; `invoke` of the interpreter must not be
        # mixed with it.
        self._runners: dict[str, Any] = {}

    def run(self, function: str, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """{name: array} of one function."""
        if function not in self._runners:
            self._runners[function] = self._interpreter.get_signature_runner(function)
        return self._runners[function](**inputs)
