"""Everything that people point at, as images: files, folders, patterns, frames, pages, arrays."""

import io
import os
import socket
import sys

import numpy as np
import pytest
from PIL import Image

from cpm.data.images import ImageError
from cpm.errors import UsageError
from cpm.inference import animations
from cpm.inference.animations import AnimationReader
from cpm.inference.sources import images_from
from tests.helpers.walk_videos import write_video

COLORS = [(200, 30, 30), (30, 200, 30), (30, 30, 200)]


def plain(color, size=(20, 30)):
    return np.full([*size, 3], color, np.uint8)


def save(path, color=COLORS[0], **options):
    path.parent.mkdir(exist_ok=True)
    Image.fromarray(plain(color)).save(path, **options)
    return str(path)


def colors(images):
    """Index into COLORS of each image."""
    means = [item.image.mean((0, 1)) for item in images]
    return [int(np.abs(np.array(COLORS) - mean).sum(1).argmin()) for mean in means]


@pytest.fixture
def folder(tmp_path):
    """b.png, a.jpg, notes.txt, hidden .x.png, an empty c.jpg and a folder with d.bmp."""
    save(tmp_path / "b.png", COLORS[1])
    save(tmp_path / "a.jpg", COLORS[0])
    save(tmp_path / ".x.png")
    save(tmp_path / "more" / "d.bmp", COLORS[2])
    (tmp_path / "notes.txt").write_text("no image")
    (tmp_path / "c.jpg").write_bytes(b"")
    return tmp_path


def test_one_image(tmp_path):
    path = save(tmp_path / "a.b.png", COLORS[2])
    (item,) = images_from(path)
    assert (item.name, item.file, item.frame, item.time) == ("a.b", path, None, None)
    np.testing.assert_array_equal(item.image, plain(COLORS[2]))


def test_folder_in_order_and_what_was_passed_over(folder):
    images = images_from(str(folder))
    assert colors(images) == [0, 1]
    assert [path.rsplit("/", 1)[1] for path, _ in images.skipped.reasons] == [
        *("c.jpg", "more", "notes.txt"),
    ]
    assert str(images.skipped).startswith("3 skipped: c.jpg (")
    assert "notes.txt (neither image nor video)" in str(images.skipped)
    assert "--recursive" in str(images.skipped)


@pytest.mark.parametrize("suffix, format", [("jfif", "JPEG"), ("JPE", "JPEG"), ("mpo", "MPO")])
def test_other_names_of_jpeg_files_in_a_folder(tmp_path, suffix, format):
    """Browsers on Windows save .jfif, cameras with two lenses .mpo, whose first image is taken."""
    Image.fromarray(plain(COLORS[1])).save(tmp_path / f"a.{suffix}", format)
    (item,) = images_from(tmp_path)
    assert item.image.shape == plain(COLORS[1]).shape and item.name == "a"


def test_folder_with_its_folders(folder):
    images = images_from(folder, recursive=True)
    assert colors(images) == [0, 1, 2]
    assert len(images.skipped) == 2


def test_pattern_and_several(folder):
    images = images_from([f"{folder}/*.png", folder / "more" / "d.bmp", f"{folder}/[ab].*"])
    assert colors(images) == [1, 2, 0, 1]


def test_pattern_in_a_name_that_exists(tmp_path):
    path = save(tmp_path / "a[1].png")
    assert len(list(images_from(path))) == 1


def test_nothing_is_read_before_it_is_needed(folder):
    def endless():
        while True:
            yield str(folder / "a.jpg")

    images = iter(images_from(endless()))
    assert next(images).name == next(images).name == "a"


@pytest.mark.parametrize(
    "make",
    [
        lambda path: path,
        lambda path: Image.open(path),
        lambda path: np.asarray(Image.open(path)),
        lambda path: np.asarray(Image.open(path)) / 255.0,
        lambda path: open(path, "rb").read(),
    ],
    ids=["path", "PIL", "array", "float array", "bytes"],
)
def test_python_values(tmp_path, make):
    path = save(tmp_path / "a.png", COLORS[1])
    for value in (make(path), [make(path)], (make(path) for _ in range(1))):
        (item,) = images_from(value)
        np.testing.assert_array_equal(item.image, plain(COLORS[1]))


def test_upright_by_exif(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6  # stored lying on its side
    pixels = plain(COLORS[0])
    pixels[:10] = 255
    path = tmp_path / "a.jpg"
    Image.fromarray(pixels).save(path, exif=exif)
    (item,) = images_from(path)
    assert item.image.shape == (30, 20, 3)
    assert item.image[:, 15:].mean() > 250  # the bright upper half is now on the right


@pytest.mark.parametrize("suffix", ["gif", "webp", "png"])
def test_animation_is_frames_with_times(tmp_path, suffix):
    path = tmp_path / f"a.{suffix}"
    first, *others = (Image.fromarray(plain(color)) for color in COLORS)
    first.save(path, save_all=True, append_images=others, duration=[100, 300, 100], loop=0)
    items = list(images_from(path))
    assert colors(items) == [0, 1, 2]
    assert [item.frame for item in items] == [0, 1, 2]
    np.testing.assert_allclose([item.time for item in items], [0.0, 0.1, 0.4])
    (source,) = images_from(path).sources()
    assert source.moves and source.reader().frames_expected == 3


def test_pages_of_a_tiff_are_images_of_their_own(tmp_path):
    path = tmp_path / "a.tif"
    first, *others = (Image.fromarray(plain(color)) for color in COLORS)
    first.save(path, save_all=True, append_images=others)
    items = list(images_from(path))
    assert colors(items) == [0, 1, 2]
    assert [(item.frame, item.time) for item in items] == [(0, None), (1, None), (2, None)]
    (source,) = images_from(path).sources()
    assert not source.moves


def test_video_is_frames(tmp_path):
    write_video(tmp_path / "a.mp4", [plain(c, (32, 48)) for c in COLORS], [0.0, 0.04, 0.2])
    items = list(images_from(tmp_path))
    assert colors(items) == [0, 1, 2]
    np.testing.assert_allclose([item.time for item in items], [0.0, 0.04, 0.2])
    assert {item.name for item in items} == {"a"}


def test_content_counts_where_the_name_says_nothing(tmp_path):
    save(tmp_path / "a.png", COLORS[1])
    (tmp_path / "a.png").rename(tmp_path / "image")
    write_video(tmp_path / "a.mp4", [plain(COLORS[2], (32, 48))], [0.0])
    (tmp_path / "a.mp4").rename(tmp_path / "film")
    assert colors(images_from([tmp_path / "image", tmp_path / "film"])) == [1, 2]


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
    save(tmp_path / "b.png")
    images = images_from(tmp_path)
    assert len(list(images)) == 1 and "pillow-heif" in str(images.skipped)


def test_heic_with_its_package(tmp_path):
    pillow_heif = pytest.importorskip("pillow_heif", reason="the optional package is not there")
    heif = pillow_heif.from_pillow(Image.fromarray(plain(COLORS[1], (64, 64))))
    heif.save(tmp_path / "a.heic", quality=95)
    assert colors(images_from(tmp_path / "a.heic")) == [1]


@pytest.mark.parametrize(
    "name, content, message",
    [
        ("a.png", None, "does not exist"),
        ("*.png", None, "matches nothing"),
        ("a.png", b"\x89PNG\r\n\x1a\n broken", "cannot be decoded"),
        ("a.txt", b"just words\n" * 9, "cannot be read as a video"),
        ("", None, "holds no image and no video"),
    ],
)
def test_one_that_cannot_be_read_is_an_error(tmp_path, name, content, message):
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(UsageError, match=message):
        list(images_from(f"{tmp_path}/{name}"))


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG"])
def test_animations_of_absurd_size_are_refused(tmp_path, monkeypatch, kind):
    """Before a frame is decoded: 27 million pixels a frame took seconds and gigabytes each."""
    monkeypatch.setattr(animations, "MOST_PIXELS", 20 * 30 - 1)
    first, second = (Image.fromarray(plain(color)) for color in COLORS[:2])
    first.save(tmp_path / "a", kind, save_all=True, append_images=[second])
    with pytest.raises(ImageError, match="30 x 20 pixels; at most 599 are read"):
        AnimationReader(tmp_path / "a")


PNG = b"\x89PNG\r\n\x1a\n"
# What people and mail programs name like images. Nothing here draws, unpacks or runs any of it.
DISGUISED = {
    "a tar": b"a.txt".ljust(257, b"\0") + b"ustar\x0000" + bytes(250),
    "a zip": b"PK\x03\x04" + bytes(60),
    "a PDF": b"%PDF-1.7\n1 0 obj<</Type/Catalog>>endobj\n",
    "an SVG": b'<svg xmlns="http://www.w3.org/2000/svg"><image href="/etc/passwd"/></svg>',
    "a PostScript": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n(x) run\n",
    "an ImageMagick script": b"push graphic-context\nimage over 0,0 0,0 '/etc/passwd'\n",
    "an HTML page": b"<html><img src=x></html>",
    "a PNG of nothing": PNG + bytes(40),
}


@pytest.mark.parametrize("content", DISGUISED.values(), ids=DISGUISED)
def test_what_is_named_like_an_image_is_none(tmp_path, content):
    for name in ("a.png", "a.jpg", "a.webp"):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(ImageError, match=f"{name}' cannot be decoded"):
            list(images_from(f"{tmp_path}/{name}"))


@pytest.mark.parametrize("name", ["a.jpg", "a.gif", "a.mp4", "a"])
def test_what_is_no_regular_file_is_never_waited_for(tmp_path, name):
    path = tmp_path / name
    os.mkfifo(path)
    with pytest.raises(UsageError, match="it is a pipe"):
        list(images_from(path))
    path.unlink()
    path.symlink_to("/dev/zero")
    with pytest.raises(UsageError, match="it is a device"):
        list(images_from(path))
    path.unlink()
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        with pytest.raises(UsageError, match="cannot be read"):
            list(images_from(path))


def test_cut_animation_keeps_its_first_frames(tmp_path, seeded):
    noise = seeded(1).integers(0, 255, [8, 64, 64, 3]).astype(np.uint8)
    first, *others = (Image.fromarray(frame) for frame in noise)
    buffer = io.BytesIO()
    first.save(buffer, "GIF", save_all=True, append_images=others, duration=40)
    (tmp_path / "a.gif").write_bytes(buffer.getvalue())
    (tmp_path / "b.gif").write_bytes(buffer.getvalue()[: len(buffer.getvalue()) // 2])
    with AnimationReader(tmp_path / "a.gif") as whole:
        assert len(list(whole)) == 8 and not whole.broken and not whole.ended_early
    assert 2 <= len(list(images_from(tmp_path / "b.gif"))) <= 4
