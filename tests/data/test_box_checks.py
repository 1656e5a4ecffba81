"""Boxes as tools write them that are none of [x, y, width, height] in pixels."""

import numpy as np
import pytest

from cpm.data import box_checks
from cpm.data.box_checks import wrong_box
from cpm.data.person import Person, Pose
from cpm.data.report import Report
from cpm.skeleton import own_skeleton

SIZE = (480, 640)
POINTS = np.array([[220.0, 110], [320, 240], [260, 300]])  # within x 200 … 340, y 100 … 320


@pytest.mark.parametrize(
    "bbox, wrong",
    [
        ((200, 100, 140, 220), None),
        ((0, 0, 640, 480), None),
        ((230, 100, 110, 220), None),  # one joint of three lies outside
        ((0, 0, 0, 0), None),
        ((200, 100, 340, 320), box_checks.CORNERS),
        ((200, 100, 310, 320), None),  # the joint at 320 would lie outside
        ((400, 100, 540, 320), box_checks.OUTSIDE),  # corners of somebody else
        ((270, 210, 140, 220), box_checks.OUTSIDE),  # center and size
        ((0.3, 0.2, 0.2, 0.5), box_checks.TINY),
        ((100, 200, 220, 140), box_checks.OUTSIDE),  # rows before columns
    ],
)
def test_wrong_box(bbox, wrong):
    assert wrong_box(bbox, POINTS, SIZE) == wrong


def test_corners_that_leave_the_image_as_a_size():
    moved = np.add(POINTS, [200, 0])
    assert wrong_box((400, 100, 540, 320), moved, SIZE) == box_checks.CORNERS


def test_a_joint_in_a_loose_box_says_nothing():
    assert wrong_box((100, 100, 400, 350), np.array([[300.0, 200]]), SIZE) is None


@pytest.mark.parametrize("count, said", [(2, False), (3, True)])
def test_chance_is_not_reported(count, said):
    """Of four boxes two may fit as corners by chance, three may not."""
    report, skeleton = Report(), own_skeleton(["a", "b", "c"])
    for n in range(4):
        bbox = (200, 100, 340, 320) if n < count else (200, 100, 140, 220)
        pose = Pose(POINTS, np.full(3, 2))
        report.add("test", Person(f"p{n}", "x.jpg", skeleton, pose, bbox=bbox), SIZE)
    report.finish("coco")
    assert any("fits better as two corners" in note for note in report.notes) == said
