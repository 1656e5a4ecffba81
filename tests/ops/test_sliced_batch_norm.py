"""The norm of a batch in slices against that of the batch in one piece, and the plain loops."""

import numpy as np
import pytest
import tensorflow as tf

import ops
from ops import reference

SIZES = [[3, 2], [1, 4, 2], [5], [1, 1]]
WAYS = pytest.mark.parametrize("compiled", [False, True], ids=["library", "compiled"])


def slices_of(x, sizes):
    return np.split(x, np.cumsum(sizes)[:-1])


def with_gradients(xs, scale, offset, d_ys, **options):
    """ys, mean, variance, and the gradients of sum(d_ys * ys) by (scale, offset, *xs)."""
    sources = [tf.constant(a) for a in (scale, offset, *xs)]
    with tf.GradientTape() as tape:
        tape.watch(sources)
        scale, offset, *xs = sources
        ys, mean, variance = ops.sliced_batch_norm(xs, scale, offset, epsilon=0.1, **options)
    gradients = tape.gradient(ys, sources, [tf.constant(d_y) for d_y in d_ys])
    return [*ys, mean, variance, *gradients]


def test_sliced_batch_norm_preset():
    xs = [np.reshape(x, [1, 1, 2, 1]).astype(np.float32) for x in ([1, 3], [5, 7])]
    ys, mean, variance = ops.sliced_batch_norm(xs, [2.0], [1.0], epsilon=4.0)
    assert (float(mean[0]), float(variance[0])) == (4.0, 5.0)
    truth = [-1, 1 / 3, 5 / 3, 3]
    np.testing.assert_allclose(np.ravel(ys), truth, rtol=1e-6)


@WAYS
@pytest.mark.parametrize("sizes", SIZES, ids=str)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_sliced_batch_norm_random(sizes, dtype, compiled, seeded):
    """Values, moments and gradients are those of the batch in one piece, in float64.

    float32 rounds 1e-7 some tens of times; measured: 4e-6 of the largest value.
    """
    rng = seeded(1)
    x, d_y = rng.normal(2, 3, size=[2, sum(sizes), 5, 4, 6])
    scale, offset = rng.normal(size=[2, 6])
    arrays = [slices_of(x, sizes), slices_of(d_y, sizes)]
    xs, d_ys = ([a.astype(dtype) for a in parts] for parts in arrays)
    found = with_gradients(xs, scale.astype(dtype), offset.astype(dtype), d_ys, compiled=compiled)
    whole = with_gradients([x], scale, offset, [d_y])
    y, mean, variance, d_scale, d_offset, d_x = whole
    truth = [*slices_of(y, sizes), mean, variance, d_scale, d_offset]
    truth += slices_of(d_x, sizes)
    tolerance = {"float32": 2e-5, "float64": 1e-12}[dtype]
    for a, b in zip(found, truth, strict=True):
        assert a.dtype == dtype
        np.testing.assert_allclose(a, b, atol=tolerance * np.abs(b).max())
    slow = reference.sliced_batch_norm(arrays[0], scale, offset, epsilon=0.1)
    for a, b in zip(found, [*slow[0], *slow[1:]]):
        np.testing.assert_allclose(a, b, atol=tolerance * np.abs(b).max())


def test_sliced_batch_norm_gradient(seeded, gradient_error):
    rng = seeded(2)
    weights = rng.normal(size=[3, 3, 4, 2])

    def loss(x_1, x_2, scale, offset):
        ys, _, _ = ops.sliced_batch_norm([x_1, x_2], scale, offset, epsilon=1e-2)
        return weights * tf.concat(ys, axis=0) ** 2

    x_1, x_2 = rng.normal(size=[1, 3, 4, 2]), rng.normal(size=[2, 3, 4, 2])
    # Measured: 1.5e-9.
    assert gradient_error(loss, x_1, x_2, *rng.normal(size=[2, 2])) < 1e-6


@WAYS
def test_sliced_batch_norm_same_everywhere(compiled, seeded, assert_same_everywhere):
    def normalise(x_1, x_2, d_y):
        with tf.GradientTape() as tape:
            tape.watch([x_1, x_2])
            found = ops.sliced_batch_norm(
                [x_1, x_2], [2.0] * 3, [1.0] * 3, epsilon=1e-5, compiled=compiled
            )
            y = tf.concat(found[0], axis=0)
        return found, tape.gradient(y, [x_1, x_2], d_y)

    x = seeded(3).normal(2, 3, size=[5, 5, 4, 3]).astype(np.float32)
    assert_same_everywhere(normalise, x[:2], x[2:], x[::-1].copy(), atol=1e-5)


@WAYS
def test_sliced_batch_norm_keeps_16_bit(compiled, seeded):
    """Moments are summed in float32; y and d_x are rounded once or twice to 8 bits."""
    rng = seeded(4)
    arrays = rng.normal(1, 2, size=[4, 2, 4, 4, 3])
    narrow = [tf.cast(a, tf.bfloat16) for a in arrays]
    one, zero = np.ones(3, np.float32), np.zeros(3, np.float32)
    found = with_gradients(narrow[:2], one, zero, narrow[2:], compiled=compiled)
    exact = [tf.cast(a, tf.float32).numpy() for a in narrow]
    truth = with_gradients(exact[:2], one, zero, exact[2:])
    types = ["bfloat16"] * 2 + ["float32"] * 4 + ["bfloat16"] * 2
    for a, b, dtype in zip(found, truth, types, strict=True):
        assert a.dtype == dtype
        # 2^-8 for each of the two terms that a gradient by x is added up from.
        tolerance = {"bfloat16": 2**-7, "float32": 1e-5}[dtype] * np.abs(b).max()
        np.testing.assert_allclose(tf.cast(a, tf.float32), b, atol=tolerance)


def test_sliced_batch_norm_far_from_zero(seeded):
    x = seeded(5).normal(1e4, 1, size=[4, 16, 16, 1]).astype(np.float32)
    x[2:] += 3  # the slices differ: their variances alone are not the whole
    _, _, variance = ops.sliced_batch_norm([x[:2], x[2:]], [1.0], [0.0], epsilon=1e-5)
    # The library knows a slice's mean to 4e-3 (4e-7 of it), which counts twice its distance from
    # the mean of all, 1.5. Squares of 1e4 would leave nothing of the variance.
    np.testing.assert_allclose(variance, np.var(x, dtype=np.float64), atol=0.012)


def test_sliced_batch_norm_raises():
    x, three, two = tf.zeros([1, 4, 4, 3]), tf.ones(3), tf.ones(2)
    with pytest.raises(ValueError, match="xs is empty"):
        ops.sliced_batch_norm([], three, three, epsilon=1e-5)
    for xs in ([x], [x, x]):
        with pytest.raises(ValueError, match=r"offset has shape \[2\].*C = 3"):
            ops.sliced_batch_norm(xs, three, two, epsilon=1e-5)
        with pytest.raises(ValueError, match="epsilon is -1"):
            ops.sliced_batch_norm(xs, three, three, epsilon=-1)
    with pytest.raises(ValueError, match=r"x has shape \[1, 4, 4, 2\]"):
        ops.sliced_batch_norm([x, x[..., :2]], three, three, epsilon=1e-5)
    with pytest.raises(ValueError, match="x has type int32"):
        x = tf.zeros([1, 4, 4, 3], tf.int32)
        ops.sliced_batch_norm([x, x], three, three, epsilon=1)
