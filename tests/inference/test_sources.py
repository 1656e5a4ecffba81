"""Everything that people point at, as images: files, folders, patterns, Python values, in order."""

import pathlib

import numpy as np
import pytest
from PIL import Image

from cpm.errors import UsageError
from cpm.inference.image_query import one_image
from cpm.inference.sources import Skipped, images_from
from tests.helpers.plain_images import COLORS, colors, plain, save_plain


@pytest.fixture
def folder(tmp_path):
    """b.png, a.jpg, notes.txt, hidden .x.png, an empty c.jpg and a folder with d.bmp."""
    save_plain(tmp_path / "b.png", COLORS[1])
    save_plain(tmp_path / "a.jpg", COLORS[0])
    save_plain(tmp_path / ".x.png")
    save_plain(tmp_path / "more" / "d.bmp", COLORS[2])
    (tmp_path / "notes.txt").write_text("no image")
    (tmp_path / "c.jpg").write_bytes(b"")
    return tmp_path


def test_folder_in_order_and_what_was_passed_over(folder):
    images = images_from(str(folder))
    assert colors(images) == [0, 1]
    assert [path.rsplit("/", 1)[1] for path, _ in images.skipped.reasons] == [
        *("c.jpg", "more", "notes.txt"),
    ]
    assert str(images.skipped).startswith("3 skipped: c.jpg (is empty"), "and not the path again"
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


def test_pattern_below_a_folder_with_brackets(folder):
    """`trip [2024]` is a folder, not `trip 2`; where there is no such folder, it is a pattern."""
    for name in ("trip [2024]", "trip 2"):
        (folder / name).mkdir()
    save_plain(folder / "trip [2024]" / "a*b" / "c.png", COLORS[1])
    save_plain(folder / "trip 2" / "a*b" / "d.png", COLORS[2])
    for pattern in ("trip [2024]/a*b/*.png", "trip [2024]/**/*.png", "trip [2024]/*/c.*"):
        assert colors(images_from(f"{folder}/{pattern}")) == [1], pattern
    assert colors(images_from(f"{folder}/trip [123]/*/*.png")) == [2]
    with pytest.raises(UsageError, match="matches nothing"):
        list(images_from(f"{folder}/trip [2024]/e.png"))


def test_pattern_in_a_name_that_exists(tmp_path):
    path = save_plain(tmp_path / "a[1].png")
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
    path = save_plain(tmp_path / "a.png", COLORS[1])
    for value in (make(path), [make(path)], (make(path) for _ in range(1))):
        (item,) = images_from(value)
        np.testing.assert_array_equal(item.image, plain(COLORS[1]))


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


@pytest.mark.parametrize(
    "name, message",
    [
        ("https://example.org/a.jpg", r"https://example\.org/a\.jpg is an address; download it"),
        (pathlib.Path("rtsp://10.0.0.1/a"), "rtsp:/10.0.0.1/a is an address; download it"),
        ("-", "- would be the standard input, which is not read"),
        ("", "the name of an input is empty"),
    ],
)
def test_what_no_file_is_called_is_said(name, message):
    with pytest.raises(UsageError, match=message):
        list(images_from(name))
    with pytest.raises(UsageError, match=message):
        one_image(name)


def test_a_reason_does_not_repeat_the_name():
    skipped = Skipped()
    skipped.add("in/a.jpg", "'in/a.jpg' is empty")
    skipped.add("in/b.mp4", "in/b.mp4 cannot be read")
    assert str(skipped) == "2 skipped: a.jpg (is empty), b.mp4 (cannot be read)"


def test_links_that_lead_out_of_a_folder_are_passed_over(folder):
    """A file and a folder; what leads to another place in the folder, and the folder, are read."""
    save_plain(folder / "more" / "own" / "a.png", COLORS[1])
    for name, target in {"out.jpg": "../a.jpg", "away": "..", "in.png": "own/a.png"}.items():
        (folder / "more" / name).symlink_to(target)
    (folder / "link").symlink_to(folder / "more")
    images = images_from(folder / "link", recursive=True)
    assert colors(images) == [2, 1, 1]  # d.bmp, in.png, own/a.png
    why = {path.rsplit("/", 1)[1]: reason for path, reason in images.skipped.reasons}
    assert set(why) == {"out.jpg", "away"}
    assert all("leads out of the folder; --follow_links" in reason for reason in why.values())
    trusted = images_from(folder / "link", follow_links=True)
    assert colors(trusted) == [2, 1, 0]
    assert colors(images_from(folder / "link" / "out.jpg")) == [0]  # named alone


def test_links_in_a_circle_end(folder):
    """Two in each folder: their paths are more than can be counted."""
    for name in ("again", "once more"):
        (folder / name).symlink_to(folder)
        (folder / "more" / name).symlink_to("..")
    images = images_from(folder, recursive=True)
    assert colors(images) == [0, 1, 2]
    assert "again (a link to a folder that is searched already)" in str(images.skipped)
    for pattern in ("**/*.bmp", "more/**/*.bmp", "mor*/**/d.*", "**/more/**"):
        assert 2 in colors(images_from(f"{folder}/{pattern}")), pattern
    assert colors(images_from(f"{folder}/**/*.bmp")) == [2]
