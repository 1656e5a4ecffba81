"""Fast convolution as data: three matrices that turn a convolution into a few products.

A k x k kernel slides over an n x n tile of the image and leaves o x o outputs, o = n - k + 1.
Every fast way to compute them is *bilinear*: with matrices A `[r, n^2]`, G `[r, k^2]`, C `[o^2, r]`,

    y = C ((G w) * (A x))         (correlation, as in conv2d.md; `*` is elementwise)

costs r products where the definition costs o^2 k^2. Two families are made here, both in float64:

  cook_toom  polynomials evaluated at points and interpolated (Winograd's): r = n^2, the least
             possible, with small rationals; rounding grows fast with n.
  fourier    the discrete Fourier transform, three real products a complex one: r = 1.5 n^2
             (+ 1.5 n for odd n); rounding hardly grows at all.

Derivations: README.md, beside this file. `ops.fast_conv2d` applies them to images.

References:
  S. Winograd, Arithmetic Complexity of Computations, SIAM 1980.
  A. Lavin and S. Gray, Fast Algorithms for Convolutional Neural Networks, CVPR 2016.
  M. Mathieu, M. Henaff, Y. LeCun, Fast Training of Convolutional Networks through FFTs, ICLR 2014.
"""

import dataclasses
import functools

import numpy as np

from ops.fast_conv.lines import (
    IMAGE_TRIPLE,
    KERNEL_TRIPLE,
    OUTPUT_TRIPLE,
    check_tile,
    cook_toom_line,
    real_dft,
    real_spectrum,
    waves,
)
from ops.shapes import check_positive_int

# So few products of a tile, all of Cook-Toom's that are used, are computed at once, more of them
# slot by slot (README.md, section 7).
AT_ONCE = 64


@dataclasses.dataclass(frozen=True, eq=False)
class Separable:
    """A linear map of an h x w patch to r numbers, in two steps: its rows, then its columns.

        z[p, s, j] = sum_i rows[p, s, i] x[i, j]
        u[p, q]    = sum_{s, j} columns[p, q, s, j] z[p, s, j],        r = P Q

    s counts what belongs together after the first step: one real number for Cook-Toom, a real
    and an imaginary part for Fourier.

    Attributes:
      rows: `[P, S, h]`.
      columns: `[P, Q, S, w]`.
    """

    rows: np.ndarray
    columns: np.ndarray

    def matrix(self):
        """The map as one matrix, `[P Q, h w]`."""
        full = np.einsum("psi,pqsj->pqij", self.rows, self.columns)
        return full.reshape(full.shape[0] * full.shape[1], -1)


@dataclasses.dataclass(frozen=True, eq=False)
class Bilinear:
    """A bilinear algorithm, y = C ((G w) * (A x)), its maps separable.

    Attributes:
      name: such as "fourier 16x16, 7x7".
      kernel_size: (kh, kw).
      outputs: (oh, ow) of a tile.
      image: A, of an n_h x n_w tile.
      kernel: G, of a kh x kw kernel.
      output: C transposed, of an oh x ow patch: what the gradient applies to dy.
    """

    name: str
    kernel_size: tuple
    outputs: tuple
    image: Separable
    kernel: Separable
    output: Separable

    @property
    def tile(self):
        """(n_h, n_w) = outputs + kernel_size - 1."""
        return tuple(o + k - 1 for o, k in zip(self.outputs, self.kernel_size))

    @property
    def products(self):
        """r, the number of products of a tile and a pair of channels."""
        return self.slots * self.image.columns.shape[1]

    @property
    def at_once(self):
        """Whether all products are computed together, by maps that are whole matrices."""
        return self.products <= AT_ONCE

    @property
    def slots(self):
        """P: how many pieces the first step of every map falls into."""
        return self.image.rows.shape[0]


def cook_toom(kernel_size, outputs):
    """Polynomial multiplication by evaluation and interpolation, nested: F(o x o, k x k).

    Args:
      kernel_size: k >= 1, or (kh, kw).
      outputs: o >= 1, or (oh, ow); o + k - 2 <= 13 along each axis.

    Returns:
      A `Bilinear` with r = (oh + kh - 1) (ow + kw - 1).
    """
    return _cook_toom(_pair(kernel_size, "kernel_size"), _pair(outputs, "outputs"))


def fourier(kernel_size, tile):
    """The discrete Fourier transform of an n x n tile, three products a complex frequency.

    Args:
      kernel_size: k >= 1, or (kh, kw).
      tile: n >= k, or (n_h, n_w).

    Returns:
      A `Bilinear` with r = 3 n_w ceil(n_h / 2).
    """
    return _fourier(_pair(kernel_size, "kernel_size"), _pair(tile, "tile"))


def _pair(size, name):
    """(h, w) of an int or of a pair of ints."""
    high, wide = (size, size) if hasattr(size, "__index__") else size
    check_positive_int(high, name)
    check_positive_int(wide, name)
    return int(high), int(wide)


@functools.cache
def _cook_toom(kernel_size, outputs):
    high, wide = map(cook_toom_line, kernel_size, outputs)
    n = (high.tile, wide.tile)

    def nest(row, column):
        columns = np.broadcast_to(column[None, :, None], [n[0], n[1], 1, column.shape[1]])
        return Separable(row[:, None, :], columns)

    name = "cook_toom {}x{}, {}x{}".format(*outputs, *kernel_size)
    maps = (
        nest(getattr(high, part), getattr(wide, part)) for part in ("image", "kernel", "output")
    )
    return Bilinear(name, kernel_size, outputs, *maps)


@functools.cache
def _fourier(kernel_size, tile):
    check_tile(tile, kernel_size)
    outputs = tuple(n - k + 1 for n, k in zip(tile, kernel_size))
    name = "fourier {}x{}, {}x{}".format(*tile, *kernel_size)
    return Bilinear(
        name,
        kernel_size,
        outputs,
        image=_spectrum(tile, tile, IMAGE_TRIPLE, sign=-1),
        # Correlation is the product with the *conjugate* spectrum of the kernel.
        kernel=_spectrum(tile, kernel_size, KERNEL_TRIPLE, sign=1),
        # The inverse transform, transposed, has the form of the forward one.
        output=_spectrum(tile, outputs, OUTPUT_TRIPLE, sign=-1, inverse=True),
    )


def _spectrum(tile, size, triple, *, sign, inverse=False):
    """Two-dimensional DFT of an h x w patch, each complex frequency entering by its triple.

    The rows' transform of real data needs half its frequencies, since X[-p] = conj X[p]; the
    two that are real (0 and n / 2) share slot 0. The columns' transform of slot p >= 1 is a
    full complex one; in slot 0 it is two real ones, with halves of their own.
    """
    n, width = tile[1], size[1]
    rows = real_dft(tile[0], size[0], sign, inverse)  # [P, 2, h]

    cos, sin = waves(n, width, sign)
    turn = np.array([[cos, -sin], [sin, cos]])  # [re|im out, re|im in, n, w]
    full = np.einsum("to,oiqj->qtij", triple, turn).reshape(3 * n, 2, width)

    line = real_spectrum(n, width, triple, sign=sign, inverse=inverse)
    first = np.zeros_like(full)  # 2 of its 3 n products stay 0 when n is even
    first[: len(line), 0] = line
    if tile[0] % 2 == 0:
        first[len(line) : 2 * len(line), 1] = line

    columns = np.repeat((full / n if inverse else full)[None], len(rows), axis=0)
    columns[0] = first
    return Separable(rows, columns)
