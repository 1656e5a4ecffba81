"""Images of every kind become upright `[H, W, 3]` uint8 RGB, or a sentence."""

import io
import os
import pathlib
import struct
import subprocess
import sys
import tracemalloc
import zlib

import numpy as np
import pytest
from PIL import Image

from cpm.data import images, stretching
from cpm.data.images import ImageError, inside, read_image
from cpm.errors import UsageError


def encoded(image, format, **options):
    buffer = io.BytesIO()
    image.save(buffer, format, **options)
    return buffer.getvalue()


def png(width, height, bits, color_type, rows):
    """A PNG file made by hand: Pillow cannot write all kinds it should read."""

    def chunk(name, content):
        check = zlib.crc32(name + content)
        return struct.pack(">I", len(content)) + name + content + struct.pack(">I", check)

    header = struct.pack(">IIBBBBB", width, height, bits, color_type, 0, 0, 0)
    body = zlib.compress(b"".join(b"\0" + row for row in rows))
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", body) + chunk(b"IEND", b"")
    )


COLORS = np.array([[[255, 0, 0], [0, 255, 0], [0, 0, 255]]], np.uint8)  # [1, 3, 3]


def test_images_are_read_where_a_program_has_lifted_pillows_limit():
    code = "from PIL import Image; Image.MAX_IMAGE_PIXELS = None; import cpm.data.images as i"
    root = pathlib.Path(__file__).parent.parent.parent
    run = [sys.executable, "-c", f"{code}; print(i.PILLOW_PIXELS)"]
    result = subprocess.run(run, capture_output=True, text=True, check=True, cwd=root)
    assert int(result.stdout) == images.PILLOW_PIXELS


class TestReadImage:
    @pytest.mark.parametrize("format", ["PNG", "BMP"])
    def test_lossless_formats_are_exact(self, format):
        content = encoded(Image.fromarray(COLORS), format)
        np.testing.assert_array_equal(read_image(content), COLORS)

    def test_webp(self):
        content = encoded(Image.fromarray(COLORS), "WEBP", lossless=True)
        np.testing.assert_array_equal(read_image(content), COLORS)

    @pytest.mark.parametrize("mode", ["RGBA", "LA", "P", "CMYK", "L", "1", "RGB"])
    def test_bands_are_one_image(self, mode, monkeypatch):
        """An image is converted band by band, which no pixel shows."""
        noise = np.random.default_rng(0).integers(0, 256, (37, 21, 4), np.uint8)
        image = Image.fromarray(noise).convert("RGB").convert(mode)
        if mode in ("RGBA", "LA"):
            image.putalpha(Image.fromarray(noise[..., 3]))
        if mode == "P":
            image.info["transparency"] = 3
        whole = images.as_rgb(image)
        monkeypatch.setattr(stretching, "BAND", 90)
        np.testing.assert_array_equal(images.as_rgb(image), whole)

    def test_gray_is_repeated(self):
        gray = np.array([[0, 77, 255]], np.uint8)
        got = read_image(encoded(Image.fromarray(gray), "PNG"))
        np.testing.assert_array_equal(got, np.repeat(gray[..., None], 3, -1))

    def test_16_bit_gray_is_stretched_by_its_range(self):
        """As of a 12-bit sensor or a thermal camera: the upper byte alone would be nearly black."""
        row = struct.pack(">3H", 1000, 1500, 2020)
        got = read_image(png(3, 1, 16, 0, [row]))
        assert got[0].tolist() == [[0] * 3, [125] * 3, [255] * 3]
        flat = read_image(png(3, 1, 16, 0, [struct.pack(">3H", 7, 7, 7)]))
        assert not flat.any()

    def test_16_bit_rgb_is_stretched_by_its_range(self):
        """Of all channels together; the upper byte alone would be 3 to 7."""
        row = struct.pack(">6H", 1000, 1000, 1000, 1500, 2020, 1000)
        got = read_image(png(2, 1, 16, 2, [row]))
        assert got[0].tolist() == [[0, 0, 0], [125, 255, 0]]

    def test_palette(self):
        palette = Image.fromarray(COLORS).quantize(3)
        np.testing.assert_array_equal(read_image(encoded(palette, "PNG")), COLORS)

    def test_transparent_pixels_show_gray(self):
        rgba = np.array([[[255, 0, 0, 255], [255, 0, 0, 0]]], np.uint8)
        got = read_image(encoded(Image.fromarray(rgba), "PNG"))
        assert got[0].tolist() == [[255, 0, 0], [128, 128, 128]]

    def test_cmyk_becomes_rgb(self):
        image = Image.new("CMYK", (8, 8), (0, 255, 255, 0))  # no cyan: red
        got = read_image(encoded(image, "JPEG", quality=95))
        assert got.shape == (8, 8, 3)
        assert got[..., 0].min() > 200 and got[..., 1:].max() < 60

    @pytest.mark.parametrize("orientation", range(1, 9))
    def test_exif_rotation_is_applied(self, orientation):
        upright = np.zeros((4, 6, 3), np.uint8)
        upright[0, 0], upright[0, -1] = (255, 0, 0), (0, 255, 0)
        # What a camera stores is what the tag's rotation turns into the upright image.
        stored = {
            1: upright,
            2: upright[:, ::-1],
            3: upright[::-1, ::-1],
            4: upright[::-1],
            5: upright.transpose(1, 0, 2),
            6: upright.transpose(1, 0, 2)[::-1],
            7: upright.transpose(1, 0, 2)[::-1, ::-1],
            8: upright.transpose(1, 0, 2)[:, ::-1],
        }[orientation]
        exif = Image.Exif()
        exif[0x0112] = orientation
        image = Image.fromarray(np.ascontiguousarray(stored))
        np.testing.assert_array_equal(read_image(encoded(image, "PNG", exif=exif)), upright)

    @pytest.mark.parametrize("orientation", [0, 9, 65535])
    def test_exif_of_no_rotation_is_upright(self, orientation):
        exif = Image.Exif()
        exif[0x0112] = orientation
        content = encoded(Image.fromarray(COLORS), "PNG", exif=exif)
        np.testing.assert_array_equal(read_image(content), COLORS)

    @pytest.mark.parametrize("name, text", [(b"zTXt", b"a\0\0"), (b"iCCP", b"a\0\0")])
    def test_texts_and_profiles_that_unpack_to_much(self, name, text):
        """8 kB that unpack to 8 MB: refused, or passed over."""
        packed = zlib.compress(bytes(8 << 20))
        whole = encoded(Image.fromarray(COLORS), "PNG")
        chunk = name + text + packed
        length, check = len(chunk) - 4, zlib.crc32(chunk)
        chunk = struct.pack(">I", length) + chunk + struct.pack(">I", check)
        content = whole[:33] + chunk + whole[33:]  # behind the header
        try:
            np.testing.assert_array_equal(read_image(content), COLORS)
        except ImageError as error:
            assert "too large" in str(error)

    @pytest.mark.filterwarnings("ignore:Corrupt EXIF")
    def test_broken_exif_is_ignored(self):
        content = encoded(Image.fromarray(COLORS), "JPEG", exif=b"Exif\0\0MM\0*garbage")
        assert read_image(content).shape == (1, 3, 3)

    def test_path(self, tmp_path):
        path = tmp_path / "a.png"
        path.write_bytes(encoded(Image.fromarray(COLORS), "PNG"))
        np.testing.assert_array_equal(read_image(path), COLORS)

    @pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "BMP"])
    def test_truncated(self, format, tmp_path):
        noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
        content = encoded(Image.fromarray(noise), format)
        path = tmp_path / "half.img"
        path.write_bytes(content[: len(content) // 2])
        with pytest.raises(ImageError, match=r"half\.img' cannot be decoded: .*; copy it again"):
            read_image(path)

    @pytest.mark.parametrize("content", [b"", b"<html>404</html>"])
    def test_not_an_image(self, content, tmp_path):
        path = tmp_path / "a.jpg"
        path.write_bytes(content)
        with pytest.raises(ImageError, match=r"a.jpg"):
            read_image(path)

    def test_message_names_the_file_and_the_formats(self, tmp_path):
        path = tmp_path / "a.jpg"
        path.write_bytes(b"<html>404</html>")
        with pytest.raises(ImageError) as caught:
            read_image(path)
        message = str(caught.value)
        assert "a.jpg" in message and "JPEG, PNG, WEBP, BMP" in message
        assert "BytesIO" not in message

    def test_unreadable(self, tmp_path, monkeypatch):
        path = tmp_path / "a.jpg"
        path.write_bytes(b"secret")

        def refuse(*_):  # chmod would not stop root, who runs many a test
            raise PermissionError(13, "Permission denied", str(path))

        monkeypatch.setattr("os.open", refuse)
        with pytest.raises(ImageError, match=r"a.jpg' cannot be read: Permission"):
            read_image(path)

    def test_missing(self, tmp_path):
        with pytest.raises(ImageError, match=r"none.jpg' does not exist"):
            read_image(tmp_path / "none.jpg")

    def test_other_formats_are_refused(self):
        with pytest.raises(ImageError, match="cannot be decoded"):
            read_image(encoded(Image.fromarray(COLORS), "TIFF"))

    def test_absurd_size_is_refused_before_decoding(self):
        with pytest.raises(ImageError, match="9000 x 9000 pixels; at most 64000000"):
            read_image(png(9000, 9000, 8, 2, []))

    def test_limit_can_be_set(self):
        content = png(9000, 9000, 8, 2, [])
        with pytest.raises(ImageError, match="pixels; at most 80999999 are read"):
            read_image(content, max_pixels=80_999_999)
        with pytest.raises(ImageError, match="cannot be decoded"):  # it has no pixels
            read_image(content, max_pixels=81_000_000)


class TestStretch:
    def test_bands_are_one_range(self, monkeypatch):
        """The darkest value of one band and the brightest of another; infinities are ends."""
        values = np.random.default_rng(0).normal(0, 1e6, (37, 21, 3))
        values[0, 0], values[36, 20], values[20] = np.nan, np.inf, -np.inf
        whole = stretching.stretch(values)
        assert (whole.min(), whole.max()) == (0, 255)
        monkeypatch.setattr(stretching, "BAND", 90)
        np.testing.assert_array_equal(stretching.stretch(values), whole)

    def test_memory_is_little_more_than_the_result(self):
        values = np.zeros((1 << 12, 1 << 12), np.uint16)
        tracemalloc.start()
        stretching.stretch(values)
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        # Of each number in a band five or so doubles, 40 MB; of all numbers they were 640 MB.
        assert most < values.size + 64 * stretching.BAND


class TestIsPlainJpeg:
    @pytest.mark.parametrize(
        ("mode", "format", "options", "plain"),
        [
            ("RGB", "JPEG", {}, True),
            ("RGB", "JPEG", {"progressive": True}, False),
            ("L", "JPEG", {}, False),
            ("CMYK", "JPEG", {}, False),
            ("RGB", "PNG", {}, False),
        ],
    )
    def test_kinds(self, mode, format, options, plain):
        content = encoded(Image.new(mode, (16, 16)), format, **options)
        assert images.is_plain_jpeg(content) is plain

    def test_rotated(self):
        exif = Image.Exif()
        exif[0x0112] = 6
        content = encoded(Image.new("RGB", (16, 16)), "JPEG", exif=exif)
        assert not images.is_plain_jpeg(content)

    def test_garbage(self):
        assert not images.is_plain_jpeg(b"no image")


class TestShrink:
    def test_small_is_untouched(self):
        image = np.zeros((30, 40, 3), np.uint8)
        same, zoom = images.shrink(image, 40)
        assert same is image and zoom.tolist() == [1, 1]

    def test_longer_side(self):
        shrunk, zoom = images.shrink(np.zeros((300, 401, 3), np.uint8), 100)
        assert shrunk.shape == (75, 100, 3)
        np.testing.assert_allclose(zoom, [4.01, 4.0])


class TestInside:
    @pytest.mark.parametrize("name", ["a.jpg", "sub/a.jpg", "sub/../a.jpg", "..a.jpg"])
    def test_allowed(self, name, tmp_path):
        assert inside(tmp_path, name).startswith(str(tmp_path))

    @pytest.mark.parametrize(
        "name",
        ["../a.jpg", "sub/../../a.jpg", "/etc/passwd", "", ".", "..", "a\0.jpg"],
    )
    def test_refused(self, name, tmp_path):
        with pytest.raises(UsageError, match="is not inside"):
            inside(tmp_path, name)

    def test_relative_folder(self):
        assert inside("images", "a.jpg") == "images/a.jpg"
        with pytest.raises(UsageError, match="is not inside"):
            inside("images", "../images2/a.jpg")


class TestCheckSize:
    """The size that positions belong to is compared with the image as stored and upright."""

    def content(self, orientation=1):
        exif = Image.Exif()
        exif[0x0112] = orientation
        return encoded(Image.new("RGB", (160, 200)), "JPEG", exif=exif.tobytes())

    @pytest.mark.parametrize("annotated", [(200, 160), (199, 161)])
    def test_alike(self, annotated):
        images.check_size(self.content(), (200, 160), annotated)

    @pytest.mark.parametrize("annotated", [(100, 80), (400, 320), (160, 200), (200, 162)])
    def test_another(self, annotated):
        with pytest.raises(images.SizeError, match="160 x 200 pixels, annotated in") as error:
            images.check_size(self.content(), (200, 160), annotated)
        assert f"{annotated[1]} x {annotated[0]}" in str(error.value)

    def test_turned_by_its_camera(self):
        """Upright it is 200 x 160: positions in that are right, those in 160 x 200 are not."""
        content = self.content(orientation=6)
        upright = read_image(content).shape[:2]
        assert upright == (160, 200)
        images.check_size(content, upright, (160, 200))
        with pytest.raises(images.SizeError, match=r"annotated lying, as 160 x 200 pixels.*EXIF"):
            images.check_size(content, upright, (200, 160))


def test_read_image_raises_for_what_is_no_image_file(tmp_path):
    """Without waiting, and without reading a sparse file of a terabyte."""
    os.mkfifo(tmp_path / "pipe.jpg")
    with open(tmp_path / "sparse.jpg", "wb") as file:
        file.truncate(1 << 40)
    (tmp_path / "device.jpg").symlink_to("/dev/zero")
    (tmp_path / "folder.jpg").mkdir()
    for name in ("pipe.jpg", "sparse.jpg", "device.jpg", "folder.jpg"):
        with pytest.raises(ImageError, match=rf"{name}' cannot be read: it (is|has)"):
            read_image(str(tmp_path / name))


def test_inside_raises_for_links_that_lead_out(tmp_path):
    (tmp_path / "secret.jpg").write_bytes(b"x")
    folder = tmp_path / "images"
    (folder / "deep").mkdir(parents=True)
    (folder / "real.jpg").write_bytes(b"x")
    (folder / "link.jpg").symlink_to("real.jpg")
    (folder / "out.jpg").symlink_to("../secret.jpg")
    (folder / "deep" / "up").symlink_to(tmp_path)
    (tmp_path / "link").symlink_to(folder)
    assert inside(str(tmp_path / "link"), "link.jpg")
    for name in ("out.jpg", "deep/up/secret.jpg"):
        with pytest.raises(UsageError, match="a link that leads out of"):
            inside(str(folder), name)
