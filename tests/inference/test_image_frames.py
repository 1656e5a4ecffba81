"""Image files of many bits and of HEIC: their range becomes 0 … 255, or a sentence."""

import sys

import numpy as np
import pytest
from PIL import Image

from cpm.data.images import ImageError
from cpm.inference import image_frames
from cpm.inference.image_frames import number_of_images, read_image
from cpm.inference.sources import images_from
from tests.helpers.plain_images import COLORS, colors, plain, save_plain


@pytest.mark.parametrize("highest", [255, 4095, 65535])
@pytest.mark.parametrize("suffix", ["png", "tif"])
def test_gray_of_16_bits_is_stretched_by_its_range(tmp_path, suffix, highest):
    """8, 12 and 16 bits used; and a thermal image's range far above 0."""
    ramp = np.linspace(0, highest, 20 * 30).reshape(20, 30)
    for offset in (0, 7000 if highest < 50000 else 0):
        path = tmp_path / f"a.{suffix}"
        Image.fromarray((ramp + offset).astype(np.uint16)).save(path)
        (item,) = images_from(path)
        expected = np.linspace(0, 255, 20 * 30).reshape(20, 30)
        # A step of the smallest range is half a gray level.
        np.testing.assert_allclose(item.image[..., 0], expected, atol=1.01)
        assert (item.image == item.image[..., :1]).all()


def test_thermal_image_of_floats(tmp_path):
    degrees = np.linspace(18.5, 36.6, 600, dtype=np.float32).reshape(20, 30)
    Image.fromarray(degrees).save(tmp_path / "a.tif")
    (item,) = images_from(tmp_path / "a.tif")
    assert (item.image.min(), item.image.max()) == (0, 255)


@pytest.mark.parametrize("suffix, codec", [("png", "png"), ("tif", "tiff")])
def test_color_of_12_bits_is_stretched_by_its_range(tmp_path, suffix, codec):
    import av

    wide = np.zeros([20, 30, 3], np.uint16)
    wide[..., 0] = np.linspace(0, 4095, 30)
    wide[..., 1] = 1000
    encoder = av.CodecContext.create(codec, "w")
    encoder.width, encoder.height = 30, 20
    encoder.pix_fmt = "rgb48be" if codec == "png" else "rgb48le"
    encoder.time_base = 1
    frame = av.VideoFrame.from_ndarray(wide, format="rgb48le").reformat(format=encoder.pix_fmt)
    content = b"".join(bytes(packet) for packet in encoder.encode(frame))
    (tmp_path / f"a.{suffix}").write_bytes(content)
    (item,) = images_from(tmp_path / f"a.{suffix}")
    np.testing.assert_allclose(item.image, wide * (255 / 4095), atol=1)


def test_heic_without_its_package_names_it(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    (tmp_path / "a.heic").write_bytes(b"\0\0\0\x18ftypheic" + bytes(20))
    with pytest.raises(ImageError, match=r"a.heic' is a HEIC photo.*pip install pillow-heif"):
        list(images_from(tmp_path / "a.heic"))
    save_plain(tmp_path / "b.png")
    images = images_from(tmp_path)
    assert len(list(images)) == 1 and "pillow-heif" in str(images.skipped)


def test_heic_with_its_package(tmp_path):
    pillow_heif = pytest.importorskip("pillow_heif", reason="the optional package is not there")
    heif = pillow_heif.from_pillow(Image.fromarray(plain(COLORS[1], (64, 64))))
    heif.save(tmp_path / "a.heic", quality=95)
    assert colors(images_from(tmp_path / "a.heic")) == [1]


def test_heic_of_several_images_is_as_many_with_the_main_one_first(tmp_path):
    """Bursts and scans; once the first was given, and nothing said of the others."""
    pillow_heif = pytest.importorskip("pillow_heif", reason="the optional package is not there")
    pillow_heif.register_heif_opener()
    path = tmp_path / "a.heic"
    first, *others = (Image.fromarray(plain(color, (48, 64))) for color in COLORS[:3])
    first.save(path, save_all=True, append_images=others, quality=95, primary_index=1)
    images = list(images_from(path))
    assert colors(images) == [1, 0, 2] and [item.frame for item in images] == [0, 1, 2]
    assert number_of_images(path) == 3 and (read_image(str(path)) == images[0].image).all()


def test_a_later_page_may_be_too_large(tmp_path, monkeypatch):
    """The first page is checked before it is decoded, and so are the others."""
    monkeypatch.setattr(image_frames, "MAX_PIXELS", 599)
    small, large = Image.new("L", (30, 10)), Image.new("L", (30, 20))
    small.save(tmp_path / "a.tif", save_all=True, append_images=[large])
    with pytest.raises(ImageError, match="a page has 30 x 20 pixels; at most 599 are read"):
        list(images_from(tmp_path / "a.tif"))
