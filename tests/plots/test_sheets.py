"""Contact sheets, and PNG files that are whole or absent."""

import os

import numpy as np
import pytest
from PIL import Image

from cpm.plots.image_files import fit, write_image
from cpm.plots.sheets import contact_sheet


def plain(height, width, color):
    return np.full([height, width, 3], color, np.uint8)


def test_contact_sheet_preset_places_every_image():
    colors = [(200, 0, 0), (0, 200, 0), (0, 0, 200)]
    images = [plain(100, 200, c) for c in colors]
    page = contact_sheet(images, ["a", "b", "c"], columns=2, tile_px=150, title="three")
    # Two columns of 150 px, two rows of 75 px with captions of 24, gaps of 10, a title of 24.
    assert page.shape == (34 + 2 * 75 + 2 * 34, 10 + 2 * 160, 3)
    for color, (x, y) in zip(colors, [(85, 70), (245, 70), (85, 180)], strict=True):
        np.testing.assert_array_equal(page[y, x], color)
    assert (page[180, 245] == 255).all()  # the empty place


def test_contact_sheet_preset_keeps_proportions():
    page = contact_sheet([plain(300, 100, (9, 9, 9)), plain(100, 300, (9, 9, 9))], tile_px=90)
    dark = (page == 9).all(-1)
    assert dark.sum() == 2 * 90 * 30


def test_contact_sheet_raises():
    with pytest.raises(ValueError, match="at least one"):
        contact_sheet([])
    with pytest.raises(ValueError, match="1 captions for 2"):
        contact_sheet([plain(5, 5, 0)] * 2, ["a"])


def test_fit_preset():
    assert fit(plain(40, 20, 7), 100).shape == (100, 50, 3)
    assert fit(plain(1, 1000, 7), 100).shape == (1, 100, 3)


def test_write_image_round_trip_and_atomic(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, [7, 5, 3], np.uint8)
    path = tmp_path / "new" / "a.png"
    write_image(path, pixels)
    np.testing.assert_array_equal(np.asarray(Image.open(path)), pixels)
    with pytest.raises(TypeError):
        write_image(path, np.zeros([2, 2, 7], np.uint8))
    np.testing.assert_array_equal(np.asarray(Image.open(path)), pixels)  # the old one
    assert os.listdir(tmp_path / "new") == ["a.png"]
