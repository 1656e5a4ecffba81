"""Images of 16 bits a color: all pages, all bits, upright, transparent where they are."""

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image, ImageOps

from cpm.data import images
from cpm.data.decoding import decode
from cpm.data.examples import encode_person, parse_example
from cpm.data.images import ImageError
from cpm.data.person import Person, Pose
from cpm.data.stretching import BACKDROP
from cpm.inference import image_frames
from cpm.inference.image_frames import read_image, read_pages
from tests.helpers.small_data_sets import LSP14

WIDE = np.linspace(100, 4000, 20 * 30 * 3).reshape(20, 30, 3).astype(np.uint16)
ORIENTATION = 0x0112
# Rounding of 16 bits to 8, and of the encoder's colors.
NEAR = {"atol": 1.01, "rtol": 0}


def stretched(values, low=100, high=4000):
    """By plain arithmetic."""
    return (values.astype(np.float64) - low) * 255 / (high - low)


def encoded(pixels, pixel_format, layout="rgba64le"):
    """A PNG of 16 bits, by FFmpeg."""
    import av

    encoder = av.CodecContext.create("png", "w")
    encoder.height, encoder.width = pixels.shape[:2]
    encoder.pix_fmt, encoder.time_base = pixel_format, 1
    frame = av.VideoFrame.from_ndarray(pixels, format=layout).reformat(format=pixel_format)
    return b"".join(bytes(packet) for packet in encoder.encode(frame))


def tiff(pages, orientation=1, extra=2, big=False):
    """An uncompressed TIFF of pages `[H, W, 3 or 4]` uint16, written by the specification.

    Args:
      pages: list of arrays.
      orientation: of all of them.
      extra: what a fourth sample means: 1 = opacity, multiplied in, 2 = opacity.
      big: BigTIFF, which FFmpeg does not read.
    """
    content = bytearray(b"II+\0\x08\0\0\0" if big else b"II*\0")
    link = len(content)
    word, size, entry = ("<Q", 8, "<HHQQ") if big else ("<I", 4, "<HHII")
    content += bytes(size)
    for page in pages:
        height, width, samples = page.shape
        data = len(content)
        content += page.astype("<u2").tobytes()
        bits = len(content)
        content += struct.pack(f"<{samples}H", *[16] * samples)
        packed = struct.unpack(
            word, struct.pack("<4H", *[16] * samples + [0] * (4 - samples))[:size]
        )
        tags = [
            *((256, 4, 1, width), (257, 4, 1, height)),
            (258, 3, samples, packed[0] if big else bits),
            *((259, 3, 1, 1), (262, 3, 1, 2), (273, 4, 1, data)),
            *((274, 3, 1, orientation), (277, 3, 1, samples), (278, 4, 1, height)),
            *((279, 4, 1, page.nbytes), (284, 3, 1, 1)),
            *([(338, 3, 1, extra)] if samples == 4 else []),
        ]
        content[link : link + size] = struct.pack(word, len(content))
        content += struct.pack("<Q" if big else "<H", len(tags))
        content += b"".join(struct.pack(entry, *tag) for tag in tags)
        link = len(content)
        content += bytes(size)
    return bytes(content)


def with_opacity(colors, opacity):
    return np.concatenate([colors, np.full([*colors.shape[:2], 1], opacity, np.uint16)], -1)


def test_gray_with_opacity_keeps_all_bits():
    """Values up to 4000 of 65535: the upper byte alone has 16 grays."""
    gray = np.repeat(WIDE[..., :1], 3, -1)
    image = read_image(encoded(with_opacity(gray, 65535), "ya16be"))
    # FFmpeg's way from RGB to gray and back may miss by one of 3900 steps more.
    np.testing.assert_allclose(image, stretched(gray, gray.min(), gray.max()), **NEAR)


def test_gray_with_a_transparent_value():
    """The tRNS chunk: a gray that is not seen."""
    path = io.BytesIO()
    gray = WIDE[..., 0].copy()
    gray[0] = 65535
    Image.fromarray(gray).save(path, "PNG", transparency=65535)
    image = read_image(path.getvalue())
    assert (image[0] == BACKDROP).all()
    expected = stretched(gray[1:], gray[1:].min(), gray[1:].max())
    np.testing.assert_allclose(image[1:, :, 0], expected, **NEAR)


@pytest.mark.parametrize("kind", ["png", "tiff", "multiplied"])
def test_transparent_pixels_are_gray_and_do_not_count(kind):
    colors, opacity = WIDE.copy(), np.full([20, 30, 1], 65535, np.uint16)
    colors[:5], opacity[:5] = 65535, 0  # hidden, and far above what is seen
    opacity[5] = 32768  # half
    pixels = np.concatenate([colors, opacity], -1)
    if kind == "multiplied":
        pixels[..., :3] = np.rint(colors * (opacity / 65535))
    content = encoded(pixels, "rgba64be") if kind == "png" else None
    content = content or tiff([pixels], extra=1 if kind == "multiplied" else 2)
    image = read_image(content)
    assert (image[:5] == BACKDROP).all()
    expected = stretched(colors, colors[5:].min(), colors[5:].max())
    np.testing.assert_allclose(image[6:], expected[6:], **NEAR)
    np.testing.assert_allclose(image[5], (expected[5] + BACKDROP) / 2, **NEAR)


def test_nothing_but_transparent_pixels():
    assert (read_image(encoded(with_opacity(WIDE, 0), "rgba64be")) == BACKDROP).all()


def test_every_page_is_read():
    pages = [WIDE, WIDE[::-1].copy(), WIDE[:, :10].copy()]
    read = list(read_pages(tiff(pages)))
    assert len(read) == 3
    for page, image in zip(pages, read, strict=True):
        np.testing.assert_allclose(image, stretched(page, page.min(), page.max()), **NEAR)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_images_are_turned_upright_as_pillow_does(orientation):
    """Truth: Pillow, of the same pixels in 8 bits."""
    eight = Image.fromarray(np.rint(stretched(WIDE)).astype(np.uint8))
    eight.getexif()[ORIENTATION] = orientation
    expected = np.asarray(ImageOps.exif_transpose(eight))
    np.testing.assert_allclose(read_image(tiff([WIDE], orientation)), expected.astype(int), **NEAR)
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    plain = encoded(WIDE, "rgb48be", "rgb48le")
    chunk = b"eXIf" + exif.tobytes()[6:]
    whole = struct.pack(">I", len(chunk) - 4) + chunk + struct.pack(">I", zlib.crc32(chunk))
    turned = read_image(plain[:33] + whole + plain[33:])  # after the first chunk, IHDR
    np.testing.assert_allclose(turned, expected.astype(int), **NEAR)


def test_what_only_pillow_reads_is_refused():
    """Its upper bytes alone would be 16 grays at most, without a word."""
    content = tiff([WIDE], big=True)
    with Image.open(io.BytesIO(content)) as image:
        assert image.mode == "RGB"  # Pillow reads it
    with pytest.raises(ImageError, match=r"image cannot be decoded: it has more than 8 bits"):
        read_image(content)


def test_cut_and_large_files(monkeypatch):
    content = tiff([WIDE, WIDE])
    for cut in (encoded(WIDE, "rgb48be", "rgb48le")[:-300], content[: len(content) // 2 - 900]):
        with pytest.raises(ImageError, match="cannot be decoded"):
            list(read_pages(cut))
    # Of a TIFF whose first page is small enough.
    pages = read_pages(tiff([WIDE[:10], WIDE]))
    monkeypatch.setattr(image_frames, "MAX_PIXELS", 599)
    assert next(pages).shape == (10, 30, 3)
    with pytest.raises(ImageError, match="a page has 30 x 20 pixels; at most 599"):
        next(pages)
    deep_png = encoded(WIDE, "rgb48be", "rgb48le")
    with pytest.raises(ImageError, match="image has 30 x 20 pixels; at most 599 are read"):
        images.read_image(deep_png, max_pixels=599)


@pytest.mark.parametrize("layout", ["rgb48be", "rgba64be", "ya16be"])
def test_data_sets_read_what_prediction_reads(layout):
    """The same pixels, with H != W, of values that use a small part of the range."""
    content = encoded(with_opacity(WIDE, 65535), layout)
    got = images.read_image(content)
    assert got.shape == (20, 30, 3)
    np.testing.assert_array_equal(got, read_image(content))
    assert got.min() == 0 and got.max() == 255


def test_records_hold_the_stretched_colors(tmp_path):
    """From the file to the pixels that training sees; a JPEG of quality 95 lies between."""
    path = tmp_path / "deep.png"
    y, x = np.mgrid[:40, :60]
    colors = np.stack([1000 + 10 * x, 1000 + 15 * y, 1300 - 3 * x], -1).astype(np.uint16)
    path.write_bytes(encoded(colors, "rgb48be", "rgb48le"))
    pose = Pose(np.full([14, 2], 20.0) + np.arange(28).reshape(14, 2) % 9, np.full(14, 2))
    record, size = encode_person(Person("deep", str(path), LSP14, pose))
    assert size == (40, 60)
    stored = decode(parse_example(record, 14)["picture"]).numpy()
    expected = stretched(colors, colors.min(), colors.max())
    assert np.abs(stored - expected).mean() < 2
    np.testing.assert_array_equal(images.read_image(str(path)), read_image(str(path)))
