"""Who is who: poses that cross, tracks at one person, people who are new or back."""

import numpy as np
import pytest

from cpm.geometry import CropRegion
from cpm.inference.matching import Matcher
from cpm.inference.person_pose import PersonPose
from cpm.inference.track import Track
from cpm.skeleton import SKELETONS, Skeleton

LSP = SKELETONS["lsp14"]
# A person 100 px tall: half an OKS is some 10 px of all joints.
JOINTS = np.stack([np.tile([0.0, 30.0], 7), np.linspace(0, 100, 14)], -1)


def pose(x, y=0.0, skeleton=LSP):
    joints_px = np.add(JOINTS[: len(skeleton)], (x, y))
    return PersonPose(skeleton, joints_px, np.full(len(skeleton), 0.8), (0, 0, 1, 1))


def track(x, velocity=0.0, skeleton=LSP):
    seen = pose(x, skeleton=skeleton)
    return Track(1, 0.0, seen, CropRegion((x, 50.0), 150.0), 0.8, 0.0, np.array([velocity, 0.0]))


@pytest.fixture
def matcher():
    return Matcher(LSP)


def test_poses_in_the_other_ones_crop_are_exchanged(matcher):
    tracks = [track(0.0), track(200.0)]
    assert matcher.own_poses(tracks, [pose(1.0), pose(201.0)], 0.1).tolist() == [0, 1]
    assert matcher.own_poses(tracks, [pose(201.0), pose(1.0)], 0.1).tolist() == [1, 0]


def test_a_pose_stays_with_its_crop_where_it_is_hardly_more_like_another(matcher):
    tracks = [track(0.0), track(1.0)]
    assert matcher.own_poses(tracks, [pose(1.0), pose(0.0)], 0.1).tolist() == [0, 1]


def test_people_who_move_are_compared_where_they_would_be(matcher):
    """Two who pass each other: the speed says which is which."""
    tracks = [track(0.0, velocity=600.0), track(60.0, velocity=-600.0)]
    assert matcher.own_poses(tracks, [pose(60.0), pose(0.0)], 0.1).tolist() == [0, 1]


def test_of_two_tracks_at_one_person_the_nearer_is_kept(matcher):
    near, far, other = (track(0.0), track(0.5)), (track(40.0), track(0.5)), (track(300.0),) * 2
    assert matcher.apart([near, far, other]) == {0, 2}
    assert matcher.apart([far, near, other]) == {1, 2}
    assert matcher.apart([]) == set()


def test_a_person_stays_with_who_is_followed_unless_somebody_lost_is_clearly_more_like_it(matcher):
    followed, lost = (track(8.0), track(0.0)), (track(0.0), track(0.0))
    assert matcher.apart([followed, lost], returning=1) == {1}
    assert matcher.apart([(track(0.5), track(0.0)), lost], returning=1) == {0}
    assert matcher.apart([(track(0.5), track(0.0)), lost]) == {1}


def test_people_without_a_track(matcher):
    found = [pose(1.0), pose(200.0), pose(2.0)]
    assert matcher.not_followed([track(0.0)], found) == [1]  # twice at one person is once
    assert matcher.not_followed([], found) == [0, 1, 2]
    assert matcher.not_followed([track(0.0)], []) == []


def test_who_is_back_may_have_walked_on_or_stopped(matcher):
    lost = [track(0.0, velocity=100.0)]
    for x in (2.0, 98.0):
        assert matcher.returned(lost, [pose(400.0), pose(x)], 1.0) == {0: 1}
    assert matcher.returned(lost, [pose(400.0)], 1.0) == {}
    assert matcher.returned([], [pose(0.0)], 1.0) == {}


def test_the_place_of_somebody_lost_for_longer_is_less_certain(matcher):
    lost = [track(0.0)]
    assert matcher.returned(lost, [pose(30.0)], 0.0) == {}
    assert matcher.returned(lost, [pose(30.0)], 2.0) == {0: 0}


def test_a_lost_person_is_back_where_nobody_else_is(matcher):
    lost, followed = [track(0.0), track(200.0)], [track(60.0)]
    assert matcher.back(lost, [pose(201.0), pose(2.0)], followed, 0.1) == {1: 0, 0: 1}
    assert matcher.back(lost, [pose(1.0)], [track(5.0)], 0.1) == {}  # somebody is followed there
    assert matcher.back(lost, [pose(400.0)], [], 0.1) == {}
    assert matcher.back([], [], followed, 0.1) == matcher.back(lost, [], [], 0.1) == {}


def test_one_person_in_the_crops_of_two_lost_is_the_nearer(matcher):
    assert matcher.back([track(0.0), track(8.0)], [pose(6.0), pose(6.5)], [], 0.5) == {1: 1}


def test_joints_that_people_do_not_have():
    """OKS has no σ for them: all count alike."""
    cat = Skeleton("cat", ("nose", "tail"), (("nose", "tail"),))
    people = [pose(x, skeleton=cat) for x in (200.0, 0.0)]
    tracks = [track(x, skeleton=cat) for x in (0.0, 200.0)]
    assert Matcher(cat).own_poses(tracks, people, 0.1).tolist() == [1, 0]
