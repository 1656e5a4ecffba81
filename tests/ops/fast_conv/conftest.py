"""What the tests of fast convolution share, as fixtures: gradients, and errors of `fast_conv2d`."""

import numpy as np
import pytest
import tensorflow as tf

import ops


@pytest.fixture
def with_gradients():
    """`with_gradients(function, x, kernel, upstream)` is [y, d_x, d_kernel]."""
    return _with_gradients


def _with_gradients(function, x, kernel, upstream):
    with tf.GradientTape() as tape:
        tape.watch([x, kernel])
        y = function(x, kernel)
    return [y, *tape.gradient(y, [x, kernel], upstream)]


@pytest.fixture
def random_case():
    """`random_case(rng, algorithm, shape, c_in, c_out)`: x, kernel, upstream, all N(0, 1).

    `shape` is (B, H, W); a kernel of an algorithm on a line is `kernel_width` wide.
    """

    def case(rng, algorithm, shape, c_in, c_out, dtype=np.float64, *, kernel_width=3):
        in_the_plane = isinstance(algorithm, ops.Bilinear2D)
        size = algorithm.kernel_size if in_the_plane else (algorithm.kernel_size, kernel_width)
        shapes = (*shape, c_in), (*size, c_in, c_out), (*shape, c_out)
        return [tf.constant(rng.normal(size=shape), dtype) for shape in shapes]

    return case


@pytest.fixture
def errors():
    """`errors(algorithm, x, kernel, upstream, **options)` of `ops.fast_conv2d`.

    Norm of the error over norm of the result, of y, d_x and d_kernel. The truth is `ops.conv2d` in
    float64.
    """

    def errors_of(algorithm, x, kernel, upstream, **options):
        def fast(x, kernel):
            return ops.fast_conv2d(x, kernel, algorithm=algorithm, **options)

        exact = [tf.cast(part, tf.float64) for part in (x, kernel, upstream)]
        truth = _with_gradients(ops.conv2d, *exact)
        found = []
        for one, other in zip(truth, _with_gradients(fast, x, kernel, upstream), strict=True):
            assert one.shape == other.shape
            found.append(np.linalg.norm(other.numpy() - one.numpy()) / np.linalg.norm(one))
        print(algorithm.name, "errors", [f"{error:.1e}" for error in found])
        return found

    return errors_of
