import numpy as np
import pytest

from cpm.inference.joint_reader import PAYS_AFTER
from cpm.interchange import deviations

JOINTS_PX = np.array([[3.0, 4.0], [10.0, 2.0], [5.0, 5.0]])
SHIFT_PX = np.array([[0.3, 0.4], [0.0, 2.5], [30.0, 40.0]])


class Own:
    """Answers that are given."""

    def __init__(self, joints_px, confidence):
        self._answer = {"joints_px": joints_px, "confidence": confidence}
        self.calls = []

    def questions(self, function, images):
        return [{"image": image} for image in images]

    def answer(self, question):
        self.calls.append(question["image"].shape)
        return self._answer


class File:
    """An opened file whose joints are ours, moved by a shift for each function."""

    def __init__(self, joints_px, confidence, shifts_px):
        self._joints_px, self._confidence, self._shifts_px = joints_px, confidence, shifts_px

    def run(self, name, inputs):
        shifted = self._joints_px + self._shifts_px[name]
        return {"joints_px": shifted, "confidence": self._confidence}


def measured(confidence, **shifts_px):
    """The row of a file with these functions."""
    file = File(JOINTS_PX, confidence, shifts_px)
    own = Own(JOINTS_PX, confidence)
    return deviations.measure(file, own, list(shifts_px), [np.zeros([8, 6, 3], np.uint8)])


def test_measure_says_how_far_sure_joints_moved():
    row = measured(np.array([0.9, 0.5, 0.01]), image=SHIFT_PX)  # the last is no joint at all
    assert row["px"] == 2.5
    assert row["unsure_px"] == 50.0
    assert row["moved_percent"] == 50.0
    assert (row["joints"], row["sure"], row["confidence"]) == (2, True, 0.0)


def test_all_joints_are_compared_where_none_is_sure():
    """It said "within 0.000 px", of no joint."""
    row = measured(np.array([0.04, 0.02, 0.01]), image=SHIFT_PX)
    assert (row["px"], row["joints"], row["sure"]) == (50.0, 3, False)
    assert row["moved_percent"] == pytest.approx(200 / 3)
    said = deviations.said(row)
    assert said.startswith("3 joints, none of which is sure") and "50.000 px" in said
    table = deviations.table({"a": row | {"mb": 1.0}})
    assert "3 unsure" in table and "--images" in table
    # A map without a peak is no reason to refuse a file.
    assert deviations.complaint(row, float32=True) is None


def test_nothing_to_compare_is_no_small_deviation():
    with pytest.raises(ValueError):
        deviations.compare([], [])


def test_every_function_has_its_numbers_and_the_first_one_is_shown():
    row = measured(np.array([0.9, 0.5, 0.8]), image=0.0, box=SHIFT_PX)
    assert row["px"] == row["functions"]["image"]["px"] == 0.0
    assert row["functions"]["box"]["px"] == 50.0
    assert "in its function box" in deviations.complaint(row, float32=True)
    assert deviations.complaint(row, float32=False) is None
    table = deviations.table(
        {"a": row | {"mb": 1.0}, "b": measured(np.ones(3), crops=0) | {"mb": 1}}
    )
    assert "image, px" in table and "box, px" in table and "50.0000 |" in table


def test_belief_maps_are_compared_where_there_are_some():
    joints = {"joints_px": JOINTS_PX[None], "confidence": np.ones([1, 3])}
    ours = joints | {"beliefs": np.zeros([2, 1, 4, 4, 3])}
    theirs = joints | {"beliefs": np.full([2, 1, 4, 4, 3], 0.25)}
    row = deviations.compare([ours], [theirs])
    assert (row["px"], row["beliefs"]) == (0.0, 0.25)
    row = {"functions": {"crops": row}}
    assert "belief maps by 0.2500" in deviations.complaint(row, float32=True)


@pytest.mark.parametrize("float32", [True, False])
def test_joints_that_are_no_numbers_are_a_complaint(float32):
    row = measured(np.array([0.9, 0.5, 0.01]), image=0.0, box=np.nan)
    assert "no numbers in its function box" in deviations.complaint(row, float32)


def test_measure_times_this_project_after_its_functions_were_traced(monkeypatch):
    before_timing = []
    own = Own(np.zeros([2, 2]), np.ones(2))

    def times(theirs, ours, repeats):
        before_timing.append(len(own.calls))
        ours()
        return {"ms": 1.0, "ours_ms": 1.0}

    monkeypatch.setattr(deviations, "times", times)
    image = np.zeros([8, 6, 3], np.uint8)
    deviations.measure(File(np.zeros([2, 2]), np.ones(2), {"image": 0.0}), own, ["image"], [image])
    # One image of the comparison, then as many as are computed line by line, and one that traces.
    assert before_timing == [1 + PAYS_AFTER + 1]
    assert set(own.calls[1:]) == {(*deviations.SPEED_SIZE, 3)}
