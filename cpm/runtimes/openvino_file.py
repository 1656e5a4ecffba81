"""OpenVINO (`.xml` with its weights in a `.bin`): a pair for each function."""

from collections.abc import Mapping

import numpy as np
import openvino

from cpm.runtimes.metadata import KEY, checked
from cpm.runtimes.siblings import check_together, siblings

# Its default on a processor that has bfloat16 is bfloat16, which moves confidences by 0.026.
EXACT = {"INFERENCE_PRECISION_HINT": "f32"}


class OpenVinoFile:
    """An `.xml` file and those beside it; see cpm/runtimes/opening.py."""

    def __init__(self, path: str) -> None:
        self._core = openvino.Core()
        _, self.metadata = self._read(path)
        self._paths = siblings(path, self.metadata)
        self.functions = tuple(self._paths)
        self._compiled: dict[str, openvino.CompiledModel] = {}

    def run(self, function: str, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """{name: array} of one function."""
        if function not in self._compiled:
            path = self._paths[function]
            model, metadata = self._read(path)
            check_together(self.metadata, metadata, path)
            self._compiled[function] = self._core.compile_model(model, "CPU", EXACT)
        results = self._compiled[function](dict(inputs))
        return {output.any_name: value for output, value in results.items()}

    def _read(self, path):
        """(model, metadata) of one pair of files."""
        model = self._core.read_model(path)
        text = model.get_rt_info(KEY).astype(str) if model.has_rt_info(KEY) else None
        return model, checked(text, path)
