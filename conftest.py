"""Which modules pytest looks into for examples: not those that need an optional package.

`make test` reads the examples of every module's docstrings, and imports the module for that.
"""

import importlib.util

NEEDS = {
    "torch": ["cpm/benchmark/torch_network.py", "cpm/benchmark/torch_sides.py"],
    "ai_edge_litert": ["cpm/runtimes/litert.py"],
    "jax": ["cpm/runtimes/stablehlo_file.py"],
    "onnx": ["cpm/interchange/to_onnx.py"],
    "onnxruntime": ["cpm/runtimes/onnx_file.py"],
    "openvino": ["cpm/runtimes/openvino_file.py", "cpm/interchange/to_openvino.py"],
    "tf2onnx": ["cpm/interchange/to_onnx.py"],
}
collect_ignore = sorted(
    {
        path
        for package, paths in NEEDS.items()
        if not importlib.util.find_spec(package)
        for path in paths
    }
)
