"""The batch norm of a batch that lies in slices, as if it were in one piece.

Slices that are computed side by side, a core each, must not differ from the whole batch in what they
are normalised by. Only numbers per channel go from one to the others. Forward, the moments of each
slice make those of all:

    mean = sum_s n_s mean_s / N,    variance = sum_s n_s (variance_s + (mean_s - mean)^2) / N

Backward, with z = (x - mean) / sqrt(variance + epsilon) and y = scale z + offset, each slice sums

    d_offset = sum d_y,    d_scale = sum d_y z

and has its own share of the gradients by the moments, which are multiples of these two:

    d_mean = -scale d_offset / sqrt(variance + epsilon)
    d_variance = -scale d_scale / 2 (variance + epsilon)
    d_x = scale d_y / sqrt(variance + epsilon) + (d_mean + 2 (x - mean) d_variance) / N

with the sums of all slices in the last line.

References:
  Chan, Golub and LeVeque 1979, "Updating formulae and a pairwise algorithm for computing sample
  variances": the moments of a union. Ioffe and Szegedy 2015: the gradient.
"""

import tensorflow as tf

from ops.batch_norm import batch_norm_by_batch
from ops.shapes import check_floating, check_shape

raw = tf.raw_ops


def sliced_batch_norm(xs, scale, offset, *, epsilon, compiled=False, name=None):
    """`ops.batch_norm_by_batch` of the slices of a batch, by the moments of all of them.

    Args:
      xs: list of `[B_s, H, W, C]` float tensors.
      scale, offset: `[C]`, float32, or float64 for float64.
      epsilon: > 0.
      compiled: whether XLA compiles the part of the gradient that runs through the moments.
      name: of the operation in the graph.

    Returns:
      (ys, mean, variance): a list as `xs`, the moments without gradients.
    Raises:
      ValueError: if a shape is wrong, `epsilon` is not positive or there is no slice.

    Example:
      >>> xs = [tf.reshape(tf.constant(x), [1, 1, 2, 1]) for x in ([1.0, 3.0], [5.0, 7.0])]
      >>> ys, mean, variance = sliced_batch_norm(xs, [2.0], [1.0], epsilon=4.0)
      >>> mean.numpy().tolist(), variance.numpy().tolist(), ys[0].numpy().ravel().tolist()
      ([4.0], [5.0], [-1.0, 0.33333...])
    """
    if not xs:
        raise ValueError("xs is empty, expected at least one slice of a batch")
    with tf.name_scope(name or "sliced_batch_norm"):
        xs = [tf.convert_to_tensor(x, name="x") for x in xs]
        if len(xs) == 1:
            y, *found = batch_norm_by_batch(*xs, scale, offset, epsilon=epsilon)
            return [y], *found
        if xs[0].dtype == tf.float64:  # there is no fused operation
            whole = tf.concat(xs, axis=0)
            y, *found = batch_norm_by_batch(whole, scale, offset, epsilon=epsilon)
            sizes = [tf.shape(x)[0] for x in xs]
            return tf.split(y, sizes, num=len(xs)), *found
        if not epsilon > 0:
            raise ValueError(f"epsilon is {epsilon!r}, expected a positive number")
        scale = tf.convert_to_tensor(scale, dtype=tf.float32, name="scale")
        offset = tf.convert_to_tensor(offset, dtype=tf.float32, name="offset")
        sizes = {}
        for x in xs:
            check_floating(x, "x")
            sizes = check_shape(x, [None, "H", "W", "C"], "x", sizes)
        check_shape(scale, ["C"], "scale", sizes)
        check_shape(offset, ["C"], "offset", sizes)

        mean, variance = _joint_moments(xs, compiled)
        # What the gradients by the moments are multiples of: here, where no slice waits for it.
        root = tf.math.rsqrt(variance + epsilon)
        by_mean = -scale * root
        shares = by_mean, 0.5 * by_mean * root
        arguments = mean, variance, scale, offset
        ys = [_normalise(x, *arguments, shares, epsilon) for x in xs]
        return ys, tf.stop_gradient(mean), tf.stop_gradient(variance)


def _joint_moments(xs, compiled):
    """(mean, variance), each `[C]`, of all slices together."""

    @tf.custom_gradient
    def joint(*xs):
        counts = [tf.cast(tf.reduce_prod(tf.shape(x)[:3]), tf.float32) for x in xs]
        count = tf.add_n(counts)
        weights = [n / count for n in counts]
        means, variances = zip(*(_moments(x, n) for x, n in zip(xs, counts)))
        # From the first on: far from zero the differences keep digits that products would lose.
        off = [m - means[0] for m in means]
        shift = tf.add_n([w * d for w, d in zip(weights, off)])
        spread = [v + tf.square(d - shift) for v, d in zip(variances, off)]
        mean = means[0] + shift
        variance = tf.add_n([w * v for w, v in zip(weights, spread)])

        def gradient(d_mean, d_variance):
            # (d_mean + 2 (x - mean) d_variance) / N = a x + b
            a = (2.0 / count) * d_variance
            b = (1.0 / count) * d_mean - a * mean
            affine = _affine_compiled if compiled else _affine
            return [affine(x, a, b) for x in xs]

        return (mean, variance), gradient

    return joint(*xs)


def _moments(x, count):
    """`ops.moments` of one slice, for which the library's norm takes half as long."""
    one, none = tf.ones(x.shape[3:]), tf.zeros([0])
    _, mean, unbiased, *_ = raw.FusedBatchNormV3(
        x=x, scale=one, offset=one, mean=none, variance=none
    )
    return mean, unbiased * (tf.maximum(count - 1, 1) / count)


def _normalise(x, mean, variance, scale, offset, shares, epsilon):
    """`ops.batch_norm` of one slice, one operation forward and one backward.

    `shares`: d_mean / d_offset and d_variance / d_scale.

    A function of its own for each slice: several results of one would be the outputs of one node,
    and TensorFlow 2.21 confuses those where it swaps a ReLU and the pooling that follows.
    """
    constant = {"epsilon": epsilon, "is_training": False}

    @tf.custom_gradient
    def normalise(x, mean, variance, scale, offset):
        y, *_ = raw.FusedBatchNormV3(
            x=x, scale=scale, offset=offset, mean=mean, variance=variance, **constant
        )

        def gradient(d_y):
            d_x, d_scale, d_offset, *_ = raw.FusedBatchNormGradV3(
                y_backprop=d_y,
                x=x,
                scale=scale,
                reserve_space_1=mean,
                reserve_space_2=variance,
                reserve_space_3=tf.zeros([0]),
                **constant,
            )
            by_mean, by_variance = shares
            return d_x, by_mean * d_offset, by_variance * d_scale, d_scale, d_offset

        return y, gradient

    return normalise(x, mean, variance, scale, offset)


def _affine(x, a, b):
    """a x + b of each channel, as the norm by moments 0 and 1: faster than broadcasting."""
    zero, one = tf.zeros_like(a), tf.ones_like(a)
    y, *_ = raw.FusedBatchNormV3(
        x=x, scale=a, offset=b, mean=zero, variance=one, epsilon=0.0, is_training=False
    )
    return y


@tf.function(jit_compile=True)
def _affine_compiled(x, a, b):
    return tf.cast(tf.cast(x, a.dtype) * a + b, x.dtype)
