"""Fast convolution as data: the matrices that turn a convolution into a few products.

A kernel g slides over a tile d of the image and leaves an output Y. Every fast way to compute Y is
*bilinear*: transform tile and kernel, multiply number by number, transform the products.

    one dimension     Y = A_T [(G g) * (B_T d)]              `Bilinear1D`
    two dimensions    Y = A_T [(G g G_T) * (B_T d B)] A      `Bilinear2D`

The letters are those of Lavin and Gray, and `*` multiplies number by number:

    B_T   the image transform     tile -> rank
    G     the kernel transform    kernel -> rank
    A_T   the output transform    rank -> outputs

The *rank* is the number of products (Winograd's word). Y is a correlation: the kernel is not
mirrored (conv2d.md). cook_toom.py and fourier.py make such algorithms; README.md derives them,
and begins with one that can be followed by hand.

References:
  S. Winograd, Arithmetic Complexity of Computations, SIAM 1980.
  A. Lavin and S. Gray, Fast Algorithms for Convolutional Neural Networks, CVPR 2016.
"""

import dataclasses
from typing import SupportsIndex

import numpy as np

from ops.shapes import check_positive_int

# Up to this rank all products of a tile are computed at once: all of Cook-Toom's that are used.
# Above it they are computed component by component (README.md, section 7).
DENSE_RANK = 64


@dataclasses.dataclass(frozen=True, eq=False)
class Bilinear1D:
    """A bilinear algorithm in one dimension, Y = A_T [(G g) * (B_T d)], in float64.

    Attributes:
      name: such as "cook_toom 4, 7".
      kernel_size: weights of the kernel g.
      outputs: values of Y.
      B_T: image transform, `[rank, tile]`.
      G: kernel transform, `[rank, kernel_size]`.
      A_T: output transform, `[outputs, rank]`.
    """

    name: str
    kernel_size: int
    outputs: int
    B_T: np.ndarray
    G: np.ndarray
    A_T: np.ndarray

    @property
    def tile(self) -> int:
        """Pixels of the tile d: outputs + kernel_size - 1."""
        return self.outputs + self.kernel_size - 1

    @property
    def rank(self) -> int:
        """Products of a tile and a pair of channels."""
        return len(self.B_T)


@dataclasses.dataclass(frozen=True, eq=False)
class SeparableTransform:
    """A linear map of an h x w patch x to P Q numbers v, in two steps: its rows, then its columns.

        z[p, s, j] = sum_i rows[p, s, i] x[i, j]
        v[p, q]    = sum_{s, j} columns[p, q, s, j] z[p, s, j]

    p counts the *components* that the first step gives: evaluation points of Cook-Toom, frequencies
    of Fourier. A component has S numbers for each column: S = 1, or 2 for a real and an imaginary
    part. With S = 1 and the same columns for every component, v is the nested product B_T x B.

    Attributes:
      rows: `[P, S, h]`.
      columns: `[P, Q, S, w]`.
    """

    rows: np.ndarray
    columns: np.ndarray

    def matrix(self) -> np.ndarray:
        """The map as one matrix, `[P Q, h w]`."""
        full = np.einsum("psi,pqsj->pqij", self.rows, self.columns)
        return full.reshape(full.shape[0] * full.shape[1], -1)

    @property
    def T(self) -> "TransposedTransform":
        """The transposed map, as a `TransposedTransform`."""
        return TransposedTransform(self)


@dataclasses.dataclass(frozen=True, eq=False)
class TransposedTransform:
    """The transpose of a separable map: P Q numbers to an h x w patch, columns first, then rows.

    Attributes:
      T: the `SeparableTransform` that it transposes.
    """

    T: SeparableTransform

    def matrix(self) -> np.ndarray:
        """The map as one matrix, `[h w, P Q]`."""
        return self.T.matrix().T


@dataclasses.dataclass(frozen=True, eq=False)
class Bilinear2D:
    """A bilinear algorithm in the plane, Y = A_T [(G g G_T) * (B_T d B)] A, in float64.

    Attributes:
      name: such as "fourier 16x16, 7x7".
      kernel_size: (height, width) of the kernel g.
      outputs: (height, width) of Y.
      B_T: image transform, of a tile.
      G: kernel transform.
      A_T: output transform, a `TransposedTransform`. A, which the gradient applies to d_Y, is
        A_T.T, as it is for the matrices of `Bilinear1D`.
    """

    name: str
    kernel_size: tuple[int, int]
    outputs: tuple[int, int]
    B_T: SeparableTransform
    G: SeparableTransform
    A_T: TransposedTransform

    @property
    def tile(self) -> tuple[int, int]:
        """(height, width) of the tile d: outputs + kernel_size - 1."""
        (height, width), (kernel_height, kernel_width) = self.outputs, self.kernel_size
        return height + kernel_height - 1, width + kernel_width - 1

    @property
    def components(self) -> int:
        """P: components that the first step of every transform gives."""
        return self.B_T.rows.shape[0]

    @property
    def rank(self) -> int:
        """Products of a tile and a pair of channels."""
        return self.components * self.B_T.columns.shape[1]

    @property
    def dense(self) -> bool:
        """Whether all products are computed at once, by transforms that are whole matrices."""
        return self.rank <= DENSE_RANK


def height_and_width(size: int | tuple[int, int], name: str) -> tuple[int, int]:
    """(height, width) of an int or of a pair of ints, each at least 1."""
    height, width = (size, size) if isinstance(size, SupportsIndex) else size
    check_positive_int(height, name)
    check_positive_int(width, name)
    return int(height), int(width)
