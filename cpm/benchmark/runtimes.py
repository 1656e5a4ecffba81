"""ONNX Runtime's and OpenVINO's sides: the network forward, from the ONNX file of PyTorch's twin.

Both are told how many threads to use and to compute in float32: where the processor has bfloat16,
OpenVINO would use it unasked, which is another accuracy and another comparison.
"""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from cpm.benchmark import exchange
from cpm.benchmark.worker import Side

FILE = "network.onnx"  # of `cpm.benchmark.torch_sides.export_onnx`


class OnnxRuntime(Side):
    """The file under ONNX Runtime's CPU kernels, all graph optimizations on."""

    def __init__(self, folder: str, settings: Mapping[str, Any]) -> None:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = settings["threads"]
        options.inter_op_num_threads = 1
        self._session = onnxruntime.InferenceSession(
            f"{folder}/{FILE}", options, providers=["CPUExecutionProvider"]
        )
        self._inputs = _inputs(folder)

    def compute(self) -> None:
        self._maps = self._session.run(None, self._inputs)

    def outputs(self) -> Iterable[tuple[str, np.ndarray]]:
        return _named(self._maps)


class OpenVino(Side):
    """The file under OpenVINO's CPU plugin, tuned for latency."""

    def __init__(self, folder: str, settings: Mapping[str, Any]) -> None:
        import openvino

        self._model = openvino.Core().compile_model(
            f"{folder}/{FILE}",
            "CPU",
            {
                "INFERENCE_PRECISION_HINT": "f32",
                "INFERENCE_NUM_THREADS": settings["threads"],
                "PERFORMANCE_HINT": "LATENCY",
            },
        )
        self._inputs = _inputs(folder)

    def compute(self) -> None:
        results = self._model(self._inputs, share_inputs=True)
        self._maps = [results[port] for port in self._model.outputs]

    def outputs(self) -> Iterable[tuple[str, np.ndarray]]:
        return _named(self._maps)


def _inputs(folder):
    """{input: `[B, C, h, w]`}."""
    arrays = exchange.read_arrays(folder, exchange.INPUTS)
    names = [key for key in ("image", "center_map") if key in arrays.files]
    return {k: np.ascontiguousarray(arrays[k].transpose(0, 3, 1, 2)) for k in names}


def _named(maps):
    """Belief maps `[B, C, h, w]` as the reference has them."""
    for t, b_t in enumerate(maps, start=1):
        yield f"b_{t}", b_t.transpose(0, 2, 3, 1)
