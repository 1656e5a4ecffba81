"""Which algorithm for which convolution: that of the least modeled cost.

The choice is made from counts (cost_model.py), so that the same layer gets the same algorithm on
every machine. For the truth about a machine, time `candidate_algorithms` there.
"""

import math

from ops.fast_conv.algorithms import Bilinear1D, Bilinear2D
from ops.fast_conv.cook_toom import cook_toom_1d, cook_toom_2d
from ops.fast_conv.cost_model import direct_cost, fast_cost
from ops.fast_conv.fourier import fourier_1d, fourier_2d
from ops.shapes import check_positive_int

# Cook-Toom's tiles: up to here float32 keeps five digits (README.md, section 6). In one dimension
# half as many digits are lost, so tiles may be larger; with many channels the sums lose some, too.
LARGEST_COOK_TOOM_2D = 8
LARGEST_COOK_TOOM_1D, LARGEST_COOK_TOOM_1D_OF_MANY, MANY = 10, 8, 129
LARGEST_FOURIER = 32
# Modeled gains of less than a twentieth are losses on some machines (README.md, section 9).
PAYS = 0.95


def best_algorithm(
    kernel_size: int,
    height: int,
    width: int,
    c_in: int,
    c_out: int,
    *,
    batch: int = 1,
    allow_2d: bool = True,
    allow_1d: bool = True,
    one_thread: bool = False,
) -> Bilinear1D | Bilinear2D | None:
    """The algorithm of least modeled cost, or None where direct convolution costs hardly more.

    Args:
      kernel_size: k, of a k x k kernel.
      height, width: of the image, in pixels.
      c_in, c_out: channels.
      batch: images; many of them share the cost of transforming the kernel.
      allow_2d: whether algorithms in the plane are allowed; they pay only where XLA compiles.
      allow_1d: whether one-dimensional ones are; they pay only where the library has groups
        (`ops.library_has_groups`).
      one_thread: whether a convolution has one thread; else two or more.

    Returns:
      A `Bilinear2D`, a `Bilinear1D`, or None.

    Example:
      >>> best_algorithm(9, 92, 92, 128, 128).name
      'fourier 20x20, 9x9'
      >>> best_algorithm(1, 46, 46, 128, 128) is None
      True
    """
    layer = (height, width, c_in, c_out)
    candidates = candidate_algorithms(
        kernel_size,
        *layer,
        batch=batch,
        allow_2d=allow_2d,
        allow_1d=allow_1d,
        one_thread=one_thread,
    )
    if not candidates:
        return None
    cost = fast_cost(candidates[0], *layer, batch, one_thread=one_thread)
    return candidates[0] if cost < PAYS * direct_cost(kernel_size, *layer, batch) else None


def candidate_algorithms(
    kernel_size: int,
    height: int,
    width: int,
    c_in: int,
    c_out: int,
    *,
    batch: int = 1,
    allow_2d: bool = True,
    allow_1d: bool = True,
    one_thread: bool = False,
) -> list[Bilinear1D | Bilinear2D]:
    """Algorithms worth timing for a layer, by modeled cost, cheapest first.

    Arguments as for `best_algorithm`. In the plane: Cook-Toom with tiles up to 8 x 8, and for
    kernels from 5 x 5 on Fourier with even tiles up to 32 x 32, for each number of tiles along the
    longer side the smallest that covers it. In one dimension, along the height: Cook-Toom with
    tiles up to 10 (8 for more than 128 channels), Fourier with tiles up to 32. A 1 x 1 kernel has
    none.
    """
    _check_layer(kernel_size, height, width, c_in, c_out, batch)
    if kernel_size == 1:
        return []
    found = []
    if allow_2d:
        found += _candidates_2d(kernel_size, max(height, width))
    if allow_1d:
        found += _candidates_1d(kernel_size, height, max(c_in, c_out))
    layer = (height, width, c_in, c_out, batch)
    return sorted(found, key=lambda a: fast_cost(a, *layer, one_thread=one_thread))


def _check_layer(kernel_size, height, width, c_in, c_out, batch):
    check_positive_int(kernel_size, "kernel_size")
    check_positive_int(height, "height")
    check_positive_int(width, "width")
    check_positive_int(c_in, "c_in")
    check_positive_int(c_out, "c_out")
    check_positive_int(batch, "batch")


def _candidates_2d(k, side):
    """For an image of so many pixels along its longer side."""
    found = [cook_toom_2d(k, m) for m in range(2, LARGEST_COOK_TOOM_2D - k + 2, 2)]
    return found + ([fourier_2d(k, n) for n in _fourier_tiles(k, side)] if k >= 5 else [])


def _candidates_1d(k, height, channels):
    """For columns of so many pixels; the most channels decide how many points rounding allows."""
    largest = LARGEST_COOK_TOOM_1D if channels < MANY else LARGEST_COOK_TOOM_1D_OF_MANY
    found = [cook_toom_1d(k, m) for m in range(2, largest - k + 2, 2)]
    return found + ([fourier_1d(k, n) for n in _fourier_tiles(k, height)] if k >= 5 else [])


def _fourier_tiles(kernel_size, side):
    """Even tiles, each the smallest for its number of tiles along a side of the image."""
    tiles = set()
    for count in range(1, side + 1):
        tile = math.ceil(side / count) + kernel_size - 1
        tile += tile % 2
        if kernel_size < tile <= LARGEST_FOURIER:
            tiles.add(tile)
    return sorted(tiles)
