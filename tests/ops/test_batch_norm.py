"""Moments and batch norms against NumPy, hand-computed cases and the plain loops."""

import numpy as np
import pytest
import scipy.stats
import tensorflow as tf

import ops
from ops import reference


def test_moments_preset():
    x = np.array([[1.0, 10.0], [3.0, 10.0]]).reshape(1, 2, 1, 2)
    mean, variance = ops.moments(x)
    np.testing.assert_array_equal(mean, [2, 10])
    np.testing.assert_array_equal(variance, [1, 0])


def test_moments_random(seeded):
    x = seeded(1).normal(3, 2, size=[3, 4, 5, 6])
    mean, variance = ops.moments(x)
    truth = scipy.stats.describe(x.reshape(-1, 6), ddof=0)
    np.testing.assert_allclose(mean, truth.mean, rtol=1e-13)
    np.testing.assert_allclose(variance, truth.variance, rtol=1e-13)
    slow = reference.moments(x)
    np.testing.assert_allclose(mean, slow[0], rtol=1e-13)
    np.testing.assert_allclose(variance, slow[1], rtol=1e-13)


def test_moments_far_from_zero(seeded):
    # E[x^2] - mean^2 would leave nothing of a variance of 1 at a mean of 1e4 in float32, whose
    # square is known to 8 only. The differences keep it to the rounding of x itself, 5e-4.
    x = seeded(2).normal(1e4, 1, size=[2, 16, 16, 1]).astype(np.float32)
    np.testing.assert_allclose(ops.moments(x)[1], np.var(x, dtype=np.float64), rtol=1e-3)


def test_batch_norm_preset():
    x = np.array([1.0, 3.0, 5.0, 7.0]).reshape(1, 2, 2, 1)
    y = ops.batch_norm(x, [4.0], [3.75], [10.0], [1.0], epsilon=0.25)
    np.testing.assert_array_equal(y, [[[[-14.0], [-4.0]], [[6.0], [16.0]]]])


def test_batch_norm_random(seeded):
    rng = seeded(3)
    x = rng.normal(5, 3, size=[2, 3, 5, 4])
    mean, variance, scale, offset = rng.uniform(0.5, 2, size=[4, 4])
    y = ops.batch_norm(x, mean, variance, scale, offset, epsilon=1e-3)
    slow = reference.batch_norm(x, mean, variance, scale, offset, epsilon=1e-3)
    np.testing.assert_allclose(y, slow, atol=1e-12)


def test_batch_norm_normalizes(seeded):
    x = seeded(4).normal(5, 3, size=[2, 6, 7, 3])
    y = ops.batch_norm(x, *ops.moments(x), np.ones(3), np.zeros(3), epsilon=1e-12)
    truth = scipy.stats.zscore(x.reshape(-1, 3)).reshape(x.shape)
    np.testing.assert_allclose(y, truth, atol=1e-10)


def test_batch_norm_dead_channel():
    x = np.full([1, 2, 2, 1], 7.0, np.float32)
    y = ops.batch_norm(x, *ops.moments(x), [2.0], [3.0], epsilon=1e-5)
    # 7 * factor - 7 * factor with factor = 2 / sqrt(1e-5) = 632: rounding of 4427 in float32.
    np.testing.assert_allclose(y, np.full([1, 2, 2, 1], 3.0), atol=1e-3)


def test_batch_norm_keeps_16_bit(seeded):
    x = tf.cast(seeded(5).normal(size=[2, 4, 4, 3]), tf.bfloat16)
    mean, variance = ops.moments(x)
    y = ops.batch_norm(x, mean, variance, tf.ones(3), tf.zeros(3), epsilon=1e-5)
    assert (mean.dtype, variance.dtype, y.dtype) == (
        tf.float32,
        tf.float32,
        tf.bfloat16,
    )


def test_batch_norm_same_everywhere(seeded, assert_same_everywhere):
    def normalize(x):
        mean, variance = ops.moments(x)
        return mean, ops.batch_norm(x, mean, variance, [2.0] * 3, [1.0] * 3, epsilon=1e-5)

    x = seeded(6).normal(2, 3, size=[3, 5, 4, 3]).astype(np.float32)
    assert_same_everywhere(normalize, x, atol=1e-5)


def test_batch_norm_gradient(seeded, gradient_error):
    # Through the moments, as in training: x enters three times.
    rng = seeded(7)
    weights = rng.normal(size=[2, 3, 4, 2])  # else the gradient by x is zero by symmetry

    def loss(x, scale, offset):
        y = ops.batch_norm(x, *ops.moments(x), scale, offset, epsilon=1e-3)
        return weights * y**2

    scale, offset = rng.normal(size=[2, 2])
    # Measured: 1.3e-9.
    assert gradient_error(loss, rng.normal(size=[2, 3, 4, 2]), scale, offset) < 1e-6


@pytest.mark.parametrize("shape", [[3, 5, 4, 6], [2, 1, 1, 3], [1, 1, 1, 2]])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_batch_norm_by_batch_is_both(shape, dtype, seeded):
    """Values and gradients are those of the formulas; float32 rounds 1e-7 some tens of times."""
    rng = seeded(9)
    x, d_y = (tf.constant(a, dtype) for a in rng.normal(2, 3, size=[2, *shape]))
    scale, offset = (tf.constant(a, dtype) for a in rng.normal(size=[2, shape[-1]]))
    tolerance = {"float32": 2e-5, "float64": 1e-12}[dtype]

    def fused():
        return ops.batch_norm_by_batch(x, scale, offset, epsilon=0.1)

    def plain():
        mean, variance = ops.moments(x)
        y = ops.batch_norm(x, mean, variance, scale, offset, epsilon=0.1)
        return y, mean, variance

    results = []
    for f in (fused, plain):
        with tf.GradientTape() as tape:
            tape.watch([x, scale, offset])
            y, mean, variance = f()
        gradients = tape.gradient(y, [x, scale, offset], d_y)
        results.append([y, mean, variance, *gradients])
    for a, b in zip(*results, strict=True):
        np.testing.assert_allclose(a, b, rtol=tolerance, atol=tolerance)
    slow = reference.batch_norm_by_batch(x.numpy(), scale.numpy(), offset.numpy(), epsilon=0.1)
    for a, b in zip(results[0][:3], slow, strict=True):
        np.testing.assert_allclose(a, b, rtol=tolerance, atol=tolerance)


def test_batch_norm_by_batch_same_everywhere(seeded, assert_same_everywhere):
    def normalize(x):
        return ops.batch_norm_by_batch(x, [2.0] * 3, [1.0] * 3, epsilon=1e-5)

    x = seeded(10).normal(2, 3, size=[3, 5, 4, 3]).astype(np.float32)
    assert_same_everywhere(normalize, x, atol=1e-5)


def test_batch_norm_by_batch_far_from_zero(seeded):
    x = seeded(11).normal(1e4, 1, size=[2, 16, 16, 1]).astype(np.float32)
    _, _, variance = ops.batch_norm_by_batch(x, [1.0], [0.0], epsilon=1e-5)
    # As in test_moments_far_from_zero: the differences are taken before they are squared.
    np.testing.assert_allclose(variance, np.var(x, dtype=np.float64), rtol=1e-3)


def test_batch_norm_by_batch_keeps_16_bit(seeded):
    x = tf.cast(seeded(12).normal(size=[2, 4, 4, 3]), tf.bfloat16)
    y, mean, _ = ops.batch_norm_by_batch(x, tf.ones(3), tf.zeros(3), epsilon=1e-5)
    assert (y.dtype, mean.dtype) == (tf.bfloat16, tf.float32)


def test_moments_gradient(seeded, gradient_error):
    def both(x):
        return tf.stack(ops.moments(x))

    # Measured: 2.4e-11.
    assert gradient_error(both, seeded(8).normal(size=[2, 3, 4, 2])) < 1e-6


def test_batch_norm_raises():
    x, three, two = tf.zeros([1, 4, 4, 3]), tf.ones(3), tf.ones(2)
    with pytest.raises(ValueError, match=r"variance has shape \[2\].*C = 3"):
        ops.batch_norm(x, three, two, three, three, epsilon=1e-5)
    with pytest.raises(ValueError, match="epsilon is 0"):
        ops.batch_norm(x, three, three, three, three, epsilon=0)
    with pytest.raises(ValueError, match=r"offset has shape \[2\].*C = 3"):
        ops.batch_norm_by_batch(x, three, two, epsilon=1e-5)
    with pytest.raises(ValueError, match="epsilon is -1"):
        ops.batch_norm_by_batch(x, three, three, epsilon=-1)
    with pytest.raises(ValueError, match=r"x has shape \[4, 3\]"):
        ops.moments(tf.zeros([4, 3]))
