"""Cutting crops: exact on linear images, no aliasing, gray border; eager = graph."""

import numpy as np
import pytest
import tensorflow as tf

from cpm import geometry
from cpm.data.crops import cut_crop, shrink_for


def ramp(height, width):
    """`[H, W, 3]` float32 whose channels are x, y and x + y: linear, so averages are exact."""
    y, x = np.mgrid[:height, :width].astype(np.float32)
    return np.stack([x, y, x + y], -1)


def matrix_of(center_px, side_px, size, angle_rad=0.0, flip=False):
    region = geometry.CropRegion(center_px, side_px)
    return geometry.crop_to_image(region, size, angle_rad=angle_rad, flip=flip)


@pytest.mark.parametrize("pixels_per_pixel", [0.5, 1.0, 1.9, 2.0, 2.5, 3.7, 5.1])
@pytest.mark.parametrize("flip", [False, True])
def test_linear_image_is_sampled_exactly(pixels_per_pixel, flip):
    size = (16, 24)
    matrix = matrix_of((90.3, 80.7), 16 * pixels_per_pixel, size, 0.4, flip)
    got = cut_crop(ramp(161, 183), matrix, size).numpy()
    x, y = np.meshgrid(np.arange(24), np.arange(16))
    points = geometry.transform_points(matrix, np.stack([x, y], -1).reshape(-1, 2))
    u, v = points.T.reshape(2, 16, 24)
    # float32 of coordinates up to 200, a dozen operations.
    np.testing.assert_allclose(got, np.stack([u, v, u + v], -1), atol=2e-3)


@pytest.mark.parametrize("factor", [2, 4, 6])
def test_finest_pattern_becomes_gray(factor):
    y, x = np.mgrid[:96, :96]
    checkers = np.repeat((255 * ((x + y) % 2))[..., None], 3, -1).astype(np.uint8)
    matrix = matrix_of((47.5, 47.5), 96 - 2 * factor, (8, 8))
    matrix[:, :2] = np.eye(2) * factor
    matrix[:, 2] = 47.5 - factor * 3.5
    # Every block of an even side holds as many white pixels as black ones.
    np.testing.assert_allclose(cut_crop(checkers, matrix, (8, 8)), 127.5, atol=1e-3)


def test_block_means():
    image = np.arange(5 * 7 * 3).reshape(5, 7, 3).astype(np.uint8)
    shrunk, matrix = shrink_for(image, tf.constant([[2.0, 0, 3], [0, 2.0, 4]]))
    padded = np.pad(image, ((0, 1), (0, 1), (0, 0)), "edge").astype(np.float64)
    expected = padded.reshape(3, 2, 4, 2, 3).mean((1, 3))
    np.testing.assert_allclose(shrunk, expected)
    np.testing.assert_allclose(matrix, [[1, 0, 1.25], [0, 1, 1.75]])


@pytest.mark.parametrize("factor", range(2, 8))
@pytest.mark.parametrize("size", [(7, 9), (23, 31), (64, 42)])
def test_block_means_of_every_factor(factor, size):
    """Of 8 bit images the means are the nearest float32 numbers, whatever is cut off."""
    image = np.random.default_rng(factor).integers(0, 256, (*size, 3), np.uint8)
    shrunk, _ = shrink_for(image, tf.constant([[factor + 0.1, 0, 0], [0, factor + 0.1, 0]]))
    padding = [(0, -side % factor) for side in size]
    whole = np.pad(image, (*padding, (0, 0)), "symmetric").astype(np.float64)
    rows, columns = (side // factor for side in whole.shape[:2])
    means = whole.reshape(rows, factor, columns, factor, 3).mean((1, 3))
    np.testing.assert_array_equal(shrunk, means.astype(np.float32))


def test_fine_crops_are_not_shrunk():
    image = ramp(6, 6)
    shrunk, matrix = shrink_for(image, tf.constant([[1.9, 0, 3], [0, 1.9, 4]]))
    np.testing.assert_array_equal(shrunk, image)
    np.testing.assert_allclose(matrix, [[1.9, 0, 3], [0, 1.9, 4]])


def test_outside_is_the_border():
    black = np.zeros((10, 10, 3), np.uint8)
    crop = cut_crop(black, matrix_of((500, 500), 20, (6, 4)), (6, 4))
    np.testing.assert_array_equal(crop, np.full((6, 4, 3), 128))
    crop = cut_crop(black, matrix_of((500, 500), 20, (6, 4)), (6, 4), [1.0, 2.0, 3.0])
    np.testing.assert_allclose(crop, np.broadcast_to([1.0, 2.0, 3.0], (6, 4, 3)))


def test_tiny_image_in_a_coarse_crop():
    crop = cut_crop(np.zeros((2, 3, 3), np.uint8), matrix_of((1, 0), 100, (8, 8)), (8, 8))
    assert crop.shape == (8, 8, 3) and np.isfinite(crop).all()


@pytest.mark.parametrize("side_px", [20.0, 70.0])
def test_graph_of_unknown_size(side_px):
    image = np.random.default_rng(0).integers(0, 256, (80, 70, 3), np.uint8)
    matrix = matrix_of((33, 41), side_px, (16, 24), 0.3)
    run = tf.function(
        lambda image, matrix: cut_crop(image, matrix, (16, 24)),
        input_signature=[
            tf.TensorSpec([None, None, 3], tf.uint8),
            tf.TensorSpec([2, 3], tf.float32),
        ],
    )
    crop = run(image, matrix)
    assert crop.shape == (16, 24, 3)
    np.testing.assert_allclose(crop, cut_crop(image, matrix, (16, 24)), atol=1e-3)
