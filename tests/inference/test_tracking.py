"""Following people: one pass a frame, numbers that stay, on walks whose joints are known."""

import dataclasses
import functools

import numpy as np
import pytest

from cpm.inference.person_pose import PersonPose
from cpm.inference.tracking import Tracker, TrackingOptions
from cpm.skeleton import own_skeleton
from cpm.synthetic.walk import walk
from tests.helpers.truth_reader import MPII, TruthReader
from tests.helpers.walk_videos import stamp

RATE, SECONDS = 12, 10
TIMES = np.arange(RATE * SECONDS) / RATE


@functools.cache
def joints_of(people):
    """`[F, N, 16, 2]` of ten seconds; small frames, since only their joints are used."""
    return np.stack([f.joints_px for f in walk(TIMES, people=people, size=(48, 64))]) * 5


def frame(number):
    return stamp(np.zeros([240, 320, 3], np.uint8), number)


def track(truth, **options):
    """The people of every frame, and the network with what it was asked."""
    network = TruthReader(truth)
    limit = options.pop("limit", None)
    tracker = Tracker(
        network.poses,
        network.find,
        MPII,
        margin=1.25,
        limit=limit,
        options=TrackingOptions(**options),
    )
    times = TIMES[: len(truth)]
    return [tracker(frame(n), time) for n, time in enumerate(times)], network, tracker


def test_walk_is_followed_with_one_pass_a_frame():
    truth = joints_of(1)
    people, network, tracker = track(truth)
    assert all(len(p) == 1 and p[0].id == 1 for p in people)
    np.testing.assert_allclose([p[0].joints_px for p in people], truth[:, 0], atol=1e-6)
    assert tracker.passes == len(truth) - 1  # the first frame is searched
    # Searches come after half a second, one, two, and then every three.
    assert [TIMES[n] for n in network.searched] == [0, 0.5, 1.5, 3.5, 6.5, 9.5]


def test_searches_are_soon_again_after_somebody_new():
    truth = joints_of(2).copy()
    truth[: 4 * RATE, 1] = np.nan
    _, network, _ = track(truth)
    # Found at 6.5, and confirmed 0.3 seconds later.
    assert [TIMES[n] for n in network.searched] == [0, 0.5, 1.5, 3.5, 6.5, 7, 8]


@pytest.mark.parametrize("lost, searches", [(0.5, 1), (1.0, 6)])
def test_nobody_else_is_searched_for_where_nobody_can_be_taken(lost, searches):
    """A find replaces whoever is less than `lost` times as sure; no find is surer than 1."""
    truth = joints_of(1)
    people, network, _ = track(truth, limit=1, lost=lost)
    assert len(network.searched) == searches
    np.testing.assert_allclose([p[0].joints_px for p in people], truth[:, 0], atol=1e-6)


def test_crop_is_around_the_joints_of_the_frame_before():
    """Moved on by at most what the person walks in a frame: a twelfth of 100 px."""
    truth = joints_of(1)
    _, network, _ = track(truth, limit=1)
    for number, region in network.regions:
        before = truth[number - 1, 0]
        middle = (before.min(0) + before.max(0)) / 2
        np.testing.assert_allclose(region.center_px, middle, atol=100 / RATE)
        assert 1.2 < region.side_px / np.ptp(before, axis=0).max() < 1.5


def nearest(people, truth):
    """Number of the true person that matches each found one."""
    return {
        person.id: int(np.abs(truth - person.joints_px).mean((1, 2)).argmin()) for person in people
    }


@pytest.mark.parametrize("count", [2, 3])
def test_people_who_cross_keep_their_numbers(count):
    """Every number stands for one true person throughout, and no two for the same."""
    truth = joints_of(count)
    people, _, _ = track(truth)
    meanings = {}
    for found, true in zip(people, truth, strict=True):
        here = nearest(found, true)
        assert len({p.id for p in found}) == len(found)
        for number, person in here.items():
            meanings.setdefault(number, set()).add(person)
    assert meanings == {n + 1: {n} for n in range(count)}, meanings
    # At each crossing one of two may be missing until the next search, half a second later.
    assert sum(map(len, people)) >= count * (len(truth) - 0.5 * RATE)


def test_gap_is_bridged():
    """A person behind a wall for a second and a half has the same number afterwards."""
    truth = joints_of(1).copy()
    truth[40:58] = np.nan
    people, _, _ = track(truth)
    assert [len(p) for p in people[40:58]] == [0] * 18
    assert {p[0].id for p in people if p} == {1}
    assert sum(map(len, people[58:66])) >= 2  # found again within half a second


def test_who_is_lost_is_followed_again_in_the_first_frame_of_seeing_them():
    """Without a search that frame: the lost person's own crop is in the batch of the others."""
    truth = joints_of(2).copy()
    truth[40:48, 1] = np.nan
    people, network, _ = track(truth)
    assert [p.id for p in people[39]] == [1, 2]
    assert all([p.id for p in found] == [1] for found in people[40:48])
    assert nearest(people[48], truth[48]) == {1: 0, 2: 1}
    assert 48 not in network.searched
    looked = [frame for frame, _ in network.regions]
    assert [looked.count(n) for n in range(39, 50)] == [2] * 11


def test_who_is_lost_is_not_looked_for_without_room():
    """The person asked for is lost, and another one takes the place: one crop a frame."""
    truth = joints_of(2).copy()
    truth[:, 1] += (400, 0)
    truth[40:60, 0] = np.nan
    truth[:40, 1] = np.nan
    people, network, _ = track(truth, limit=1)
    assert {p.id for p in people[39]} == {1} and {p.id for p in people[-1]} == {2}
    looked = [frame for frame, _ in network.regions]
    assert all(looked.count(n) <= 1 for n in range(len(truth)))


def test_long_gap_gives_a_new_number():
    truth = joints_of(1).copy()
    truth[40:88] = np.nan
    people, _, _ = track(truth)
    assert {p[0].id for p in people[:40]} == {1}
    assert {p[0].id for p in people[95:]} == {2}


def test_newcomer_is_found_and_others_keep_their_numbers():
    truth = joints_of(2).copy()
    truth[:50, 1] = np.nan
    people, _, _ = track(truth)
    assert [p.id for p in people[49]] == [1]
    assert [p.id for p in people[-1]] == [1, 2]
    first = next(n for n, p in enumerate(people) if len(p) == 2)
    assert 50 <= first <= 50 + 3 * RATE


def test_find_that_does_not_last_gets_no_number():
    """A second person is there for two frames, just when the whole image is searched."""
    truth = joints_of(2).copy()
    searched = int(3.5 * RATE)
    there = np.isin(np.arange(len(truth)), (searched, searched + 1))
    truth[~there, 1] = np.nan
    people, network, _ = track(truth)
    assert searched in network.searched
    assert {p.id for found in people for p in found} == {1}


@pytest.mark.parametrize(("share", "waits"), [(0.85, 0), (0.7, 4)])
def test_in_a_first_frame_those_get_a_number_who_are_about_as_sure_as_the_surest(share, waits):
    """Who is less sure waits as everybody new does: four frames of 1/12 s."""
    truth = joints_of(3)
    network = TruthReader(truth)

    def less_sure(person, joints_px):
        """Of the third person."""
        return share if np.abs(joints_px - truth[person, 2]).max() < 1 else 1.0

    def find(image):
        found = network.find(image)
        return [
            dataclasses.replace(p, confidence=p.confidence * less_sure(0, p.joints_px))
            for p in found
        ]

    def poses(images, regions):
        joints_px, confidence = network.poses(images, regions)
        frames = [number for number, _ in network.regions[-len(regions) :]]
        shares = [less_sure(*each) for each in zip(frames, joints_px, strict=True)]
        return joints_px, confidence * np.array(shares)[:, np.newaxis]

    tracker = Tracker(poses, find, MPII, margin=1.25)
    people = [tracker(frame(n), time) for n, time in enumerate(TIMES[:6])]
    numbers = [[1, 2]] * waits + [[1, 2, 3]] * (6 - waits)
    assert [[p.id for p in found] for found in people] == numbers
    assert nearest(people[-1], truth[5]) == {1: 0, 2: 1, 3: 2}


def test_searches_follow_a_few_finds_that_do_not_last_and_then_rest():
    """Something that looks like a person to searches alone; a search is put off, not forgotten."""
    truth = joints_of(1)
    network = TruthReader(truth)

    def find(image):
        found = network.find(image)
        poster = dataclasses.replace(found[0], joints_px=np.add(found[0].joints_px, (400, 0)))
        return [*found, poster] if network.searched[-1] else found

    def poses(images, regions):
        joints_px, confidence = network.poses(images, regions)
        far = np.array([region.center_px[0] > 400 for region in regions])
        return joints_px, np.where(far[:, np.newaxis], 0.02, confidence)

    tracker = Tracker(poses, find, MPII, margin=1.25)
    people = [tracker(frame(n), time) for n, time in enumerate(TIMES)]
    assert {p.id for found in people for p in found} == {1}
    assert [TIMES[n] for n in network.searched] == [0, 0.5, 1, 1.5, 2, 5, 8]


def test_covered_person_is_remembered_as_last_seen_surely():
    """Covered little by little, joints drift to somebody in front; then nothing, then both."""
    truth = joints_of(2)
    network = TruthReader(truth)
    covered = {"from": 50, "to": 62}

    def poses(images, regions):
        joints_px, confidence = network.poses(images, regions)
        number = network.regions[-1][0]
        if covered["from"] <= number < covered["to"] and len(joints_px) == 2:
            share = (number - covered["from"] + 1) / 12
            joints_px[1] += share * (joints_px[0] - joints_px[1])
            confidence[1] *= 1 - share
        return joints_px, confidence

    def find(image):
        found = network.find(image)
        hidden = covered["from"] <= network.searched[-1] < covered["to"] + 4
        return found[:1] if hidden else found

    tracker = Tracker(poses, find, MPII, margin=1.25)
    people = [tracker(frame(n), time) for n, time in enumerate(TIMES)]
    assert [p.id for p in people[60]] == [1]
    assert nearest(people[80], truth[80]) == {1: 0, 2: 1}
    assert {p.id for found in people for p in found} == {1, 2}


def test_two_tracks_at_one_person_become_one():
    """A network that jumps to the other person: one track is given up, and found again."""
    truth = joints_of(2)
    network = TruthReader(truth)
    jump = {"on": False}

    def poses(images, regions):
        joints_px, confidence = network.poses(images, regions)
        return (joints_px[[0] * len(joints_px)] if jump["on"] else joints_px), confidence

    tracker = Tracker(poses, network.find, MPII, margin=1.25)
    for n in range(20):
        tracker(frame(n), TIMES[n])
    jump["on"] = True
    here = tracker(frame(20), TIMES[20])
    jump["on"] = False
    later = [tracker(frame(n), TIMES[n]) for n in range(21, 30)]
    assert nearest(here, truth[20]) in ({1: 0}, {1: 0, 2: 1})
    assert nearest(later[-1], truth[29]) == {1: 0, 2: 1}


def test_limit_keeps_the_person_who_is_followed():
    people, _, _ = track(joints_of(2), limit=1)
    assert {p.id for found in people for p in found} == {1}
    assert all(len(found) == 1 for found in people)


def test_nobody_is_a_result():
    truth = np.full([RATE, 1, 16, 2], np.nan)
    people, network, tracker = track(truth)
    assert people == [()] * RATE
    assert tracker.passes == 0
    assert len(network.searched) == 2  # twice a second, not every frame


def test_a_single_keypoint_is_followed():
    """It has no extent: its crop and the area for OKS are as large as the window of the search."""
    skeleton = own_skeleton(["point"])
    truth = joints_of(1)[:40, 0, :1]  # [F, 1, 2]
    now, asked = [0], []

    def poses(images, regions):
        asked.extend(regions)
        return np.repeat(truth[now], len(regions), 0), np.ones([len(regions), 1])

    def find(image):
        x, y = truth[now[0], 0]
        box = (x - 59.5, y - 59.5, 120.0, 120.0)
        return [PersonPose(skeleton, truth[now[0]], np.ones(1), box, score=1.0)]

    tracker = Tracker(poses, find, skeleton, margin=1.25)
    for now[0] in range(len(truth)):
        (person,) = tracker(frame(now[0]), TIMES[now[0]])
        assert person.id == 1
        np.testing.assert_allclose(person.joints_px, truth[now[0]])
    assert {region.side_px for region in asked} == {120.0}
