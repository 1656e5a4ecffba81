"""Names of drawings: no image's drawing replaces another's, its own is replaced."""

import os

import numpy as np
import pytest
from PIL import Image

from cpm.plots import drawing_files
from cpm.plots.drawing_files import DrawingFolder, is_drawing

PIXELS = np.full([20, 30, 3], 200, np.uint8)


def draw(folder, source, format="jpg"):
    """A run that draws one image; the drawing's name."""
    drawings = DrawingFolder(str(folder), format)
    path = drawings.path(source)
    drawings.write(path, PIXELS, source)
    return os.path.basename(path)


@pytest.mark.parametrize("format", ["jpg", "png"])
def test_runs_one_after_the_other(tmp_path, format):
    names = [draw(tmp_path, source, format) for source in ("in/a.jpg", "in/a.jpg", "other/a.jpg")]
    names += [draw(tmp_path, "third/a.jpg", format), draw(tmp_path, "other/a.jpg", format)]
    expected = ["a_pose", "a_pose", "a.jpg_pose", "a_2_pose", "a.jpg_pose"]
    assert names == [f"{name}.{format}" for name in expected]
    assert np.asarray(Image.open(tmp_path / names[0])).shape == PIXELS.shape


def test_one_run():
    drawings = DrawingFolder("not_there")
    sources = ("in/a.jpg", "in/a.png", "sub/a.png", "in/a.jpg")
    names = [os.path.basename(drawings.path(source)) for source in sources]
    assert names == ["a_pose.jpg", "a.png_pose.jpg", "a_2_pose.jpg", "a_pose.jpg"]
    assert drawings.path("in/a.jpg", "beliefs").endswith("a_beliefs.jpg")
    assert not os.path.exists("not_there")


def test_names_of_other_encodings_and_names_too_long(tmp_path):
    """Bytes that are no UTF-8; stems whose drawings' names a file system would not take."""
    assert draw(tmp_path, "in/M\udcfcller.jpg") == "M\udcfcller_pose.jpg"
    assert is_drawing(tmp_path / "M\udcfcller_pose.jpg")
    long = ["in/" + 125 * "é" + ".jpg", "in/" + 125 * "é" + ".png", "b/" + 125 * "é" + ".png"]
    names = [draw(tmp_path, source) for source in [*long, *long]]
    # 123 characters of two bytes and nine of the ending; a number takes two bytes more.
    first, others = f"{123 * 'é'}_pose.jpg", [f"{122 * 'é'}_{n}_pose.jpg" for n in (2, 3)]
    assert names == 2 * [first, *others]


def test_a_file_of_somebody_else_is_left_alone(tmp_path):
    (tmp_path / "a_pose.jpg").write_bytes(b"mine")
    Image.fromarray(PIXELS).save(tmp_path / "b_pose.jpg")
    assert draw(tmp_path, "in/a.jpg") == "a.jpg_pose.jpg"
    assert draw(tmp_path, "in/b.jpg") == "b.jpg_pose.jpg"
    assert (tmp_path / "a_pose.jpg").read_bytes() == b"mine"


@pytest.mark.parametrize("format", ["jpg", "png"])
def test_a_drawing_is_known_by_its_mark_under_any_name(tmp_path, format):
    drawing = tmp_path / draw(tmp_path, "in/a.jpg", format)
    assert is_drawing(drawing)
    assert is_drawing(drawing.rename(tmp_path / f"holiday.{format}"))


def test_what_is_no_drawing(tmp_path):
    Image.fromarray(PIXELS).save(tmp_path / "b_pose.jpg", comment=b"image of my cat")
    (tmp_path / "broken_pose.png").write_bytes(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR")
    (tmp_path / "broken_pose.mp4").write_bytes(b"no video")
    os.mkfifo(tmp_path / "pipe_pose.jpg")  # would be waited for
    mark = drawing_files.mark_of("in/a.jpg").encode()
    Image.fromarray(PIXELS).save(tmp_path / "c_pose.jpg", "GIF", comment=mark)  # nor any format
    assert not any(is_drawing(tmp_path / name) for name in [*os.listdir(tmp_path), "none.jpg"])
