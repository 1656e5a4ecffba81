"""Numbers out of MATLAB's cells and structs, as plain arrays that can be looked at by shape.

  cell {N} of [P, 2]              → [N, P, 2]; an empty cell is a person without predictions, nan
  struct array (N) .point [P, 2]  → `name/point` [N, P, 2]
  struct array (N) .x [P] .y [P]  → `name/x` [N, P], `name/y` [N, P], joined to `name/x,y` [N, P, 2]
  struct (1) .preds [N, P, 2]     → `name/preds` [N, P, 2]

What holds arrays of several shapes is left as it was, so that a message can still name it.

References: SciPy, "File IO" (how `loadmat` gives cells and structs).
"""

from collections.abc import Mapping

import numpy as np

DEPTH = 8  # of cells in structs in cells; deeper than any published file


def unfold(arrays: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Every array of numbers or texts, those inside cells and structs included.

    Args:
      arrays: {name: array}, as `scipy.io.loadmat` gives them.

    Returns:
      {name: array}; members of structs are called `name/field`.

    >>> cell = np.empty(2, object)
    >>> cell[0], cell[1] = np.ones([14, 2]), np.zeros([14, 2])
    >>> {name: array.shape for name, array in unfold({"pred": cell}).items()}
    {'pred': (2, 14, 2)}
    """
    found: dict[str, np.ndarray] = {}
    for name, value in arrays.items():
        found |= _unfold(name, value, DEPTH)
    return found | _pairs(found)


def _unfold(name, value, depth):
    """{name: array} of one variable."""
    value = np.asarray(value)
    if depth and value.dtype.names:
        fields: dict[str, np.ndarray] = {}
        for field in value.dtype.names:
            fields |= _unfold(f"{name}/{field}", value[field], depth - 1)
        return fields
    if depth and value.dtype == object and value.size:
        inner = _joined([np.asarray(item) for item in value.ravel()])
        if inner is not None:
            return _unfold(name, inner, depth - 1)
    return {name: value}


def _joined(items):
    """The elements of a cell as one array, or None if they do not fit together."""
    if len(items) == 1:
        return items[0]
    full = [item for item in items if item.size]
    if not full or len({item.shape for item in full}) > 1:
        return None
    first = full[0].dtype
    if first.names:
        same = all(item.dtype.names == first.names for item in items)
        return np.concatenate([i.ravel() for i in items]) if same else None
    if not all(item.dtype.kind in "fiub" for item in full):
        return None
    empty = np.full(full[0].shape, np.nan)
    rows = [item if item.size else empty for item in items]
    return np.stack(rows).astype(np.float64)


def _pairs(arrays):
    """`x,y`: arrays called x and y of one shape, joined along a last axis."""
    pairs = {}
    for name, x in arrays.items():
        stem, last = name[:-1], name[-1:]
        y = arrays.get(f"{stem}y")
        whole_name = not stem or stem.endswith("/")
        if last != "x" or not whole_name or y is None or x.shape != y.shape:
            continue
        if x.dtype.kind in "fiu" and y.dtype.kind in "fiu":
            pairs[f"{stem}x,y"] = np.stack([x, y], -1).astype(np.float64)
    return pairs
