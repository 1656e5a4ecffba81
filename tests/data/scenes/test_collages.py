"""Collages: whole photographs, in rows, and joints that stay on their people."""

import dataclasses

import numpy as np
import pytest

from cpm.data.person import ABSENT, Pose
from cpm.data.scenes.collages import collage_scene, collage_scenes
from cpm.data.scenes.groups import FEWEST, MOST
from tests.helpers.scene_people import at, crowd, is_color, standing


def number_of(id):
    return int(id.split("/")[1])


@pytest.fixture(scope="module")
def scenes():
    return list(collage_scenes(crowd(8, size=(180, 150), top=(70, 30)), 12, seed=1))


def test_two_to_six_people(scenes):
    counts = [len(scene.poses) for scene in scenes]
    assert min(counts) >= FEWEST and max(counts) <= MOST and len(set(counts)) >= 4
    for scene in scenes:
        assert len(set(scene.sources)) == len(scene.poses)
        assert scene.shows == f"{len(scene.poses)} people" and scene.behind == ""


def test_every_joint_has_the_color_of_its_person(scenes):
    for scene in scenes:
        for pose, id in zip(scene.poses, scene.sources, strict=True):
            assert pose.present.all()
            assert is_color(at(scene.image, pose.joints_px), number_of(id)).mean() > 0.9


def test_rows_are_equally_wide_and_their_photographs_equally_high():
    """Four images of known shapes, each of one color: where they lie follows from arithmetic."""
    sizes, colors = [(100, 50), (100, 150), (60, 60), (60, 120)], [40, 90, 140, 190]
    people = [
        dataclasses.replace(standing(n), image=np.full([*size, 3], color, np.uint8))
        for n, (size, color) in enumerate(zip(sizes, colors, strict=True))
    ]
    image = collage_scene(people, "a").image
    # Rows of 1/2 + 3/2 = 2 and 1 + 2 = 3 heights: 480 wide, 240 and 160 high, 200 in the mean.
    assert image.shape == (400, 480, 3)
    assert (image[:240, :120] == 40).all() and (image[:240, 120:] == 90).all()
    assert (image[240:, :160] == 140).all() and (image[240:, 160:] == 190).all()


def test_three_stand_in_one_row_of_the_mean_height():
    people = [
        dataclasses.replace(standing(n), image=np.zeros([100, 80, 3], np.uint8)) for n in range(3)
    ]
    assert collage_scene(people, "a").image.shape == (200, 480, 3)


def test_a_joint_beyond_its_photograph_is_absent():
    person, other = standing(0), standing(1)
    joints_px = person.pose.joints_px.copy()
    joints_px[3] = (np.asarray(person.image).shape[1] + 5, 10)  # on the other's photograph
    beyond = dataclasses.replace(person, pose=Pose(joints_px, person.pose.state))
    scene = collage_scene([beyond, other], "a")
    assert scene.poses[0].state[3] == ABSENT
    assert np.delete(scene.poses[0].present, 3).all() and scene.poses[1].present.all()
