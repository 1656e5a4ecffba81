"""First weights: their distribution, and that they depend on seed and name alone."""

import math

import numpy as np
import pytest
import scipy.stats
import tensorflow as tf

from cpm.network.initializers import (
    INITIALIZERS,
    gaussian,
    he_normal,
    stateless_key,
)

SHAPE = (5, 5, 20, 40)  # 20 000 values


@pytest.mark.parametrize("initializer, stddev", [(gaussian, 0.01), (he_normal, math.sqrt(2 / 500))])
def test_initializer_is_normal_with_the_stated_deviation(initializer, stddev):
    values = initializer(SHAPE, seed=3, name="conv/kernel").numpy()
    # Kolmogorov-Smirnov: for a right generator p < 1e-4 once in 10,000 seeds; this one is fixed.
    assert scipy.stats.kstest(values.ravel() / stddev, "norm").pvalue > 1e-4


def test_he_normal_keeps_the_signal_through_relus():
    x = tf.constant(np.random.default_rng(0).normal(size=[1000, 256]), tf.float32)
    for layer in range(20):
        kernel = he_normal((1, 1, 256, 256), seed=0, name=f"layer_{layer}")[0, 0]
        x = tf.nn.relu(x @ kernel)
    # Half of a symmetric output passes the ReLU, so E[x²] of a layer is that of the one before it:
    # 1, up to a random walk of 20 steps of relative deviation about sqrt(5 / 256) each.
    assert 0.25 < float(tf.reduce_mean(x**2)) < 4


@pytest.mark.parametrize("initializer", [gaussian, he_normal])
def test_initializer_depends_on_seed_and_name(initializer):
    first = initializer(SHAPE, seed=1, name="a").numpy()
    np.testing.assert_array_equal(first, initializer(SHAPE, seed=1, name="a").numpy())
    for seed, name in ((2, "a"), (1, "b")):
        other = initializer(SHAPE, seed=seed, name=name).numpy()
        # 20 000 independent pairs: the correlation's deviation is 0.007.
        assert abs(np.corrcoef(first.ravel(), other.ravel())[0, 1]) < 0.05


def test_initializer_of_a_float64_network_has_the_same_values():
    wide = he_normal(SHAPE, seed=1, name="a", dtype=tf.float64)
    narrow = he_normal(SHAPE, seed=1, name="a")
    assert wide.dtype == tf.float64
    # One rounding of the factor and one of the product in float32.
    np.testing.assert_allclose(wide.numpy(), narrow.numpy(), rtol=2e-7)


def test_stateless_key_preset():
    # CRC-32 of "123456789" is the check value of its definition, 0xCBF43926.
    key = stateless_key(5, "123456789")
    assert key.astype(np.uint32).tolist() == [5, 0xCBF43926]
    assert stateless_key(-1, "a")[0] == -1


def test_no_seed_is_zeros():
    """For a network that is filled from a file: drawing numbers would take longer than reading."""
    for initializer in INITIALIZERS.values():
        assert not initializer((3, 3, 2, 4), seed=None, name="a").numpy().any()
