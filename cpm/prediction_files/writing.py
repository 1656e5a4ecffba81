"""Writing predictions so that other people's tools can score them, and ours read them again.

By the suffix of the file:

  .mat, .h5   `preds` [N, P, 2], 1-based as MATLAB's, MPII's and LSP's own files
  .npz        `preds` [N, P, 2], 0-based
              and in all three: `confidence` [N, P], `joints` (P names), `ids` (N names), `origin`
  .json       the simple layout of named_joints.py, 0-based

Positions are pixels of the original image in float64, nan (JSON: null) where nothing was found.
formats.py reads all of them; `origin` in the file says which numbering it has.
"""

import os
from collections.abc import Mapping, Sequence
from typing import Any

import h5py
import numpy as np
import scipy.io

from cpm import files
from cpm.errors import UsageError
from cpm.skeleton import Skeleton

SUFFIXES = (".mat", ".h5", ".npz", ".json")


def check_suffix(path: str) -> None:
    """UsageError if the file's name says none of the formats: before a network is run in vain."""
    if os.path.splitext(path)[1] not in SUFFIXES:
        raise UsageError(
            f"--write_predictions={path} has no known suffix; expected a name that ends in "
            + ", ".join(SUFFIXES)
        )


def write_predictions(
    path: str,
    ids: Sequence[str],
    joints_px: np.ndarray,
    confidence: np.ndarray,
    skeleton: Skeleton,
    *,
    note: Mapping[str, Any] | None = None,
) -> None:
    """Writes the predictions of some people, atomically.

    Args:
      path: ends in one of `SUFFIXES`.
      ids: N strings.
      joints_px: `[N, P, 2]`, 0-based pixels of the original images; nan = no prediction.
      confidence: `[N, P]`.
      skeleton: names of the P joints.
      note: plain JSON values to keep in a .json file, such as `cpm.provenance.provenance()`.

    Raises:
      UsageError: for another suffix.
      ValueError: if a shape is wrong.
    """
    check_suffix(path)
    joints_px = np.asarray(joints_px, np.float64)
    confidence = np.asarray(confidence, np.float64)
    expected = (len(ids), len(skeleton))
    if joints_px.shape != (*expected, 2) or confidence.shape != expected:
        raise ValueError(
            f"joints_px and confidence should be {[*expected, 2]} and {list(expected)}, "
            f"not {joints_px.shape} and {confidence.shape}"
        )
    suffix = os.path.splitext(path)[1]
    if suffix == ".json":
        record = _as_json(ids, joints_px, confidence, skeleton)
        files.write_json(path, record | (note or {}))
        return
    origin = 0 if suffix == ".npz" else 1
    arrays = {
        "preds": joints_px + origin,
        "confidence": confidence,
        "joints": list(skeleton.joints),
        "ids": list(ids),
        "origin": origin,
    }
    write = {".mat": _write_mat, ".h5": _write_h5, ".npz": _write_npz}[suffix]
    with files.replacing(path) as temporary:
        write(temporary, arrays)


def _write_mat(path, arrays):
    """MATLAB 5; lists of texts become cell arrays."""
    cells = {k: np.array(v, object) for k, v in arrays.items() if isinstance(v, list)}
    scipy.io.savemat(path, arrays | cells, do_compression=True, oned_as="column")


def _write_h5(path, arrays):
    with h5py.File(path, "w") as file:
        for name, value in arrays.items():
            text = isinstance(value, list)
            file.create_dataset(name, data=value, dtype=h5py.string_dtype() if text else None)


def _write_npz(path, arrays):
    np.savez_compressed(path, **arrays)


def _as_json(ids, joints_px, confidence, skeleton):
    """The record of named_joints.py."""

    def joint(position, c):
        if not np.isfinite(position).all():
            return None
        return [*position.tolist(), float(c)] if np.isfinite(c) else position.tolist()

    return {
        "format": "cpm-predictions",
        "origin": 0,
        "skeleton": skeleton.name,
        "people": [
            {
                "id": id,
                "joints": {j: joint(x, c) for j, x, c in zip(skeleton.joints, *row, strict=True)},
            }
            for id, row in zip(ids, zip(joints_px, confidence, strict=True), strict=True)
        ],
    }
