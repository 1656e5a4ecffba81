"""2-D convolution, the only operation of the network that has weights.

Like every deep-learning "convolution" it is a correlation: the kernel is not mirrored. Derivation
of the formula, of the padding and of the gradients: conv2d.md, beside this file.
"""

from collections.abc import Sequence

import tensorflow as tf

from ops.shapes import TensorLike, check_floating, check_positive_int, check_shape

raw = tf.raw_ops

# Numbers of an image. Of smaller ones both gradients may be computed side by side.
SMALL = 1e5


def conv2d(
    x: TensorLike,
    kernel: TensorLike,
    bias: TensorLike | None = None,
    *,
    stride: int = 1,
    name: str | None = None,
) -> tf.Tensor:
    """Correlates an image with a bank of kernels, padded with zeros to keep its size.

        y[b, i, j, o] = bias[o] + sum_{m, n, c} x[b, i s + m - t, j s + n - l, c] kernel[m, n, c, o]

        h = ceil(H / s),   t = floor(max((h - 1) s + kh - H, 0) / 2),   and w, l likewise

    where x is 0 outside the image. At stride 1 and an odd kernel t = (kh - 1) / 2: the window is
    centered. Where the padding is odd, the extra row or column goes to the bottom or right.

    Args:
      x: `[B, H, W, Cin]` float.
      kernel: `[kh, kw, Cin, Cout]`, of the type of `x`.
      bias: `[Cout]`, of the type of `x`, or None.
      stride: s >= 1, the same along both axes.
      name: of the operation in the graph.

    Returns:
      `[B, ceil(H / s), ceil(W / s), Cout]`.
    Raises:
      ValueError: if a shape is wrong; the message names the tensor.

    Example:
      >>> x = tf.reshape([1.0, 2.0, 3.0], [1, 1, 3, 1])
      >>> kernel = tf.reshape([10.0, 1.0, 0.0], [1, 3, 1, 1])
      >>> conv2d(x, kernel)[0, 0, :, 0].numpy().tolist()
      [1.0, 12.0, 23.0]

    References:
      Wei et al. 2016, Fig. 2 (the convolutions of every stage).
    """
    with tf.name_scope(name or "conv2d"):
        x = tf.convert_to_tensor(x, name="x")
        kernel = tf.convert_to_tensor(kernel, dtype=x.dtype, name="kernel")
        check_floating(x, "x")
        check_positive_int(stride, "stride")
        sizes = check_shape(x, ["B", "H", "W", "Cin"], "x")
        sizes = check_shape(kernel, ["kh", "kw", "Cin", "Cout"], "kernel", sizes)

        if bias is not None:
            bias = tf.convert_to_tensor(bias, dtype=x.dtype, name="bias")
            check_shape(bias, ["Cout"], "bias", sizes)
        return add_bias(_correlate(x, kernel, [1, stride, stride, 1]), bias)


def add_bias(y: tf.Tensor, bias: tf.Tensor | None) -> tf.Tensor:
    """`[B, h, w, Cout]` plus `[Cout]`, or plus nothing if that is None.

    The gradient is passed on when its sum over the cells is there: left to itself, TensorFlow may
    put the sums off to the end of the backward pass and keep every layer's gradient for them.
    """
    if bias is None:
        return y

    @tf.custom_gradient
    def add(y, bias):
        def gradient(d_y):
            d_bias = raw.BiasAddGrad(out_backprop=d_y)
            with tf.control_dependencies([d_bias]):
                return tf.identity(d_y), d_bias

        return raw.BiasAdd(value=y, bias=bias), gradient

    return add(y, bias)


def _correlate(x, kernel, strides):
    """The sum over window and channels. Its gradients are correlations: conv2d.md, section 3."""
    pixels = x.shape[1:].num_elements()  # None if a size is unknown
    small = pixels and pixels <= SMALL

    @tf.custom_gradient
    def correlate(x, kernel):
        def gradient(d_y):
            return conv2d_gradients(x, kernel, d_y, strides, in_order=not small)

        y = raw.Conv2D(input=x, filter=kernel, strides=strides, padding="SAME")
        return y, gradient

    return correlate(x, kernel)


def conv2d_gradients(
    x: tf.Tensor,
    kernel: tf.Tensor,
    d_y: tf.Tensor,
    strides: Sequence[int] = (1, 1, 1, 1),
    *,
    in_order: bool = False,
) -> tuple[tf.Tensor, tf.Tensor]:
    """Derivatives of sum(d_y * y) by (x, kernel), of the library; `in_order`: kernel's first."""
    same = {"strides": strides, "padding": "SAME"}
    d_kernel = raw.Conv2DBackpropFilter(
        input=x, filter_sizes=tf.shape(kernel), out_backprop=d_y, **same
    )
    # The layers before go on only then: x is freed, and d_y, and they do not pile up.
    with tf.control_dependencies([d_kernel] if in_order else []):
        d_x = raw.Conv2DBackpropInput(
            input_sizes=tf.shape(x), filter=kernel, out_backprop=d_y, **same
        )
    return d_x, d_kernel
