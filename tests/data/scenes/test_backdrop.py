"""Photographs without their people, and beyond their edges."""

import numpy as np
import pytest

from cpm.data.scenes import backdrop
from tests.helpers.scene_people import is_color, standing
from tests.helpers.small_data_sets import smooth_image


def test_fill_keeps_what_is_known(seeded):
    image = seeded(1).uniform(0, 255, [13, 20, 3]).astype(np.float32)
    np.testing.assert_array_equal(backdrop.fill(image, np.ones([13, 20], np.float32)), image)
    known = np.ones([13, 20], np.float32)
    known[4:9, 5:12] = 0
    filled = backdrop.fill(image, known)
    np.testing.assert_array_equal(filled[known > 0], image[known > 0])


@pytest.mark.parametrize("size", [(40, 56), (37, 51), (1, 9)])
def test_fill_carries_one_color_everywhere(size):
    """One known pixel's color fills all; what was in the hole does not matter."""
    image = np.full([*size, 3], 9.0, np.float32)
    image[size[0] // 2, size[1] // 3] = [10, 100, 200]
    known = np.zeros(size, np.float32)
    known[size[0] // 2, size[1] // 3] = 1
    # Sums of float32 products in ten halvings: 1e-3 of 255 gray levels.
    np.testing.assert_allclose(
        backdrop.fill(image, known), np.full([*size, 3], [10, 100, 200]), atol=0.3
    )


def test_fill_averages_what_surrounds_the_hole():
    """Black left of a hole and white right of it: gray in its middle, rising from left to right."""
    image = np.zeros([40, 60, 3], np.float32)
    image[:, 30:] = 255
    known = np.ones([40, 60], np.float32)
    known[10:30, 20:40] = 0
    row = backdrop.fill(image, known)[20, 20:40, 0]
    assert (np.diff(row) >= -1e-3).all() and row[0] < 64 and row[-1] > 191
    assert 90 < row[9:11].mean() < 165


def test_fill_of_nothing_is_gray():
    assert (
        backdrop.fill(np.ones([7, 5, 3], np.float32), np.zeros([7, 5], np.float32)) == 128
    ).all()


def test_without_person_leaves_no_pixel_of_it():
    person = standing(0)
    assert is_color(person.image, 0).sum() > 1000
    empty = backdrop.without_person(person)
    assert not is_color(empty, 0).any()
    # A blur of its surroundings: the dull background's range, 90 … 154.
    assert 85 < empty.min() and empty.max() < 160
    np.testing.assert_array_equal(empty[:, :10], person.image[:, :10])


def test_mirrored_is_the_reflected_index():
    image = smooth_image(20, 30)
    low, high = np.array([-70, -5]), np.array([50, 33])
    got = backdrop.mirrored(image, low, high)
    for y in range(low[1], high[1], 3):
        for x in range(low[0], high[0], 3):
            # Period 2 n, the second half backwards.
            u, v = x % 60, y % 40
            expected = image[v if v < 20 else 39 - v, u if u < 30 else 59 - u]
            np.testing.assert_array_equal(got[y - low[1], x - low[0]], expected)
    np.testing.assert_array_equal(backdrop.mirrored(image, (3, 4), (10, 9)), image[4:9, 3:10])


def test_surroundings_show_the_person_once():
    person = standing(0)
    height, width = person.image.shape[:2]
    empty = backdrop.without_person(person)
    low, high = np.array([-width, -20]), np.array([2 * width, height + 20])
    canvas = backdrop.surroundings(person, empty, low, high)
    inside = canvas[20 : 20 + height, width : 2 * width]
    np.testing.assert_array_equal(inside, person.image)
    assert is_color(canvas, 0).sum() == is_color(person.image, 0).sum()


@pytest.mark.parametrize("size", [(90, 400), (300, 80)])
def test_backdrop_fills_the_canvas(size):
    image = backdrop.backdrop(standing(0), size, 2.0)
    assert image.shape == (*size, 3)
    assert 80 < image.min() and image.max() < 165  # no gray border, no person
