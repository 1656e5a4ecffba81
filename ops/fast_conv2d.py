"""2-D convolution with few multiplications: a bilinear algorithm on overlapping tiles.

The same function as `ops.conv2d` at stride 1, by y = C ((G w) * (A x)) on each tile. Over
channels the elementwise product becomes r independent matrix products
`[tiles, Cin] x [Cin, Cout]`, where nearly all arithmetic is. The derivatives of the trilinear
form sum dy C ((G w) * (A x)) have the same shape,

    y = C ((G w) (A x)),    d_x = A^T ((G w) (C^T d_y)),    d_w = G^T ((A x) (C^T d_y)),

so a map of all tiles and its transpose (tile_transforms.py) make all three. Derivation, layouts
and measurements: fast_conv2d.md, beside this file. The matrices: bilinear.py.
"""

import functools

import tensorflow as tf

from ops.shapes import check_floating, check_shape
from ops.tile_transforms import (
    analyse_kernel,
    analyse_tiles,
    synthesise_kernel,
    synthesise_tiles,
)


def fast_conv2d(x, kernel, bias=None, *, algorithm, compiled=False, name=None):
    """Correlates an image with a bank of kernels, stride 1, padded with zeros to keep its size.

    Equal to `ops.conv2d(x, kernel, bias)` but for rounding. The gradients transform the image
    again rather than keep what they need, r / (o_h o_w) times the size of the image.

    Args:
      x: `[B, H, W, Cin]` float.
      kernel: `[kh, kw, Cin, Cout]`, of the type of `x`.
      bias: `[Cout]`, of the type of `x`, or None.
      algorithm: an `ops.Bilinear` for kernels of kh x kw.
      compiled: whether XLA compiles the convolution, and its gradients, each on its own: for use
        in an ordinary graph. Inside a compiled function it changes nothing.
      name: of the operation in the graph.

    Returns:
      `[B, H, W, Cout]`.
    Raises:
      ValueError: if a shape is wrong; the message names the tensor.

    Example:
      >>> x = tf.reshape([1.0, 2.0, 3.0], [1, 1, 3, 1])
      >>> kernel = tf.reshape([10.0, 1.0, 0.0], [1, 3, 1, 1])
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
        expected = [*algorithm.kernel_size, "Cin", "Cout"]
        sizes = check_shape(kernel, expected, "kernel", sizes)
        return _biased(_with_gradients(algorithm, compiled)(x, kernel), bias, sizes)


def transform_kernel(kernel, *, algorithm, name=None):
    """G w, for `fast_conv2d_transformed`: worth keeping where weights no longer change.

    Args:
      kernel: `[kh, kw, Cin, Cout]` float.
      algorithm: an `ops.Bilinear` for kernels of kh x kw.
      name: of the operation in the graph.

    Returns:
      `[r, Cin, Cout]`, r = algorithm.products.
    Raises:
      ValueError: if a shape is wrong; the message names the tensor.
    """
    with tf.name_scope(name or "transform_kernel"):
        kernel = tf.convert_to_tensor(kernel, name="kernel")
        check_floating(kernel, "kernel")
        check_shape(kernel, [*algorithm.kernel_size, "Cin", "Cout"], "kernel")
        return analyse_kernel(kernel, algorithm.kernel)


def fast_conv2d_transformed(
    x, weights, bias=None, *, algorithm, compiled=False, name=None
):
    """`fast_conv2d` by a kernel that `transform_kernel` has transformed.

    Args:
      x: `[B, H, W, Cin]` float.
      weights: `[r, Cin, Cout]`, of the type of `x`, made with the same `algorithm`.
      bias: `[Cout]`, of the type of `x`, or None.
      algorithm, compiled, name: as for `fast_conv2d`.

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
        sizes = check_shape(weights, expected, "weights", sizes)
        return _biased(_with_weights(algorithm, compiled)(x, weights), bias, sizes)


def _biased(y, bias, sizes):
    if bias is None:
        return y
    bias = tf.convert_to_tensor(bias, dtype=y.dtype, name="bias")
    check_shape(bias, ["Cout"], "bias", sizes)
    return tf.raw_ops.BiasAdd(value=y, bias=bias)


@functools.cache
def _with_weights(algorithm, compiled):
    """The convolution as a function of (x, weights)."""
    image, output = _tilings(algorithm)

    def forward(x, weights):
        products = tf.matmul(analyse_tiles(x, **image), weights)  # [r, T, Cout]
        return synthesise_tiles(products, shape=_image_shape(x), **output)

    return tf.function(forward, jit_compile=True) if compiled else forward


@functools.cache
def _with_gradients(algorithm, compiled):
    """The convolution as a function of (x, kernel), with the gradients by both."""
    image, output = _tilings(algorithm)
    with_weights = _with_weights(algorithm, False)

    def forward(x, kernel):
        return with_weights(x, analyse_kernel(kernel, algorithm.kernel))

    def backward(x, kernel, d_y):
        tiles = analyse_tiles(x, **image)  # [r, T, Cin]
        weights = analyse_kernel(kernel, algorithm.kernel)  # [r, Cin, Cout]
        d_products = analyse_tiles(d_y, **output)  # [r, T, Cout]
        d_tiles = tf.matmul(d_products, weights, transpose_b=True)
        d_weights = tf.matmul(tiles, d_products, transpose_a=True)
        return (
            synthesise_tiles(d_tiles, shape=_image_shape(x), **image),
            synthesise_kernel(d_weights, algorithm.kernel),
        )

    if compiled:
        forward = tf.function(forward, jit_compile=True)
        backward = tf.function(backward, jit_compile=True)

    @tf.custom_gradient
    def convolve(x, kernel):
        return forward(x, kernel), lambda d_y: backward(x, kernel, d_y)

    return convolve


def _tilings(algorithm):
    """What `analyse_tiles` needs to know of the image, and of the output, of `algorithm`."""
    before = tuple((k - 1) // 2 for k in algorithm.kernel_size)
    return (
        dict(separable=algorithm.image, step=algorithm.outputs, before=before),
        dict(separable=algorithm.output, step=algorithm.outputs, before=(0, 0)),
    )


def _image_shape(x):
    """(B, H, W): ints where they are known while tracing, else scalar tensors."""
    dynamic = tf.shape(x)
    return [dynamic[k] if n is None else n for k, n in enumerate(x.shape.as_list()[:3])]
