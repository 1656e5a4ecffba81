"""Batch normalization: `moments` measures, `batch_norm` applies, `batch_norm_by_batch` does both.

The first two are plain formulas, the gradient flows through them by TensorFlow's own rules, and
they say what the third is; that is one fused operation with a gradient of its own, which reads and
writes the maps half as often. Who owns the running averages and when they are used is the layer's
business (cpm/network); these functions hold no state.

References:
  Ioffe and Szegedy, "Batch Normalization", ICML 2015, Algorithm 1. The paper's network has none.
"""

import tensorflow as tf

from ops.shapes import TensorLike, check_floating, check_shape

raw = tf.raw_ops


def moments(x: TensorLike, *, name: str | None = None) -> tuple[tf.Tensor, tf.Tensor]:
    """Mean and variance of each channel, over the batch and all positions.

        mean[c] = average of x[..., c],   variance[c] = average of (x[..., c] - mean[c])^2

    The variance is the biased one (divided by N, not N - 1), and computed from differences: the
    one-pass form E[x^2] - mean^2 cancels in float32 and can come out negative.

    Args:
      x: `[B, H, W, C]` float.
      name: of the operation in the graph.

    Returns:
      (mean, variance), each `[C]`, float64 for float64 and float32 otherwise: a 16-bit sum over
      thousands of cells would be lost to rounding.
    Raises:
      ValueError: if `x` is not of rank 4 or not floating.

    Example:
      >>> mean, variance = moments(tf.reshape([1.0, 3.0, 5.0, 7.0], [1, 2, 2, 1]))
      >>> mean.numpy().tolist(), variance.numpy().tolist()
      ([4.0], [5.0])
    """
    with tf.name_scope(name or "moments"):
        x = tf.convert_to_tensor(x, name="x")
        check_floating(x, "x")
        check_shape(x, ["B", "H", "W", "C"], "x")

        x = raw.Cast(x=x, DstT=_wide(x.dtype))
        mean = raw.Mean(input=x, axis=[0, 1, 2])  # [C]
        variance = raw.Mean(input=raw.SquaredDifference(x=x, y=mean), axis=[0, 1, 2])  # [C]
        return mean, variance


def batch_norm(
    x: TensorLike,
    mean: TensorLike,
    variance: TensorLike,
    scale: TensorLike,
    offset: TensorLike,
    *,
    epsilon: float,
    name: str | None = None,
) -> tf.Tensor:
    """Takes each channel from the given moments to mean 0 and variance 1, scales and offsets it.

        y = scale * (x - mean) / sqrt(variance + epsilon) + offset

    Args:
      x: `[B, H, W, C]` float.
      mean: `[C]`, of this batch (training) or running averages (inference).
      variance: `[C]`, >= 0.
      scale: `[C]`.
      offset: `[C]`.
      epsilon: > 0; keeps a dead channel (variance 0) finite.
      name: of the operation in the graph.

    Returns:
      `[B, H, W, C]`, of the type of `x`; 16-bit inputs are normalized in float32.
    Raises:
      ValueError: if a shape is wrong or `epsilon` is not positive.

    Example:
      >>> x = tf.reshape([1.0, 3.0, 5.0, 7.0], [1, 2, 2, 1])
      >>> y = batch_norm(x, [4.0], [4.0], [10.0], [1.0], epsilon=1e-12)
      >>> y.numpy().ravel().tolist()
      [-14.0, -4.0, 6.0, 16.0]
    """
    with tf.name_scope(name or "batch_norm"):
        x = tf.convert_to_tensor(x, name="x")
        check_floating(x, "x")
        _check_epsilon(epsilon)
        sizes = check_shape(x, ["B", "H", "W", "C"], "x")
        wide = _wide(x.dtype)
        channels = []
        for key, value in (
            ("mean", mean),
            ("variance", variance),
            ("scale", scale),
            ("offset", offset),
        ):
            value = tf.convert_to_tensor(value, dtype=wide, name=key)
            check_shape(value, ["C"], key, sizes)
            channels.append(value)
        mean, variance, scale, offset = channels

        # y = x * factor + shift: what depends on the channel alone is computed C times, and each
        # value of x is touched by one product and one sum.
        factor = raw.Mul(x=scale, y=raw.Rsqrt(x=raw.AddV2(x=variance, y=epsilon)))  # [C]
        shift = raw.Sub(x=offset, y=raw.Mul(x=mean, y=factor))  # [C]
        y = raw.AddV2(x=raw.Mul(x=raw.Cast(x=x, DstT=wide), y=factor), y=shift)
        return raw.Cast(x=y, DstT=x.dtype)


def batch_norm_by_batch(
    x: TensorLike, scale: TensorLike, offset: TensorLike, *, epsilon: float, name: str | None = None
) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """`batch_norm` by the moments of `x` itself, as in training.

        y = batch_norm(x, mean, variance, scale, offset),   mean, variance = moments(x)

    Differentiable by y alone: the moments are for the running averages. In float64, for which
    there is no fused operation, it is computed by the formulas.

    Args:
      x: `[B, H, W, C]` float.
      scale, offset: `[C]`, float32, or float64 for float64.
      epsilon: > 0.
      name: of the operation in the graph.

    Returns:
      (y, mean, variance): y as `x`, the moments as `moments` gives them, without gradients.
    Raises:
      ValueError: if a shape is wrong or `epsilon` is not positive.

    Example:
      >>> x = tf.reshape([1.0, 3.0, 5.0, 7.0], [1, 2, 2, 1])
      >>> y, mean, variance = batch_norm_by_batch(x, [2.0], [1.0], epsilon=4.0)
      >>> mean.numpy().tolist(), variance.numpy().tolist(), y.numpy().ravel().tolist()
      ([4.0], [5.0], [-1.0, 0.33333331..., 1.6666667..., 3.0])
    """
    with tf.name_scope(name or "batch_norm_by_batch"):
        x = tf.convert_to_tensor(x, name="x")
        check_floating(x, "x")
        _check_epsilon(epsilon)
        sizes = check_shape(x, ["B", "H", "W", "C"], "x")
        wide = _wide(x.dtype)
        scale = tf.convert_to_tensor(scale, dtype=wide, name="scale")
        offset = tf.convert_to_tensor(offset, dtype=wide, name="offset")
        check_shape(scale, ["C"], "scale", sizes)
        check_shape(offset, ["C"], "offset", sizes)
        if x.dtype == tf.float64:
            mean, variance = moments(x)
            y = batch_norm(x, mean, variance, scale, offset, epsilon=epsilon)
            return y, tf.stop_gradient(mean), tf.stop_gradient(variance)

        empty = tf.zeros([0], wide)  # the running averages of inference
        y, mean, unbiased, *_ = raw.FusedBatchNormV3(
            x=x, scale=scale, offset=offset, mean=empty, variance=empty, epsilon=epsilon
        )
        # The operation divides the variance it reports by N - 1, though not the one it uses.
        N = tf.cast(tf.reduce_prod(tf.shape(x)[:3]), wide)
        variance = unbiased * (tf.maximum(N - 1, 1) / N)
        return y, tf.stop_gradient(mean), tf.stop_gradient(variance)


def _check_epsilon(epsilon):
    if not epsilon > 0:
        raise ValueError(f"epsilon is {epsilon!r}, expected a positive number")


def _wide(dtype):
    """The type statistics are computed in."""
    return tf.float64 if dtype == tf.float64 else tf.float32
