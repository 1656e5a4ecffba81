"""Convolution by the discrete Fourier transform, with real numbers only.

The spectrum of an n x n tile times the conjugate spectrum of the kernel is the spectrum of their
cyclic correlation. Its first n - r + 1 values along each axis never wrap around: they are Y. Real
data need half of the frequencies, and a complex product takes three real ones, so the rank is about
1.5 n in one dimension and 1.5 n^2 in two. That is more than Cook-Toom's, but rounding hardly grows
with n, so that tiles may be large (README.md, sections 3, 4 and 6).

References:
  M. Mathieu, M. Henaff, Y. LeCun, Fast Training of Convolutional Networks through FFTs, ICLR 2014.
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

# (a + ib)(c + id) = (m1 - m3) + i (m1 + m2) with the three products of Gauss
#     m1 = (a + b) c,   m2 = a (d - c),   m3 = b (c + d):
IMAGE_TRIPLE = np.array([[1.0, 1.0], [1.0, 0.0], [0.0, 1.0]])  # of (a, b)
KERNEL_TRIPLE = np.array([[1.0, 0.0], [-1.0, 1.0], [1.0, 1.0]])  # of (c, d)
OUTPUT_TRIPLE = np.array([[1.0, 1.0], [0.0, 1.0], [-1.0, 0.0]])  # how each enters (re, im)


@functools.cache
def fourier_1d(kernel_size: int, tile: int) -> Bilinear1D:
    """The discrete Fourier transform of n pixels in a row.

    Args:
      kernel_size: r >= 1.
      tile: n >= r.

    Returns:
      A `Bilinear1D` of rank 1.5 n - 1 for even n, 1.5 n - 0.5 for odd n.
    Raises:
      ValueError: if the kernel does not fit into the tile.

    Example:
      >>> fourier_1d(kernel_size=7, tile=14).rank  # for 8 outputs, 56 by definition
      20
    """
    check_positive_int(kernel_size, "kernel_size")
    _check_tile((tile,), (kernel_size,))
    outputs = tile - kernel_size + 1
    return Bilinear1D(
        f"fourier {tile}, {kernel_size}",
        kernel_size,
        outputs,
        B_T=_real_spectrum(tile, tile, IMAGE_TRIPLE, sign=-1),
        # Correlation is the product with the *conjugate* spectrum of the kernel.
        G=_real_spectrum(tile, kernel_size, KERNEL_TRIPLE, sign=1),
        # A, the inverse transform transposed, has the form of the forward one.
        A_T=_real_spectrum(tile, outputs, OUTPUT_TRIPLE, sign=-1, inverse=True).T,
    )


def fourier_2d(kernel_size: int | tuple[int, int], tile: int | tuple[int, int]) -> Bilinear2D:
    """The discrete Fourier transform of an n x n tile.

    Args:
      kernel_size: r >= 1, or (height, width).
      tile: n >= r, or (height, width).

    Returns:
      A `Bilinear2D` of rank 3 width ceil(height / 2), the sizes of the tile.
    Raises:
      ValueError: if the kernel does not fit into the tile.

    Example:
      >>> fourier_2d(kernel_size=7, tile=14).rank  # for 8 x 8 outputs, 3136 by definition
      294
    """
    return _fourier_2d(height_and_width(kernel_size, "kernel_size"), height_and_width(tile, "tile"))


@functools.cache
def _fourier_2d(kernel_size, tile):
    _check_tile(tile, kernel_size)
    outputs = tuple(n - r + 1 for n, r in zip(tile, kernel_size, strict=True))
    return Bilinear2D(
        "fourier {}x{}, {}x{}".format(*tile, *kernel_size),
        kernel_size,
        outputs,
        B_T=_spectrum(tile, tile, IMAGE_TRIPLE, sign=-1),
        G=_spectrum(tile, kernel_size, KERNEL_TRIPLE, sign=1),
        A_T=_spectrum(tile, outputs, OUTPUT_TRIPLE, sign=-1, inverse=True).T,
    )


def _check_tile(tile, kernel_size):
    """Raises unless the kernel fits into the tile."""
    if any(n < r for n, r in zip(tile, kernel_size, strict=True)):
        raise ValueError(
            f"tile is {list(tile)}, expected at least the kernel's {list(kernel_size)}"
        )


def _spectrum(tile, size, triple, *, sign, inverse=False):
    """DFT of an h x w patch in the plane, each complex frequency entering by its triple.

    The rows' transform of real data needs half of its frequencies, since X[-p] = conj X[p]. The two
    that are real, 0 and n / 2, share component 0. The columns' transform of a component p >= 1 is a
    full complex one; in component 0 it is two real ones, with halves of their own.
    """
    n, width = tile[1], size[1]
    rows = _real_dft(tile[0], size[0], sign, inverse)  # [P, 2, h]

    cos, sin = _waves(n, width, sign)
    turn = np.array([[cos, -sin], [sin, cos]])  # [re|im out, re|im in, n, w]
    full = np.einsum("to,oiqj->qtij", triple, turn).reshape(3 * n, 2, width)

    line = _real_spectrum(n, width, triple, sign=sign, inverse=inverse)
    first = np.zeros_like(full)  # 2 of its 3 n products stay 0 when n is even
    first[: len(line), 0] = line
    if tile[0] % 2 == 0:
        first[len(line) : 2 * len(line), 1] = line

    columns = np.repeat((full / n if inverse else full)[None], len(rows), axis=0)
    columns[0] = first
    return SeparableTransform(rows, columns)


def _real_spectrum(n, length, triple, *, sign, inverse=False):
    """DFT of `length` real numbers, each complex frequency by its triple, `[rank, length]`.

    The frequencies that are real themselves (0, and n / 2 for even n) come first, with one product
    each.
    """
    half = _real_dft(n, length, sign, inverse)
    alone = half[0, : 2 - n % 2]
    pairs = np.einsum("to,qoj->qtj", triple, half[1:]).reshape(-1, length)
    return np.concatenate([alone, pairs])


def _real_dft(n, length, sign, inverse):
    """Real and imaginary parts of half of the frequencies, `[ceil(n / 2), 2, length]`.

    Component 0 holds X[0] and X[n / 2], the two that are real (for odd n only X[0]).
    """
    cos, sin = _waves(n, length, sign)
    parts = np.stack([cos, sin], axis=1)[: (n + 1) // 2]
    parts[0, 1] = cos[n // 2] if n % 2 == 0 else 0.0
    if inverse:  # a frequency p >= 1 stands for its mirror image -p, too
        parts /= n
        parts[1:] *= 2
    return parts


def _waves(n, length, sign):
    """cos and sin of sign 2 pi p j / n, `[n, length]`; the angle is reduced in integers."""
    turns = np.outer(np.arange(n), np.arange(length)) % n
    angle = sign * 2 * np.pi * turns / n
    return np.cos(angle), np.sin(angle)
