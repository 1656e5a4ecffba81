"""Fast convolution on a line, as data: three matrices that save products.

A kernel of k weights slides over n pixels and leaves o = n - k + 1 outputs. Every fast way to
compute them is *bilinear*: with matrices A `[r, n]`, G `[r, k]`, C `[o, r]`,

    y = C ((G w) * (A x))         (correlation, as in conv2d.md; `*` is elementwise)

costs r products where the definition costs o k. Two families are made here, both in float64:

  cook_toom_line  polynomials evaluated at points and interpolated (Winograd's): r = n, the least
                  possible, with small rationals; rounding grows fast with n.
  fourier_line    the discrete Fourier transform, three real products a complex one: r = 1.5 n - 1
                  for even n, 1.5 n - 0.5 for odd n; rounding hardly grows at all.

bilinear.py nests them for tiles of n x n; line_conv2d.py applies them to the columns of an image.
Derivations: README.md, beside this file.

References:
  S. Winograd, Arithmetic Complexity of Computations, SIAM 1980.
"""

import dataclasses
import functools

import numpy as np

from ops.shapes import check_positive_int

# Points for Cook-Toom besides infinity, in order of use. Small and reciprocal ones keep the
# powers, and with them the rounding, small (README.md, section 6).
POINTS = (0, 1, -1, 1 / 2, -2, 2, -1 / 2, 1 / 4, -4, 4, -1 / 4, 3 / 4, -4 / 3)

# (a + ib)(c + id) = (k1 - k3) + i (k1 + k2) with the three products (Gauss)
#     k1 = (a + b) c,   k2 = a (d - c),   k3 = b (c + d):
IMAGE_TRIPLE = np.array([[1.0, 1.0], [1.0, 0.0], [0.0, 1.0]])  # of (a, b)
KERNEL_TRIPLE = np.array([[1.0, 0.0], [-1.0, 1.0], [1.0, 1.0]])  # of (c, d)
OUTPUT_TRIPLE = np.array([[1.0, 1.0], [0.0, 1.0], [-1.0, 0.0]])  # how k enters (re, im)


@dataclasses.dataclass(frozen=True, eq=False)
class Line:
    """A bilinear algorithm on a line, y = C ((G w) * (A x)).

    Attributes:
      name: such as "cook_toom 4, 7".
      kernel_size: k.
      outputs: o.
      image: A, `[r, n]`.
      kernel: G, `[r, k]`.
      output: C transposed, `[r, o]`: what the gradient applies to dy.
    """

    name: str
    kernel_size: int
    outputs: int
    image: np.ndarray
    kernel: np.ndarray
    output: np.ndarray

    @property
    def tile(self):
        """n = o + k - 1."""
        return self.outputs + self.kernel_size - 1

    @property
    def products(self):
        """r."""
        return len(self.image)


@functools.cache
def cook_toom_line(kernel_size, outputs):
    """Polynomial multiplication by evaluation and interpolation, F(o, k).

    Row i of A holds the coefficients of prod_{j != i} (t - p_j): Lagrange's numerators, whose
    denominators prod_{j != i} (p_i - p_j) go into G; that keeps A free of fractions where the
    points are. The last point is infinity.

    Args:
      kernel_size: k >= 1.
      outputs: o >= 1; o + k - 2 <= 13.

    Returns:
      A `Line` with r = n.
    """
    check_positive_int(kernel_size, "kernel_size")
    check_positive_int(outputs, "outputs")
    n = outputs + kernel_size - 1
    points = np.array(POINTS[: n - 1], np.float64)
    if len(points) < n - 1:
        raise ValueError(
            f"cook_toom has {len(POINTS)} points and infinity, F({outputs}, {kernel_size}) needs"
            f" {n}; use ops.fourier({kernel_size}, tile={n})"
        )
    image, scale = np.zeros([n, n]), np.ones([n, 1])
    image[-1] = np.polynomial.polynomial.polyfromroots(points)
    for i, point in enumerate(points):
        others = np.delete(points, i)
        image[i, :-1] = np.polynomial.polynomial.polyfromroots(others)
        scale[i] = np.prod(point - others)
    return Line(
        f"cook_toom {outputs}, {kernel_size}",
        kernel_size,
        outputs,
        image=image,
        kernel=_powers(points, kernel_size) / scale,
        output=_powers(points, outputs),
    )


def _powers(points, count):
    """Row i: p_i^0 ... p_i^(count - 1); at infinity only the highest power is left."""
    last = np.zeros([1, count])
    last[0, -1] = 1.0
    return np.concatenate([np.vander(points, count, increasing=True), last])


@functools.cache
def fourier_line(kernel_size, tile):
    """The discrete Fourier transform of n pixels, three products a complex frequency.

    Args:
      kernel_size: k >= 1.
      tile: n >= k.

    Returns:
      A `Line` with r = 1.5 n - 1 for even n, 1.5 n - 0.5 for odd n.
    """
    check_positive_int(kernel_size, "kernel_size")
    check_tile((tile,), (kernel_size,))
    outputs = tile - kernel_size + 1
    return Line(
        f"fourier {tile}, {kernel_size}",
        kernel_size,
        outputs,
        image=real_spectrum(tile, tile, IMAGE_TRIPLE, sign=-1),
        # Correlation is the product with the *conjugate* spectrum of the kernel.
        kernel=real_spectrum(tile, kernel_size, KERNEL_TRIPLE, sign=1),
        # The inverse transform, transposed, has the form of the forward one.
        output=real_spectrum(tile, outputs, OUTPUT_TRIPLE, sign=-1, inverse=True),
    )


def check_tile(tile, kernel_size):
    """Raises unless a kernel fits into a tile."""
    if any(n < k for n, k in zip(tile, kernel_size)):
        raise ValueError(
            f"tile is {list(tile)}, expected at least the kernel's {list(kernel_size)}"
        )


def real_spectrum(n, length, triple, *, sign, inverse=False):
    """DFT of `length` real numbers, each complex frequency entering by its triple, `[r, length]`.

    Real data need half the frequencies, since X[-p] = conj X[p]; those that are real themselves
    (0, and n / 2 for even n) come first, with one product each.
    """
    half = real_dft(n, length, sign, inverse)
    alone = half[0, : 2 - n % 2]
    pairs = np.einsum("to,qoj->qtj", triple, half[1:]).reshape(-1, length)
    return np.concatenate([alone, pairs])


def real_dft(n, length, sign, inverse):
    """Real and imaginary parts by slot, `[ceil(n / 2), 2, length]`; slot 0: X[0] and X[n / 2]."""
    cos, sin = waves(n, length, sign)
    parts = np.stack([cos, sin], axis=1)[: (n + 1) // 2]
    parts[0, 1] = cos[n // 2] if n % 2 == 0 else 0.0
    if inverse:  # a frequency p >= 1 stands for its mirror image -p, too
        parts /= n
        parts[1:] *= 2
    return parts


def waves(n, length, sign):
    """cos and sin of sign 2 pi q j / n, `[n, length]`; the angle is reduced in integers."""
    turns = np.outer(np.arange(n), np.arange(length)) % n
    angle = sign * 2 * np.pi * turns / n
    return np.cos(angle), np.sin(angle)
