"""States of joints in scenes made by hand, and parts found where the joints say they are."""

import dataclasses

import numpy as np
import pytest

from cpm.skeleton import OCCLUDED, VISIBLE
from cpm.synthetic.body import sample_body
from cpm.synthetic.camera import Camera
from cpm.synthetic.outfit import sample_outfit
from cpm.synthetic.pose import JointAngles, pose_body, rotation_y
from cpm.synthetic.raster import rasterise
from cpm.synthetic.shading import ZOOM
from cpm.synthetic.solids import PARTS
from cpm.synthetic.staging import JOINTS, Actor, sample_cast, to_screen
from cpm.synthetic.visibility import joint_states

SIZE = 240, 160  # height, width


def _standing():
    """Joint angles of someone standing with the arms a little away from the body."""
    angles = JointAngles()
    angles.shoulders[:, 1] = 22
    angles.hips[:, 1] = 6
    return angles


def _actor(angles, yaw=0.0, **camera):
    """A plain person of fixed proportions in the middle of the image."""
    rng = np.random.default_rng(1)
    body = dataclasses.replace(sample_body(rng), bust=0.0)
    plain = dict(hair_style="short", bag=False, skirt=0.0, held="nothing")
    outfit = dataclasses.replace(sample_outfit(rng, body), **plain)
    figure = pose_body(body, angles)
    view = dict(distance=8.0, scale=200.0, origin=(80.0, 110.0))
    placed = Camera(rotation_y(yaw), np.zeros(3), **(view | camera))
    return Actor(body, figure, "stand", outfit, placed)


def _states(actors, occluder=None):
    """{joint: state} of the first actor."""
    screen = to_screen(actors)
    depth, solid = rasterise(screen, SIZE[0] * ZOOM, SIZE[1] * ZOOM)
    if occluder is None:
        occluder = np.zeros(SIZE, bool)
    first = actors[0]
    scene = (0, screen, depth, solid, occluder)
    states = joint_states(first.joints(), first.camera.scale, *scene)
    return dict(zip(JOINTS, states.tolist(), strict=True))


@pytest.mark.parametrize("yaw", [0, 180, 25, -150])
def test_standing_apart_everything_is_visible(yaw):
    hidden = [j for j, s in _states([_actor(_standing(), yaw)]).items() if s != VISIBLE]
    assert hidden == []


def test_profile_hides_the_far_side():
    """Turned with the left side to the viewer (+z), the right side is behind the trunk."""
    angles = _standing()
    angles.shoulders[:, 0] = 70  # hanging arms would hide the near hip
    states = _states([_actor(angles, yaw=-90)])
    for joint in ("shoulder", "hip", "knee"):
        assert states[f"left_{joint}"] == VISIBLE, joint
        assert states[f"right_{joint}"] == OCCLUDED, joint


def test_an_arm_behind_the_back_is_hidden_from_the_front_only():
    angles = _standing()
    angles.shoulders[0] = (-38, 10, 80)
    angles.elbows[0] = 80
    assert _states([_actor(angles)])["left_wrist"] == OCCLUDED
    from_behind = _states([_actor(angles, yaw=180)])
    assert from_behind["left_wrist"] == VISIBLE
    assert from_behind["right_wrist"] == VISIBLE


def test_an_arm_before_the_chest_hides_what_is_behind_it():
    angles = _standing()
    angles.shoulders[1] = (
        88,
        -22,
        0,
    )  # the right arm across the thorax, at shoulder height
    states = _states([_actor(angles)])
    assert states["right_wrist"] == VISIBLE
    assert states["thorax"] == OCCLUDED and states["pelvis"] == VISIBLE


def test_an_occluder_marks_the_joints_it_covers():
    actor = _actor(_standing())
    u, v, _ = actor.joints()[JOINTS.index("right_knee")]
    occluder = np.zeros(SIZE, bool)
    occluder[int(v) - 4 : int(v) + 5, int(u) - 4 : int(u) + 5] = True
    states = _states([actor], occluder)
    hidden = [joint for joint, state in states.items() if state == OCCLUDED]
    assert hidden == ["right_knee"]


def test_another_person_hides_only_when_in_front():
    actor = _actor(_standing())
    for depth, expected in ((600.0, OCCLUDED), (-600.0, VISIBLE)):
        other = _actor(_standing(), depth=depth)
        states = _states([actor, other])
        assert states["pelvis"] == expected and states["left_knee"] == expected


def test_outside_the_image_is_not_visible():
    actor = _actor(_standing(), origin=(80.0, 190.0))
    states, joints = _states([actor]), dict(zip(JOINTS, actor.joints(), strict=True))
    for joint in ("left_ankle", "right_ankle"):
        assert joints[joint][1] > SIZE[0] and states[joint] == OCCLUDED
    assert states["head_top"] == VISIBLE


def test_visible_joints_lie_on_their_own_part():
    """At a visible joint the part map shows a part of that person with the joint's own name."""
    expected = {
        "ankle": ("shank", "foot"),
        "knee": ("thigh", "shank", "skirt"),
        "hip": ("thigh", "pelvis", "torso", "skirt"),
        "wrist": ("forearm", "hand"),
        "elbow": ("upper_arm", "forearm"),
        "shoulder": ("upper_arm", "torso"),
    }
    checked, gaps = 0, 0
    for seed in range(40):
        actor = sample_cast(np.random.default_rng(seed), *SIZE)[0]
        screen = to_screen([actor])
        depth, solid = rasterise(screen, SIZE[0] * ZOOM, SIZE[1] * ZOOM)
        clear = np.zeros(SIZE, bool)
        scene = (0, screen, depth, solid, clear)
        joints = actor.joints()
        states = joint_states(joints, actor.camera.scale, *scene)
        for name, (u, v, _), state in zip(JOINTS, joints, states, strict=True):
            side, _, kind = name.partition("_")
            if state != VISIBLE or kind not in expected:
                continue
            found = solid[int((v + 0.5) * ZOOM), int((u + 0.5) * ZOOM)]
            checked, gaps = checked + 1, gaps + (found < 0)
            if found >= 0:
                part = PARTS[screen.part[found]]
                own = [p if p in PARTS else f"{side}_{p}" for p in expected[kind]]
                assert part in own, (seed, name, part)
    assert checked > 250 and gaps == 0


def test_a_symmetric_body_from_the_front_has_a_symmetric_outline():
    actor = _actor(_standing(), origin=(79.5, 110.0))  # the middle of 160 columns
    depth, _ = rasterise(to_screen([actor]), SIZE[0] * ZOOM, SIZE[1] * ZOOM)
    outline = np.isfinite(depth)
    assert np.mean(outline != outline[:, ::-1]) < 2e-4  # rounding at the rim


def test_left_is_on_the_viewers_right_from_the_front_and_left_from_behind():
    for yaw, sign in ((0, 1), (180, -1)):
        joints = dict(zip(JOINTS, _actor(_standing(), yaw).joints(), strict=True))
        for joint in ("shoulder", "hip", "knee", "wrist"):
            gap = joints[f"left_{joint}"][0] - joints[f"right_{joint}"][0]
            assert sign * gap > 5, joint
