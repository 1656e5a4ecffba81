"""Which algorithm for which convolution: a model of its cost, from counts alone.

Nothing is timed here: the same layer gets the same algorithm on every machine. Costs are in
multiply-adds of a direct convolution; the weights are fitted to measured layers
(README.md, section 9):

    direct         B H W kh kw Cin Cout
    slot by slot   1.1 products + 90 moved + 260 max(held - 8e6, 0) + 5e7
    at once        0.69 products + 136 moved by tiles + 73 moved by the kernel
    on a line      0.95 products + 13 moved by columns + 2.1 maps + 127 moved by the kernel + 2.1e7
                   and 0.75 of it on one thread, since short operations share out badly

products: r T Cin Cout, on a line r T kw Cin Cout; maps: their multiply-adds, since a column is one
matrix product however high it is; moved: numbers that the steps of all three maps give, or, at once, take and
give; held: those that the first step gives for image and output, which all stay until the loop over
slots has ended, and beyond 8 million (32 MB) leave the cache. The arithmetic of the maps costs
nothing beside the memory they move. At once and on a line it is the slower of training and forward. Who wants the truth for a machine times `candidate_algorithms` there.

References:
  Zlateski et al., FFT Convolutions are Faster than Winograd on Modern CPUs, Here's Why, 2018
  (a model of the same kind, from bandwidth and arithmetic).
"""

import math

from ops.fast_conv.bilinear import cook_toom, fourier
from ops.fast_conv.line_conv2d import line_conv2d_multiply_adds
from ops.fast_conv.lines import Line, cook_toom_line, fourier_line
from ops.shapes import check_positive_int

PRODUCT, MOVED, HELD, CACHE, START = 1.1, 90.0, 260.0, 8e6, 5e7
ONCE_PRODUCT, ONCE_TILES, ONCE_KERNEL = 0.69, 136.0, 73.0
LINE_PRODUCT, LINE_MOVED, LINE_MAP, LINE_KERNEL, LINE_START = (
    0.95,
    13.0,
    2.1,
    127.0,
    2.1e7,
)
# A line's cost beside that of direct convolution, if neither is shared out.
ONE_THREAD = 0.75
# Cook-Toom's tiles: up to here float32 keeps five digits (README.md, section 6).
LARGEST_COOK_TOOM = 8
LARGEST_FOURIER = 32
# Modelled gains of less than a twentieth are losses on some machines (README.md, section 9).
PAYS = 0.95
# A line loses half as many digits; with more channels than these even its sums lose some.
LARGEST_COOK_TOOM_LINE, MOST_CHANNELS = 10, 128


def best_algorithm(
    kernel_size,
    height,
    width,
    c_in,
    c_out,
    *,
    batch=1,
    tiles=True,
    lines=True,
    one_thread=False,
):
    """The algorithm of least modelled cost, or None where direct convolution costs hardly more.

    Args:
      kernel_size: k, of a k x k kernel.
      height, width: of the image, in pixels.
      c_in, c_out: channels.
      batch: images; many of them share the cost of transforming the kernel.
      tiles: whether algorithms of two dimensions are allowed; they pay only where XLA compiles.
      lines: whether those on a line are; they pay only where the library has groups
        (`ops.library_has_groups`).
      one_thread: whether a convolution has one thread; else two or more.

    Returns:
      An `ops.Bilinear`, an `ops.Line`, or None.

    Example:
      >>> best_algorithm(9, 92, 92, 128, 128).name
      'fourier 20x20, 9x9'
      >>> best_algorithm(1, 46, 46, 128, 128) is None
      True
    """
    layer = (height, width, c_in, c_out, batch)
    how = {"batch": batch, "tiles": tiles, "lines": lines, "one_thread": one_thread}
    found = candidate_algorithms(kernel_size, *layer[:-1], **how)
    direct = math.prod(layer) * kernel_size**2
    pays = found and fast_cost(found[0], *layer, one_thread=one_thread) < PAYS * direct
    return found[0] if pays else None


def candidate_algorithms(
    kernel_size,
    height,
    width,
    c_in,
    c_out,
    *,
    batch=1,
    tiles=True,
    lines=True,
    one_thread=False,
):
    """Algorithms worth timing for a layer, by modelled cost, cheapest first.

    Arguments as for `best_algorithm`. Cook-Toom with tiles up to 8 x 8; Fourier with even tiles
    up to 32 x 32, for each number of tiles along the longer side the smallest that covers it; on
    a line, with tiles up to 10 (8 for more than 128 channels) and up to 32, along the height. A
    1 x 1 kernel has none.
    """
    for name, value in (("kernel_size", kernel_size), ("height", height)):
        check_positive_int(value, name)
    for name, value in (("width", width), ("c_in", c_in), ("c_out", c_out)):
        check_positive_int(value, name)
    check_positive_int(batch, "batch")
    if kernel_size == 1:
        return []
    k, found = kernel_size, []
    if tiles:
        found += [cook_toom(k, o) for o in range(2, LARGEST_COOK_TOOM - k + 2, 2)]
    if tiles and k >= 5:
        found += [fourier(k, n) for n in _tiles(k, max(height, width))]
    if lines:
        few = max(c_in, c_out) <= MOST_CHANNELS
        largest = LARGEST_COOK_TOOM_LINE if few else LARGEST_COOK_TOOM
        found += [cook_toom_line(k, o) for o in range(2, largest - k + 2, 2)]
    if lines and k >= 5:
        found += [fourier_line(k, n) for n in _tiles(k, height)]
    layer = (height, width, c_in, c_out, batch)
    return sorted(found, key=lambda a: fast_cost(a, *layer, one_thread=one_thread))


def _tiles(kernel_size, side):
    """Even tiles, each the smallest for its number of tiles along a side of the image."""
    tiles = set()
    for count in range(1, side + 1):
        tile = math.ceil(side / count) + kernel_size - 1
        tile += tile % 2
        if kernel_size < tile <= LARGEST_FOURIER:
            tiles.add(tile)
    return sorted(tiles)


def fast_cost(algorithm, height, width, c_in, c_out, batch, *, one_thread=False):
    """Modelled cost of a convolution by `algorithm`, in multiply-adds of a direct one."""
    if isinstance(algorithm, Line):
        cost = _line_cost(algorithm, height, width, c_in, c_out, batch)
        return cost * ONE_THREAD if one_thread else cost
    down, across = (math.ceil(size / o) for size, o in zip((height, width), algorithm.outputs))
    tiles, pairs = batch * down * across, c_in * c_out
    products = algorithm.products * tiles * pairs
    if algorithm.at_once:
        image, output, kernel = (
            math.prod(size) + algorithm.products
            for size in (algorithm.tile, algorithm.outputs, algorithm.kernel_size)
        )
        moved = tiles * (c_in * image + c_out * output)
        return ONCE_PRODUCT * products + ONCE_TILES * moved + ONCE_KERNEL * pairs * kernel
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


def _line_cost(line, height, width, c_in, c_out, batch):
    """That of an algorithm on a line on two threads, for a kernel as wide as it is high."""
    k = line.kernel_size
    products, image, _, output = line_conv2d_multiply_adds(
        line, (batch, height, width, c_in), k, c_out
    )
    column = math.ceil(height / line.outputs) * line.products + height
    return (
        LINE_PRODUCT * products
        + LINE_MOVED * batch * width * column * (c_in + c_out)
        + LINE_MAP * (image + output)
        + LINE_KERNEL * k * c_in * c_out * (line.products + k)
        + LINE_START
    )
