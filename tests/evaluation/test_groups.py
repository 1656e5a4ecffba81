"""Scores of groups, worked out by hand."""

import numpy as np
import pytest

from cpm.evaluation.groups import FoundPeople, TruePeople, nearest_pairs, score_groups
from cpm.skeleton import SKELETONS

LSP = SKELETONS["lsp14"]
AREA = 4000.0


def body(x, y=0.0):
    """`[14, 2]`: a made-up body, 100 px tall, its torso (left shoulder to right hip) 50 px."""
    joints_px = np.stack([np.linspace(-20, 20, 14), np.linspace(0, 100, 14)], 1)
    joints_px[LSP.index("left_shoulder")] = [0, 30]
    joints_px[LSP.index("right_hip")] = [30, 70]
    return joints_px + np.array([x, y])


def truth(*people):
    return TruePeople(np.stack(people), np.full([len(people), 14], 2), np.full(len(people), AREA))


def found(*people, score=None):
    joints_px = np.stack(people) if people else np.zeros([0, 14, 2])
    return FoundPeople(joints_px, np.array(score or np.linspace(1, 0.5, len(people))))


def test_everybody_found():
    images = [truth(body(0), body(100)), truth(body(50))]
    answers = [found(body(100), body(0)), found(body(50))]
    got = score_groups(images, answers, LSP)
    assert got | {"groups": None} == pytest.approx(
        {"images": 2, "people": 3, "found": 3, "too_many": 0, "joints": 42, "groups": None}
        | dict.fromkeys(("ap", "ap50", "ap75", "ar", "recall", "pck@0.2"), 100.0)
        | {"interval": [100.0, 100.0]}
    )
    assert set(got["groups"]) == {"Head", "Sho", "Elb", "Wri", "Hip", "Kne", "Ank"}


def test_a_person_missed_counts_all_its_joints_wrong():
    got = score_groups([truth(body(0), body(200), body(400))], [found(body(200))], LSP)
    assert got["pck@0.2"] == pytest.approx(100 / 3) and got["joints"] == 42
    assert got["recall"] == pytest.approx(100 / 3) and got["too_many"] == 0
    # One of three at full precision: the recalls 0, 0.01 … 0.33 of the 101.
    assert got["ap50"] == pytest.approx(100 * 34 / 101)


def test_found_twice_and_found_in_the_sky_are_too_many():
    answers = [found(body(0), body(1), body(900, -700))]
    got = score_groups([truth(body(0))], answers, LSP)
    assert got["too_many"] == 2 and got["recall"] == 100 and got["pck@0.2"] == 100
    assert got["ap50"] == pytest.approx(100)  # they come after the right one


def test_joints_are_right_within_a_fifth_of_the_torso():
    """10 px of 50: wrists 9.9 px off are right, ankles 10.1 px off are wrong."""
    moved = body(0)
    for joint, by in (("wrist", 9.9), ("ankle", 10.1)):
        for side in ("left", "right"):
            moved[LSP.index(f"{side}_{joint}"), 0] += by
    got = score_groups([truth(body(0))], [found(moved)], LSP)
    assert got["pck@0.2"] == pytest.approx(100 * 12 / 14)
    assert got["groups"]["Ank"] == 0 and got["groups"]["Wri"] == 100


def test_a_person_is_matched_below_the_oks_that_finds_it():
    """Half of the joints right, the others far away: OKS is under 0.5, yet PCK counts the half."""
    half = body(0)
    half[::2] += [0, 500]
    half[1] += [4, 0]
    got = score_groups([truth(body(0))], [found(half)], LSP)
    assert got["recall"] == 0 and got["too_many"] == 1 and got["ap50"] == 0
    assert got["pck@0.2"] == 50


def test_absent_joints_do_not_count():
    people = truth(body(0))
    people.state[0, :2] = 0
    got = score_groups([people], [found(body(0))], LSP)
    assert got["joints"] == 12 and got["pck@0.2"] == 100


def test_nobody_found_and_nobody_there():
    got = score_groups([truth(body(0))], [found()], LSP)
    assert (got["pck@0.2"], got["recall"], got["ap"], got["found"]) == (0, 0, 0, 0)
    empty = TruePeople(np.zeros([0, 14, 2]), np.zeros([0, 14], int), np.zeros(0))
    got = score_groups([empty], [found(body(0))], LSP)
    assert got["ap"] is None and got["recall"] is None and got["pck@0.2"] is None
    assert got["too_many"] == 1


def test_nearest_pairs_preset():
    similarity = np.array([[0.9, 0.8], [0.85, 0.1], [0.0, 0.0]])
    assert nearest_pairs(similarity) == [(0, 0), (1, 1)]
    assert nearest_pairs(np.zeros([2, 0])) == nearest_pairs(np.zeros([2, 2])) == []


def test_score_groups_raises():
    with pytest.raises(ValueError, match="2 images were searched, but the truth is of 1"):
        score_groups([truth(body(0))], [found(), found()], LSP)
