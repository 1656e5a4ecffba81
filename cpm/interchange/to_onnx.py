"""ONNX: an `.onnx` file for each function, weights in three widths, computation in float32.

`float16` and `int8` make the file smaller; the runtime widens the weights when it loads or runs
them. ONNX Runtime on a CPU computes float16 more slowly than float32, so nothing else is gained.
"""

import json
from typing import Any

import numpy as np
import onnx
import tf2onnx
from onnx import TensorProto, helper, numpy_helper

from cpm.interchange.eight_bits import FEWEST_VALUES, in_steps
from cpm.interchange.portable import Portable
from cpm.runtimes.metadata import KEY
from cpm.runtimes.siblings import file_of

PRECISIONS = ("float32", "float16", "int8")
SUFFIX = ".onnx"
OPSET = 18  # the newest that tf2onnx 1.17 writes


def write(portable: Portable, path: str, metadata: dict[str, Any]) -> None:
    """Writes a file for each function; arguments as of `to_savedmodel.write`."""
    for name, function in portable.signatures(metadata["functions"]).items():
        model = as_onnx(function, metadata["precision"])
        helper.set_model_props(model, {KEY: json.dumps(metadata | {"function": name})})
        onnx.checker.check_model(model, full_check=True)
        onnx.save(model, file_of(path, name, metadata["functions"]))


def as_onnx(function: Any, precision: str = "float32") -> onnx.ModelProto:
    """The `ModelProto` of a `tf.function` with an input signature."""
    model, _ = tf2onnx.convert.from_function(
        function, input_signature=function.input_signature, opset=OPSET
    )
    if precision != "float32":
        narrow_weights(model.graph, precision)
    return model


def narrow_weights(graph: onnx.GraphProto, precision: str) -> None:
    """Stores large float32 weights in fewer bits, each with the operation that widens it.

    float16: rounded. int8: multiples of a step for each output channel, which is the first axis of
    a kernel in ONNX.
    """
    added = []
    for tensor in list(graph.initializer):
        values = numpy_helper.to_array(tensor)
        if values.dtype != np.float32 or values.size < FEWEST_VALUES:
            continue
        name, stored = tensor.name, f"{tensor.name}__{precision}"
        graph.initializer.remove(tensor)
        if precision == "float16":
            graph.initializer.append(numpy_helper.from_array(values.astype(np.float16), stored))
            added.append(helper.make_node("Cast", [stored], [name], to=TensorProto.FLOAT))
            continue
        whole, step = in_steps(values)
        for part, array in (("", whole), ("_step", step), ("_zero", np.zeros_like(step, np.int8))):
            graph.initializer.append(numpy_helper.from_array(array, stored + part))
        inputs = [stored, f"{stored}_step", f"{stored}_zero"]
        added.append(helper.make_node("DequantizeLinear", inputs, [name], axis=0))
    nodes = list(graph.node)
    del graph.node[:]
    graph.node.extend([*added, *nodes])
