"""Newton-Schulz by products against its definition on singular values, at any scale."""

import numpy as np
import pytest
import tensorflow as tf

from cpm.training.orthogonalize import orthogonalize
from tests.helpers.newton_schulz import newton_schulz

SEED = 11


@pytest.mark.parametrize("shape", [(7, 4), (4, 7), (5, 5), (1, 3)])
def test_orthogonalize(shape):
    matrix = np.random.default_rng(SEED).normal(size=shape)
    expected = newton_schulz(matrix)
    compiled = tf.function(orthogonalize, jit_compile=True)
    graph = tf.function(orthogonalize)
    for form in (orthogonalize, graph, compiled):
        # The coefficients are rounded to float64 once; five products of sums stay near 1e-15.
        np.testing.assert_allclose(form(tf.constant(matrix)), expected, atol=1e-12)
    values = np.linalg.svd(expected, compute_uv=False)
    assert 0.68 < values.min() and values.max() < 1.14
    assert not np.any(orthogonalize(tf.zeros(shape)))


def test_orthogonalize_float32_keeps_the_small_singular_values():
    """Squaring X loses half the digits of a small singular value; those left have to do."""
    rng = np.random.default_rng(SEED)
    u, _ = np.linalg.qr(rng.normal(size=(288, 16)))
    v, _ = np.linalg.qr(rng.normal(size=(16, 16)))
    matrix = (u * np.logspace(0, -3, 16)) @ v.T
    found = orthogonalize(tf.constant(matrix, tf.float32))
    # Relative to values of about 1; eps / 1e-3 = 1.2e-4 for the smallest of them.
    np.testing.assert_allclose(u.T @ found @ v, u.T @ newton_schulz(matrix) @ v, atol=1e-3)


@pytest.mark.parametrize("compiled", [False, True])
@pytest.mark.parametrize("size", [1e-36, 1e-20, 1e15, 1e36])
def test_orthogonalize_depends_on_no_scale(size, compiled):
    """A layer that died leaves a momentum that shrinks towards 0, whose squares are 0 before."""
    matrix = np.random.default_rng(SEED).normal(size=(7, 4))
    form = orthogonalize
    form = tf.function(form, jit_compile=True) if compiled else form
    found = form(tf.constant(size * matrix, tf.float32))
    np.testing.assert_allclose(found, newton_schulz(matrix), atol=1e-4)
