"""Exported files in their own runtimes: opened, described, called with arrays.

metadata.py   what an exported file says of itself
opening.py    which runtime a file needs; the file, opened
litert.py, onnx_file.py, openvino_file.py, savedmodel.py, stablehlo_file.py   one runtime each
siblings.py   formats of one function a file: the files of the others
network.py    an exported file as a network that prediction and evaluation call

A runtime is imported when a file of its kind is opened. bin/export.py writes the files
(cpm/interchange/).
"""

from cpm.runtimes.network import ExportedNetwork, load_exported
from cpm.runtimes.opening import is_exported, open_exported

__all__ = ["ExportedNetwork", "is_exported", "load_exported", "open_exported"]
