"""One file as images: pages and frames, upright, by its content; and what is no image."""

import os
import socket

import numpy as np
import pytest
from PIL import Image

from cpm.data.images import ImageError
from cpm.errors import UsageError
from cpm.inference.sources import images_from
from tests.helpers.plain_images import COLORS, colors, plain, save_plain
from tests.helpers.walk_videos import write_video


def test_one_image(tmp_path):
    path = save_plain(tmp_path / "a.b.png", COLORS[2])
    (item,) = images_from(path)
    assert (item.name, item.file, item.frame, item.time) == ("a.b", path, None, None)
    np.testing.assert_array_equal(item.image, plain(COLORS[2]))


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
    save_plain(tmp_path / "a.png", COLORS[1])
    (tmp_path / "a.png").rename(tmp_path / "image")
    write_video(tmp_path / "a.mp4", [plain(COLORS[2], (32, 48))], [0.0])
    (tmp_path / "a.mp4").rename(tmp_path / "film")
    assert colors(images_from([tmp_path / "image", tmp_path / "film"])) == [1, 2]


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
