"""Fast convolution once more, as plain NumPy loops: slow, obvious, the definition.

The fast ops are tested against these (see `ops.reference`).
"""

import math

import numpy as np

from ops.fast_conv.algorithms import Bilinear1D, Bilinear2D
from ops.reference import conv2d


def bilinear_1d(d: np.ndarray, g: np.ndarray, algorithm: Bilinear1D) -> np.ndarray:
    """One tile, one channel, in one dimension, by Y = A_T [(G g) * (B_T d)]."""
    return algorithm.A_T @ ((algorithm.G @ g) * (algorithm.B_T @ d))


def bilinear_2d(d: np.ndarray, g: np.ndarray, algorithm: Bilinear2D) -> np.ndarray:
    """One tile, one channel, by Y = A_T [(G g G_T) * (B_T d B)] A, the transforms as matrices."""
    products = (algorithm.G.matrix() @ g.ravel()) * (algorithm.B_T.matrix() @ d.ravel())
    return (algorithm.A_T.matrix() @ products).reshape(algorithm.outputs)


def fast_conv2d(
    x: np.ndarray,
    kernel: np.ndarray,
    bias: np.ndarray | None = None,
    *,
    algorithm: Bilinear1D | Bilinear2D,
) -> np.ndarray:
    """Tile after tile, channel by channel: `ops.fast_conv2d`."""
    on_a_line = isinstance(algorithm, Bilinear1D)
    y = (_by_columns if on_a_line else _by_tiles)(x, kernel, algorithm)
    return y + (0 if bias is None else bias)


def _by_tiles(x, kernel, algorithm):
    batch, height, width, channels = x.shape
    k_height, k_width, _, filters = kernel.shape
    oh, ow = algorithm.outputs
    down, across = math.ceil(height / oh), math.ceil(width / ow)
    top, left = (k_height - 1) // 2, (k_width - 1) // 2
    padded = np.zeros([batch, down * oh + k_height - 1, across * ow + k_width - 1, channels])
    padded[:, top : top + height, left : left + width] = x
    y = np.zeros([batch, down * oh, across * ow, filters])
    for b, i, j, o, c in np.ndindex(batch, down, across, filters, channels):
        d = padded[b, i * oh :, j * ow :, c][: algorithm.tile[0], : algorithm.tile[1]]
        outputs = bilinear_2d(d, kernel[:, :, c, o], algorithm)
        y[b, i * oh : (i + 1) * oh, j * ow : (j + 1) * ow, o] += outputs
    return y[:, :height, :width]


def _by_columns(x, kernel, algorithm):
    """The tiles are pieces of columns; the kernel's columns lie side by side in the image."""
    batch, height, width, channels = x.shape
    k_height, k_width, _, filters = kernel.shape
    step = algorithm.outputs
    down = math.ceil(height / step)
    top, left = (k_height - 1) // 2, (k_width - 1) // 2
    padded = np.zeros([batch, down * step + k_height - 1, width + k_width - 1, channels])
    padded[:, top : top + height, left : left + width] = x
    y = np.zeros([batch, down * step, width, filters])
    loops = np.ndindex(batch, down, width, k_width, filters, channels)
    for b, i, j, n, o, c in loops:
        d = padded[b, i * step : i * step + algorithm.tile, j + n, c]
        y[b, i * step : (i + 1) * step, j, o] += bilinear_1d(d, kernel[:, n, c, o], algorithm)
    return y[:, :height]


def grouped_conv2d(x: np.ndarray, kernel: np.ndarray, *, groups: int) -> np.ndarray:
    """Group after group: `ops.fast_conv.grouped_conv2d.grouped_conv2d`."""
    parts = zip(np.split(x, groups, axis=3), np.split(kernel, groups, axis=3), strict=True)
    return np.concatenate([conv2d(*part) for part in parts], axis=3)
