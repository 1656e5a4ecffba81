"""OpenVINO: an `.xml` file and a `.bin` of weights for each function, computation in float32.

`float16` and `int8` make the file smaller; the runtime widens the weights when it loads them.
"""

import json
import os
import tempfile
from typing import Any

import numpy as np
import openvino
import tensorflow as tf
from openvino import opset13 as operations

from cpm.interchange.eight_bits import FEWEST_VALUES, in_steps
from cpm.interchange.portable import Portable
from cpm.runtimes.metadata import KEY
from cpm.runtimes.siblings import file_of

PRECISIONS = ("float32", "float16", "int8")
SUFFIX = ".xml"


def write(portable: Portable, path: str, metadata: dict[str, Any]) -> None:
    """Writes a pair of files for each function; arguments as of `to_savedmodel.write`."""
    for name, function in portable.signatures(metadata["functions"]).items():
        concrete = function.get_concrete_function()
        with tempfile.TemporaryDirectory() as scratch:
            folder = os.path.join(scratch, "model")
            tf.saved_model.save(portable, folder, {"serving_default": concrete})
            model = openvino.convert_model(folder)
        if metadata["precision"] == "int8":
            narrow_weights(model)
        model.set_rt_info(json.dumps(metadata | {"function": name}), [KEY])
        openvino.save_model(
            model,
            file_of(path, name, metadata["functions"]),
            compress_to_fp16=metadata["precision"] == "float16",
        )


def narrow_weights(model: openvino.Model) -> None:
    """Stores kernels `[Cout, Cin, h, w]` as multiples of a step for each output channel."""
    for node in model.get_ordered_ops():
        if node.get_type_name() != "Constant" or len(node.shape) != 4:
            continue
        values = np.array(node.data)
        if values.dtype != np.float32 or values.size < FEWEST_VALUES:
            continue
        whole, step = in_steps(values)
        widened = operations.multiply(
            operations.convert(operations.constant(whole), "f32"),
            operations.constant(step.reshape(-1, 1, 1, 1)),
        )
        for reader in node.output(0).get_target_inputs():
            reader.replace_source_output(widened.output(0))
