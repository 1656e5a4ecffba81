"""The loop over components. (What the convolution computes: test_fast_conv2d.py.)"""

import numpy as np
import tensorflow as tf

from ops.fast_conv.component_conv2d import each_component


def test_each_component_stacks_in_order(assert_same_everywhere):
    def count(x):
        def component(p):
            return x + tf.cast(p, x.dtype), 2 * x

        return each_component(component, 3, (x.dtype, x.dtype))

    x = np.float32([1, 2])
    first, second = assert_same_everywhere(count, x, batched=[])
    np.testing.assert_array_equal(first, [x, x + 1, x + 2])
    np.testing.assert_array_equal(second, [2 * x] * 3)


def test_a_single_component_needs_no_loop():
    [only] = each_component(lambda p: tf.constant([p, 7]), 1, tf.int32)
    np.testing.assert_array_equal(only, [0, 7])
