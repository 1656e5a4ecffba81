"""2-D convolution, the only operation of the network that has weights.

Like every deep-learning "convolution" it is a correlation: the kernel is not mirrored. Derivation
of the formula, of the padding and of both gradients: conv2d.md, beside this file.
"""

import tensorflow as tf

from ops.shapes import check_floating, check_positive_int, check_shape

raw = tf.raw_ops


def conv2d(x, kernel, bias=None, *, stride=1, name=None):
    """Correlates an image with a bank of kernels, padded with zeros to keep its size.

        y[b, i, j, o] = bias[o] + sum_{m, n, c} x[b, i s + m - t, j s + n - l, c] kernel[m, n, c, o]

        h = ceil(H / s),   t = floor(max((h - 1) s + kh - H, 0) / 2),   and w, l likewise

    where x is 0 outside the image. At stride 1 and an odd kernel t = (kh - 1) / 2: the window is
    centred. Where the padding is odd, the extra row or column goes to the bottom or right.

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

        y = raw.Conv2D(
            input=x, filter=kernel, strides=[1, stride, stride, 1], padding="SAME"
        )  # [B, h, w, Cout]
        if bias is None:
            return y
        bias = tf.convert_to_tensor(bias, dtype=x.dtype, name="bias")
        check_shape(bias, ["Cout"], "bias", sizes)
        return raw.BiasAdd(value=y, bias=bias)
