"""The crops of prediction beside those of training: the same, at any size and place."""

import numpy as np
import pytest

from cpm import geometry
from cpm.data.crops import cut_crop
from cpm.inference.upright_crops import upright_crop


def both(image, region, size, **options):
    matrix = geometry.crop_to_image(region, size)
    expected = cut_crop(image, matrix, size, **options).numpy()
    got = upright_crop(image, matrix, size, **options)
    assert got.dtype == np.float32 and got.shape == (*size, 3)
    return got, expected


@pytest.mark.parametrize("trial", range(12))
def test_upright_crop_random(seeded, trial):
    rng = seeded(trial)
    height, width = rng.integers(1, 400, 2)
    image = rng.integers(0, 256, [height, width, 3], np.uint8)
    middle = rng.uniform(-0.3, 1.3, 2) * (width, height)
    region = geometry.CropRegion(tuple(middle), float(np.exp(rng.uniform(0, 7))))
    got, expected = both(image, region, tuple(rng.integers(20, 90, 2)))
    # Positions are float32 there: 1e-4 pixels of an image of 400, times steps of 255.
    np.testing.assert_allclose(got, expected, atol=0.05)


@pytest.mark.parametrize("shape", [(1, 1), (1, 300), (300, 1), (37, 41)])
def test_upright_crop_of_tiny_images_and_cut_off_blocks(seeded, shape):
    image = seeded(1).integers(0, 256, [*shape, 3], np.uint8)
    got, expected = both(image, geometry.region_from_whole_image(*shape), (16, 16))
    np.testing.assert_allclose(got, expected, atol=0.05)


def test_upright_crop_outside_is_border():
    image = np.zeros([20, 20, 3], np.uint8)
    region = geometry.CropRegion((500.0, -300.0), 50.0)
    got, expected = both(image, region, (24, 32), border=np.array([9.0, 8.0, 7.0], np.float32))
    np.testing.assert_array_equal(got, np.broadcast_to([9, 8, 7], [24, 32, 3]))
    np.testing.assert_array_equal(expected, got)


def test_upright_crop_of_the_image_itself(seeded):
    image = seeded(2).integers(0, 256, [24, 24, 3], np.uint8)
    got = upright_crop(image, [[1, 0, 0], [0, 1, 0]], (24, 24))
    np.testing.assert_array_equal(got, image)
