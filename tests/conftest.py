"""What the tests of tensors share, as fixtures: three ways to run, gradients, seeds.

A test asks for a fixture by name in its arguments and gets a function to call:

    def test_square_random(seeded, assert_same_everywhere):
        x = seeded(7).normal(size=[2, 3])
        assert_same_everywhere(tf.square, x)
"""

import gc

import cpm.quiet_start  # isort: skip  # noqa: F401  first: TensorFlow as the scripts import it
import numpy as np
import pytest
import tensorflow as tf

# What is imported stays: the collections of garbage that steps ask for need not look through it.
gc.freeze()


@pytest.fixture
def seeded():
    """`seeded(seed)` is a NumPy generator; the seed is printed, so that a failure shows it."""

    def generator(seed):
        print(f"seed = {seed}")
        return np.random.default_rng(seed)

    return generator


@pytest.fixture
def assert_same_everywhere():
    """`assert_same_everywhere(function, *args, rtol, atol)`: eager = graph = XLA.

    The graphs are traced with an unknown first dimension of every argument in `batched` (positions;
    None = each argument that has dimensions), which is how a ragged last batch arrives. Arguments
    that are no batch are better bound in `function`. Returns the eager result as NumPy arrays, in
    the structure the function returns.
    """
    return _assert_same_everywhere


def _assert_same_everywhere(function, *args, rtol=1e-5, atol=1e-6, batched=None):
    args = [tf.convert_to_tensor(arg) for arg in args]
    signature = [
        tf.TensorSpec(
            [None, *arg.shape[1:]]
            if arg.shape.rank and (batched is None or k in batched)
            else arg.shape,
            arg.dtype,
        )
        for k, arg in enumerate(args)
    ]
    expected = tf.nest.map_structure(lambda y: y.numpy(), function(*args))
    for way, compiled in (("graph", False), ("XLA", True)):
        run = tf.function(function, input_signature=signature, jit_compile=compiled)
        got = run(*args)
        tf.nest.assert_same_structure(expected, got)
        for one, other in zip(tf.nest.flatten(expected), tf.nest.flatten(got), strict=True):
            assert one.shape == tuple(other.shape), f"{way} has another shape"
            np.testing.assert_allclose(
                other.numpy(), one, rtol=rtol, atol=atol, err_msg=f"{way} is not eager"
            )
    return expected


@pytest.fixture
def gradient_error():
    """`gradient_error(function, *args)`: largest difference to central differences, in float64.

    What is differentiated is a weighted sum of the results, with random weights: one backward pass
    instead of one for each result, and a wrong entry of the Jacobian is multiplied by a weight, not
    hidden. Every argument is differentiated, the others held. With a step of 1e-5 the truncation is
    about 1e-10 times the third derivative and the rounding about 1e-16 / 1e-5 times the value, so
    that a right gradient of a function of order 1 errs by far less than the 1e-6 the tests ask for.
    """

    def largest(function, *args, delta=1e-5):
        args = [tf.convert_to_tensor(arg, tf.float64) for arg in args]
        result = function(*args)
        weights = tf.constant(np.random.default_rng(0).normal(size=result.shape), tf.float64)

        def weighted(*args):
            return tf.reduce_sum(weights * function(*args))

        theoretical, numerical = tf.test.compute_gradient(weighted, args, delta=delta)
        error = max(float(np.abs(a - b).max()) for a, b in zip(theoretical, numerical, strict=True))
        print(f"gradient error = {error:.1e}")
        return error

    return largest


@pytest.fixture
def ops_before():
    """`ops_before(op)`: the set of all operations that a graph computes before one."""

    def before(op):
        found, new = set(), [op]
        while new:
            op = new.pop()
            for other in [*(tensor.op for tensor in op.inputs), *op.control_inputs]:
                if other not in found:
                    found.add(other)
                    new.append(other)
        return found

    return before
