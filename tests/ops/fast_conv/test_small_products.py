"""Products with a small matrix, against NumPy."""

import numpy as np
import tensorflow as tf

from ops.fast_conv import small_products


def test_times_is_a_product_with_each_piece(seeded):
    rng = seeded(1)
    matrix, y = rng.normal(size=[4, 3]), tf.constant(rng.normal(size=[2, 5, 3, 7]))
    np.testing.assert_allclose(small_products.times(tf.constant(matrix), y), matrix @ y, atol=1e-14)
    back = small_products.times(tf.constant(matrix.T), y, transpose=True)
    np.testing.assert_allclose(back, matrix @ y, atol=1e-14)


def test_times_all_is_a_product_over_the_first_axis(seeded):
    rng = seeded(2)
    matrix, y = rng.normal(size=[4, 3]), rng.normal(size=[3, 5, 7])
    expected = np.einsum("nh,hij->nij", matrix, y)
    np.testing.assert_allclose(small_products.times_all(matrix, tf.constant(y)), expected)
    back = small_products.times_all(matrix.T, tf.constant(y), transpose=True)
    np.testing.assert_allclose(back, expected)


def test_sizes_are_numbers_where_known():
    @tf.function(input_signature=[tf.TensorSpec([None, 3])])
    def sizes(x):
        batch, channels = small_products.sizes(x)
        assert channels == 3 and isinstance(batch, tf.Tensor)
        return batch

    assert sizes(tf.zeros([5, 3])) == 5
