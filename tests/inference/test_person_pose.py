"""One person who was found: joints by name, plain values, the box around the joints."""

import json

import numpy as np
import pytest

from cpm.inference.person_pose import PersonPose, joints_box, mean_confidence
from tests.helpers.found_people import LSP, person


def test_joints_by_name():
    x, y, confidence = person()["right_knee"]
    assert (x, y) == (6.0, 9.0) and confidence == pytest.approx(0.075)
    with pytest.raises(KeyError, match=r"no joint 'tail'; there are right_ankle"):
        person()["tail"]


def test_names_as_of_a_dict():
    assert "left_wrist" in person() and "tail" not in person()
    assert list(person()) == list(LSP.joints)
    assert {joint: person()[joint] for joint in person()}.keys() == {*LSP.joints}


def test_shown_joints_were_found_and_are_sure():
    assert np.flatnonzero(person().shown(0.5)).tolist() == list(range(7, 14))
    assert np.flatnonzero(person().shown(0.0)).tolist() == list(range(1, 14))


def test_what_is_not_known_is_not_written():
    """An id, a score; joints that were not found are None."""
    assert set(person().to_dict()) == {"box", "joints"}
    record = person(id=3, score=0.5).to_dict()
    assert (record["id"], record["score"]) == (3, 0.5)
    assert record["joints"]["right_ankle"] is None
    assert json.loads(json.dumps(record, allow_nan=False)) == record


def test_mean_confidence_is_that_of_known_ones():
    assert mean_confidence(person()) == pytest.approx(0.4875)
    assert mean_confidence(PersonPose(LSP, np.zeros([14, 2]), np.full(14, np.nan), (0,) * 4)) == 0.0


def test_joints_box_holds_the_sure_joints():
    one = person()
    # Joints 7 … 13 have a confidence of 0.525 and more: x from 42 to 78, y from 45 to 81.
    assert joints_box(one.joints_px, one.confidence, 0.5) == (42.0, 45.0, 37.0, 37.0)
    assert joints_box(one.joints_px, one.confidence, 2.0) == (6.0, 9.0, 73.0, 73.0)
    assert joints_box(np.full([14, 2], np.nan), one.confidence) == (0.0, 0.0, 0.0, 0.0)
    point = np.array([[10.0, 20.0]])  # has no extent
    assert joints_box(point, np.ones(1)) == (10.0, 20.0, 1.0, 1.0)
    assert joints_box(point, np.ones(1), 0.5, 21.0) == (0.0, 10.0, 21.0, 21.0)
    assert joints_box(one.joints_px, one.confidence, 0.5, 21.0) == (42.0, 45.0, 37.0, 37.0)
