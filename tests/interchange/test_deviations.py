import numpy as np

from cpm.inference.joint_reader import PAYS_AFTER
from cpm.interchange import deviations


class File:
    """An opened file whose joints are ours, moved by `shift_px`."""

    def __init__(self, joints_px, confidence, shift_px):
        self._answer = {"joints_px": joints_px + shift_px, "confidence": confidence}

    def run(self, name, inputs):
        return self._answer


def test_measure_says_how_far_sure_joints_moved():
    joints_px = np.array([[3.0, 4.0], [10.0, 2.0], [5.0, 5.0]])
    confidence = np.array([0.9, 0.5, 0.01])  # the last is no joint at all
    shift_px = np.array([[0.3, 0.4], [0.0, 2.5], [30.0, 40.0]])
    row = deviations.measure(
        File(joints_px, confidence, shift_px),
        lambda image: (joints_px, confidence),
        [np.zeros([8, 6, 3], np.uint8)],
    )
    assert row["px"] == 2.5
    assert row["unsure_px"] == 50.0
    assert row["moved_percent"] == 50.0
    assert (row["joints"], row["confidence"]) == (2, 0.0)


def test_measure_times_this_project_after_its_functions_were_traced(monkeypatch):
    calls, before_timing = [], []

    def find_joints(image):
        calls.append(image.shape)
        return np.zeros([2, 2]), np.ones(2)

    def times(theirs, ours, repeats):
        before_timing.append(len(calls))
        ours()
        return {"ms": 1.0, "ours_ms": 1.0}

    monkeypatch.setattr(deviations, "times", times)
    image = np.zeros([8, 6, 3], np.uint8)
    deviations.measure(File(np.zeros([2, 2]), np.ones(2), 0.0), find_joints, [image])
    # One image of the comparison, then as many as are computed line by line, and one that traces.
    assert before_timing == [1 + PAYS_AFTER + 1]
    assert set(calls[1:]) == {(*deviations.SPEED_SIZE, 3)}
