"""max_pool and average_pool against hand-computed cases, SciPy's filters and the plain loops."""

import numpy as np
import pytest
import scipy.ndimage
import tensorflow as tf

import ops
from ops import reference

WINDOWS = [(2, 2), (3, 2), (9, 8), (3, 1), (2, 3)]


def test_max_pool_preset():
    x = np.arange(16.0).reshape(1, 4, 4, 1)
    # 3/2 on an even size: windows start at cells 0 and 2, the last is clipped to cells 2, 3.
    y = ops.max_pool(x, window=3, stride=2)
    np.testing.assert_array_equal(y[0, :, :, 0], [[10, 11], [14, 15]])
    y = ops.max_pool(x, window=2, stride=2)
    np.testing.assert_array_equal(y[0, :, :, 0], [[5, 7], [13, 15]])


def test_max_pool_negative():
    # Padding is never the maximum: a window clipped at the edge sees no zeros.
    y = ops.max_pool(-np.ones([1, 4, 6, 1]), window=3, stride=2)
    np.testing.assert_array_equal(y, -np.ones([1, 2, 3, 1]))


def test_average_pool_preset():
    x = np.arange(16.0).reshape(1, 4, 4, 1)
    # Corner window: (10 + 11 + 14 + 15) / 4, not / 9.
    y = ops.average_pool(x, window=3, stride=2)
    np.testing.assert_array_equal(y[0, :, :, 0], [[5, 6.5], [11, 12.5]])


def test_average_pool_constant():
    y = ops.average_pool(np.full([1, 24, 40, 2], 7.0), window=9, stride=8)
    np.testing.assert_array_equal(y, np.full([1, 3, 5, 2], 7.0))


@pytest.mark.parametrize(
    "size, window, stride",
    [(368, 3, 2), (184, 3, 2), (92, 3, 2), (368, 9, 8), (368, 2, 2), (46, 2, 2)],
)
def test_pool_size_is_caffes(size, window, stride):
    # Caffe: ceil((H - k) / s) + 1 windows, the first at cell 0. docs/facts.md: 368 184 92 46.
    x = tf.reshape(tf.range(float(size)), [1, size, 1, 1])
    y = ops.max_pool(x, window=window, stride=stride)[0, :, 0, 0].numpy()
    assert len(y) == -(-(size - window) // stride) + 1
    last = [min(k * stride + window, size) - 1 for k in range(len(y))]
    np.testing.assert_array_equal(y, last)


@pytest.mark.parametrize("size", [(8, 16), (24, 8)])
@pytest.mark.parametrize("window, stride", [(3, 2), (9, 8)])
def test_pool_random(seeded, size, window, stride):
    # Independent truth: SciPy filters every cell; windows start at cell k * stride.
    x = seeded(1).normal(size=size)
    aligned = np.s_[window // 2 :: stride, window // 2 :: stride]
    origin = dict(size=window, mode="constant")
    largest = scipy.ndimage.maximum_filter(x, cval=-np.inf, **origin)[aligned]
    total = scipy.ndimage.uniform_filter(x, cval=0, **origin)[aligned]
    area = scipy.ndimage.uniform_filter(np.ones(size), cval=0, **origin)[aligned]
    got = [
        pool(x[None, :, :, None], window=window, stride=stride)[0, :, :, 0]
        for pool in (ops.max_pool, ops.average_pool)
    ]
    np.testing.assert_array_equal(got[0], largest)
    np.testing.assert_allclose(got[1], total / area, atol=1e-13)


@pytest.mark.parametrize("size", [(8, 6), (7, 10), (5, 5)])
@pytest.mark.parametrize("window, stride", WINDOWS)
def test_pool_reference(seeded, size, window, stride):
    x = seeded(2).normal(size=[2, *size, 3])
    sizes = dict(window=window, stride=stride)
    np.testing.assert_array_equal(ops.max_pool(x, **sizes), reference.max_pool(x, **sizes))
    np.testing.assert_allclose(
        ops.average_pool(x, **sizes), reference.average_pool(x, **sizes), atol=1e-14
    )


@pytest.mark.parametrize("window, stride", WINDOWS)
@pytest.mark.parametrize("pool", [ops.max_pool, ops.average_pool])
def test_pool_same_everywhere(seeded, assert_same_everywhere, pool, window, stride):
    x = seeded(3).normal(size=[2, 16, 24, 3]).astype(np.float32)
    assert_same_everywhere(lambda x: pool(x, window=window, stride=stride), x)


@pytest.mark.parametrize("pool", [ops.max_pool, ops.average_pool])
@pytest.mark.parametrize("window, stride", [(2, 2), (3, 2), (9, 8)])
def test_pool_gradient(seeded, gradient_error, pool, window, stride):
    # Distinct values, 0.1 apart: a central difference must not change which one is largest.
    x = seeded(4).permutation(2 * 8 * 6).reshape(2, 8, 6, 1) / 10

    def squared(x):
        return pool(x, window=window, stride=stride) ** 2

    # Measured: 0.5 to 1.3e-9.
    assert gradient_error(squared, x) < 1e-6


@pytest.mark.parametrize("pool", [ops.max_pool, ops.average_pool])
def test_pool_raises(pool):
    with pytest.raises(ValueError, match=r"x has shape \[8, 8\], expected 4 dimens"):
        pool(tf.zeros([8, 8]), window=2, stride=2)
    with pytest.raises(ValueError, match="window is 0"):
        pool(tf.zeros([1, 8, 8, 1]), window=0, stride=2)
    with pytest.raises(ValueError, match=r"stride is 1.5"):
        pool(tf.zeros([1, 8, 8, 1]), window=2, stride=1.5)
