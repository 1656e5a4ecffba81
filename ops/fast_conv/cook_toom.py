"""Cook-Toom's algorithms F(m, r): polynomials evaluated at points, multiplied, interpolated.

The rank is the least possible, tile = m + r - 1 for m outputs of a kernel of r weights, and the
matrices hold small rational numbers. Rounding grows fast with the tile (README.md, section 6).

README.md, section 1 has F(2, 3) by hand, and section 2 the derivation.

References:
  S. Winograd, Arithmetic Complexity of Computations, SIAM 1980.
  A. Lavin and S. Gray, Fast Algorithms for Convolutional Neural Networks, CVPR 2016, section 4.1;
  their program wincnn makes the same matrices.
"""

import functools

import numpy as np

from ops.fast_conv.algorithms import (
    Bilinear1D,
    Bilinear2D,
    SeparableTransform,
    height_and_width,
)
from ops.shapes import check_positive_int

# Evaluation points besides infinity, in order of use. Small and reciprocal ones keep the powers,
# and with them the rounding, small.
POINTS = (0, 1, -1, 1 / 2, -2, 2, -1 / 2, 1 / 4, -4, 4, -1 / 4, 3 / 4, -4 / 3)


@functools.cache
def cook_toom_1d(kernel_size: int, outputs: int) -> Bilinear1D:
    """F(m, r), in one dimension.

    Row i of B_T holds the coefficients of prod_{j != i} (t - p_j), Lagrange's numerator. Its
    denominator prod_{j != i} (p_i - p_j) goes into G, so that B_T has no fractions where the points
    have none. The last point is infinity.

    Args:
      kernel_size: r >= 1.
      outputs: m >= 1; m + r - 2 <= 13.

    Returns:
      A `Bilinear1D` of rank m + r - 1.
    Raises:
      ValueError: if there are too few points; the message says what to use instead.

    Example:
      >>> f23 = cook_toom_1d(kernel_size=3, outputs=2)
      >>> f23.A_T.astype(int).tolist()
      [[1, 1, 1, 0], [0, 1, -1, 1]]
    """
    check_positive_int(kernel_size, "kernel_size")
    check_positive_int(outputs, "outputs")
    tile = outputs + kernel_size - 1
    points = np.array(POINTS[: tile - 1], np.float64)
    if len(points) < tile - 1:
        raise ValueError(
            f"cook_toom has {len(POINTS)} points and infinity, F({outputs}, {kernel_size}) needs"
            f" {tile}; use fourier with kernel_size={kernel_size}, tile={tile}"
        )
    b_t, denominators = np.zeros([tile, tile]), np.ones([tile, 1])
    b_t[-1] = np.polynomial.polynomial.polyfromroots(points)
    for i, point in enumerate(points):
        others = np.delete(points, i)
        b_t[i, :-1] = np.polynomial.polynomial.polyfromroots(others)
        denominators[i] = np.prod(point - others)
    # A sign in a row of B_T and in that of G cancels; no denominator is negative, as in wincnn's
    # F(2, 3). (0.0 + makes a 0 of -0.)
    b_t = 0.0 + b_t * np.sign(denominators)
    return Bilinear1D(
        f"cook_toom {outputs}, {kernel_size}",
        kernel_size,
        outputs,
        B_T=b_t,
        G=_powers(points, kernel_size) / np.abs(denominators),
        A_T=_powers(points, outputs).T,
    )


def _powers(points, count):
    """Row i: p_i^0 ... p_i^(count - 1). At infinity only the highest power is left."""
    infinity = np.zeros([1, count])
    infinity[0, -1] = 1.0
    return np.concatenate([np.vander(points, count, increasing=True), infinity])


def cook_toom_2d(kernel_size: int | tuple[int, int], outputs: int | tuple[int, int]) -> Bilinear2D:
    """F(m x m, r x r): two one-dimensional algorithms, one inside the other.

    Args:
      kernel_size: r >= 1, or (height, width).
      outputs: m >= 1, or (height, width); m + r - 2 <= 13 along each axis.

    Returns:
      A `Bilinear2D` of rank (m + r - 1)^2.

    Example:
      >>> cook_toom_2d(kernel_size=3, outputs=2).rank  # for 2 x 2 outputs, 36 by definition
      16
    """
    return _nested(
        height_and_width(kernel_size, "kernel_size"), height_and_width(outputs, "outputs")
    )


@functools.cache
def _nested(kernel_size, outputs):
    height, width = map(cook_toom_1d, kernel_size, outputs)
    return Bilinear2D(
        "cook_toom {}x{}, {}x{}".format(*outputs, *kernel_size),
        kernel_size,
        outputs,
        B_T=_nest(height.B_T, width.B_T),
        G=_nest(height.G, width.G),
        A_T=_nest(height.A_T.T, width.A_T.T).T,
    )


def _nest(left, right):
    """X -> left X right^T, as a `SeparableTransform`: every row of `left` is a component."""
    columns = np.broadcast_to(right[None, :, None], [len(left), len(right), 1, right.shape[1]])
    return SeparableTransform(left[:, None, :], columns)
