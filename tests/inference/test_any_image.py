"""Whatever people have at hand as an image."""

import io
import pathlib

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from cpm.data.images import BACKDROP, ImageError
from cpm.inference.any_image import any_image, is_pixels, name_of
from cpm.inference.sources import images_from

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


def test_an_image_that_ends_a_little_above_one_is_not_black():
    """Resampling overshoots 1; in light that is not cut off the sun does by far."""
    assert any_image(np.array([[0.0, 0.51], [1.02, 0.255]]))[..., 0].tolist() == [
        [0, 128],
        [255, 64],
    ]
    assert any_image(np.array([[0.5, 8.3], [4.5, 0.5]]))[..., 0].tolist() == [[0, 255], [131, 0]]
    dark = np.array([[0.0, 3.0], [2.0, 1.0]])  # of uint8, whole numbers
    assert any_image(dark)[..., 0].tolist() == dark.tolist()
    assert any_image(dark.astype(int).tolist())[..., 0].tolist() == dark.tolist()
    bright = np.array([[0.2, 17.4], [2.0, 1.0]])
    assert any_image(bright)[..., 0].tolist() == [[0, 17], [2, 1]]


def test_the_content_of_a_file(tmp_path):
    """Of an upload, say: bytes of three types, and open files, which know their names."""
    path = tmp_path / "a.png"
    Image.fromarray(COLORS).save(path)
    content = path.read_bytes()
    for value in (content, bytearray(content), memoryview(content), io.BytesIO(content)):
        np.testing.assert_array_equal(any_image(value), COLORS)
        (only,) = images_from(value.getvalue() if hasattr(value, "getvalue") else value)
        np.testing.assert_array_equal(only.image, COLORS)
        assert name_of(value) is None and only.file is None
    with open(path, "rb") as file:
        assert is_pixels(file) and name_of(file) == str(path)
        np.testing.assert_array_equal(any_image(file), COLORS)
        with pytest.raises(ImageError, match=r"is empty; .*its beginning"):
            any_image(file)
    with open(path, encoding="latin-1") as file, pytest.raises(ImageError, match="opened as text"):
        any_image(file)
    assert is_pixels(memoryview(content)) and is_pixels(memoryview(COLORS))
    np.testing.assert_array_equal(any_image(memoryview(COLORS)), COLORS)


def test_other_ranges_are_stretched():
    thermal = np.array([[29000, 29500], [30020, 29000]], np.uint16)
    assert any_image(thermal)[..., 0].tolist() == [[0, 125], [255, 0]]
    signed = np.array([[-1.0, np.nan], [1.0, 0.0]])
    assert any_image(signed)[..., 2].tolist() == [[0, 0], [255, 128]]
    assert any_image(GRAY > 100)[..., 1].tolist() == [[0, 0], [255, 255]]


def test_transparent_pixels_show_the_backdrop():
    half = np.array([[[200, 100, 0, 0], [200, 100, 0, 255]]], np.uint8)
    assert any_image(half).tolist() == [[[BACKDROP] * 3, [200, 100, 0]]]
    np.testing.assert_array_equal(any_image(half.tolist()), any_image(half))
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


def test_a_pil_image_that_cannot_be_decoded_is_named(tmp_path):
    Image.fromarray(np.arange(30_000, dtype=np.uint8).reshape(100, 100, 3)).save(tmp_path / "a.jpg")
    half = (tmp_path / "a.jpg").read_bytes()[:2000]
    (tmp_path / "a.jpg").write_bytes(half)
    with pytest.raises(ImageError, match=r"a\.jpg' cannot be decoded: image file is truncated"):
        any_image(Image.open(tmp_path / "a.jpg"))
    closed = Image.open(io.BytesIO(half))
    closed.close()
    with pytest.raises(ImageError, match=r"'the PIL image' cannot be decoded: .*closed"):
        any_image(closed)


@pytest.mark.parametrize(
    "value",
    [None, 3, np.zeros([2, 2, 5]), np.zeros([0, 5, 3]), np.array([["a"]]), [[1], [2, 3]], {}],
)
def test_what_is_no_image_is_named(value):
    with pytest.raises(ImageError, match="an image should be a path, a PIL image or an array"):
        any_image(value)
