"""ONNX in ONNX Runtime: a file for each function, the first one named by the user."""

from collections.abc import Mapping

import numpy as np
import onnxruntime

from cpm.runtimes.metadata import KEY, checked
from cpm.runtimes.siblings import check_together, siblings


class OnnxFile:
    """An `.onnx` file and those beside it; see cpm/runtimes/opening.py."""

    def __init__(self, path: str) -> None:
        session, self.metadata = _opened(path)
        self._paths = siblings(path, self.metadata)
        self._sessions = {name: session for name, p in self._paths.items() if p == path}
        self.functions = tuple(self._paths)

    def run(self, function: str, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """{name: array} of one function."""
        if function not in self._sessions:
            path = self._paths[function]
            session, metadata = _opened(path)
            check_together(self.metadata, metadata, path)
            self._sessions[function] = session
        session = self._sessions[function]
        names = [output.name for output in session.get_outputs()]
        return dict(zip(names, session.run(names, dict(inputs)), strict=True))


def _opened(path):
    """(session, metadata) of one file."""
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    return session, checked(session.get_modelmeta().custom_metadata_map.get(KEY), path)
