"""Groups: how many people, how large, which bodies are in front."""

import itertools

import numpy as np
import pytest

from cpm.data.person import OCCLUDED, VISIBLE
from cpm.data.scenes.groups import FEWEST, MOST, SMALLEST, TALLEST_PX, group_scenes
from tests.helpers.scene_people import LSP, at, crowd, is_color


@pytest.fixture(scope="module")
def scenes():
    return list(group_scenes(crowd(8), 12, seed=1))


def number_of(id):
    return int(id.split("/")[1])


def test_two_to_six_people(scenes):
    counts = [len(scene.poses) for scene in scenes]
    assert min(counts) >= FEWEST and max(counts) <= MOST and len(set(counts)) >= 4
    for scene in scenes:
        assert len(set(scene.sources)) == len(scene.poses)
        assert scene.shows == f"{len(scene.poses)} people"


def test_everybody_is_in_the_image_and_of_a_size_of_its_own(scenes):
    sizes = []
    for scene in scenes:
        height, width = scene.image.shape[:2]
        for pose in scene.poses:
            assert (pose.joints_px >= 0).all()
            assert (pose.joints_px <= [width - 1, height - 1]).all()
            sizes.append(np.ptp(pose.joints_px, axis=0).max())
    # What is as large as drawn is the joints' box and its edge of 5 % on either side.
    assert SMALLEST * TALLEST_PX / 1.1 - 1e-3 <= min(sizes)
    assert max(sizes) <= TALLEST_PX / 1.1 + 1e-3
    assert max(sizes) / min(sizes) > 1.6


def test_people_stand_side_by_side_and_overlap_a_little(scenes):
    overlaps = []
    for scene in scenes:
        boxes = [(p.joints_px[:, 0].min(), p.joints_px[:, 0].max()) for p in scene.poses]
        for (a, b), (c, d) in itertools.pairwise(boxes):
            assert (a + b) / 2 < (c + d) / 2  # from left to right
            overlaps.append((b - c) / min(b - a, d - c))
    assert max(overlaps) < 0.25 and min(overlaps) < 0 < max(overlaps)


def test_visible_joints_have_the_color_of_their_person(scenes):
    seen = 0
    for scene in scenes:
        for pose, id in zip(scene.poses, scene.sources, strict=True):
            own = is_color(at(scene.image, pose.joints_px), number_of(id))
            assert own[pose.state == VISIBLE].mean() > 0.9
            assert not own[pose.state == OCCLUDED].any()
            seen += (pose.state == OCCLUDED).sum()
    assert seen > 0


def test_nobody_else_is_in_the_image(scenes):
    for scene in scenes:
        for number in set(range(8)) - {number_of(id) for id in scene.sources}:
            # Where two colors blend, a pixel or two may have a third's.
            assert is_color(scene.image, number).sum() < 15


def test_a_mirrored_person_has_its_sides_exchanged(scenes):
    """The raised hand is a left one or, mirrored, a right one; the left is always on our right."""
    raised = set()
    for pose in (pose for scene in scenes for pose in scene.poses):
        right, left = (pose.joints_px[LSP.index(f"{side}_wrist")] for side in ("right", "left"))
        raised.add("left" if left[1] < right[1] else "right")
        assert right[0] < left[0]
    assert raised == {"left", "right"}


def test_a_scene_depends_on_the_seed_and_its_number_alone(scenes):
    people = crowd(8)
    for few in (list(group_scenes(people, 3, seed=1)), list(group_scenes(people, 3, seed=2))):
        same = [np.array_equal(a.image, b.image) for a, b in zip(few, scenes, strict=False)]
        assert same in ([True] * 3, [False] * 3)
    assert same == [False] * 3
