"""Pixels of any type as 8 bits: what is used of their range, stretched to 0 … 255.

A thermal camera uses a few hundred of 65,536 values. Their upper 8 bits alone would be a black
image. So the range that is used counts, of all channels together: colors keep their ratios of
differences.
"""

import math
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

BACKDROP = 128  # gray behind transparent pixels; the border value of crops
BAND = 1 << 20  # pixels or numbers that are converted at once: copies of all of them take memory


def stretch(values: npt.ArrayLike) -> np.ndarray:
    """Numbers of any range as uint8: the lowest finite one becomes 0, the highest 255.

    >>> stretch(np.array([7000, 7400, 8020], np.uint16)).tolist()
    [0, 100, 255]
    """
    values = np.asarray(values)
    stretched = np.zeros(values.shape, np.uint8)
    parts = list(bands(len(values), math.prod(values.shape[1:])))
    finite = (part[np.isfinite(part)] for part in (values[band] for band in parts))
    ends = [(float(part.min()), float(part.max())) for part in finite if part.size]
    if not ends:
        return stretched
    low, high = min(low for low, _ in ends), max(high for _, high in ends)
    for band in parts:
        part = np.nan_to_num(values[band].astype(np.float64), nan=low, posinf=high, neginf=low)
        stretched[band] = np.rint((part - low) * (255 / max(high - low, 1e-300)))
    return stretched


def bands(rows: int, numbers_per_row: int) -> Iterator[slice]:
    """Yields slices of all rows, each of about `BAND` numbers."""
    step = max(1, BAND // max(1, numbers_per_row))
    for start in range(0, rows, step):
        yield slice(start, min(start + step, rows))
