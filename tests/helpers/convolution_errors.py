"""How far a fast convolution and its gradients are from the direct one in float64."""

import numpy as np
import tensorflow as tf

import ops


def with_gradients(function, x, kernel, upstream):
    """y, d_x, d_kernel."""
    with tf.GradientTape() as tape:
        tape.watch([x, kernel])
        y = function(x, kernel)
    return [y, *tape.gradient(y, [x, kernel], upstream)]


def errors(algorithm, x, kernel, upstream, **options):
    """Norm of the error over norm of the result, of y, d_x and d_kernel; the truth in float64."""

    def fast(x, kernel):
        return ops.fast_conv2d(x, kernel, algorithm=algorithm, **options)

    exact = [tf.cast(part, tf.float64) for part in (x, kernel, upstream)]
    truth = with_gradients(ops.conv2d, *exact)
    ours = with_gradients(fast, x, kernel, upstream)
    found = []
    for one, other in zip(truth, ours, strict=True):
        assert one.shape == other.shape
        found.append(np.linalg.norm(other.numpy() - one.numpy()) / np.linalg.norm(one))
    print(algorithm.name, "errors", [f"{error:.1e}" for error in found])
    return found
