"""A person and a neighbor: where they stand, what covers what, whose joints are whose."""

import numpy as np
import pytest

from cpm.data.person import OCCLUDED, VISIBLE
from cpm.data.scenes.drawing import square
from cpm.data.scenes.neighbors import MOST_COVERED, with_neighbors
from tests.helpers.scene_people import at, crowd, is_color

SEED = 5  # one that draws both ways to cut out, and both to cover


@pytest.fixture(scope="module")
def people():
    return crowd(8)


@pytest.fixture(scope="module")
def scenes(people):
    return list(with_neighbors(people, people, seed=SEED))


def number_of(id):
    return int(id.split("/")[1])


def test_everybody_has_another_neighbor(people, scenes):
    assert [scene.id for scene, _ in scenes] == [person.id for person in people]
    for scene, how in scenes:
        assert how["neighbor"] != scene.id and len(scene.others) == 1
        # Sizes are drawn between 0.6 and 1.5, and not cut off by the frame.
        assert 0.6 - 1e-3 <= how["times_as_large"] <= 1.5 + 1e-3
    assert {how["behind"] for _, how in scenes} == {False, True}
    assert {how["cut_out"] for _, how in scenes} == {"body", "rectangle"}


def test_the_person_itself_stays_as_it_was(people, scenes):
    for person, (scene, _) in zip(people, scenes, strict=True):
        shifts = scene.pose.joints_px - person.pose.joints_px
        np.testing.assert_allclose(shifts, shifts[:1] * np.ones([14, 1]), atol=1e-4)
        covered = (scene.pose.state == OCCLUDED).sum()
        assert covered <= MOST_COVERED * 14
        assert (scene.pose.present == person.pose.present).all()


def test_the_person_is_the_one_nearest_to_the_center(people, scenes):
    """And the image grew to both sides alike: its center is where it was."""
    for person, (scene, _) in zip(people, scenes, strict=True):
        middle = (np.array(scene.image.shape[1::-1]) - 1) / 2
        own, other = (
            np.linalg.norm((p.joints_px.min(0) + p.joints_px.max(0)) / 2 - middle)
            for p in (scene.pose, scene.others[0])
        )
        assert own < other
        shift = scene.pose.joints_px[0] - person.pose.joints_px[0]
        before = (np.array(person.image.shape[1::-1]) - 1) / 2
        np.testing.assert_allclose(before + shift, middle, atol=1e-4)


def test_the_neighbor_is_in_the_image(scenes):
    for scene, _ in scenes:
        height, width = scene.image.shape[:2]
        points = scene.others[0].joints_px
        assert (points >= 0).all() and (points <= [width - 1, height - 1]).all()


def test_visible_joints_have_the_color_of_their_person(scenes):
    """Hidden ones have another, since something lies over them."""
    seen = 0
    for scene, how in scenes:
        for pose, id in ((scene.pose, scene.id), (scene.others[0], how["neighbor"])):
            own = is_color(at(scene.image, pose.joints_px), number_of(id))
            # A soft edge may take some of the color of a joint at the end of a limb.
            assert own[pose.state == VISIBLE].mean() > 0.9
            seen += (pose.state == OCCLUDED).sum()
            assert not own[pose.state == OCCLUDED].any()
    assert seen > 0


def test_scenes_are_those_of_the_seed(people, scenes):
    again, _ = next(with_neighbors(people[4:5], people, seed=SEED))
    np.testing.assert_array_equal(again.image, scenes[4][0].image)
    other, _ = next(with_neighbors(people[4:5], people, seed=SEED + 1))
    assert other.image.shape != again.image.shape or (other.image != again.image).any()


def test_alone_is_the_same_image_without_the_neighbor(people, scenes):
    for person, (scene, how), (alone, _) in zip(
        people, scenes, with_neighbors(people, people, seed=SEED, paste=False), strict=True
    ):
        assert alone.image.shape == scene.image.shape and alone.others == ()
        np.testing.assert_allclose(alone.pose.joints_px, scene.pose.joints_px, atol=1e-4)
        np.testing.assert_array_equal(alone.pose.state, person.pose.state)
        assert not is_color(alone.image, number_of(how["neighbor"])).any()
        assert is_color(alone.image, number_of(person.id)).sum() > 1000
        assert square(alone).side_px == pytest.approx(square(person).side_px, rel=1e-5)
