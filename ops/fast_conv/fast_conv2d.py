"""2-D convolution with few multiplications: a bilinear algorithm on overlapping tiles.

The same function as `ops.conv2d` at stride 1, by y = C ((G w) * (A x)) on each tile. Over
channels the elementwise product becomes r independent matrix products
`[tiles, Cin] x [Cin, Cout]`, where nearly all arithmetic is. The derivatives of the trilinear
form sum dy C ((G w) * (A x)) have the same shape,

    y = C ((G w) (A x)),    d_x = A^T ((G w) (C^T d_y)),    d_w = G^T ((A x) (C^T d_y)),

so a map of all tiles and its transpose make all three: slot by slot (tile_transforms.py), or at once
if r is small (dense_tiles.py). An algorithm on a line goes another way, with tiles of one column
(line_conv2d.py). A compiled call has all that it needs in between in memory at once, so large batches
are computed a few images at a time. Derivation, layouts and measurements: README.md, beside
this file. The matrices: bilinear.py, lines.py.
"""

import functools

import tensorflow as tf

from ops.conv2d import add_bias
from ops.fast_conv.dense_tiles import DenseKernelMap, DenseTiling
from ops.fast_conv.line_conv2d import (
    line_conv2d_multiply_adds,
    line_convolution,
    line_convolve,
    line_kernel,
)
from ops.fast_conv.lines import Line
from ops.fast_conv.slots import each_slot
from ops.fast_conv.slots import sizes as sizes_of
from ops.fast_conv.tile_transforms import KernelMap, Tiling
from ops.shapes import check_floating, check_shape

# Numbers that an image or an output may have when transformed, in one compiled call.
MOST_AT_ONCE = 1e7


def fast_conv2d(x, kernel, bias=None, *, algorithm, compiled=False, name=None):
    """Correlates an image with a bank of kernels, stride 1, padded with zeros to keep its size.

    Equal to `ops.conv2d(x, kernel, bias)` but for rounding. The gradients transform the image
    again rather than keep what they need, r / (o_h o_w) times the size of the image.

    Args:
      x: `[B, H, W, Cin]` float.
      kernel: `[kh, kw, Cin, Cout]`, of the type of `x`.
      bias: `[Cout]`, of the type of `x`, or None.
      algorithm: an `ops.Bilinear` for kernels of kh x kw, or an `ops.Line` for kernels of kh rows.
      compiled: whether XLA compiles the convolution, and its gradients, each on its own: for use
        in an ordinary graph. Inside a compiled function it changes nothing, nor with a line, most
        of which is the library's work. Second derivatives need False.
      name: of the operation in the graph.

    Returns:
      `[B, H, W, Cout]`.
    Raises:
      ValueError: if a shape is wrong; the message names the tensor.

    Example:
      >>> x = tf.reshape([1.0, 2.0, 3.0], [1, 1, 3, 1])
      >>> kernel = tf.reshape([10.0, 1.0, 0.0], [1, 3, 1, 1])
      >>> from ops.fast_conv.bilinear import cook_toom
      >>> y = fast_conv2d(x, kernel, algorithm=cook_toom((1, 3), (1, 2)))
      >>> y[0, 0, :, 0].numpy().tolist()
      [1.0, 12.0, 23.0]

    References:
      Lavin and Gray 2016, section 4.1; Zlateski et al. 2018 (which transform, which tile).
    """
    with tf.name_scope(name or "fast_conv2d"):
        x = tf.convert_to_tensor(x, name="x")
        kernel = tf.convert_to_tensor(kernel, dtype=x.dtype, name="kernel")
        check_floating(x, "x")
        sizes = check_shape(x, ["B", "H", "W", "Cin"], "x")
        sizes = check_shape(kernel, _kernel_shape(algorithm), "kernel", sizes)
        return _biased(_with_gradients(algorithm, compiled)(x, kernel), bias, sizes)


def transform_kernel(kernel, *, algorithm, name=None):
    """G w, for `fast_conv2d_transformed`: worth keeping where weights no longer change.

    Args:
      kernel: `[kh, kw, Cin, Cout]` float.
      algorithm: an `ops.Bilinear` for kernels of kh x kw, or an `ops.Line` for kernels of kh rows.
      name: of the operation in the graph.

    Returns:
      `[r, Cin, Cout]`, r = algorithm.products; for a line `[1, kw, Cin, r Cout]`.
    Raises:
      ValueError: if a shape is wrong; the message names the tensor.
    """
    with tf.name_scope(name or "transform_kernel"):
        kernel = tf.convert_to_tensor(kernel, name="kernel")
        check_floating(kernel, "kernel")
        check_shape(kernel, _kernel_shape(algorithm), "kernel")
        if isinstance(algorithm, Line):
            return line_kernel(kernel, algorithm)
        weights = _kernel_map(algorithm, kernel.shape[2:])
        rows = weights.analyse_rows(kernel)
        slots = each_slot(lambda p: weights.analyse_columns(rows, p), weights.slots, kernel.dtype)
        return tf.reshape(slots, [algorithm.products, *kernel.shape[2:]])


def fast_conv2d_transformed(x, weights, bias=None, *, algorithm, compiled=False, name=None):
    """`fast_conv2d` by a kernel that `transform_kernel` has transformed.

    Args:
      x: `[B, H, W, Cin]` float.
      weights: what `transform_kernel` gives, of the type of `x`, with the same `algorithm`.
      bias: `[Cout]`, of the type of `x`, or None.
      algorithm, compiled, name: as for `fast_conv2d`; compiled, it has no gradients.

    Returns:
      `[B, H, W, Cout]`.
    Raises:
      ValueError: if a shape is wrong; the message names the tensor.
    """
    with tf.name_scope(name or "fast_conv2d_transformed"):
        x = tf.convert_to_tensor(x, name="x")
        weights = tf.convert_to_tensor(weights, dtype=x.dtype, name="weights")
        check_floating(x, "x")
        sizes = check_shape(x, ["B", "H", "W", "Cin"], "x")
        expected = [algorithm.products, "Cin", "Cout"]
        if isinstance(algorithm, Line):
            expected = [1, "kw", "Cin", "r Cout"]
        sizes = check_shape(weights, expected, "weights", sizes)
        return _biased(_with_weights(algorithm, compiled)(x, weights), bias, sizes)


def fast_conv2d_multiply_adds(
    algorithm, image_shape, kernel_width, c_out, *, gradients=False, transformed=False
):
    """Multiply-adds that are really computed: the products of all slots, and the maps.

    Args:
      algorithm: an `ops.Bilinear` or an `ops.Line`.
      image_shape: (B, H, W, Cin), ints.
      kernel_width: kw.
      c_out: Cout.
      gradients: with both gradients, whose backward pass transforms image and kernel again.
      transformed: of `fast_conv2d_transformed`, whose kernel is transformed beforehand.

    Returns:
      int. A direct convolution has B H W kh kw Cin Cout, three times as many with gradients.
    """
    count = line_conv2d_multiply_adds if isinstance(algorithm, Line) else _tile_parts
    products, image, kernel, output = count(algorithm, image_shape, kernel_width, c_out)
    if gradients:  # forward, and all three maps again, and two of them transposed
        return 3 * (products + image + kernel) + 2 * output
    return products + image + output + (0 if transformed else kernel)


def _tile_parts(algorithm, image_shape, kernel_width, c_out):
    """Multiply-adds of (the products, A x, G w, C^T y)."""
    del kernel_width  # the algorithm's
    batch, height, width, c_in = image_shape
    image, output = _tilings(algorithm, (batch, height, width))
    tiles = batch * output.tiles[0] * output.tiles[1]
    kernel = _kernel_map(algorithm, (c_in, c_out)).multiply_adds
    products = algorithm.products * tiles * c_in * c_out
    return (
        products,
        image.multiply_adds(c_in),
        kernel,
        output.multiply_adds(c_out),
    )


def _kernel_shape(algorithm):
    """What `check_shape` expects of a kernel for it."""
    if isinstance(algorithm, Line):
        return [algorithm.kernel_size, "kw", "Cin", "Cout"]
    return [*algorithm.kernel_size, "Cin", "Cout"]


def _biased(y, bias, sizes):
    if bias is not None:
        bias = tf.convert_to_tensor(bias, dtype=y.dtype, name="bias")
        check_shape(bias, ["Cout"], "bias", sizes)
    return add_bias(y, bias)


@functools.cache
def _with_weights(algorithm, compiled):
    """The convolution as a function of (x, weights)."""
    if isinstance(algorithm, Line):
        return functools.partial(line_convolve, line=algorithm)

    def forward(x, weights):
        channels = weights.shape[1:]
        pieces = _kernel_map(algorithm, channels).slots
        slots = tf.reshape(weights, [pieces, -1, *channels])
        return _convolve(x, algorithm, lambda p: slots[p])

    if not compiled:
        return forward
    forward = tf.function(forward, jit_compile=True)

    def in_pieces(x, weights):
        count = _pieces(algorithm, x, weights.shape[2])
        return tf.concat(_one_by_one(forward, count, [x], weights), axis=0)

    return in_pieces


@functools.cache
def _with_gradients(algorithm, compiled):
    """The convolution as a function of (x, kernel), with the gradients by both."""
    if isinstance(algorithm, Line):
        return line_convolution(algorithm)

    def forward(x, kernel):
        weights = _kernel_map(algorithm, kernel.shape[2:])
        kernel_rows = weights.analyse_rows(kernel)
        return _convolve(x, algorithm, lambda p: weights.analyse_columns(kernel_rows, p))

    def backward(x, d_y, kernel):
        image, output = _tilings(algorithm, sizes_of(x)[:3])
        weights = _kernel_map(algorithm, kernel.shape[2:])
        x_rows, y_rows = image.analyse_rows(x), output.analyse_rows(d_y)
        kernel_rows = weights.analyse_rows(kernel)

        def slot(p):
            u = image.analyse_columns(x_rows, p)  # [Q, T, Cin]
            v = weights.analyse_columns(kernel_rows, p)  # [Q, Cin, Cout]
            d_products = output.analyse_columns(y_rows, p)  # [Q, T, Cout]
            d_u = tf.matmul(d_products, v, transpose_b=True)
            d_v = tf.matmul(u, d_products, transpose_a=True)
            return (
                image.synthesise_columns(d_u, p),
                weights.synthesise_columns(d_v, p),
            )

        d_x, d_kernel = each_slot(slot, image.slots, (x.dtype, x.dtype))
        return image.synthesise_rows(d_x), weights.synthesise_rows(d_kernel)

    if compiled:
        forward = tf.function(forward, jit_compile=True)
        backward = tf.function(backward, jit_compile=True)

    @tf.custom_gradient
    def convolve(x, kernel):
        count = _pieces(algorithm, x, kernel.shape[3]) if compiled else 1

        def gradient(d_y):
            found = _one_by_one(backward, count, [x, d_y], kernel)
            d_xs, d_kernels = zip(*found)
            return tf.concat(d_xs, axis=0), tf.add_n(d_kernels)

        # The tape must not look inside: it would keep what only its own gradient needs.
        x_only, kernel_only = tf.stop_gradient(x), tf.stop_gradient(kernel)
        ys = _one_by_one(forward, count, [x_only], kernel_only)
        return tf.concat(ys, axis=0), gradient

    return convolve


def _pieces(algorithm, x, c_out):
    """In how many equal parts a batch is computed, each within `MOST_AT_ONCE` if it can be."""
    batch, height, width, c_in = x.shape
    if not (batch and height and width):
        return 1
    image, output = _tilings(algorithm, (1, height, width))
    most = MOST_AT_ONCE // max(image.numbers(c_in), output.numbers(c_out))
    fits = (n for n in range(1, batch + 1) if batch % n == 0 and n <= most)
    return batch // max(fits, default=1)


def _one_by_one(function, count, batches, weights):
    """[function(piece of each batch, weights) of all `count` pieces], each when the last is done."""
    if count == 1:
        return [function(*batches, weights)]
    results, done = [], []
    for pieces in zip(*(tf.split(batch, count) for batch in batches)):
        with tf.control_dependencies(done):
            results.append(function(*pieces, weights))
        done = tf.nest.flatten(results[-1])
    return results


def _convolve(x, algorithm, weights_of):
    """y = C ((G w) * (A x)), where `weights_of(p)` is slot p of G w, `[Q, Cin, Cout]`."""
    image, output = _tilings(algorithm, sizes_of(x)[:3])
    rows = image.analyse_rows(x)

    def slot(p):
        products = tf.matmul(image.analyse_columns(rows, p), weights_of(p))
        return output.synthesise_columns(products, p)  # of [Q, T, Cout]

    return output.synthesise_rows(each_slot(slot, image.slots, x.dtype))


def _tilings(algorithm, image_size):
    """The tiles of an image (B, H, W) and, not overlapping, of the output."""
    image_size = tuple(image_size)
    before = tuple((k - 1) // 2 for k in algorithm.kernel_size)
    kind = DenseTiling if algorithm.at_once else Tiling
    return (
        kind(algorithm.image, algorithm.outputs, before, image_size),
        kind(algorithm.output, algorithm.outputs, (0, 0), image_size),
    )


def _kernel_map(algorithm, channels):
    """The map of the kernel, for (Cin, Cout)."""
    kind = DenseKernelMap if algorithm.at_once else KernelMap
    return kind(algorithm.kernel, tuple(channels))
