"""A SavedModel's folder: all functions as signatures, the metadata among its further assets."""

import os
from collections.abc import Mapping

import numpy as np
import tensorflow as tf

from cpm.runtimes.metadata import FILE, checked, read_note

EXTRA = "assets.extra"  # TensorFlow's name for files that it carries along and does not read


class SavedModelFolder:
    """A SavedModel; see cpm/runtimes/opening.py."""

    def __init__(self, path: str) -> None:
        self.metadata = checked(read_note(os.path.join(path, EXTRA, FILE)), path)
        self._loaded = tf.saved_model.load(path)  # its variables live as long as it does
        self.functions = tuple(self._loaded.signatures)

    def run(self, function: str, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """{name: array} of one function."""
        tensors = {name: tf.constant(value) for name, value in inputs.items()}
        found = self._loaded.signatures[function](**tensors)
        return {name: value.numpy() for name, value in found.items()}
