"""What bin/predict.py reads: images and pages in order, their boxes, and what it passes over."""

import numpy as np
import pytest
from PIL import Image

from cpm.cli.predict_images import read_images
from cpm.errors import UsageError
from cpm.inference.boxes import BoxFile
from cpm.inference.sources import images_from


@pytest.fixture
def folder(tmp_path):
    """a.png, b.jpg, which is none, and c.tif of two pages; 30 x 20 pixels each."""
    first, second = (Image.fromarray(np.full([20, 30, 3], gray, np.uint8)) for gray in (50, 90))
    first.save(tmp_path / "a.png")
    (tmp_path / "b.jpg").write_bytes(b"no image")
    first.save(tmp_path / "c.tif", save_all=True, append_images=[second])
    return tmp_path


def read(path, boxes=None, box_file=None):
    """The items, and the `Images` that they come from."""
    images = images_from(path)
    return list(read_images(images.sources(), images, boxes, box_file)), images


def test_images_and_pages_in_order(folder, capsys):
    items, images = read(folder)
    assert [(item.file, item.frame) for item in items] == [
        *((f"{folder}/a.png", None), (f"{folder}/c.tif", 0), (f"{folder}/c.tif", 1)),
    ]
    assert [item.image[0, 0, 0] for item in items] == [50, 50, 90]
    assert all(item.boxes is None for item in items)
    assert [path for path, _ in images.skipped.reasons] == [f"{folder}/b.jpg"]
    assert capsys.readouterr().out.startswith(f"skipped: '{folder}/b.jpg'")


def test_boxes_of_the_command_line(folder):
    (item,), _ = read(folder / "a.png", boxes=[(1.0, 2.0, 3.0, 4.0)])
    assert item.boxes == [(1.0, 2.0, 3.0, 4.0)]


def test_boxes_of_a_file(folder):
    """Both pages have those of their file; an image that is not listed has none, not unknown."""
    (folder / "boxes.csv").write_text("c.tif,1,2,3,4,0.5\n")
    items, _ = read(folder, box_file=BoxFile(str(folder / "boxes.csv")))
    assert [item.boxes for item in items] == [[], *[[(1.0, 2.0, 3.0, 4.0, 0.5)]] * 2]


def test_the_only_image_has_to_be_one(folder):
    with pytest.raises(UsageError, match="cannot be decoded"):
        read(folder / "b.jpg")
