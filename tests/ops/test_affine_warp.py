"""affine_warp against SciPy's map_coordinates, hand-computed cases and the plain loops."""

import numpy as np
import pytest
import scipy.ndimage
import tensorflow as tf

import ops
from ops import reference

IDENTITY = np.array([[[1.0, 0, 0], [0, 1, 0]]])


def random_matrices(rng, batch, size):
    """`[batch, 2, 3]`: turns, scales and mirrors about the middle of an image of `size`."""
    angle = rng.uniform(-np.pi, np.pi, batch)
    scale = rng.uniform(0.4, 2.0, batch)
    mirror = rng.choice([-1.0, 1.0], batch)
    cosine, sine = scale * np.cos(angle), scale * np.sin(angle)
    linear = np.stack([[mirror * cosine, -sine], [mirror * sine, cosine]])
    linear = linear.transpose(2, 0, 1)
    offset = rng.uniform(0, size[::-1], [batch, 2])
    return np.concatenate([linear, offset[:, :, None]], -1)


def scipy_warp(images, matrices, height, width, border):
    """The same by `map_coordinates`, of the image with a wide frame of border color around."""
    frame = 3
    v, u = np.mgrid[:height, :width].astype(float)
    out = np.zeros([len(images), height, width, images.shape[3]])
    for b, c in np.ndindex(len(images), images.shape[3]):
        x, y = np.einsum("ij,jhw->ihw", matrices[b], [u, v, np.ones_like(u)])
        framed = np.pad(images[b, :, :, c], frame, constant_values=border[c])
        out[b, :, :, c] = scipy.ndimage.map_coordinates(
            framed, [y + frame, x + frame], order=1, mode="constant", cval=border[c]
        )
    return out


def test_affine_warp_preset_identity(seeded):
    image = seeded(1).normal(size=[1, 4, 7, 3])
    np.testing.assert_array_equal(ops.affine_warp(image, IDENTITY, height=4, width=7), image)


def test_affine_warp_preset_shift_and_border():
    image = np.array([[1.0, 2.0], [3.0, 4.0]]).reshape(1, 2, 2, 1)
    # Output (x, y) comes from (x - 1, y + 0.5).
    matrix = [[[1.0, 0.0, -1.0], [0.0, 1.0, 0.5]]]
    out = ops.affine_warp(image, matrix, height=2, width=4, border=9.0)
    # Row 0: between the image's rows; row 1: half way from row 1 to the border.
    np.testing.assert_array_equal(out[0, :, :, 0], [[9, 2, 3, 9], [9, (3 + 9) / 2, (4 + 9) / 2, 9]])


def test_affine_warp_preset_mirror():
    # Mirrored x is width - 1 - x, and twice is the identity.
    image = np.arange(15.0).reshape(1, 3, 5, 1)
    mirror = [[[-1.0, 0.0, 4.0], [0.0, 1.0, 0.0]]]
    out = ops.affine_warp(image, mirror, height=3, width=5)
    np.testing.assert_array_equal(out, image[:, :, ::-1])
    again = ops.affine_warp(out, mirror, height=3, width=5)
    np.testing.assert_array_equal(again, image)


@pytest.mark.parametrize("size", [(9, 14), (16, 7)])
def test_affine_warp_random(seeded, size):
    rng = seeded(sum(size))
    images = rng.uniform(0, 255, size=[4, *size, 3])
    matrices = random_matrices(rng, 4, size)
    border = np.array([128.0, 0.0, 255.0])
    out = ops.affine_warp(images, matrices, height=12, width=15, border=border)
    expected = scipy_warp(images, matrices, 12, 15, border)
    np.testing.assert_allclose(out, expected, atol=1e-10)


@pytest.mark.parametrize("size", [(9, 14), (16, 7)])
@pytest.mark.parametrize("border", [0.0, [128.0, 0.0, 255.0]])
@pytest.mark.parametrize("dtype", [np.uint8, np.float32, np.float64])
def test_affine_warp_by_the_library(seeded, size, border, dtype):
    rng = seeded(sum(size) + 1)
    images = rng.integers(0, 256, size=[4, *size, 3]).astype(dtype)
    matrices = random_matrices(rng, 4, size)
    arguments = dict(height=12, width=15, border=border, differentiable=False)
    out = ops.affine_warp(images, matrices, **arguments)
    colors = np.broadcast_to(border, [3])
    expected = scipy_warp(images.astype(np.float64), matrices, 12, 15, colors)
    # Its coordinates, of order 30, are float32 in any case, and a color may change by 255 a pixel.
    # Measured: 3.2e-4.
    np.testing.assert_allclose(out, expected, atol=2e-3)
    assert out.dtype == (np.float32 if dtype == np.uint8 else dtype)


def test_affine_warp_by_the_library_lets_no_gradient_pass():
    image, matrix = tf.ones([1, 3, 4, 1]), tf.constant(IDENTITY)
    with tf.GradientTape() as tape:
        tape.watch([image, matrix])
        out = ops.affine_warp(image, matrix, height=2, width=2, differentiable=False)
    assert tape.gradient(out, [image, matrix]) == [None, None]


def test_affine_warp_reference(seeded):
    rng = seeded(2)
    images = rng.normal(size=[3, 6, 5, 2])
    matrices = random_matrices(rng, 3, (6, 5))
    arguments = dict(height=7, width=4, border=0.25)
    np.testing.assert_allclose(
        ops.affine_warp(images, matrices, **arguments),
        reference.affine_warp(images, matrices, **arguments),
        atol=1e-12,
    )


def test_affine_warp_is_exact_on_linear_images(seeded):
    # A color that is a linear function of (x, y) survives bilinear interpolation.
    matrices = random_matrices(seeded(3), 2, (40, 40))
    v, u = np.mgrid[:101, :101] - 30.0
    image = np.stack([u, v], -1)[None].repeat(2, 0)
    matrices[:, :, :2] *= 0.5
    out = ops.affine_warp(image, matrices + np.array([0, 0, 30.0]), height=6, width=9)
    for y, x in np.ndindex(6, 9):
        expected = matrices @ [x, y, 1.0]
        np.testing.assert_allclose(out[:, y, x], expected, atol=1e-10)


@pytest.mark.parametrize("differentiable", [True, False])
def test_affine_warp_far_outside(differentiable):
    matrices = np.array([[[1e30, 0, 1e30], [0, 1, 0]], [[1, 0, -1e9], [0, 1, 1e12]]])
    image = np.ones([2, 3, 4, 1], np.float32)
    arguments = dict(height=2, width=2, border=7.0, differentiable=differentiable)
    out = ops.affine_warp(image, matrices, **arguments)
    np.testing.assert_array_equal(out, np.full([2, 2, 2, 1], 7.0))


def test_affine_warp_uint8_is_float(seeded):
    rng = seeded(4)
    images = rng.integers(0, 256, size=[2, 8, 9, 3]).astype(np.uint8)
    matrices = random_matrices(rng, 2, (8, 9))
    arguments = dict(height=6, width=5, border=[128.0, 0.0, 255.0])
    one = ops.affine_warp(images, matrices, **arguments)
    other = ops.affine_warp(images.astype(np.float32), matrices, **arguments)
    assert one.dtype == tf.float32
    np.testing.assert_array_equal(one, other)


def test_affine_warp_same_everywhere(seeded, assert_same_everywhere):
    rng = seeded(5)
    images = rng.uniform(0, 1, size=[3, 8, 11, 3]).astype(np.float32)
    matrices = random_matrices(rng, 3, (8, 11)).astype(np.float32)

    def warp(images, matrices):
        return ops.affine_warp(images, matrices, height=10, width=7, border=0.5)

    # Coordinates of order 10 are known to 1e-6 px, colors of order 1 change by 1 per px.
    assert_same_everywhere(warp, images, matrices, atol=2e-5)


@pytest.mark.parametrize("differentiable", [True, False])
def test_affine_warp_in_a_dataset(seeded, differentiable):
    # As the input pipeline uses it: images of different sizes, one at a time.
    rng = seeded(6)
    images = [rng.uniform(size=[1, h, w, 3]) for h, w in ((4, 6), (7, 5))]
    sizes = tf.data.Dataset.from_tensor_slices([[4, 6], [7, 5]])
    flat = tf.constant(np.concatenate([p.ravel() for p in images]))
    starts = tf.data.Dataset.from_tensor_slices([0, images[0].size])

    def crop(size, start):
        count = size[0] * size[1] * 3
        image = tf.reshape(flat[start : start + count], [1, size[0], size[1], 3])
        arguments = dict(height=8, width=8, differentiable=differentiable)
        out = ops.affine_warp(image, IDENTITY * 0.5, **arguments)[0]
        assert out.shape.as_list() == [8, 8, 3]
        return out

    got = list(tf.data.Dataset.zip(sizes, starts).map(crop))
    for one, image in zip(got, images, strict=True):
        expected = ops.affine_warp(image, IDENTITY * 0.5, height=8, width=8)[0]
        if differentiable:
            np.testing.assert_array_equal(one, expected)
        else:  # The library rounds to float32 in between. Measured: 6.3e-8.
            np.testing.assert_allclose(one, expected, rtol=0, atol=1e-6)


def test_affine_warp_gradient(seeded, gradient_error):
    # By the images and by the matrices; no sample lies within 1e-5 px of a pixel with this seed.
    rng = seeded(7)
    images = rng.normal(size=[2, 4, 5, 2])
    matrices = random_matrices(rng, 2, (4, 5))

    def warp(images, matrices):
        return ops.affine_warp(images, matrices, height=3, width=4, border=0.5)

    # Measured: 3.0e-11.
    assert gradient_error(warp, images, matrices) < 1e-6


@pytest.mark.parametrize(
    "images, matrices, border, message",
    [
        ([4, 5, 3], [1, 2, 3], 0.0, r"images has shape \[4, 5, 3\], expected \[B, H"),
        ([2, 4, 5, 3], [1, 2, 3], 0.0, r"matrices has shape \[1, 2, 3\].* B = 2"),
        ([1, 4, 5, 3], [1, 3, 3], 0.0, r"matrices has shape .*expected \[B, 2, 3\]"),
        ([1, 4, 5, 3], [1, 2, 3], [0.0, 1.0], r"border has shape \[2\].*C = 3"),
    ],
)
def test_affine_warp_raises(images, matrices, border, message):
    with pytest.raises(ValueError, match=message):
        ops.affine_warp(tf.zeros(images), tf.zeros(matrices), height=4, width=4, border=border)


def test_affine_warp_raises_size_and_type():
    with pytest.raises(ValueError, match="height is 0"):
        ops.affine_warp(tf.zeros([1, 4, 4, 1]), IDENTITY, height=0, width=4)
    with pytest.raises(ValueError, match="images has type int32"):
        ops.affine_warp(tf.zeros([1, 4, 4, 1], tf.int32), IDENTITY, height=4, width=4)
