"""Convolution along columns against direct convolution, its plain loops, and in its graphs."""

import numpy as np
import pytest
import tensorflow as tf

import ops
from ops.fast_conv import reference
from ops.fast_conv.cook_toom import cook_toom_1d
from ops.fast_conv.fourier import fourier_1d

LINES = [
    cook_toom_1d(1, 3),
    cook_toom_1d(2, 3),  # even: one row more below than above
    cook_toom_1d(3, 4),
    cook_toom_1d(3, 8),
    cook_toom_1d(7, 4),
    fourier_1d(5, 9),
    fourier_1d(7, 14),
    fourier_1d(11, 16),
]
by_line = pytest.mark.parametrize("line", LINES, ids=lambda line: line.name)
# Those that ops/fast_conv/choice.py offers, for float32.
USED = [
    cook_toom_1d(3, 6),
    cook_toom_1d(3, 8),
    cook_toom_1d(5, 6),
    cook_toom_1d(7, 4),
    fourier_1d(5, 12),
    fourier_1d(7, 14),
    fourier_1d(9, 16),
    fourier_1d(11, 18),
]
by_used = pytest.mark.parametrize("line", USED, ids=lambda line: line.name)


@by_line
def test_column_conv2d_random(seeded, line, random_case, errors):
    rng = seeded(1)
    # Heights below, at and above a tile's, H != W; 1 pixel; channels from 1 up; widths of kernels.
    for shape, c_in, c_out, kernel_width in (
        ((1, 1, 1), 1, 1, 1),
        ((2, 1, 5), 3, 1, 3),
        ((1, 13, 8), 1, 4, 2),
        ((3, 23, 17), 2, 3, 5),
        ((1, 16, 46), 5, 6, line.kernel_size),
    ):
        parts = random_case(rng, line, shape, c_in, c_out, kernel_width=kernel_width)
        # Rounding of 1e-16 times the condition of the points. Measured: 1.2e-14 at most.
        assert max(errors(line, *parts)) < 1e-12


def test_column_conv2d_every_height(seeded, random_case):
    rng = seeded(2)
    line = cook_toom_1d(3, 4)
    for height in range(1, 14):
        x, kernel, _ = random_case(rng, line, (1, height, 3), 1, 2)
        y = ops.fast_conv2d(x, kernel, algorithm=line)
        np.testing.assert_allclose(y, ops.conv2d(x, kernel), atol=1e-12)


@by_line
def test_column_conv2d_reference(seeded, line, random_case):
    rng = seeded(3)
    x, kernel, _ = random_case(rng, line, (1, 6, 4), 2, 2, kernel_width=2)
    bias = rng.normal(size=[2])
    y = ops.fast_conv2d(x, kernel, bias, algorithm=line)
    expected = reference.fast_conv2d(x.numpy(), kernel.numpy(), bias, algorithm=line)
    np.testing.assert_allclose(y, expected, atol=1e-10)
    np.testing.assert_allclose(y, ops.conv2d(x, kernel, bias), atol=1e-10)


@by_used
def test_column_conv2d_float32(seeded, line, random_case, errors):
    # As many channels as ops/fast_conv/choice.py allows ten points for.
    parts = random_case(seeded(4), line, (1, 17, 13), 128, 128, np.float32)
    # Measured: Fourier 5e-7, F(6, 3) 1.6e-6, F(6, 5) 5.6e-6, F(4, 7) and F(8, 3) 6.3e-6.
    assert max(errors(line, *parts)) < 1e-5


@by_used
def test_column_conv2d_badly_scaled(seeded, line, random_case, errors):
    # As for tiles: a loud channel; very small numbers; a mean far from 0; a bright pixel. (The
    # matrices of ten points have denominators up to 3,000: nearer the end of float32's range.)
    rng = seeded(5)
    x, kernel, upstream = random_case(rng, line, (1, 25, 23), 8, 8, np.float32)
    loud = x * tf.constant([1e6] + [1.0] * 7)
    spot = np.zeros(x.shape, np.float32)
    spot[0, 12, 11] = 1e6
    assert max(errors(line, loud, kernel, upstream)) < 1e-5
    assert max(errors(line, x * 1e-18, kernel * 1e-12, upstream * 1e15)) < 1e-5
    assert max(errors(line, x + 100.0, kernel, upstream)) < 1e-5
    assert max(errors(line, x + spot, kernel, upstream)) < 1e-5


@by_used
def test_column_conv2d_error_of_each_value(seeded, line, random_case):
    # At most 1e-6 times (largest pixel) (sum of |kernel|), however small the value itself.
    x, kernel, _ = random_case(seeded(6), line, (1, 25, 23), 8, 8, np.float32)
    spot = np.zeros(x.shape, np.float32)
    spot[0, 12, 11] = 1e6
    y = ops.fast_conv2d(x + spot, kernel, algorithm=line).numpy()
    truth = ops.conv2d(tf.cast(x + spot, tf.float64), tf.cast(kernel, tf.float64))
    sums = np.abs(kernel).sum((0, 1, 2))
    worst = (np.abs(y - truth) / (np.abs(x + spot).max() * sums)).max()
    assert worst < 1e-6
    # Beside the spot's columns nothing knows of it: the other axis is convolved directly.
    apart = ops.fast_conv2d(x, kernel, algorithm=line).numpy()
    np.testing.assert_array_equal(y[:, :, :9], apart[:, :, :9])


def test_column_conv2d_gradient(seeded, gradient_error, random_case):
    rng = seeded(7)
    line = fourier_1d(3, 5)
    x, kernel, _ = random_case(rng, line, (2, 4, 5), 2, 3)

    def squared(x, kernel, bias):  # so that every gradient depends on every argument
        return ops.fast_conv2d(x, kernel, bias, algorithm=line) ** 2

    # Measured: 4.6e-9.
    assert gradient_error(squared, x, kernel, rng.normal(size=[3])) < 1e-6


@pytest.mark.parametrize("line", [LINES[2], LINES[6]], ids=lambda line: line.name)
def test_column_conv2d_same_everywhere(
    seeded, assert_same_everywhere, line, random_case, with_gradients
):
    x, kernel, upstream = random_case(seeded(8), line, (3, 9, 14), 3, 4, np.float32)

    def everything(x, upstream):
        def fast(x, kernel):
            return ops.fast_conv2d(x, kernel, algorithm=line)

        return with_gradients(fast, x, kernel, upstream)

    # Sums of some hundred products of order 1 in another order.
    assert_same_everywhere(everything, x, upstream, atol=1e-3, rtol=1e-4)


def test_column_conv2d_any_batch_and_width(seeded, random_case):
    line = fourier_1d(5, 8)
    x, kernel, _ = random_case(seeded(9), line, (3, 9, 14), 2, 3)
    convolve = tf.function(
        lambda x: ops.fast_conv2d(x, kernel, algorithm=line),
        input_signature=[tf.TensorSpec([None, 9, None, 2], tf.float64)],
    )
    for part in (x, x[:0], x[:1], x[:, :, :5]):
        np.testing.assert_allclose(convolve(part), ops.conv2d(part, kernel), atol=1e-12)


@pytest.mark.parametrize("dtype", [tf.float32, tf.float64])
def test_column_conv2d_empty_batch_has_gradients(dtype, with_gradients):
    x, kernel = tf.zeros([0, 5, 6, 2], dtype), tf.ones([3, 3, 2, 4], dtype)
    y, d_x, d_kernel = with_gradients(
        lambda x, k: ops.fast_conv2d(x, k, algorithm=cook_toom_1d(3, 4)),
        *(x, kernel, tf.zeros([0, 5, 6, 4], dtype)),
    )
    assert y.shape == (0, 5, 6, 4) and d_x.shape == x.shape
    np.testing.assert_array_equal(d_kernel, np.zeros([3, 3, 2, 4]))


def test_column_transformed_kernel_gives_the_same(seeded, assert_same_everywhere, random_case):
    line = fourier_1d(7, 14)
    x, kernel, _ = random_case(seeded(10), line, (2, 9, 14), 3, 4)
    weights = ops.transform_kernel(kernel, algorithm=line)
    assert weights.shape == (1, 3, 3, line.rank * 4)
    y = assert_same_everywhere(lambda x: ops.fast_conv2d_transformed(x, weights, algorithm=line), x)
    np.testing.assert_allclose(y, ops.conv2d(x, kernel), atol=1e-10)


def test_column_conv2d_raises():
    line = cook_toom_1d(3, 4)
    kernel = tf.zeros([3, 3, 1, 1])
    with pytest.raises(ValueError, match=r"kernel has shape .*\[3, kw, Cin, Cout\]"):
        ops.fast_conv2d(tf.zeros([1, 8, 8, 1]), kernel[:2], algorithm=line)
    unknown = tf.TensorSpec([1, None, 8, 1])
    with pytest.raises(ValueError, match="expected a known height"):
        tf.function(lambda x: ops.fast_conv2d(x, kernel, algorithm=line)).get_concrete_function(
            unknown
        )


@by_line
def test_column_multiply_adds_are_those_of_every_product(
    line, seeded, monkeypatch, random_case, with_gradients
):
    """Matrix products of the maps, `[a, b] x [.., b, c]`, and the groups' convolutions."""
    seen = []
    matmul = tf.matmul

    def counted(a, b, transpose_a=False):
        rows = a.shape[-1 if transpose_a else -2]
        seen.append(rows * tf.size(b).numpy())
        return matmul(a, b, transpose_a=transpose_a)

    monkeypatch.setattr(tf, "matmul", counted)
    shape, c_in, c_out, kernel_width = (2, 13, 22), 3, 5, 4
    x, kernel, upstream = random_case(
        seeded(0), line, shape, c_in, c_out, kernel_width=kernel_width
    )
    down = -(-shape[1] // line.outputs)
    grouped = 2 * down * 22 * kernel_width * line.rank * c_in * c_out

    def total_of(function, *arguments):
        seen.clear()
        function(*arguments)
        return sum(seen)

    def fast(x, kernel):
        return ops.fast_conv2d(x, kernel, algorithm=line)

    def count(**options):
        layer = (line, (*shape, c_in), kernel_width, c_out)
        return ops.fast_conv2d_multiply_adds(*layer, **options)

    assert total_of(fast, x, kernel) + grouped == count()
    total = total_of(with_gradients, fast, x, kernel, upstream)
    assert total + 3 * grouped == count(gradients=True)
    weights = ops.transform_kernel(kernel, algorithm=line)
    total = total_of(lambda: ops.fast_conv2d_transformed(x, weights, algorithm=line))
    assert total + grouped == count(transformed=True)


@pytest.mark.parametrize("side, calls", [(4, 1), (64, 2)])
def test_large_images_are_transformed_again_rather_than_kept(side, calls):
    """After TensorFlow has merged equal computations, how often is the image transformed?"""
    line = fourier_1d(3, 6)  # r = 8
    shape = [1, side, side + 4, 16]

    @tf.function
    def step(x, kernel, d_y):
        with tf.GradientTape() as tape:
            tape.watch([x, kernel])
            y = ops.fast_conv2d(x, kernel, algorithm=line)
        return [y, *tape.gradient(y, [x, kernel], d_y)]

    ones = tf.ones(shape), tf.ones([3, 3, 16, 16]), tf.ones(shape)
    options = tf.compat.v1.RunOptions(output_partition_graphs=True)
    metadata = tf.compat.v1.RunMetadata()
    with tf.compat.v1.Session(graph=tf.Graph()) as session:
        places = [tf.compat.v1.placeholder(tf.float32, one.shape) for one in ones]
        session.run(
            [*step(*places)],
            {place: one.numpy() for place, one in zip(places, ones, strict=True)},
            options=options,
            run_metadata=metadata,
        )
    products = [
        node
        for graph in metadata.partition_graphs
        for node in graph.node
        if "BatchMatMul" in node.op
    ]
    # Of the image, of the upstream gradient, and two transposed ones: of y and of d_x.
    assert len(products) == 3 + calls


@pytest.fixture
def graph_of_large_image():
    """The graph of a convolution and both gradients, of an image larger than `KEPT`."""
    line = fourier_1d(3, 6)

    @tf.function
    def step(x, kernel):
        with tf.GradientTape() as tape:
            tape.watch([x, kernel])
            y = ops.fast_conv2d(x, kernel, algorithm=line) ** 2
        return [y, *tape.gradient(y, [x, kernel])]

    arguments = tf.ones([1, 64, 68, 16]), tf.ones([3, 3, 16, 16])
    return step.get_concrete_function(*arguments).graph


def test_kernels_are_not_transformed_before_their_images_are_there(
    graph_of_large_image, ops_before
):
    """A graph's ready operations run at once: transformed kernels would wait in memory."""
    graph = graph_of_large_image
    image = graph.inputs[0].op
    products = [op for op in graph.get_operations() if op.type == "MatMul"]
    # Of the kernel, forward and for the gradients, and of its gradient.
    assert len(products) == 3
    assert all(image in ops_before(op) for op in products)


def test_the_gradient_by_the_image_waits_for_the_one_by_the_kernel(
    graph_of_large_image, ops_before
):
    _, d_x, d_kernel = (output.op for output in graph_of_large_image.outputs)
    by_kernel = [op for op in ops_before(d_kernel) if op.type == "Conv2DBackpropFilter"]
    # Where the library has no groups, each component is a convolution of its own.
    assert len(by_kernel) == (1 if ops.library_has_groups(tf.float32) else 8)
    assert set(by_kernel) <= set(ops_before(d_x))
