"""gaussian_heatmap against SciPy's normal density, hand-computed cells and the plain loops.

The inverse, heatmap -> find_peaks, is tested in test_peaks.py.
"""

import inspect
import re

import numpy as np
import pytest
import scipy.stats
import tensorflow as tf

import ops
from ops import reference

SIZES = [(5, 9, 8), (6, 4, 4), (7, 7, 1), (1, 3, 8)]  # (height, width, stride)


def random_joints(rng, height, width, stride, shape=(2, 3), beyond_px=20):
    """`[*shape, 2]`: positions in the crop and up to `beyond_px` outside."""
    low = [-beyond_px, -beyond_px]
    high = [width * stride + beyond_px, height * stride + beyond_px]
    return rng.uniform(low, high, size=[*shape, 2])


def test_gaussian_heatmap_preset():
    # A joint on the center of cell (x = 1, y = 0) of stride 8: (11.5, 3.5); a sigma is one cell.
    b = ops.gaussian_heatmap([[[11.5, 3.5]]], [[1.0]], height=2, width=3, stride=8, sigma_px=8.0)
    one, two = np.exp(-0.5), np.exp(-1.0)
    expected = [[one, 1, one], [two, one, two]]
    np.testing.assert_allclose(b[0, :, :, 0], expected, rtol=1e-6)


def test_gaussian_heatmap_preset_origin():
    # With cell 0 at pixel 0, cell (x = 2, y = 1) of stride 8 stands for pixel (16, 8).
    b = ops.gaussian_heatmap(
        [[[16.0, 8.0]]], [[1.0]], height=2, width=3, stride=8, sigma_px=8.0, origin_px=0.0
    )
    x, y = np.exp([-2.0, -0.5, 0.0]), np.exp([-0.5, 0.0])
    np.testing.assert_allclose(b[0, :, :, 0], np.outer(y, x), rtol=1e-6)
    # Moving the grid and the joints by the same number of pixels changes nothing.
    size = dict(height=2, width=3, stride=8, sigma_px=8.0)
    moved = ops.gaussian_heatmap([[[19.5, 11.5]]], [[1.0]], **size)
    np.testing.assert_array_equal(moved, b)
    np.testing.assert_array_equal(
        ops.gaussian_heatmap([[[19.5, 11.5]]], [[1.0]], **size, origin_px=np.float64(3.5)), b
    )


def test_gaussian_heatmap_preset_cutoff_and_absent():
    joints_px = np.full([1, 2, 2], [3.5, 3.5])
    b = ops.gaussian_heatmap(
        joints_px, [[1, 0]], height=1, width=4, stride=8, sigma_px=8.0, cutoff=0.1
    )
    # exp(-1/2) = 0.61 stays, exp(-2) = 0.135 stays, exp(-4.5) = 0.011 goes; joint 1 is absent.
    np.testing.assert_allclose(b[0, 0, :, 0], [1, np.exp(-0.5), np.exp(-2), 0])
    np.testing.assert_array_equal(b[0, 0, :, 1], np.zeros(4))


@pytest.mark.parametrize("origin_px", [None, 0.0, -2.25])
@pytest.mark.parametrize("height, width, stride", SIZES)
@pytest.mark.parametrize("dtype, rtol", [(np.float64, 1e-12), (np.float32, 1e-4)])
def test_gaussian_heatmap_random(seeded, height, width, stride, dtype, rtol, origin_px):
    # float32: the exponent reaches about -50 and is rounded to 1e-6 of itself twice over.
    rng = seeded(height * width)
    joints_px = random_joints(rng, height, width, stride).astype(dtype)
    present = rng.integers(0, 2, [2, 3])
    size = dict(height=height, width=width, stride=stride)
    b = ops.gaussian_heatmap(joints_px, present, **size, sigma_px=7.5, origin_px=origin_px)
    assert b.dtype == dtype

    # Truth: the 2-D normal density relative to its peak, at the cells' crop coordinates.
    v, u = np.mgrid[:height, :width] * stride + (
        (stride - 1) / 2 if origin_px is None else origin_px
    )
    for n, p in np.ndindex(2, 3):
        normal = scipy.stats.multivariate_normal(joints_px[n, p], 7.5**2 * np.eye(2))
        peak = normal.pdf(joints_px[n, p])
        expected = present[n, p] * normal.pdf(np.dstack([u, v])).reshape(u.shape) / peak
        np.testing.assert_allclose(b[n, :, :, p], expected, rtol=rtol, atol=1e-30)


@pytest.mark.parametrize("cutoff", [0.0, 0.01, 0.5])
@pytest.mark.parametrize("height, width, stride", SIZES)
def test_gaussian_heatmap_reference(seeded, height, width, stride, cutoff):
    rng = seeded(2)
    joints_px = random_joints(rng, height, width, stride)
    present = rng.uniform(size=[2, 3])  # weights, not only 0 and 1
    arguments = dict(height=height, width=width, stride=stride, sigma_px=6.0, cutoff=cutoff)
    for origin in ({}, {"origin_px": 1.75}):
        np.testing.assert_allclose(
            ops.gaussian_heatmap(joints_px, present, **arguments, **origin),
            reference.gaussian_heatmap(joints_px, present, **arguments, **origin),
            rtol=1e-12,
        )


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("far", [1e3, 1e9, 1e30, np.finfo(np.float32).max, np.inf])
def test_gaussian_heatmap_far_outside(dtype, far):
    joints_px = tf.constant([[[far, 3.0], [3.0, -far], [-far, far]]], dtype)
    present, sigma_px = tf.ones([1, 3], dtype), tf.constant(7.0, dtype)
    with tf.GradientTape() as tape:
        tape.watch([joints_px, present, sigma_px])
        b = ops.gaussian_heatmap(joints_px, present, height=4, width=6, stride=8, sigma_px=sigma_px)
    gradients = tape.gradient(b, [joints_px, present, sigma_px])
    np.testing.assert_array_equal(b, np.zeros([1, 4, 6, 3]))
    for gradient in gradients:
        np.testing.assert_array_equal(gradient, np.zeros(gradient.shape))


def test_gaussian_heatmap_absent_nan():
    joints_px = tf.constant([[[np.nan, np.nan], [4.0, 4.0]]])
    present = tf.constant([[0.0, 1.0]])
    with tf.GradientTape() as tape:
        tape.watch([joints_px, present])
        b = ops.gaussian_heatmap(joints_px, present, height=2, width=2, stride=8, sigma_px=7.0)
    for gradient in tape.gradient(b, [joints_px, present]):
        assert np.isfinite(gradient).all()
    np.testing.assert_array_equal(b[..., 0], np.zeros([1, 2, 2]))
    assert b[0, 0, 0, 1] > 0.9


@pytest.mark.parametrize("cutoff", [0.0, 0.01])
def test_gaussian_heatmap_same_everywhere(seeded, assert_same_everywhere, cutoff):
    rng = seeded(3)

    def values_and_gradients(joints_px, present):
        with tf.GradientTape() as tape:
            tape.watch([joints_px, present])
            b = ops.gaussian_heatmap(
                joints_px,
                present,
                height=5,
                width=8,
                stride=8,
                sigma_px=7.0,
                cutoff=cutoff,
            )
            loss = tf.reduce_sum((b - 0.3) ** 2)
        return b, *tape.gradient(loss, [joints_px, present])

    joints_px = random_joints(rng, 5, 8, 8).astype(np.float32)
    assert_same_everywhere(values_and_gradients, joints_px, np.ones([2, 3], np.float32), atol=1e-5)


def test_gaussian_heatmap_static_shape():
    @tf.function(input_signature=[tf.TensorSpec([None, 14, 2])])
    def traced(joints_px):
        b = ops.gaussian_heatmap(
            joints_px,
            tf.ones(tf.shape(joints_px)[:2]),
            height=5,
            width=8,
            stride=8,
            sigma_px=7.0,
        )
        assert b.shape.as_list() == [None, 5, 8, 14]
        return b

    assert traced(tf.zeros([3, 14, 2])).shape == [3, 5, 8, 14]


@pytest.mark.parametrize("origin_px", [None, 0.0])
@pytest.mark.parametrize("cutoff", [0.0, 0.3])
def test_gaussian_heatmap_gradient(seeded, gradient_error, cutoff, origin_px):
    # With a cutoff the finite difference is right unless a cell lies within 1e-5 of it; with this
    # seed none does.
    rng = seeded(4)
    joints_px = random_joints(rng, 4, 5, 8)
    present = rng.uniform(0.5, 1, size=[2, 3])

    def draw(joints_px, present, sigma_px):
        return ops.gaussian_heatmap(
            joints_px,
            present,
            height=4,
            width=5,
            stride=8,
            sigma_px=sigma_px,
            cutoff=cutoff,
            origin_px=origin_px,
        )

    # Measured: 1.4e-11 without and 7.6e-12 with the cutoff.
    assert gradient_error(draw, joints_px, present, 7.0) < 1e-6


def test_gaussian_heatmap_second_gradient(seeded, gradient_error):
    rng = seeded(5)
    joints_px = random_joints(rng, 3, 4, 8)
    weights = rng.normal(size=[2, 3, 4, 3])

    def slope(joints_px, sigma_px):
        with tf.GradientTape() as tape:
            tape.watch(joints_px)
            b = ops.gaussian_heatmap(
                joints_px,
                np.ones([2, 3]),
                height=3,
                width=4,
                stride=8,
                sigma_px=sigma_px,
            )
            loss = tf.reduce_sum(weights * b**2)
        return tape.gradient(loss, joints_px)

    # Measured: 3.2e-12.
    assert gradient_error(slope, joints_px, 7.0) < 1e-6


def test_gaussian_heatmap_gradient_is_automatic_ones(seeded):
    # The closed form against TensorFlow's own differentiation of the formula, h * w exponentials.
    rng = seeded(6)
    height, width, stride = 9, 6, 4
    joints_px = tf.constant(random_joints(rng, height, width, stride))
    present = tf.constant(rng.uniform(size=[2, 3]))
    sigma_px = tf.constant(5.0, tf.float64)
    upstream = rng.normal(size=[2, height, width, 3])
    v, u = np.mgrid[:height, :width] * stride + (stride - 1) / 2

    with tf.GradientTape(persistent=True) as tape:
        tape.watch([joints_px, present, sigma_px])
        x_j, y_j = (joints_px[:, None, None, :, k] for k in (0, 1))
        squared = (u[..., None] - x_j) ** 2 + (v[..., None] - y_j) ** 2
        plain = present[:, None, None] * tf.exp(-squared / (2 * sigma_px**2))
        b = ops.gaussian_heatmap(
            joints_px,
            present,
            height=height,
            width=width,
            stride=stride,
            sigma_px=sigma_px,
        )
    arguments = [joints_px, present, sigma_px]
    ours, automatic = (tape.gradient(y, arguments, upstream) for y in (b, plain))
    for one, other in zip(ours, automatic, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-10, atol=1e-14)


def test_gaussian_heatmap_is_raw_ops_only():
    # Promised by the module's first line: no other TensorFlow mathematics in its code.
    source = inspect.getsource(inspect.getmodule(ops.gaussian_heatmap))
    code = re.sub(r'""".*?"""|#[^\n]*', "", source, flags=re.DOTALL)
    used = set(re.findall(r"\btf\.(\w+)", code))
    assert used <= {
        "raw_ops",
        "Tensor",  # in hints
        "custom_gradient",
        "name_scope",
        "convert_to_tensor",
        "is_tensor",
        "float32",
        "float64",
    }


@pytest.mark.parametrize(
    "change, message",
    [
        (dict(joints_px=np.zeros([2, 3, 3])), r"joints_px has shape \[2, 3, 3\], expe"),
        (dict(present=np.zeros([2, 4])), r"present has shape \[2, 4\].*B = 2, P = 3"),
        (dict(joints_px=np.zeros([2, 3, 2], np.int32)), "joints_px has type int32"),
        (dict(height=0), "height is 0, expected an integer"),
        (dict(width=2.5), "width is 2.5, expected an integer"),
        (dict(stride=-8), "stride is -8, expected an integer"),
        (dict(sigma_px=0), "sigma_px is 0, expected a positive number"),
        (dict(sigma_px=tf.ones([2])), r"sigma_px has shape \[2\], expected \[\]"),
        (dict(cutoff=1.0), r"cutoff is 1.0, expected a number in \[0, 1\)"),
        (dict(origin_px=np.inf), "origin_px is inf, expected a finite number"),
        (dict(origin_px="3.5"), "origin_px is '3.5', expected a finite number"),
    ],
)
def test_gaussian_heatmap_raises(change, message):
    arguments = dict(
        joints_px=np.zeros([2, 3, 2], np.float32),
        present=np.ones([2, 3]),
        height=4,
        width=5,
        stride=8,
        sigma_px=7.0,
    )
    with pytest.raises(ValueError, match=message):
        ops.gaussian_heatmap(**(arguments | change))
