"""Small products and the loop over slots, against NumPy."""

import numpy as np
import tensorflow as tf

import ops
from ops.fast_conv import slots


def test_times_is_a_product_with_each_piece(seeded):
    rng = seeded(1)
    matrix, y = rng.normal(size=[4, 3]), tf.constant(rng.normal(size=[2, 5, 3, 7]))
    np.testing.assert_allclose(slots.times(tf.constant(matrix), y), matrix @ y, atol=1e-14)
    back = slots.times(tf.constant(matrix.T), y, transpose=True)
    np.testing.assert_allclose(back, matrix @ y, atol=1e-14)


def test_matrices_compose_to_the_map(seeded):
    rng = seeded(2)
    separable = ops.fourier((3, 4), (6, 8)).kernel
    p, s, h = separable.rows.shape
    x = rng.normal(size=[h, 4])
    z = (slots.rows_matrix(separable, x) @ x).numpy().reshape(p, s * 4)
    u = [slots.columns_matrix(separable, tf.constant(k), x) @ z[k][:, None] for k in range(p)]
    found = np.concatenate(u)[:, 0]
    np.testing.assert_allclose(found, separable.matrix() @ x.ravel(), atol=1e-14)


def test_each_slot_stacks_in_order(assert_same_everywhere):
    def count(x):
        return slots.each_slot(lambda p: (x + tf.cast(p, x.dtype), 2 * x), 3, (x.dtype, x.dtype))

    x = np.float32([1, 2])
    first, second = assert_same_everywhere(count, x, batched=[])
    np.testing.assert_array_equal(first, [x, x + 1, x + 2])
    np.testing.assert_array_equal(second, [2 * x] * 3)


def test_sizes_are_numbers_where_known():
    @tf.function(input_signature=[tf.TensorSpec([None, 3])])
    def sizes(x):
        batch, channels = slots.sizes(x)
        assert channels == 3 and isinstance(batch, tf.Tensor)
        return batch

    assert sizes(tf.zeros([5, 3])) == 5
