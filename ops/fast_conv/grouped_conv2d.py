"""Convolution of groups of channels, each by kernels of its own, with both gradients.

TensorFlow computes all groups in one call, but on a CPU the gradients of such a call exist only in
oneDNN, the library it brings for 32-bit floats and narrower ones on x86. Elsewhere the groups
are computed one after the other: the same numbers, slower.
"""

import functools

import tensorflow as tf

from ops.conv2d import conv2d_gradients
from ops.shapes import TensorLike, check_floating, check_positive_int, check_shape

raw = tf.raw_ops
_SAME = {"strides": [1, 1, 1, 1], "padding": "SAME"}


def grouped_conv2d(
    x: TensorLike, kernel: TensorLike, *, groups: int, name: str | None = None
) -> tf.Tensor:
    """Correlates each group of channels with its own bank of kernels, stride 1, zeros around.

    Group g of the output is `ops.conv2d` of group g of `x` and group g of the kernels.

    Args:
      x: `[B, H, W, G Cin]` float, the channels of group 0 first.
      kernel: `[kh, kw, Cin, G Cout]`, of the type of `x`.
      groups: G >= 1.
      name: of the operation in the graph.

    Returns:
      `[B, H, W, G Cout]`.
    Raises:
      ValueError: if a shape is wrong; the message names the tensor.

    Example:
      >>> x = tf.reshape([1.0, 2.0, 3.0, 4.0], [1, 1, 2, 2])  # (1, 3) and (2, 4)
      >>> kernel = tf.reshape([10.0, 100.0], [1, 1, 1, 2])
      >>> grouped_conv2d(x, kernel, groups=2)[0, 0].numpy().tolist()
      [[10.0, 200.0], [30.0, 400.0]]
    """
    with tf.name_scope(name or "grouped_conv2d"):
        x = tf.convert_to_tensor(x, name="x")
        kernel = tf.convert_to_tensor(kernel, dtype=x.dtype, name="kernel")
        check_floating(x, "x")
        check_positive_int(groups, "groups")
        sizes = check_shape(x, ["B", "H", "W", "G Cin"], "x")
        check_shape(kernel, ["kh", "kw", "Cin", "G Cout"], "kernel", sizes)
        c_in = kernel.shape[2]
        if x.shape[3] != groups * c_in or kernel.shape[3] % groups:
            raise ValueError(
                f"kernel has shape {kernel.shape.as_list()}, expected [kh, kw, Cin, G Cout] with"
                f" G = {groups} and G Cin = {x.shape[3]}"
            )

        @tf.custom_gradient
        def convolve(x, kernel):
            def gradient(upstream):
                return grouped_conv2d_gradients(x, kernel, upstream, groups)

            return _forward(x, kernel, groups), gradient

        return convolve(x, kernel)


def grouped_conv2d_gradients(
    x: tf.Tensor, kernel: tf.Tensor, upstream: tf.Tensor, groups: int
) -> tuple[tf.Tensor, tf.Tensor]:
    """Derivatives of sum(upstream * grouped_conv2d(x, kernel)) by (x, kernel)."""
    if groups > 1 and not library_has_groups(x.dtype):
        parts = [
            grouped_conv2d_gradients(x_g, kernel_g, upstream_g, 1)
            for x_g, kernel_g, upstream_g in _split(groups, x, kernel, upstream)
        ]
        return tuple(tf.concat(part, axis=3) for part in zip(*parts, strict=True))
    # Of as many groups as the kernel's channels say.
    return conv2d_gradients(x, kernel, upstream)


def _forward(x, kernel, groups):
    if groups > 1 and not library_has_groups(x.dtype):
        parts = [_forward(x_g, kernel_g, 1) for x_g, kernel_g in _split(groups, x, kernel)]
        return tf.concat(parts, axis=3)
    y = raw.Conv2D(input=x, filter=kernel, **_SAME)
    # oneDNN gives an empty batch the channels of x.
    return tf.reshape(y, tf.concat([tf.shape(x)[:3], kernel.shape[3:]], axis=0))


def _split(groups, *tensors):
    """The tensors of group 0, those of group 1, ..."""
    return zip(*(tf.split(tensor, groups, axis=3) for tensor in tensors), strict=True)


@functools.cache
def library_has_groups(dtype: tf.DType) -> bool:
    """Whether TensorFlow computes the gradients of several groups at once, on this machine.

    It is asked by letting it, once: no list of its versions and processors says so.
    """
    with tf.init_scope():  # now, even while a graph is being traced
        ones = tf.ones([1, 1, 1, 2], dtype)
        try:
            conv2d_gradients(ones, ones, ones)
        except (tf.errors.InvalidArgumentError, tf.errors.UnimplementedError):
            return False
    return True
