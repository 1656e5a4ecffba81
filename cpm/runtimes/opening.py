"""Which runtime an exported file needs, and the file opened in it."""

import importlib
import os
from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np

from cpm.errors import UsageError
from cpm.untrusted import no_file

# suffix: (module, the class in it, the package to install)
RUNTIMES = {
    ".tflite": ("cpm.runtimes.litert", "LiteRtFile", "ai-edge-litert"),
    ".onnx": ("cpm.runtimes.onnx_file", "OnnxFile", "onnxruntime"),
    ".xml": ("cpm.runtimes.openvino_file", "OpenVinoFile", "openvino"),
    ".stablehlo": ("cpm.runtimes.stablehlo_file", "StableHloFile", "jax"),
}
SAVED_MODEL = "saved_model.pb"  # the file that makes a folder one


class OpenedFile(Protocol):
    """What every runtime's file has.

    Attributes:
      metadata: see cpm/runtimes/metadata.py.
      functions: names of what it can compute.
    """

    metadata: dict[str, Any]
    functions: tuple[str, ...]

    def run(self, function: str, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """{name: array} of one function, from its inputs."""
        ...


def is_exported(ckpt: str | os.PathLike) -> bool:
    """Whether `--ckpt` means a file of bin/export.py, by its suffix, or a SavedModel's folder.

    A run folder is none, whatever its name ends in.
    """
    ckpt = str(ckpt)
    if os.path.isdir(ckpt):
        return os.path.isfile(os.path.join(ckpt, SAVED_MODEL))
    return os.path.splitext(ckpt)[1] in RUNTIMES


def open_exported(path: str | os.PathLike) -> OpenedFile:
    """The file at `path`, ready to be called.

    Raises:
      UsageError: if there is no such file, its runtime is not installed, or does not read it.
    """
    path = str(path)
    if not (os.path.isfile(path) or os.path.isdir(path)):
        raise UsageError(f"{path} {no_file(path)}; name another file with --ckpt")
    suffix = os.path.splitext(path)[1]
    folder = ("cpm.runtimes.savedmodel", "SavedModelFolder", "tensorflow")
    module, name, package = RUNTIMES[suffix] if suffix in RUNTIMES else folder
    try:
        opened = getattr(importlib.import_module(module), name)
    except ImportError as error:
        raise UsageError(
            f"{path} needs the package {package} ({error}); install it with: pip install -r "
            "requirements-export.txt"
        ) from None
    try:
        return opened(path)
    except UsageError:
        raise
    except Exception as error:  # each runtime has errors of its own
        line = str(error).strip().splitlines()
        raise UsageError(
            f"{path} is not read by {package}: {line[0] if line else type(error).__name__}; "
            "export the network again"
        ) from error
