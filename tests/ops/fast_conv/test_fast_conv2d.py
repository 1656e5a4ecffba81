"""fast_conv2d against direct convolution, its plain loops, and central differences."""

import numpy as np
import pytest
import tensorflow as tf

import ops
from ops.fast_conv import reference
from ops.fast_conv.cook_toom import cook_toom_2d
from ops.fast_conv.fourier import fourier_2d

ALGORITHMS = [
    cook_toom_2d(3, 2),
    cook_toom_2d(3, 4),
    cook_toom_2d(3, 6),
    cook_toom_2d(5, 1),  # tiles that overlap by four times their step
    cook_toom_2d(5, 4),
    cook_toom_2d((2, 3), (3, 2)),
    fourier_2d(1, 4),
    fourier_2d(3, 8),
    fourier_2d(5, 11),
    fourier_2d((4, 7), (9, 10)),
    fourier_2d(7, 8),
    fourier_2d(7, 16),
    fourier_2d(9, 18),
    fourier_2d(11, 22),
]
by_algorithm = pytest.mark.parametrize("algorithm", ALGORITHMS, ids=lambda a: a.name)
# The algorithms of the layers of the networks, for float32.
USED = [
    cook_toom_2d(3, 4),
    cook_toom_2d(3, 6),
    cook_toom_2d(5, 4),
    fourier_2d(5, 16),
    fourier_2d(7, 16),
    fourier_2d(9, 20),
    fourier_2d(11, 22),
]


def test_fast_conv2d_preset():
    # A kernel that is not symmetric tells correlation from convolution: row 1 is
    # (0 1 2) . (10 1 100) = 201 at the middle, with zeros beyond the edge.
    x = tf.reshape([0.0, 1.0, 2.0], [1, 1, 3, 1])
    kernel = tf.reshape([10.0, 1.0, 100.0], [1, 3, 1, 1])
    y = ops.fast_conv2d(x, kernel, [0.5], algorithm=cook_toom_2d((1, 3), (1, 2)))
    np.testing.assert_array_equal(y[0, 0, :, 0], [100.5, 201.5, 12.5])


@by_algorithm
def test_fast_conv2d_random(seeded, algorithm, random_case, errors):
    rng = seeded(1)
    # Sizes below, at and above a tile's, H != W, odd and even; 1 pixel; channels from 1 up.
    for shape, c_in, c_out in (
        ((1, 1, 1), 1, 1),
        ((2, 1, 5), 3, 1),
        ((1, 13, 8), 1, 4),
        ((3, 23, 17), 2, 3),
        ((1, 16, 46), 5, 6),
    ):
        found = errors(algorithm, *random_case(rng, algorithm, shape, c_in, c_out))
        # Rounding of 1e-16 times the condition of the points. Measured: 9.3e-15 at most.
        assert max(found) < 1e-10


def test_fast_conv2d_every_small_size(seeded, random_case):
    rng = seeded(2)
    algorithm = fourier_2d(5, 8)  # o = 4: up to three tiles a side
    for height in range(1, 11):
        for width in (1, 2, 3, 4, 5, 9, 12):
            x, kernel, _ = random_case(rng, algorithm, (1, height, width), 1, 2)
            np.testing.assert_allclose(
                ops.fast_conv2d(x, kernel, algorithm=algorithm),
                ops.conv2d(x, kernel),
                atol=1e-12,
            )


@by_algorithm
def test_fast_conv2d_reference(seeded, algorithm, random_case):
    rng = seeded(3)
    x, kernel, _ = random_case(rng, algorithm, (1, 6, 9), 2, 2)
    bias = rng.normal(size=[2])
    y = ops.fast_conv2d(x, kernel, bias, algorithm=algorithm)
    expected = reference.fast_conv2d(x.numpy(), kernel.numpy(), bias, algorithm=algorithm)
    np.testing.assert_allclose(y, expected, atol=1e-10)
    np.testing.assert_allclose(y, ops.conv2d(x, kernel, bias), atol=1e-10)


@pytest.mark.parametrize("algorithm", USED, ids=lambda a: a.name)
def test_fast_conv2d_float32(seeded, algorithm, random_case, errors):
    rng = seeded(4)
    parts = random_case(rng, algorithm, (2, 25, 23), 24, 16, np.float32)
    # Measured: Fourier 2.6e-7 at most, F(4, 3) 1.2e-6, F(6, 3) 2.8e-6, F(4, 5) 3.5e-6.
    assert max(errors(algorithm, *parts)) < 1e-5


@pytest.mark.parametrize("algorithm", USED, ids=lambda a: a.name)
def test_fast_conv2d_badly_scaled(seeded, algorithm, random_case, errors):
    # One channel a million times the others; numbers near the ends of float32's range; an image
    # far from mean 0; one pixel a million times as bright as the others.
    rng = seeded(5)
    x, kernel, upstream = random_case(rng, algorithm, (1, 25, 23), 8, 8, np.float32)
    loud = x * tf.constant([1e6] + [1.0] * 7)
    spot = np.zeros(x.shape, np.float32)
    spot[0, 12, 11] = 1e6
    assert max(errors(algorithm, loud, kernel, upstream)) < 1e-5
    assert max(errors(algorithm, x * 1e-20, kernel * 1e-12, upstream * 1e15)) < 1e-5
    assert max(errors(algorithm, x + 100.0, kernel, upstream)) < 1e-5
    assert max(errors(algorithm, x + spot, kernel, upstream)) < 1e-5


@pytest.mark.parametrize("algorithm", USED, ids=lambda a: a.name)
def test_fast_conv2d_error_of_each_value(seeded, algorithm, random_case):
    # The norm of a result hides its small values. Of each of them only this is promised: the
    # error is at most 1e-6 times (largest pixel of its tile) (sum of |kernel|), however small the
    # value itself. Beside a bright spot that may be all of it; direct convolution has no such
    # neighbors. Measured: 1.5e-7 at most.
    rng = seeded(12)
    x, kernel, _ = random_case(rng, algorithm, (1, 25, 23), 8, 8, np.float32)
    spot = np.zeros(x.shape, np.float32)
    spot[0, 12, 11] = 1e6
    y = ops.fast_conv2d(x + spot, kernel, algorithm=algorithm).numpy()
    truth = ops.conv2d(tf.cast(x + spot, tf.float64), tf.cast(kernel, tf.float64))
    sums = np.abs(kernel).sum((0, 1, 2))
    worst = (np.abs(y - truth) / (np.abs(x + spot).max() * sums)).max()
    print(algorithm.name, f"worst = {worst:.1e}")
    assert worst < 1e-6


@pytest.mark.parametrize("compiled", [False, True])
@pytest.mark.parametrize("algorithm", [cook_toom_2d(3, 4), fourier_2d(5, 8)], ids=lambda a: a.name)
def test_fast_conv2d_same_everywhere(
    seeded, assert_same_everywhere, algorithm, compiled, random_case, with_gradients
):
    rng = seeded(6)
    x, kernel, upstream = random_case(rng, algorithm, (3, 9, 14), 3, 4, np.float32)
    bias = rng.normal(size=[4]).astype(np.float32)

    def everything(x, upstream):
        def fast(x, kernel):
            return ops.fast_conv2d(x, kernel, bias, algorithm=algorithm, compiled=compiled)

        return with_gradients(fast, x, kernel, upstream)

    # Sums of some hundred products of order 1 in another order.
    assert_same_everywhere(everything, x, upstream, atol=1e-3, rtol=1e-4)


@pytest.mark.parametrize("compiled", [False, True])
def test_fast_conv2d_any_batch_and_size(seeded, compiled, random_case):
    rng = seeded(7)
    algorithm = fourier_2d(5, 8)
    x, kernel, _ = random_case(rng, algorithm, (3, 9, 14), 2, 3)
    convolve = tf.function(
        lambda x: ops.fast_conv2d(x, kernel, algorithm=algorithm, compiled=compiled),
        input_signature=[tf.TensorSpec([None, None, None, 2], tf.float64)],
    )
    for part in (x, x[:0], x[:1], x[:, :4], x[:, :, :5]):
        y = convolve(part)
        np.testing.assert_allclose(y, ops.conv2d(part, kernel), atol=1e-12)


def test_fast_conv2d_empty_batch_has_gradients(with_gradients):
    algorithm = cook_toom_2d(3, 4)
    x, kernel = tf.zeros([0, 5, 6, 2]), tf.ones([3, 3, 2, 4])
    y, d_x, d_kernel = with_gradients(
        lambda x, k: ops.fast_conv2d(x, k, algorithm=algorithm),
        x,
        kernel,
        tf.zeros([0, 5, 6, 4]),
    )
    assert y.shape == (0, 5, 6, 4) and d_x.shape == x.shape
    np.testing.assert_array_equal(d_kernel, np.zeros([3, 3, 2, 4]))


@pytest.mark.parametrize(
    "algorithm",
    [cook_toom_2d(3, 2), fourier_2d(3, 6), fourier_2d((2, 3), (5, 4))],
    ids=lambda a: a.name,
)
def test_fast_conv2d_gradient(seeded, gradient_error, algorithm, random_case):
    rng = seeded(8)
    x, kernel, _ = random_case(rng, algorithm, (2, 4, 5), 2, 3)

    @tf.function  # a loop run eagerly takes its time
    def squared(x, kernel, bias):  # so that every gradient depends on every argument
        return ops.fast_conv2d(x, kernel, bias, algorithm=algorithm) ** 2

    # Measured: 6.1e-9.
    assert gradient_error(squared, x, kernel, rng.normal(size=[3])) < 1e-6


def test_fast_conv2d_second_derivative(seeded, random_case):
    # sum y^3 by x and again by the kernel, against the same of the direct convolution.
    rng = seeded(9)
    algorithm = fourier_2d(3, 6)
    x, kernel, _ = random_case(rng, algorithm, (1, 5, 7), 2, 3)

    def twice(function):
        with tf.GradientTape() as outer:
            outer.watch(kernel)
            with tf.GradientTape() as inner:
                inner.watch(x)
                total = tf.reduce_sum(function(x, kernel) ** 3)
            slope = tf.reduce_sum(inner.gradient(total, x) ** 2)
        return outer.gradient(slope, kernel)

    expected = twice(ops.conv2d)
    found = twice(lambda x, k: ops.fast_conv2d(x, k, algorithm=algorithm))
    np.testing.assert_allclose(found, expected, rtol=1e-9)


@pytest.mark.parametrize("compiled", [False, True])
@pytest.mark.parametrize("algorithm", [cook_toom_2d(3, 4), fourier_2d(7, 12)], ids=lambda a: a.name)
def test_transformed_kernel_gives_the_same(
    seeded, assert_same_everywhere, random_case, algorithm, compiled
):
    rng = seeded(10)
    x, kernel, _ = random_case(rng, algorithm, (2, 9, 14), 3, 4)
    bias = rng.normal(size=[4])
    weights = ops.transform_kernel(kernel, algorithm=algorithm)
    assert weights.shape == (algorithm.rank, 3, 4)
    options = {"algorithm": algorithm, "compiled": compiled}
    y = assert_same_everywhere(
        lambda x: ops.fast_conv2d_transformed(x, weights, bias, **options), x
    )
    np.testing.assert_allclose(y, ops.conv2d(x, kernel, bias), atol=1e-10)


def test_second_call_traces_nothing(seeded, random_case, with_gradients):
    rng = seeded(11)
    algorithm = fourier_2d(3, 7)  # used nowhere else
    x, kernel, upstream = random_case(rng, algorithm, (2, 9, 14), 3, 4)
    traces = []

    @tf.function
    def step(x, kernel):
        traces.append(1)

        def fast(x, kernel):
            return ops.fast_conv2d(x, kernel, algorithm=algorithm, compiled=True)

        return with_gradients(fast, x, kernel, upstream)

    first, second = step(x, kernel), step(x + 1, kernel)
    assert len(traces) == 1 and not np.allclose(first[0], second[0])


@pytest.mark.parametrize(
    "x, kernel, bias, message",
    [
        ([8, 8, 3], [3, 3, 3, 4], [4], r"x has shape \[8, 8, 3\], expected \[B, H, W"),
        ([1, 8, 8, 3], [3, 3, 2, 4], [4], r"kernel has shape .*Cin = 3"),
        ([1, 8, 8, 3], [5, 3, 3, 4], [4], r"kernel has shape .*expected \[3, 3, Cin"),
        ([1, 8, 8, 3], [3, 3, 3, 4], [3], r"bias has shape \[3\].*Cout = 4"),
    ],
)
def test_fast_conv2d_raises(x, kernel, bias, message):
    algorithm = cook_toom_2d(3, 4)
    with pytest.raises(ValueError, match=message):
        ops.fast_conv2d(tf.zeros(x), tf.zeros(kernel), tf.zeros(bias), algorithm=algorithm)


def test_fast_conv2d_raises_type_and_weights():
    algorithm = cook_toom_2d(3, 4)
    with pytest.raises(ValueError, match="x has type int32"):
        ops.fast_conv2d(
            tf.zeros([1, 4, 4, 1], tf.int32),
            tf.zeros([3, 3, 1, 1], tf.int32),
            algorithm=algorithm,
        )
    with pytest.raises(ValueError, match=r"weights has shape .*\[36, Cin, Cout\]"):
        ops.fast_conv2d_transformed(
            tf.zeros([1, 4, 4, 1]), tf.zeros([16, 1, 1]), algorithm=algorithm
        )


@by_algorithm
def test_multiply_adds_are_those_of_every_product(
    algorithm, seeded, monkeypatch, random_case, with_gradients
):
    """All arithmetic is matrix products, `[..., a, b] x [..., b, c]`: a b c multiply-adds each."""
    seen = []
    matmul = tf.matmul

    def counted(a, b, transpose_a=False, transpose_b=False):
        seen.append(tf.size(a).numpy() * b.shape[-2 if transpose_b else -1])
        return matmul(a, b, transpose_a=transpose_a, transpose_b=transpose_b)

    monkeypatch.setattr(tf, "matmul", counted)
    shape = (2, 13, 22)
    x, kernel, upstream = random_case(seeded(0), algorithm, shape, 3, 5)

    def total_of(function, *arguments):
        seen.clear()
        function(*arguments)
        return sum(seen)

    def fast(x, kernel):
        return ops.fast_conv2d(x, kernel, algorithm=algorithm)

    def count(**options):
        layer = (algorithm, (*shape, 3), algorithm.kernel_size[1], 5)
        return ops.fast_conv2d_multiply_adds(*layer, **options)

    assert total_of(fast, x, kernel) == count()
    total = total_of(with_gradients, fast, x, kernel, upstream)
    assert total == count(gradients=True)
    weights = ops.transform_kernel(kernel, algorithm=algorithm)
    total = total_of(lambda: ops.fast_conv2d_transformed(x, weights, algorithm=algorithm))
    assert total == count(transformed=True)
