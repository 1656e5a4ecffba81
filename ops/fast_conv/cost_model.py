"""What a convolution costs: a model from counts alone, for choice.py.

Nothing is timed here: the same layer has the same cost on every machine. The unit is a multiply-add
of a direct convolution; the weights are fitted to measured layers (README.md, section 9):

    direct                  B H W kh kw Cin Cout
    component by component  1.1 products + 90 moved + 260 max(held - 8e6, 0) + 5e7
    dense                   0.69 products + 136 moved by tiles + 73 moved by the kernel
    along columns           0.95 products + 13 moved by columns + 2.1 transforms
                            + 127 moved by the kernel + 2.1e7; 0.75 of it on one thread

products    rank T Cin Cout, along columns rank T kw Cin Cout
transforms  their multiply-adds, since a column is one matrix product however high it is
moved       numbers that the steps of all three transforms give, or, if dense, take and give
held        numbers that the first step gives for image and output. All of them stay until the loop
            over components has ended, and beyond 8 million (32 MB) they leave the cache

The arithmetic of the transforms of tiles costs nothing beside the memory they move. Dense and along
columns it is the slower of training and forward. Columns gain on one thread, since short operations
share out badly.

References:
  Zlateski et al., FFT Convolutions are Faster than Winograd on Modern CPUs, Here's Why, 2018
  (a model of the same kind, from bandwidth and arithmetic).
"""

import math

from ops.fast_conv.algorithms import Bilinear1D, Bilinear2D
from ops.fast_conv.column_conv2d import ColumnConvolution

PRODUCT, MOVED, HELD, CACHE, START = 1.1, 90.0, 260.0, 8e6, 5e7
DENSE_PRODUCT, DENSE_TILES, DENSE_KERNEL = 0.69, 136.0, 73.0
COLUMN_PRODUCT, COLUMN_MOVED, COLUMN_TRANSFORM = 0.95, 13.0, 2.1
COLUMN_KERNEL, COLUMN_START = 127.0, 2.1e7
# The cost along columns beside that of direct convolution, if neither is shared out.
ONE_THREAD = 0.75


def direct_cost(
    kernel_size: int, height: int, width: int, c_in: int, c_out: int, batch: int
) -> int:
    """Cost of a direct convolution by k x k kernels."""
    return height * width * c_in * c_out * batch * kernel_size**2


def fast_cost(
    algorithm: Bilinear1D | Bilinear2D,
    height: int,
    width: int,
    c_in: int,
    c_out: int,
    batch: int,
    *,
    one_thread: bool = False,
) -> float:
    """Modeled cost of a convolution by `algorithm`.

    Args:
      algorithm: a `Bilinear2D`, or a `Bilinear1D` for kernels as wide as they are high.
      height, width: of the image, in pixels.
      c_in, c_out: channels.
      batch: images.
      one_thread: whether a convolution has one thread; else two or more.
    """
    layer = (height, width, c_in, c_out, batch)
    if isinstance(algorithm, Bilinear1D):
        cost = _column_cost(algorithm, *layer)
        return cost * ONE_THREAD if one_thread else cost
    return (_dense_cost if algorithm.dense else _component_cost)(algorithm, *layer)


def _dense_cost(algorithm, height, width, c_in, c_out, batch):
    tiles, pairs = _tiles(algorithm, height, width, batch), c_in * c_out
    image, output, kernel = (
        math.prod(size) + algorithm.rank
        for size in (algorithm.tile, algorithm.outputs, algorithm.kernel_size)
    )
    return (
        DENSE_PRODUCT * (algorithm.rank * tiles * pairs)
        + DENSE_TILES * (tiles * (c_in * image + c_out * output))
        + DENSE_KERNEL * pairs * kernel
    )


def _component_cost(algorithm, height, width, c_in, c_out, batch):
    tiles, pairs = _tiles(algorithm, height, width, batch), c_in * c_out
    image, output, kernel = (tiles * c_in, tiles * c_out, pairs)
    moved, held = 0, 0
    for transform, count in (
        (algorithm.B_T, image),
        (algorithm.A_T.T, output),
        (algorithm.G, kernel),
    ):
        p, q, s, w = transform.columns.shape
        moved += count * (p * s * w + p * q)
        held += count * p * s * w if transform is not algorithm.G else 0
    products = algorithm.rank * tiles * pairs
    return PRODUCT * products + MOVED * moved + HELD * max(held - CACHE, 0) + START


def _column_cost(algorithm, height, width, c_in, c_out, batch):
    """On two threads."""
    k = algorithm.kernel_size
    products, image, _, output = ColumnConvolution(algorithm).multiply_adds(
        (batch, height, width, c_in), k, c_out
    )
    column = math.ceil(height / algorithm.outputs) * algorithm.rank + height
    return (
        COLUMN_PRODUCT * products
        + COLUMN_MOVED * batch * width * column * (c_in + c_out)
        + COLUMN_TRANSFORM * (image + output)
        + COLUMN_KERNEL * k * c_in * c_out * (algorithm.rank + k)
        + COLUMN_START
    )


def _tiles(algorithm, height, width, batch):
    """Tiles of all images."""
    down, across = (
        math.ceil(size / m) for size, m in zip((height, width), algorithm.outputs, strict=True)
    )
    return batch * down * across
