"""Formats of one function a file: where the files of the other functions lie.

`cat.onnx` holds the first function that was written, `cat_crops.onnx` beside it the crops.
"""

import os
from collections.abc import Mapping, Sequence
from typing import Any

from cpm.errors import UsageError


def file_of(path: str, function: str, functions: Sequence[str]) -> str:
    """The file of a function, named after the file of the first one.

    Args:
      path: of the first one.
      function: a name.
      functions: names of all that were written together, in order.

    >>> file_of("cat.onnx", "image", ["image", "crops"])
    'cat.onnx'
    >>> file_of("cat.onnx", "crops", ["image", "crops"])
    'cat_crops.onnx'
    """
    root, suffix = os.path.splitext(path)
    return path if function == functions[0] else f"{root}_{function}{suffix}"


def siblings(path: str, metadata: Mapping[str, Any]) -> dict[str, str]:
    """{function: path} of the files that were written together and are still there.

    Args:
      path: of any of them.
      metadata: its own.
    """
    own, functions = metadata["function"], metadata["functions"]
    root, suffix = os.path.splitext(path)
    if own != functions[0]:
        root = root.removesuffix(f"_{own}")
    paths = {own: path}
    for function in functions:
        other = file_of(root + suffix, function, functions)
        # A renamed file stands alone: its name is then not that of another function.
        if function != own and other != path and os.path.isfile(other):
            paths[function] = other
    return paths


def check_together(metadata: Mapping[str, Any], other: Mapping[str, Any], path: str) -> None:
    """UsageError if a sibling is of another export, as where one file of several was replaced.

    Args:
      metadata: of the file that was opened.
      other: of the sibling.
      path: of the sibling.
    """
    if {**metadata, "function": ""} != {**other, "function": ""}:
        raise UsageError(
            f"{path} is not of the same export as the file of {metadata['function']!r} that was "
            "opened, so it may hold another network; export the network again, or put all files "
            "of one export beside one another"
        )
