"""Convolution of groups of channels against plain loops, with and without the library's groups."""

import numpy as np
import pytest
import tensorflow as tf

from ops.fast_conv import grouped_conv2d as module
from ops.fast_conv import reference
from ops.fast_conv.grouped_conv2d import grouped_conv2d


def case(rng, dtype, groups=3):
    """x, kernel, upstream; H != W, an even and an odd side of the kernel."""
    sizes = [2, 4, 7, groups * 2], [2, 3, 2, groups * 5], [2, 4, 7, groups * 5]
    return [tf.constant(rng.normal(size=size), dtype) for size in sizes]


@pytest.mark.parametrize("dtype, error", [(tf.float32, 1e-5), (tf.float64, 1e-13)])
@pytest.mark.parametrize("groups", [1, 3])
def test_grouped_conv2d_reference(seeded, dtype, error, groups):
    x, kernel, _ = case(seeded(1), dtype, groups)
    y = grouped_conv2d(x, kernel, groups=groups)
    expected = reference.grouped_conv2d(x.numpy(), kernel.numpy(), groups=groups)
    np.testing.assert_allclose(y, expected, atol=error)


def test_grouped_conv2d_gradient(seeded, gradient_error):
    x, kernel, _ = case(seeded(2), tf.float64)

    def squared(x, kernel):
        return grouped_conv2d(x, kernel, groups=3) ** 2

    assert gradient_error(squared, x, kernel) < 1e-6


def test_one_call_for_all_groups_equals_one_each(seeded, monkeypatch):
    """Where TensorFlow has no gradients of groups (float64, other processors) results are equal."""
    x, kernel, upstream = case(seeded(3), tf.float32)

    def everything():
        with tf.GradientTape() as tape:
            tape.watch([x, kernel])
            y = grouped_conv2d(x, kernel, groups=3)
        return [y, *tape.gradient(y, [x, kernel], upstream)]

    together = everything()
    monkeypatch.setattr(module, "library_has_groups", lambda dtype: False)
    for one, other in zip(together, everything(), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-4)


def test_library_is_asked_also_while_tracing():
    module.library_has_groups.cache_clear()
    found = []
    tf.function(lambda: found.append(module.library_has_groups(tf.float64)))()
    assert found == [module.library_has_groups(tf.float64)]
    if not tf.config.list_physical_devices("GPU"):
        assert found == [False]  # oneDNN has no 64-bit convolutions


def test_grouped_conv2d_same_everywhere(seeded, assert_same_everywhere):
    x, kernel, upstream = case(seeded(4), tf.float32)

    def everything(x, kernel, upstream):
        with tf.GradientTape() as tape:
            tape.watch([x, kernel])
            y = grouped_conv2d(x, kernel, groups=3)
        return [y, *tape.gradient(y, [x, kernel], upstream)]

    assert_same_everywhere(everything, x, kernel, upstream, atol=1e-4)


@pytest.mark.parametrize("channels, filters", [(7, 6), (6, 7)])
def test_grouped_conv2d_raises(channels, filters):
    x, kernel = tf.zeros([1, 4, 5, channels]), tf.zeros([3, 3, 2, filters])
    with pytest.raises(ValueError, match=r"G Cout\] with G = 3 and G Cin = "):
        grouped_conv2d(x, kernel, groups=3)
