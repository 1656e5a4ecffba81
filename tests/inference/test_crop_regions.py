"""Regions of the passes: hand-computed squares, and too few joints to place one."""

import numpy as np
import pytest

from cpm import geometry
from cpm.config import AUGMENTATIONS, DataConfig
from cpm.geometry import CropRegion
from cpm.inference import crop_regions

POINTS = np.array([[30.0, 40.0], [50.0, 40.0], [40.0, 60.0], [40.0, 100.0]])
ALL = np.ones(4)


def test_next_region_preset():
    """Joints from 30 to 50 and 40 to 100: a square of 60 px, its margin and slack around it."""
    region = crop_regions.next_region(POINTS, ALL, 200.0, 1.1)
    assert region.center_px == (40.0, 70.0)
    assert region.side_px == pytest.approx(60 * 1.1 * crop_regions.SLACK)


def test_next_region_leaves_out_what_is_not_sure():
    """A stray joint far away: a low peak, or none, does not count; a high one does."""
    points = np.vstack([POINTS, [190.0, 5.0]])
    expected = crop_regions.next_region(POINTS, ALL, 200.0, 1.1)
    for weak in (0.0, -0.3, crop_regions.SURE - 0.01):
        confidence = np.append(ALL, weak)
        assert crop_regions.next_region(points, confidence, 200.0, 1.1) == expected
    lost = np.vstack([POINTS, [np.nan, 5.0]])
    for confidence in (np.append(ALL, 1.0), np.append(ALL, np.nan)):
        assert crop_regions.next_region(lost, confidence, 200.0, 1.1) == expected
    region = crop_regions.next_region(points, np.append(ALL, crop_regions.SURE), 200.0, 1.1)
    assert region.side_px == pytest.approx(160 * 1.1 * crop_regions.SLACK)


def test_next_region_goes_by_the_highest_peak():
    """A young network's peaks are all low: what counts is their relation."""
    young = crop_regions.next_region(POINTS, 0.01 * ALL, 200.0, 1.1)
    assert young == crop_regions.next_region(POINTS, ALL, 200.0, 1.1)


@pytest.mark.parametrize(
    "confidence",
    [[0.0] * 4, [-1.0] * 4, [np.nan] * 4, [1.0, 0.01, 0.01, 0.01], [1.0, 0, 0, 0]],
)
def test_next_region_none_without_sure_joints(confidence):
    assert crop_regions.next_region(POINTS, confidence, 200.0, 1.1) is None


def test_next_region_asks_for_a_quarter_of_the_joints():
    points = np.tile(POINTS, [4, 1])  # 16 joints
    confidence = np.zeros(16)
    confidence[:3] = 1
    assert crop_regions.next_region(points, confidence, 200.0, 1.1) is None
    confidence[3] = 1
    assert crop_regions.next_region(points, confidence, 200.0, 1.1) is not None


def test_next_region_none_where_all_joints_fall_together():
    """A heap of peaks in one cell is no person, however high."""
    heap = POINTS.mean(0) + 0.05 * (POINTS - POINTS.mean(0))  # 3 px of 200
    assert crop_regions.next_region(heap, ALL, 200.0, 1.1) is None
    assert crop_regions.next_region(np.full((4, 2), np.nan), ALL, 200.0, 1.1) is None


def test_first_regions_preset():
    """100 × 300 pixels: all of it, narrower windows, or LSP's test: the height fills 80 %."""
    middle = (149.5, 49.5)
    assert crop_regions.first_regions(100, 300, "whole") == [geometry.CropRegion(middle, 300)]
    (region,) = crop_regions.first_regions(100, 300, "image")
    assert region.center_px == middle and region.side_px == pytest.approx(125)
    windows = crop_regions.first_regions(100, 300, "middle")
    assert [window.center_px for window in windows] == [middle] * 3
    assert [window.side_px for window in windows] == pytest.approx([300, 212.13203, 150])
    with pytest.raises(ValueError, match="middle, whole, image"):
        crop_regions.first_regions(100, 300, "joints")


@pytest.mark.parametrize("rule", ["joints", "height", "person", "whole", "image"])
def test_usual_rule_is_the_middle_unless_trained_otherwise(rule):
    expected = "image" if rule == "image" else "middle"
    assert crop_regions.usual_rule(DataConfig(crop=rule)) == expected


@pytest.mark.parametrize(
    "means, expected",
    [
        ((0.6, 0.5, 0.2), 0),  # narrower windows cut the person off
        ((0.6, 0.55, 0.2), 1),  # nearly as sure
        ((0.6, 0.55, 0.545), 2),
        ((0.4, 0.7, 0.6), 1),  # 0.6 is less than nine tenths of 0.7
        ((0.0, 0.0, 0.0), 2),  # nobody anywhere
    ],
)
def test_choose_window_takes_the_narrowest_that_is_nearly_as_sure(means, expected):
    confidence = np.outer(means, [0.5, 1.5])  # two joints
    assert crop_regions.choose_window(confidence) == expected


def test_box_margin_preset():
    assert crop_regions.box_margin(DataConfig(crop="joints", margin=1.4)) == 1.4
    # 314 px hold a person of 200.
    person = DataConfig(crop="person", margin=2.0)
    assert crop_regions.box_margin(person) == pytest.approx(3.14)
    for rule in ("image", "whole"):
        data = DataConfig(crop=rule, margin=9.0)
        assert crop_regions.box_margin(data) == 1.25


def test_around_people_is_neither_by_the_image_nor_with_room():
    for crop, expected in (("joints", True), ("height", True), ("person", True), ("image", False)):
        assert crop_regions.around_people(DataConfig(crop=crop)) == expected
    assert AUGMENTATIONS["wild"].room
    assert not crop_regions.around_people(DataConfig(augment=AUGMENTATIONS["wild"]))


def test_a_single_keypoint_keeps_the_size_of_the_region():
    region = crop_regions.next_region([[7.0, 9.0]], [0.3], 200.0, 1.1)
    assert region == CropRegion((7.0, 9.0), 200.0)
    for joints_px, confidence in ([[7.0, 9.0]], [0.0]), ([[np.nan, 9.0]], [0.3]):
        assert crop_regions.next_region(joints_px, confidence, 200.0, 1.1) is None
