"""Images without a person, made beside people whose color gives them away."""

import dataclasses

import numpy as np
import pytest

from cpm.data.person import Pose
from cpm.data.scenes.nobody import KINDS, nobody_scenes
from cpm.errors import UsageError
from tests.helpers.scene_people import crowd, is_color, standing


@pytest.fixture(scope="module")
def scenes():
    return list(nobody_scenes(crowd(8, size=(180, 180), top=(90, 40)), 24, seed=5))


def number_of(id):
    return int(id.split("/")[1])


def test_kinds_come_in_turn(scenes):
    assert [scene.shows for scene in scenes] == [*KINDS] * 8
    assert all(scene.poses == () for scene in scenes)
    assert all(100 <= max(scene.image.shape[:2]) <= 200 for scene in scenes)


def test_strips_and_textures_show_no_pixel_of_the_person(scenes):
    for scene in scenes:
        if scene.shows != "part":
            assert not is_color(scene.image, number_of(scene.behind)).any(), scene.name
            assert 80 < scene.image.min() and scene.image.max() < 165  # and no border


def test_parts_have_the_person_at_their_edge(scenes):
    shares = []
    for scene in (s for s in scenes if s.shows == "part"):
        person = is_color(scene.image, number_of(scene.behind))
        height, width = person.shape
        quarter = slice(height * 3 // 8, height * 5 // 8), slice(width * 3 // 8, width * 5 // 8)
        assert not person[quarter].any()
        shares.append(person.mean())
    assert 0 < max(shares) < 0.2


def test_a_scene_depends_on_the_seed_and_its_number_alone(scenes):
    people = crowd(8, size=(180, 180), top=(90, 40))
    for seed, same in ((5, True), (6, False)):
        for a, b in zip(nobody_scenes(people, 3, seed), scenes, strict=False):
            assert np.array_equal(a.image, b.image) == same


def test_people_of_whom_a_joint_is_unknown_are_not_used():
    """Their heads may be anywhere."""
    known, unknown = crowd(2, size=(180, 180), top=(90, 40))
    state = unknown.pose.state.copy()
    state[13] = 0
    unknown = dataclasses.replace(unknown, pose=Pose(unknown.pose.joints_px, state))
    found = {scene.behind for scene in nobody_scenes([known, unknown], 9, seed=0)}
    assert found == {known.id}


def test_no_room_raises():
    tight = standing(0, size=(110, 70), top=(35, 5))
    with pytest.raises(UsageError, match=r"none of 1 people leaves room .* 'strip'; name more"):
        list(nobody_scenes([tight], 1, seed=0))
