"""One frame of every track: who is still there, who is lost, who is seen again."""

import numpy as np
import pytest

from cpm.geometry import CropRegion
from cpm.inference.matching import Matcher
from cpm.inference.track import Track
from cpm.inference.track_steps import Steps, TrackingOptions
from cpm.skeleton import SKELETONS

LSP = SKELETONS["lsp14"]
JOINTS = np.stack([np.tile([0.0, 30.0], 7), np.linspace(0, 100, 14)], -1)
STEPS = Steps(Matcher(LSP), LSP, 1.25, 0.5, TrackingOptions())
SIDE_PX = 150.0


def pose(x=0.0, confidence=0.8):
    return STEPS.pose(np.add(JOINTS, (x, 0.0)), np.full(14, confidence))


def track(x=0.0, id=3):
    region = CropRegion((x + 15, 50.0), SIDE_PX)
    return Track(id, 0.0, pose(x), region, 0.8, 0.0, np.zeros(2))


@pytest.mark.parametrize(
    "confidence, there, sure", [(0.8, True, True), (0.59, True, False), (0.39, False, None)]
)
def test_a_track_moves_on_is_unsure_or_is_lost(confidence, there, sure):
    """Shares of the usual confidence: all, less than 0.75, less than 0.5."""
    pairs = STEPS.moved([track()], [pose(2.0, confidence)], [SIDE_PX], 0.1)
    assert len(pairs) == there
    for before, after in pairs:
        assert (after.id, after.pose.id, after.time) == (3, 3, 0.1)
        assert after.region.center_px == pytest.approx((17.0, 50.0))
        assert (after.last_sure is None) == sure and (sure or after.last_sure is before)


def test_tracks_take_each_other_s_poses():
    tracks = [track(0.0, id=1), track(200.0, id=2)]
    pairs = STEPS.moved(tracks, [pose(201.0), pose(1.0)], [SIDE_PX] * 2, 0.1)
    assert [(after.id, after.pose.joints_px[0, 0]) for _, after in pairs] == [(1, 1.0), (2, 201.0)]


@pytest.mark.parametrize("confidence, seen", [(0.8, True), (0.73, True), (0.71, False)])
def test_who_is_lost_is_seen_again_about_as_surely_as_before(confidence, seen):
    """Nine tenths of the usual 0.8 are 0.72."""
    lost = track()
    pairs = STEPS.seen_again([lost], [pose(5.0, confidence)], [SIDE_PX], 0.7)
    assert [before is lost for before, _ in pairs] == [True] * seen
    for _, after in pairs:
        assert (after.id, after.pose.id, after.time, after.usual) == (3, 3, 0.7, 0.8)


def test_nobody_is_where_few_joints_are_sure():
    few = STEPS.pose(JOINTS, np.where(np.arange(14) < 3, 0.9, 0.49))
    assert not STEPS.is_somebody(few)
    assert STEPS.is_somebody(STEPS.pose(JOINTS, np.where(np.arange(14) < 4, 0.9, 0.49)))
    assert STEPS.moved([track()], [few], [SIDE_PX], 0.1) == []
    assert STEPS.seen_again([track()], [few], [SIDE_PX], 0.1) == []
