"""Separable resampling of maps: reading between cells by cubic splines, blurring by a Gaussian.

A separable linear filter of an image is a matrix for its rows and one for its columns. The
matrices are made once, in NumPy and float64, from positions alone; applying them is two matrix
products, which run alike eagerly, in graphs and under XLA, and whose gradient is the transpose.

References:
  Unser, "Splines: a perfect fit for signal and image processing", IEEE Signal Processing Magazine
  1999. The authors' test code enlarges belief maps by cubic convolution (Keys 1981), which is local
  and blunter: it moves the top of a Gaussian of 7/8 cells by up to 0.13 cells, a spline by 0.06.
"""

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from ops.shapes import TensorLike, check_floating, check_rank


def resample(
    maps: TensorLike, rows: TensorLike, columns: TensorLike, *, name: str | None = None
) -> tf.Tensor:
    """Applies a filter matrix along each axis of a map.

        out[y, x] = sum_i sum_j rows[y, i] · columns[x, j] · maps[i, j]

    Args:
      maps: `[B, h, w, P]` float.
      rows: `[H, h]` array, weights of the map's rows in each new one.
      columns: `[W, w]` array.
      name: of the operation in the graph.

    Returns:
      `[B, H, W, P]`, of the type of `maps`.
    Raises:
      ValueError: if `maps` is not of rank 4 or a matrix does not fit it.
    """
    with tf.name_scope(name or "resample"):
        maps = tf.convert_to_tensor(maps, name="maps")
        check_floating(maps, "maps")
        check_rank(maps, 4, "maps")
        for axis, matrix, what in ((1, rows, "rows"), (2, columns, "columns")):
            if maps.shape[axis] not in (None, np.shape(matrix)[-1]):
                raise ValueError(
                    f"{what} is {np.shape(matrix)}, but axis {axis} of maps has "
                    f"{maps.shape[axis]} cells; expected as many columns"
                )
        rows, columns = (tf.cast(matrix, maps.dtype) for matrix in (rows, columns))
        tall = tf.einsum("yi,bijp->byjp", rows, maps)  # [B, H, w, P]
        return tf.einsum("xj,byjp->byxp", columns, tall)  # [B, H, W, P]


def spline_weights(positions: npt.ArrayLike, cells: int) -> np.ndarray:
    """The matrix that reads a line of cells at fractional positions, by a cubic spline.

    The spline is a sum of cubic B-splines β, one per cell, that passes through the cells:

        line(x) = sum_j c_j β(x − j),   line(i) = (c_{i−1} + 4 c_i + c_{i+1}) / 6

    so a row is β(x − j) times the inverse of that tridiagonal matrix. The line goes on mirrored at
    its last cells, and a position beyond an end reads that end.

    Args:
      positions: `[n]`, in cells; cell centers at integers.
      cells: length of the line, >= 1.

    Returns:
      `[n, cells]` float64; every row sums to 1.

    Example:
      >>> spline_weights([0, 0.5, 1], 2).round(12).tolist()
      [[1.0, 0.0], [0.5, 0.5], [0.0, 1.0]]
    """
    positions = np.clip(np.asarray(positions, np.float64), 0, cells - 1)
    if cells == 1:
        return np.ones([len(positions), 1])
    return _spline_basis(positions, cells) @ np.linalg.inv(_spline_basis(np.arange(cells), cells))


def gaussian_weights(cells: int, sigma_cells: float) -> np.ndarray:
    """The matrix that blurs a line of cells by a Gaussian.

    What reaches beyond an end is left out and the rest counts for more.

    Args:
      cells: length of the line.
      sigma_cells: standard deviation > 0, cells.

    Returns:
      `[cells, cells]` float64; every row sums to 1.
    """
    distance = np.subtract.outer(np.arange(cells), np.arange(cells))
    weights = np.exp(-0.5 * (distance / sigma_cells) ** 2)
    return weights / weights.sum(1, keepdims=True)


def _spline_basis(positions, cells):
    """`[n, cells]`: β(x − j), what lies beyond an end added to its mirror image."""
    basis = np.zeros([len(positions), cells])
    first = np.floor(positions).astype(int) - 1
    for k in range(4):
        j = first + k
        inside = (cells - 1) - np.abs((cells - 1) - np.abs(j))
        values = _cubic_b_spline(positions - j)
        np.add.at(basis, (np.arange(len(positions)), inside), values)
    return basis


def _cubic_b_spline(distance):
    """β(d) = 2/3 − d² + |d|³/2 for |d| < 1,  (2 − |d|)³ / 6 for 1 ≤ |d| < 2,  0 beyond."""
    d = np.abs(distance)
    near = 2 / 3 + (d / 2 - 1) * d * d
    return np.where(d < 1, near, np.maximum(2 - d, 0) ** 3 / 6)
