"""Which algorithm for which convolution: a model of its cost, from counts alone.

Nothing is timed here: the same layer gets the same algorithm on every machine. Costs are in
multiply-adds of a direct convolution; the weights are fitted to measured layers
(fast_conv2d.md, section 8):

    direct         B H W kh kw Cin Cout
    slot by slot   1.1 products + 90 moved + 260 max(held - 8e6, 0) + 5e7
    at once        0.69 products + 136 moved by tiles + 73 moved by the kernel

products: r T Cin Cout; moved: numbers that the steps of all three maps give, or, at once, take and
give; held: those that the first step gives for image and output, which all stay until the loop over
slots has ended, and beyond 8 million (32 MB) leave the cache. The arithmetic of the maps costs
nothing beside the memory they move. At once it is the slower of training and forward. Who wants the truth for a machine times `candidate_algorithms` there.

References:
  Zlateski et al., FFT Convolutions are Faster than Winograd on Modern CPUs, Here's Why, 2018
  (a model of the same kind, from bandwidth and arithmetic).
"""

import math

from ops.bilinear import cook_toom, fourier
from ops.shapes import check_positive_int

PRODUCT, MOVED, HELD, CACHE, START = 1.1, 90.0, 260.0, 8e6, 5e7
ONCE_PRODUCT, ONCE_TILES, ONCE_KERNEL = 0.69, 136.0, 73.0
# Cook-Toom's tiles: up to here float32 keeps five digits (fast_conv2d.md, section 6).
LARGEST_COOK_TOOM = 8
LARGEST_FOURIER = 32


def best_algorithm(kernel_size, height, width, c_in, c_out, *, batch=1):
    """The algorithm of least modelled cost, or None where direct convolution costs less.

    Args:
      kernel_size: k, of a k x k kernel.
      height, width: of the image, in pixels.
      c_in, c_out: channels.
      batch: images; many of them share the cost of transforming the kernel.

    Returns:
      An `ops.Bilinear`, or None.

    Example:
      >>> best_algorithm(9, 92, 92, 128, 128).name
      'fourier 20x20, 9x9'
      >>> best_algorithm(1, 46, 46, 128, 128) is None
      True
    """
    layer = (height, width, c_in, c_out, batch)
    found = candidate_algorithms(kernel_size, height, width, c_in, c_out, batch=batch)
    direct = math.prod(layer) * kernel_size**2
    return found[0] if found and fast_cost(found[0], *layer) < direct else None


def candidate_algorithms(kernel_size, height, width, c_in, c_out, *, batch=1):
    """Algorithms worth timing for a layer, by modelled cost, cheapest first.

    Arguments as for `best_algorithm`. Cook-Toom with tiles up to 8 x 8; Fourier with even tiles
    up to 32 x 32, for each number of tiles along the longer side the smallest that covers it. A
    1 x 1 kernel has none.
    """
    for name, value in (("kernel_size", kernel_size), ("height", height)):
        check_positive_int(value, name)
    for name, value in (("width", width), ("c_in", c_in), ("c_out", c_out)):
        check_positive_int(value, name)
    check_positive_int(batch, "batch")
    if kernel_size == 1:
        return []
    outputs = range(2, LARGEST_COOK_TOOM - kernel_size + 2, 2)
    found = [cook_toom(kernel_size, o) for o in outputs]
    if kernel_size >= 5:
        found += [fourier(kernel_size, n) for n in _tiles(kernel_size, height, width)]
    return sorted(found, key=lambda a: fast_cost(a, height, width, c_in, c_out, batch))


def _tiles(kernel_size, height, width):
    """Even tiles, each the smallest for its number of tiles along the longer side."""
    longer = max(height, width)
    tiles = set()
    for count in range(1, longer + 1):
        tile = math.ceil(longer / count) + kernel_size - 1
        tile += tile % 2
        if kernel_size < tile <= LARGEST_FOURIER:
            tiles.add(tile)
    return sorted(tiles)


def fast_cost(algorithm, height, width, c_in, c_out, batch):
    """Modelled cost of a convolution by `algorithm`, in multiply-adds of a direct one."""
    down, across = (
        math.ceil(size / o) for size, o in zip((height, width), algorithm.outputs)
    )
    tiles, pairs = batch * down * across, c_in * c_out
    products = algorithm.products * tiles * pairs
    if algorithm.at_once:
        image, output, kernel = (
            math.prod(size) + algorithm.products
            for size in (algorithm.tile, algorithm.outputs, algorithm.kernel_size)
        )
        moved = tiles * (c_in * image + c_out * output)
        return (
            ONCE_PRODUCT * products + ONCE_TILES * moved + ONCE_KERNEL * pairs * kernel
        )
    moved, held = 0, 0
    for part, count in (
        (algorithm.image, tiles * c_in),
        (algorithm.output, tiles * c_out),
        (algorithm.kernel, pairs),
    ):
        p, q, s, w = part.columns.shape
        moved += count * (p * s * w + p * q)
        held += count * p * s * w if part is not algorithm.kernel else 0
    excess = max(held - CACHE, 0)
    return PRODUCT * products + MOVED * moved + HELD * excess + START
