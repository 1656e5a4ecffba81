"""JSON files of plain numbers: what others dump who do not name their joints.

    [[[x, y], ...], ...]                               people x joints x 2, or x 3 with a confidence
    {"preds": [[[x, y], ...], ...]}                    the same under any name
    [{"image_id": 1, "keypoints": [x, y, c, ...]}]     COCO's results, people in the file's order

They go the way of every array (formats.py): axes by their lengths, joints in the protocol's order.
"""

from typing import Any

import numpy as np


def arrays_in(record: Any) -> dict[str, np.ndarray]:
    """{name: array} of the numbers in a JSON value; empty if it is no such file."""
    if isinstance(record, list):
        if record and all(isinstance(p, dict) and "keypoints" in p for p in record):
            flat = _array([person["keypoints"] for person in record])
            if flat is not None and flat.ndim == 2 and flat.shape[1] % 3 == 0:
                return {"keypoints": flat.reshape(len(flat), -1, 3)}
            return {} if flat is None else {"keypoints": flat}
        array = _array(record)
        return {} if array is None or array.ndim < 2 else {"list": array}
    if not isinstance(record, dict):
        return {}
    named = {name: _array(value) for name, value in record.items()}
    return {n: a for n, a in named.items() if a is not None and a.ndim > 1}


def _array(value):
    """Nested lists of numbers and null as float64, or None for anything else."""
    if not isinstance(value, list):
        return None
    try:
        return np.array(value, np.float64)
    except (TypeError, ValueError, OverflowError):
        return None
