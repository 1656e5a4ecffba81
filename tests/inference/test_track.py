"""One person who is followed: where the next pass is, and what a frame changes."""

import dataclasses

import numpy as np
import pytest

from cpm.geometry import CropRegion
from cpm.inference.person_pose import PersonPose
from cpm.inference.track import (
    CONFIDENCE_S,
    SPEED_S,
    Track,
    extent,
    fresh,
    overall_confidence,
    sure_joints,
)
from cpm.skeleton import SKELETONS

LSP = SKELETONS["lsp14"]
JOINTS = np.stack([np.arange(14) * 2.0, np.arange(14) * 5.0], -1)  # 26 x 65 pixels
REGION = CropRegion((13.0, 32.5), 90.0)


def pose(joints_px=JOINTS, confidence=0.8):
    joints_px = np.array(joints_px, np.float64)
    return PersonPose(LSP, joints_px, np.broadcast_to(confidence, [14]) * 1.0, (0, 0, 1, 1), id=4)


def track(velocity=(0.0, 0.0)):
    return Track(4, 0.5, pose(), REGION, 0.8, 2.0, np.array(velocity))


def test_a_crop_and_joints_move_on_at_the_speed_of_the_person():
    walking = track(velocity=(10.0, -4.0))
    assert walking.region_at(2.5) == CropRegion((18.0, 30.5), 90.0)
    np.testing.assert_allclose(walking.moved_on(2.5), np.add(JOINTS, (5.0, -2.0)))


def test_a_frame_changes_speed_and_usual_confidence_by_its_share():
    after = track().advanced(pose(np.add(JOINTS, (3.0, 1.0)), 0.6), REGION, 2.1, unsure=False)
    speed, confidence = 1 - np.exp(-0.1 / SPEED_S), 1 - np.exp(-0.1 / CONFIDENCE_S)
    np.testing.assert_allclose(after.velocity, speed * np.array([30.0, 10.0]))
    assert after.usual == pytest.approx(0.8 - confidence * 0.2)
    assert (after.id, after.since, after.time, after.last_sure) == (4, 0.5, 2.1, None)


@pytest.mark.parametrize("rate", [5, 12, 25, 60])
def test_means_are_of_the_same_time_at_every_rate(rate):
    """After a second the share of the old value is exp(-1 / reach)."""
    left = np.prod([1 - fresh(1 / rate, 0.4)] * rate)
    assert left == pytest.approx(np.exp(-1 / 0.4))


def test_an_unsure_frame_keeps_the_speed_and_the_last_sure_pose():
    before = track(velocity=(10.0, 0.0))
    once = before.advanced(pose(JOINTS + 9.0, 0.4), REGION, 2.1, unsure=True)
    twice = once.advanced(pose(JOINTS + 19.0, 0.3), REGION, 2.2, unsure=True)
    assert once.last_sure is before and twice.last_sure is before
    np.testing.assert_array_equal(twice.velocity, before.velocity)
    assert twice.advanced(pose(), REGION, 2.3, unsure=False).last_sure is None


def test_measures_count_the_joints_that_were_found():
    joints_px, confidence = JOINTS.copy(), np.full(14, 0.8)
    joints_px[0] = np.nan
    confidence[13] = 0.19  # below a quarter of the surest
    found = pose(joints_px, confidence)
    assert sure_joints(found).tolist() == [False, *[True] * 12, False]
    assert extent(found) == (22.0, 55.0)
    assert overall_confidence(found) == pytest.approx((12 * 0.8 + 0.19) / 14)
    nobody = dataclasses.replace(found, joints_px=np.full([14, 2], np.nan))
    assert extent(nobody) == (0.0, 0.0) and overall_confidence(nobody) == 0.0
