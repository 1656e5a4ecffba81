"""The files by which two processes get the same network, weights and inputs, and compare results.

    plan.json       the layers (`cpm.network.specs.Architecture`) and the settings of the work
    weights.npz     {layer/variable: array}, kernels `[kh, kw, Cin, Cout]`
    inputs.npz      images, points, ideal maps
    reference.npz   {name: array}: what the first side computed; the others are compared with it

NumPy alone: a peer that reads them does not import TensorFlow, whose memory would count as its own.
The layers travel as plain values for the same reason.
"""

import os
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from cpm import files

PLAN, WEIGHTS, INPUTS, REFERENCE = (
    "plan.json",
    "weights.npz",
    "inputs.npz",
    "reference.npz",
)


class Mismatch(Exception):
    """Two sides did not compute the same; the message names what, and by how much."""


def write_plan(folder: str, architecture: Any, settings: Mapping[str, Any]) -> None:
    """Writes the layers of an `Architecture` and other plain values.

    Args:
      folder: where.
      architecture: `cpm.network.specs.Architecture`, or None where there is no network.
      settings: dict of JSON values.
    """
    layers = None if architecture is None else _plain(architecture)
    files.write_json(os.path.join(folder, PLAN), {"architecture": layers, "settings": settings})


def read_plan(folder: str) -> tuple[Any, dict[str, Any]]:
    """(layers, settings): nested dicts; each layer has its `kind`: Conv, MaxPool or Dropout."""
    schema = {"architecture": (dict, None), "settings": dict}
    plan = files.read_json(os.path.join(folder, PLAN), "measure again", schema=schema)
    return plan["architecture"], plan["settings"]


def write_arrays(folder: str, name: str, arrays: Mapping[str, Any]) -> None:
    """Writes {key: array} as one of the files above."""
    with files.replacing(os.path.join(folder, name)) as temporary:
        np.savez(temporary, **arrays)


def read_arrays(folder: str, name: str) -> Any:
    """The arrays of one of the files, each read when it is asked for: `[key]`."""
    return np.load(os.path.join(folder, name))


def has_reference(folder: str) -> bool:
    """Whether a first side has left its results."""
    return os.path.exists(os.path.join(folder, REFERENCE))


def largest_error(folder: str, outputs: Iterable[tuple[str, np.ndarray]]) -> tuple[float, str]:
    """How far results are from the reference.

    Args:
      folder: of the reference.
      outputs: iterable of (name, array), the same names; they are looked at one by one.

    Returns:
      (largest relative error, its name): norm of the difference over norm of the reference. The
      largest in units of `allowance`, so that a gradient's does not hide a loss's.

    Raises:
      Mismatch: if a name or a shape differs, or something is not a number.
    """
    reference = read_arrays(folder, REFERENCE)
    missing, found = set(reference.files), [(0.0, "")]
    for name, array in outputs:
        if name not in missing:
            raise Mismatch(f"{name} is not in the reference, or came twice")
        missing.remove(name)
        expected = reference[name]
        if np.shape(array) != expected.shape:
            raise Mismatch(f"{name} has shape {np.shape(array)}, the reference {expected.shape}")
        found.append((relative_error(array, expected), name))
    if missing:
        raise Mismatch(f"there is no {', '.join(sorted(missing))}")
    return max(found, key=lambda pair: pair[0] / allowance(pair[1]))


def allowance(name: str) -> float:
    """How much larger the error of a result may be than that of beliefs and losses.

    Where rounding takes a ReLU or a pool to its other side, a part of the gradient jumps, and batch
    norm spreads it. Two right float32 programs differ in `mini`'s gradient by 0.6 % of its norm, in
    single variables by 1 %, with losses that agree to 2e-7.
    """
    return 1000.0 if name.startswith("gradient of ") else 1.0


def relative_error(array: np.ndarray, expected: np.ndarray) -> float:
    """||array − expected|| / ||expected||; infinite where something is not a number.

    >>> relative_error(np.array([3.0, 5.0]), np.array([3.0, 4.0]))
    0.2
    """
    difference = np.linalg.norm(np.ravel(array) - np.ravel(expected))
    size = np.linalg.norm(np.ravel(expected))
    error = difference / size if size else difference
    return float(error) if np.isfinite(error) else float("inf")


def _plain(value):
    """Named tuples as dicts that say their `kind`, tuples as lists, all the way down."""
    if hasattr(value, "_asdict"):
        fields = {name: _plain(field) for name, field in value._asdict().items()}
        return {"kind": type(value).__name__} | fields
    if isinstance(value, (tuple, list)):
        return [_plain(item) for item in value]
    return value
