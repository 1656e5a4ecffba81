"""2-D convolution with few multiplications, by a bilinear algorithm.

The same function as `ops.conv2d` at stride 1. On each tile d and kernel g

    Y = A_T [(G g G_T) * (B_T d B)] A.

Summed over channels, the product number by number becomes one matrix product
`[tiles, Cin] x [Cin, Cout]` for each of the rank numbers, where nearly all arithmetic is. The
derivatives of the trilinear form sum(d_Y * Y) have the same shape,

    d_d = B [(G g G_T) * (A d_Y A_T)] B_T,      d_g = G_T [(B_T d B) * (A d_Y A_T)] G,

so three transforms and their adjoints make values and both gradients. Three classes apply them,
one for each kind of algorithm, with the same methods: `DenseConvolution` and `ComponentConvolution`
to tiles, `ColumnConvolution` to columns. Here they become differentiable and compiled operations.
Derivation, layouts and measurements: README.md, beside this file.
"""

import functools
from collections.abc import Sequence

import tensorflow as tf

from ops.conv2d import add_bias
from ops.fast_conv.algorithms import Bilinear1D, Bilinear2D
from ops.fast_conv.batch_parts import count_parts, in_parts
from ops.fast_conv.column_conv2d import ColumnConvolution
from ops.fast_conv.component_conv2d import ComponentConvolution
from ops.fast_conv.dense_conv2d import DenseConvolution
from ops.shapes import TensorLike, check_floating, check_shape


def fast_conv2d(
    x: TensorLike,
    kernel: TensorLike,
    bias: TensorLike | None = None,
    *,
    algorithm: Bilinear1D | Bilinear2D,
    compiled: bool = False,
    name: str | None = None,
) -> tf.Tensor:
    """Correlates an image with a bank of kernels, stride 1, padded with zeros to keep its size.

    Equal to `ops.conv2d(x, kernel, bias)` but for rounding. The gradients transform the image
    again rather than keep what they need, rank / outputs times the size of the image.

    Args:
      x: `[B, H, W, Cin]` float.
      kernel: `[kh, kw, Cin, Cout]`, of the type of `x`.
      bias: `[Cout]`, of the type of `x`, or None.
      algorithm: a `Bilinear2D` for kernels of kh x kw, or a `Bilinear1D` for kernels of kh rows.
      compiled: whether XLA compiles the convolution, and its gradients, each on its own: for use
        in an ordinary graph. Inside a compiled function it changes nothing, nor with a
        `Bilinear1D`, most of which is the library's work. Second derivatives need False.
      name: of the operation in the graph.

    Returns:
      `[B, H, W, Cout]`.
    Raises:
      ValueError: if a shape is wrong; the message names the tensor.

    Example:
      >>> x = tf.reshape([1.0, 2.0, 3.0], [1, 1, 3, 1])
      >>> kernel = tf.reshape([10.0, 1.0, 0.0], [1, 3, 1, 1])
      >>> from ops.fast_conv.cook_toom import cook_toom_2d
      >>> y = fast_conv2d(x, kernel, algorithm=cook_toom_2d((1, 3), (1, 2)))
      >>> y[0, 0, :, 0].numpy().tolist()
      [1.0, 12.0, 23.0]

    References:
      Lavin and Gray 2016, section 4.1; Zlateski et al. 2018 (which transform, which tile).
    """
    with tf.name_scope(name or "fast_conv2d"):
        x = tf.convert_to_tensor(x, name="x")
        kernel = tf.convert_to_tensor(kernel, dtype=x.dtype, name="kernel")
        check_floating(x, "x")
        shape_sizes = check_shape(x, ["B", "H", "W", "Cin"], "x")
        expected = convolution_by(algorithm).kernel_shape
        shape_sizes = check_shape(kernel, expected, "kernel", shape_sizes)
        return _biased(_differentiable(algorithm, compiled)(x, kernel), bias, shape_sizes)


def transform_kernel(
    kernel: TensorLike, *, algorithm: Bilinear1D | Bilinear2D, name: str | None = None
) -> tf.Tensor:
    """G g G_T, for `fast_conv2d_transformed`: worth keeping where weights no longer change.

    Args:
      kernel: `[kh, kw, Cin, Cout]` float.
      algorithm: a `Bilinear2D` for kernels of kh x kw, or a `Bilinear1D` for kernels of kh rows.
      name: of the operation in the graph.

    Returns:
      `[rank, Cin, Cout]`; for a `Bilinear1D` `[1, kw, Cin, rank Cout]`.
    Raises:
      ValueError: if a shape is wrong; the message names the tensor.
    """
    with tf.name_scope(name or "transform_kernel"):
        kernel = tf.convert_to_tensor(kernel, name="kernel")
        check_floating(kernel, "kernel")
        check_shape(kernel, convolution_by(algorithm).kernel_shape, "kernel")
        return convolution_by(algorithm).transform_kernel(kernel)


def fast_conv2d_transformed(
    x: TensorLike,
    weights: TensorLike,
    bias: TensorLike | None = None,
    *,
    algorithm: Bilinear1D | Bilinear2D,
    compiled: bool = False,
    name: str | None = None,
) -> tf.Tensor:
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
        shape_sizes = check_shape(x, ["B", "H", "W", "Cin"], "x")
        expected = convolution_by(algorithm).transformed_shape
        shape_sizes = check_shape(weights, expected, "weights", shape_sizes)
        return _biased(_transformed(algorithm, compiled)(x, weights), bias, shape_sizes)


def fast_conv2d_multiply_adds(
    algorithm: Bilinear1D | Bilinear2D,
    image_shape: Sequence[int],
    kernel_width: int,
    c_out: int,
    *,
    gradients: bool = False,
    transformed: bool = False,
) -> int:
    """Multiply-adds that are really computed: the products, and the transforms.

    Args:
      algorithm: a `Bilinear2D` or a `Bilinear1D`.
      image_shape: (B, H, W, Cin), ints.
      kernel_width: kw.
      c_out: Cout.
      gradients: with both gradients, whose backward pass transforms image and kernel again.
      transformed: of `fast_conv2d_transformed`, whose kernel is transformed beforehand.

    Returns:
      int. A direct convolution has B H W kh kw Cin Cout, three times as many with gradients.
    """
    count = convolution_by(algorithm).multiply_adds
    products, image, kernel, output = count(image_shape, kernel_width, c_out)
    if gradients:  # forward, and all three transforms again, and two of their adjoints
        return 3 * (products + image + kernel) + 2 * output
    return products + image + output + (0 if transformed else kernel)


# The next three depend on their arguments alone and are made once for each, so that XLA compiles
# a function once for all layers of an algorithm and a shape.
@functools.cache
def convolution_by(
    algorithm: Bilinear1D | Bilinear2D,
) -> ColumnConvolution | ComponentConvolution | DenseConvolution:
    """The object that applies an algorithm, with the methods of `DenseConvolution`."""
    if isinstance(algorithm, Bilinear1D):
        return ColumnConvolution(algorithm)
    return (DenseConvolution if algorithm.dense else ComponentConvolution)(algorithm)


@functools.cache
def _differentiable(algorithm, compiled):
    """The convolution as a function of (x, kernel), with the gradients by both."""
    convolution = convolution_by(algorithm)
    compiled = compiled and convolution.gains_by_xla
    forward = convolution.forward

    def backward(x, d_y, kernel):
        return convolution.backward(x, kernel, d_y)

    if compiled:
        forward = tf.function(forward, jit_compile=True, autograph=False)
        backward = tf.function(backward, jit_compile=True, autograph=False)

    @tf.custom_gradient
    def convolve(x, kernel):
        count = _count_parts(convolution, x, kernel.shape[3]) if compiled else 1

        def gradient(d_y):
            found = in_parts(backward, count, [x, d_y], kernel)
            d_xs, d_kernels = zip(*found, strict=True)
            return tf.concat(d_xs, axis=0), tf.add_n(d_kernels)

        # The tape must not look inside: it would keep what only its own gradient needs.
        x_only, kernel_only = tf.stop_gradient(x), tf.stop_gradient(kernel)
        return tf.concat(in_parts(forward, count, [x_only], kernel_only), axis=0), gradient

    return convolve


@functools.cache
def _transformed(algorithm, compiled):
    """The convolution as a function of (x, transformed kernel)."""
    convolution = convolution_by(algorithm)
    if not (compiled and convolution.gains_by_xla):
        return convolution.apply
    apply = tf.function(convolution.apply, jit_compile=True, autograph=False)

    def convolve(x, u):
        count = _count_parts(convolution, x, u.shape[2])
        return tf.concat(in_parts(apply, count, [x], u), axis=0)

    return convolve


def _count_parts(convolution, x, c_out):
    """In how many parts a batch is computed; in one if a size is unknown."""
    batch, height, width, c_in = x.shape
    if not (batch and height and width):
        return 1
    return count_parts(batch, convolution.numbers(height, width, c_in, c_out))


def _biased(y, bias, shape_sizes):
    if bias is not None:
        bias = tf.convert_to_tensor(bias, dtype=y.dtype, name="bias")
        check_shape(bias, ["Cout"], "bias", shape_sizes)
    return add_bias(y, bias)
