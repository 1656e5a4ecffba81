"""SavedModel: TensorFlow's own format, a folder; every function is a signature."""

import json
import os
from typing import Any

import tensorflow as tf

from cpm.interchange.portable import Portable
from cpm.runtimes.metadata import FILE
from cpm.runtimes.savedmodel import EXTRA

PRECISIONS = ("float32",)
SUFFIX = ""


def write(portable: Portable, path: str, metadata: dict[str, Any]) -> None:
    """Writes a folder, which must not exist yet.

    Args:
      portable: `Portable`.
      path: of the folder.
      metadata: dict; its `functions` say what is written.
    """
    signatures = portable.signatures(metadata["functions"])
    tf.saved_model.save(
        portable, path, {name: f.get_concrete_function() for name, f in signatures.items()}
    )
    os.makedirs(os.path.join(path, EXTRA), exist_ok=True)
    with open(os.path.join(path, EXTRA, FILE), "w", encoding="utf-8") as file:
        json.dump(metadata, file)
