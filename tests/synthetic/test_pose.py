"""The synthetic skeleton in space: lengths, directions of bending, limits, mirror, contact."""

import numpy as np
import pytest

from cpm.skeleton import get_skeleton, mirror_name
from cpm.synthetic.actions import sample_pose
from cpm.synthetic.body import sample_body
from cpm.synthetic.contact import intersects_itself
from cpm.synthetic.pose import (
    LIMITS_DEG,
    JointAngles,
    pose_body,
    rotation_x,
    rotation_y,
    rotation_z,
)

BONES = {
    ("hip", "knee"): "thigh",
    ("knee", "ankle"): "shank",
    ("shoulder", "elbow"): "upper_arm",
    ("elbow", "wrist"): "forearm",
    ("wrist", "hand"): "hand",
}


@pytest.fixture(scope="module")
def draws():
    """[(body, angles, figure)] of many people."""
    drawn = []
    for seed in range(200):
        rng = np.random.default_rng(seed)
        body = sample_body(rng)
        angles, figure, _ = sample_pose(rng, body)
        drawn.append((body, angles, figure))
    return drawn


def test_rotations_preset():
    # Right-handed quarter turns: x: y -> z, y: z -> x, z: x -> y.
    np.testing.assert_allclose(rotation_x(90) @ (0, 1, 0), (0, 0, 1), atol=1e-15)
    np.testing.assert_allclose(rotation_y(90) @ (0, 0, 1), (1, 0, 0), atol=1e-15)
    np.testing.assert_allclose(rotation_z(90) @ (1, 0, 0), (0, 1, 0), atol=1e-15)


def test_bodies_are_one_unit_tall(draws):
    for body, _, _ in draws:
        assert body.height == pytest.approx(1.0, abs=1e-12)


def test_standing_straight():
    body = sample_body(np.random.default_rng(0))
    points = pose_body(body, JointAngles()).points
    for joint in get_skeleton("mpii16").joints:
        x, _, _ = points[joint]
        if joint.startswith("left_"):
            assert x > 0
        elif joint.startswith("right_"):
            assert x < 0
        else:
            assert x == 0
    order = ["head_top", "upper_neck", "thorax", "left_elbow", "pelvis"]
    order += ["left_knee", "left_ankle"]
    heights = [points[joint][1] for joint in order]
    assert heights == sorted(heights, reverse=True)
    assert points["left_toe"][2] > points["left_heel"][2]  # feet point to the front
    legs = body.thigh + body.shank
    assert points["right_ankle"][1] == pytest.approx(-legs, abs=1e-12)


def test_bones_keep_their_lengths(draws):
    for body, _, figure in draws:
        for side in ("left", "right"):
            for (a, b), bone in BONES.items():
                vector = figure.points[f"{side}_{a}"] - figure.points[f"{side}_{b}"]
                expected = getattr(body, bone)
                assert np.linalg.norm(vector) == pytest.approx(expected, abs=1e-12)
        head = figure.points["head_top"] - figure.points["upper_neck"]
        assert np.linalg.norm(head) == pytest.approx(body.head, abs=1e-12)
        hips = figure.points["left_hip"] + figure.points["right_hip"]
        np.testing.assert_allclose(hips / 2, figure.points["pelvis"], atol=1e-12)


def test_knees_bend_back_and_elbows_to_the_front(draws):
    """The far bone leans to the one allowed side of the near bone, and never to the other."""
    for _, angles, figure in draws:
        points, frames = figure.points, figure.frames
        for row, side in enumerate(("left", "right")):
            thigh, arm = frames[f"{side}_thigh"], frames[f"{side}_upper_arm"]
            shank = points[f"{side}_ankle"] - points[f"{side}_knee"]
            forearm = points[f"{side}_wrist"] - points[f"{side}_elbow"]
            assert shank @ thigh[:, 2] <= 1e-12  # behind the thigh's front
            assert forearm @ arm[:, 2] >= -1e-12
            assert abs(shank @ thigh[:, 0]) < 1e-12  # a hinge: no sideways motion
            assert abs(forearm @ arm[:, 0]) < 1e-12
            near = points[f"{side}_hip"] - points[f"{side}_knee"]
            cosine = near @ shank / np.linalg.norm(near) / np.linalg.norm(shank)
            assert 180 - np.rad2deg(np.arccos(np.clip(cosine, -1, 1))) == (
                pytest.approx(angles.knees[row], abs=1e-4)
            )


def test_angles_stay_in_their_limits(draws):
    for _, angles, _ in draws:
        for name, limit in LIMITS_DEG.items():
            value = getattr(angles, name)
            assert (value >= limit[..., 0]).all() and (value <= limit[..., 1]).all(), name


def test_poses_use_their_range(draws):
    knees = np.array([angles.knees for _, angles, _ in draws])
    elbows = np.array([angles.elbows for _, angles, _ in draws])
    raised = [
        figure.points["left_wrist"][1] > figure.points["head_top"][1] for _, _, figure in draws
    ]
    assert np.mean(knees < 20) > 0.2 and np.mean(knees > 70) > 0.15
    assert np.mean(elbows < 30) > 0.2 and np.mean(elbows > 80) > 0.2
    assert 0.05 < np.mean(raised) < 0.5


def test_mirrored_angles_give_the_mirrored_figure():
    rng = np.random.default_rng(5)
    body = sample_body(rng)
    angles, figure, _ = sample_pose(rng, body)
    odd = np.array([1, -1, -1])
    pairs = ("shoulders", "elbows", "wrists", "hips", "knees", "ankles")
    swapped = {name: getattr(angles, name)[::-1] for name in pairs}
    trunk = dict(spine=odd * angles.spine, neck=odd * angles.neck)
    mirrored = JointAngles(angles.lean, -angles.tilt, **trunk, **swapped)
    other = pose_body(body, mirrored).points
    for name, point in figure.points.items():
        expected = point * (-1, 1, 1)
        np.testing.assert_allclose(other[mirror_name(name)], expected, atol=1e-12)


def test_intersects_itself_preset():
    body = sample_body(np.random.default_rng(0))
    fine = JointAngles()
    fine.shoulders[:, 1] = 15
    fine.hips[:, 1] = 5
    assert not intersects_itself(body, pose_body(body, fine))
    through_chest = JointAngles()
    through_chest.shoulders[:] = (
        0,
        15,
        90,
    )  # bent arms turned inwards: hands in the belly
    through_chest.elbows[:] = 90
    through_chest.hips[:, 1] = 5
    assert intersects_itself(body, pose_body(body, through_chest))
    through_legs = JointAngles()
    through_legs.shoulders[:, 1] = 15
    through_legs.hips[:, 1] = -15
    assert intersects_itself(body, pose_body(body, through_legs))


def test_most_draws_do_not_intersect(draws):
    bad = [intersects_itself(body, figure) for body, _, figure in draws]
    assert np.mean(bad) < 0.02  # only where sixteen draws in a row failed
