"""People cut off by the image's edge: where, which joints are left, who is fit for it."""

import dataclasses

import numpy as np
import pytest

from cpm.data.images import read_image
from cpm.data.person import Pose
from cpm.data.scenes import truncated
from cpm.data.scenes.folder import read_scenes, write_scenes
from tests.helpers.scene_people import LSP, at, crowd, is_color, standing


@pytest.mark.parametrize("kind", truncated.KINDS)
def test_joints_stay_on_the_body(kind):
    """Also where the image is enlarged: the person has a color of its own."""
    person = standing(4, size=(170, 150))
    scene = truncated.truncated_scene(person, kind, "a")
    (pose,), (whole,) = scene.poses, scene.whole_px
    assert is_color(at(scene.image, pose.joints_px[pose.present]), 4).all()
    height, width = scene.image.shape[:2]
    assert max(height, width) == 200
    inside = ((whole >= 0) & (whole <= (width - 1, height - 1))).all(-1)
    np.testing.assert_array_equal(pose.present, inside)
    np.testing.assert_allclose(pose.joints_px[inside], whole[inside], atol=1e-4)
    # The whole person at the size of the image, to a pixel's rounding of the sides.
    factor = np.ptp(whole[:, 1]) / np.ptp(person.pose.joints_px[:, 1])
    assert factor == pytest.approx(np.ptp(whole[:, 0]) / np.ptp(person.pose.joints_px[:, 0]), 0.02)


def test_what_is_left():
    person = standing(4, size=(170, 150))

    def left(kind):
        pose = truncated.truncated_scene(person, kind, "a").poses[0]
        return {joint for joint, there in zip(LSP.joints, pose.present, strict=True) if there}

    arms = {f"{side}_{joint}" for side in ("left", "right") for joint in ("elbow", "wrist")}
    head = {"neck", "head_top", "left_shoulder", "right_shoulder"}
    # The left arm is raised.
    assert left(truncated.HEAD) == head | {"left_elbow", "left_wrist"}
    assert left(truncated.UPPER) == head | arms  # the hips are on the edge, and beyond it


def test_who_can_be_truncated():
    person = standing(1, size=(170, 150))
    assert truncated.can_be_truncated(person)
    x, y = person.pose.joints_px.T
    lying = dataclasses.replace(person, pose=Pose(np.stack([y, x], -1), person.pose.state))
    assert not truncated.can_be_truncated(lying)
    state = np.where(np.arange(14) == 0, 0, 2)
    part = dataclasses.replace(person, pose=Pose(person.pose.joints_px, state))
    assert not truncated.can_be_truncated(part)
    assert not truncated.can_be_truncated(dataclasses.replace(person, others=(person.pose,)))
    assert not truncated.can_be_truncated(standing(1, size=(60, 50), top=(25, 5), height_px=30.0))


def test_scenes_come_back_with_the_whole_person(tmp_path):
    people = crowd(3, size=(170, 150))
    scenes = list(truncated.truncated_scenes(people, 4, 0))
    assert [scene.shows for scene in scenes] == [truncated.KINDS[k] for k in (0, 0, 1, 1)]
    assert [scene.sources[0] for scene in scenes] == ["made/0", "made/1", "made/1", "made/2"]
    assert len(list(truncated.truncated_scenes(people, 100, 0))) == 6
    folder = str(tmp_path / "out")
    write_scenes(folder, "truncated", scenes, LSP, seed=0, remake="bin/make_scenes.py …")
    for got, made in zip(read_scenes(folder).images, scenes, strict=True):
        np.testing.assert_allclose(got.whole_px[0], made.whole_px[0], atol=0.0051)
        np.testing.assert_array_equal(got.state[0], made.poses[0].state)
        assert np.abs(read_image(got.path).astype(int) - made.image).mean() < 3
