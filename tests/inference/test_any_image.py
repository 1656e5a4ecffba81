"""Whatever people have at hand as an image."""

import pathlib

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from cpm.data.images import BACKDROP, ImageError
from cpm.inference.any_image import any_image, name_of

COLORS = np.array([[[255, 0, 0], [0, 128, 7]], [[3, 255, 9], [0, 0, 255]]], np.uint8)
GRAY = np.array([[0, 100], [200, 255]], np.uint8)


@pytest.mark.parametrize(
    "value",
    [
        COLORS,
        COLORS.tolist(),
        COLORS / np.float32(255),
        COLORS.astype(np.float64),
        tf.constant(COLORS),
        Image.fromarray(COLORS),
        np.concatenate([COLORS, np.full([2, 2, 1], 255, np.uint8)], -1),
    ],
    ids=["uint8", "lists", "floats to 1", "floats to 255", "tensor", "PIL", "opaque"],
)
def test_the_same_colors(value):
    if isinstance(value, list):  # integers of no particular width: their range is stretched
        np.testing.assert_array_equal(any_image(value), COLORS)
    got = any_image(value)
    np.testing.assert_array_equal(got, COLORS)
    assert got.dtype == np.uint8 and got.flags.c_contiguous


def test_files(tmp_path):
    path = tmp_path / "a.png"
    Image.fromarray(COLORS).save(path)
    for value in (str(path), pathlib.Path(path), path.read_bytes(), Image.open(path)):
        np.testing.assert_array_equal(any_image(value), COLORS)
    assert name_of(path) == name_of(Image.open(path)) == str(path)
    assert name_of(COLORS) is name_of(Image.fromarray(COLORS)) is None


@pytest.mark.parametrize("gray", [GRAY, GRAY[..., None], GRAY / 255, Image.fromarray(GRAY)])
def test_gray(gray):
    np.testing.assert_array_equal(any_image(gray), np.repeat(GRAY[..., None], 3, -1))


def test_other_ranges_are_stretched():
    thermal = np.array([[29000, 29500], [30020, 29000]], np.uint16)
    assert any_image(thermal)[..., 0].tolist() == [[0, 125], [255, 0]]
    signed = np.array([[-1.0, np.nan], [1.0, 0.0]])
    assert any_image(signed)[..., 2].tolist() == [[0, 0], [255, 128]]
    assert any_image(GRAY > 100)[..., 1].tolist() == [[0, 0], [255, 255]]


def test_transparent_pixels_show_the_backdrop():
    half = np.array([[[200, 100, 0, 0], [200, 100, 0, 255]]], np.uint8)
    assert any_image(half).tolist() == [[[BACKDROP] * 3, [200, 100, 0]]]
    assert any_image(half[..., [0, 3]]).tolist() == [[[BACKDROP] * 3, [200] * 3]]


def test_opacity_of_16_bits_is_no_color():
    """A 12-bit image is stretched by its colors; opacity ends at 65535, whatever they are."""
    pixels = np.array([[[0, 2000, 4000, 65535], [65535, 0, 0, 0]]], np.uint16)
    assert any_image(pixels).tolist() == [[[0, 128, 255], [BACKDROP] * 3]]
    assert any_image(pixels[..., [0, 3]] * 0).tolist() == [[[BACKDROP] * 3] * 2]


def test_a_photograph_is_turned_upright(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was turned by 90 degrees
    Image.new("RGB", (40, 20)).save(tmp_path / "a.jpg", exif=exif)
    assert any_image(Image.open(tmp_path / "a.jpg")).shape == (40, 20, 3)


@pytest.mark.parametrize(
    "value",
    [None, 3, np.zeros([2, 2, 5]), np.zeros([0, 5, 3]), np.array([["a"]]), [[1], [2, 3]], {}],
)
def test_what_is_no_image_is_named(value):
    with pytest.raises(ImageError, match="an image should be a path, a PIL image or an array"):
        any_image(value)
