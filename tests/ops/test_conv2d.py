"""conv2d against SciPy's correlate, the plain loops, and transposed correlations of conv2d.md."""

import numpy as np
import pytest
import scipy.signal
import tensorflow as tf

import ops
from ops import reference


def scipy_conv2d(x, kernel, bias):
    """Stride 1, odd kernel: a sum over input channels of SciPy's correlations."""
    batch, height, width, channels = x.shape
    y = np.zeros([batch, height, width, kernel.shape[3]])
    for b, o, c in np.ndindex(batch, kernel.shape[3], channels):
        y[b, :, :, o] += scipy.signal.correlate(x[b, :, :, c], kernel[:, :, c, o], mode="same")
    return y + bias


def test_conv2d_preset():
    # A kernel that is not symmetric tells correlation from convolution: row 1 is
    # (0 1 2) . (10 1 100) = 201 at the middle, with zeros beyond the edge.
    x = tf.reshape([0.0, 1.0, 2.0], [1, 1, 3, 1])
    kernel = tf.reshape([10.0, 1.0, 100.0], [1, 3, 1, 1])
    y = ops.conv2d(x, kernel, [0.5])
    np.testing.assert_array_equal(y[0, 0, :, 0], [100.5, 201.5, 12.5])


@pytest.mark.parametrize("kernel_size", [(1, 1), (3, 3), (3, 5), (9, 7), (11, 11)])
@pytest.mark.parametrize("image_size", [(6, 9), (7, 4)])
def test_conv2d_random(seeded, image_size, kernel_size):
    rng = seeded(sum(image_size + kernel_size))
    x = rng.normal(size=[2, *image_size, 3])
    kernel = rng.normal(size=[*kernel_size, 3, 4])
    bias = rng.normal(size=[4])
    # At most 11 * 11 * 3 products of order 1 in float64: rounding stays below 1e-12.
    np.testing.assert_allclose(
        ops.conv2d(x, kernel, bias), scipy_conv2d(x, kernel, bias), atol=1e-12
    )


@pytest.mark.parametrize("stride", [1, 2, 3])
@pytest.mark.parametrize("kernel_size", [(2, 2), (3, 4), (5, 5)])
def test_conv2d_reference(seeded, kernel_size, stride):
    rng = seeded(stride)
    x = rng.normal(size=[2, 8, 7, 3])
    kernel = rng.normal(size=[*kernel_size, 3, 2])
    bias = rng.normal(size=[2])
    y = ops.conv2d(x, kernel, bias, stride=stride)
    expected = reference.conv2d(x, kernel, bias, stride=stride)
    np.testing.assert_allclose(y, expected, atol=1e-12)


def test_conv2d_same_everywhere(seeded, assert_same_everywhere):
    rng = seeded(5)
    kernel = rng.normal(size=[5, 3, 3, 4]).astype(np.float32)
    bias = rng.normal(size=[4]).astype(np.float32)
    x = rng.normal(size=[2, 8, 5, 3]).astype(np.float32)
    # 45 products of order 1 added in another order: float32 rounding of about 1e-6.
    y = assert_same_everywhere(lambda x: ops.conv2d(x, kernel, bias), x, atol=1e-5)
    assert y.shape == (2, 8, 5, 4)


@pytest.mark.parametrize("stride", [1, 2])
def test_conv2d_gradient(seeded, gradient_error, stride):
    rng = seeded(6)
    x, kernel = rng.normal(size=[2, 4, 5, 2]), rng.normal(size=[3, 3, 2, 3])

    def squared(x, kernel, bias):  # so that every gradient depends on every argument
        return ops.conv2d(x, kernel, bias, stride=stride) ** 2

    # Measured: 2.3e-9.
    assert gradient_error(squared, x, kernel, rng.normal(size=[3])) < 1e-6


def test_conv2d_gradient_formulas(seeded):
    # conv2d.md, section 3: both gradients as correlations, computed by SciPy.
    rng = seeded(7)
    x, kernel = rng.normal(size=[2, 6, 7, 3]), rng.normal(size=[3, 5, 3, 4])
    upstream = rng.normal(size=[2, 6, 7, 4])
    with tf.GradientTape() as tape:
        x_t, kernel_t, bias_t = map(tf.constant, (x, kernel, np.zeros(4)))
        tape.watch([x_t, kernel_t, bias_t])
        y = ops.conv2d(x_t, kernel_t, bias_t)
    d_x, d_kernel, d_bias = tape.gradient(y, [x_t, kernel_t, bias_t], upstream)

    # By the image: the upstream gradient, correlated with the kernel turned by 180 degrees and
    # its channels exchanged.
    turned = kernel[::-1, ::-1].swapaxes(2, 3)
    np.testing.assert_allclose(d_x, scipy_conv2d(upstream, turned, 0), atol=1e-12)
    # By the kernel: the padded image, correlated with the upstream gradient.
    padded = np.pad(x, [(0, 0), (1, 1), (2, 2), (0, 0)])
    for c, o in np.ndindex(3, 4):
        expected = scipy.signal.correlate(padded[..., c], upstream[..., o], mode="valid")
        np.testing.assert_allclose(d_kernel[:, :, c, o], expected[0], atol=1e-12)
    np.testing.assert_allclose(d_bias, upstream.sum((0, 1, 2)), atol=1e-12)


def test_conv2d_second_derivative(seeded):
    # Of sum y^3, which is trilinear in no argument: by the image, then by the others.
    rng = seeded(8)
    x, kernel = rng.normal(size=[1, 4, 5, 2]), rng.normal(size=[3, 3, 2, 3])
    bias = rng.normal(size=[3])

    def twice(convolve):
        arguments = [tf.constant(part) for part in (x, kernel, bias)]
        with tf.GradientTape() as outer:
            outer.watch(arguments)
            with tf.GradientTape() as inner:
                inner.watch(arguments)
                total = tf.reduce_sum(convolve(*arguments) ** 3)
            slopes = inner.gradient(total, arguments)
            squares = tf.add_n([tf.reduce_sum(slope**2) for slope in slopes])
        return outer.gradient(squares, arguments)

    def librarys(x, kernel, bias):
        return tf.nn.conv2d(x, kernel, strides=1, padding="SAME") + bias

    for found, expected in zip(twice(ops.conv2d), twice(librarys), strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-9)


@pytest.mark.parametrize("side, waits", [(64, True), (4, False)])
def test_the_gradient_by_a_large_image_waits_for_the_others(ops_before, side, waits):
    @tf.function
    def step(x, kernel, bias):
        with tf.GradientTape() as tape:
            tape.watch([x, kernel, bias])
            y = ops.conv2d(x, kernel, bias) ** 2
        return tape.gradient(y, [x, kernel, bias])

    arguments = tf.ones([1, side, 100, 16]), tf.ones([3, 3, 16, 8]), tf.ones([8])
    graph = step.get_concrete_function(*arguments).graph
    by_kernel, by_bias = (
        next(op for op in graph.get_operations() if op.type == kind)
        for kind in ("Conv2DBackpropFilter", "BiasAddGrad")
    )
    by_x = ops_before(graph.outputs[0].op)
    assert by_bias in by_x and (by_kernel in by_x) == waits


@pytest.mark.parametrize(
    "x, kernel, bias, message",
    [
        ([8, 8, 3], [3, 3, 3, 4], [4], r"x has shape \[8, 8, 3\], expected \[B, H, W"),
        ([1, 8, 8, 3], [3, 3, 2, 4], [4], r"kernel has shape .*Cin = 3"),
        ([1, 8, 8, 3], [3, 3, 3, 4], [3], r"bias has shape \[3\].*Cout = 4"),
    ],
)
def test_conv2d_raises(x, kernel, bias, message):
    with pytest.raises(ValueError, match=message):
        ops.conv2d(tf.zeros(x), tf.zeros(kernel), tf.zeros(bias))


def test_conv2d_raises_stride_and_type():
    with pytest.raises(ValueError, match="stride is 0, expected an integer"):
        ops.conv2d(tf.zeros([1, 4, 4, 1]), tf.zeros([3, 3, 1, 1]), stride=0)
    with pytest.raises(ValueError, match="x has type int32"):
        ops.conv2d(tf.zeros([1, 4, 4, 1], tf.int32), tf.zeros([3, 3, 1, 1], tf.int32))
