"""OpenVINO: an `.xml` file and a `.bin` of weights for each function."""

import json
import os
import tempfile
from typing import Any

import openvino
import tensorflow as tf

from cpm.interchange.portable import Portable
from cpm.runtimes.metadata import KEY
from cpm.runtimes.siblings import file_of

PRECISIONS = ("float32", "float16")
SUFFIX = ".xml"


def write(portable: Portable, path: str, metadata: dict[str, Any]) -> None:
    """Writes a pair of files for each function; arguments as of `to_savedmodel.write`."""
    for name, function in portable.signatures(metadata["functions"]).items():
        concrete = function.get_concrete_function()
        with tempfile.TemporaryDirectory() as scratch:
            folder = os.path.join(scratch, "model")
            tf.saved_model.save(portable, folder, {"serving_default": concrete})
            model = openvino.convert_model(folder)
        model.set_rt_info(json.dumps(metadata | {"function": name}), [KEY])
        openvino.save_model(
            model,
            file_of(path, name, metadata["functions"]),
            compress_to_fp16=metadata["precision"] == "float16",
        )
