"""MATLAB's nested structures as SciPy reads them, whatever their nesting.

MATLAB has no scalars and no "missing": a number is a 1 x 1 array of whatever type was smallest, a
list of one is no list, and what was never set is an empty array, an empty text, or no field at all.
The functions here give each of these one meaning, so that a reader need not ask which one it met.
"""

import math
import os
from typing import Any

import numpy as np
import scipy.io
from scipy.io.matlab import mat_struct

from cpm import array_claims
from cpm.errors import UsageError


def load(path: str | os.PathLike) -> dict[str, Any]:
    """The variables of a .mat file, by name (SciPy reads data only; nothing in it is run).

    Raises:
      UsageError: if SciPy cannot read the file.
    """
    try:
        array_claims.check_matlab(path)
        return scipy.io.loadmat(path, appendmat=False, struct_as_record=False)
    except Exception as error:  # SciPy raises whatever the broken byte leads to
        raise UsageError(
            f"{str(path)!r} is not a MATLAB file that SciPy reads: {error}; download it again"
        ) from error


def structs(value: object) -> list[mat_struct]:
    """All structures in a value, in order: of a structure array, of a cell array, or the only one.

    Args:
      value: what a variable or a field holds; None and anything without structures give `[]`.

    Returns:
      list of `scipy.io.matlab.mat_struct`.
    """
    if isinstance(value, mat_struct):
        return [value]
    if isinstance(value, np.ndarray) and value.dtype == object:
        return [found for item in value.ravel("F") for found in structs(item)]
    return []


def field(struct: mat_struct, name: str) -> Any:
    """What a structure holds under `name`; None where it has no such field."""
    return getattr(struct, name) if name in struct._fieldnames else None


def number(value: object) -> float | None:
    """The only number in a value, or None where there is none.

    Args:
      value: number, array of one number of any type, number as text; None, empty and nan give None.

    Returns:
      float or None: never MATLAB's uint8, whose differences would wrap around.

    Raises:
      ValueError: if there is something else.

    >>> number(np.array([[7]], np.uint8)), number(np.array(["1"])), number(np.zeros((0, 0)))
    (7.0, 1.0, None)
    """
    only = _only(value)
    if only is None or (isinstance(only, str) and not only.strip()):
        return None
    try:
        result = float(only)
    except (TypeError, ValueError):
        raise ValueError(f"expected a number, found {str(only)!r}") from None
    return result if math.isfinite(result) else None


def text(value: object) -> str:
    """The only text in a value; empty where there is none.

    Raises:
      ValueError: if there is something else.

    >>> text(np.array(["000001.jpg"])), text(np.zeros((0, 0)))
    ('000001.jpg', '')
    """
    only = _only(value)
    if only is None:
        return ""
    if not isinstance(only, str):
        raise ValueError(f"expected a text, found {str(only)!r}")
    return str(only)


def _only(value):
    """The one element of arrays within arrays, or None if one of them is empty."""
    while isinstance(value, np.ndarray):
        if value.size > 1:
            raise ValueError(f"expected one value, found {value.size}")
        value = value.ravel()[0] if value.size else None
    return value
