"""LiteRT: one `.tflite` file with a signature for each function.

`int8` means weights in 8 bits and activations quantized for each image as it comes (dynamic range
quantization). Then nothing has to be calibrated, and the decoder computes in float32; activations
quantized ahead of time moved twice as many joints (docs/decisions/0047-int8-by-dynamic-range.md).
"""

import json
import os
import tempfile
import zipfile
from typing import Any

import tensorflow as tf

from cpm.interchange import to_savedmodel
from cpm.interchange.portable import Portable
from cpm.runtimes.metadata import FILE

PRECISIONS = ("float32", "float16", "int8")
SUFFIX = ".tflite"


def write(portable: Portable, path: str, metadata: dict[str, Any]) -> None:
    """Writes the file; arguments as of `to_savedmodel.write`."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = os.path.join(scratch, "model")
        to_savedmodel.write(portable, folder, metadata)
        converter = tf.lite.TFLiteConverter.from_saved_model(
            folder, signature_keys=list(metadata["functions"])
        )
        if metadata["precision"] != "float32":
            converter.optimizations = [tf.lite.Optimize.DEFAULT]
        if metadata["precision"] == "float16":
            converter.target_spec.supported_types = [tf.float16]
        content = converter.convert()
    with open(path, "wb") as file:
        file.write(content)
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr(FILE, json.dumps(metadata))
