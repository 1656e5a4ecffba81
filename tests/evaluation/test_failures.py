"""Kinds of people and of wrong joints, on a stick figure turned, mirrored and broken by hand."""

import numpy as np
import pytest

from cpm.evaluation import tables
from cpm.evaluation.failures import failures, kinds, suspects, worst
from cpm.evaluation.predictions import Predictions
from cpm.skeleton import SKELETONS

LSP = SKELETONS["lsp14"]
# Seen from the front: the person's own left is at the right. y points down, as in images.
FIGURE = {
    "right_ankle": (-15, 90),
    "right_knee": (-14, 50),
    "right_hip": (-12, 10),
    "right_wrist": (-50, 0),
    "right_elbow": (-45, -20),
    "right_shoulder": (-20, -40),
    "neck": (0, -50),
    "head_top": (0, -80),
}


def figure(degrees=0.0, across=1.0):
    """`[P, 2]`: the figure made narrower by `across`, then turned clockwise by so many degrees."""
    points = np.zeros([len(LSP), 2])
    for joint, (x, y) in FIGURE.items():
        points[LSP.index(joint)] = (x, y)
        points[LSP.mirror[LSP.index(joint)]] = (-x, y)
    angle = np.radians(degrees)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    return 200.0 + (points * [across, 1]) @ turn.T


def people(truth, predicted=None, state=None):
    truth = np.asarray(truth)
    predicted = truth if predicted is None else predicted
    state = np.full(truth.shape[:2], 2) if state is None else state
    return Predictions(
        ids=tuple(map(str, range(len(truth)))),
        joints_px=np.stack([np.full_like(truth, 1e4), predicted]),
        confidence=np.ones((2, *truth.shape[:2])),
        truth_px=truth,
        state=state,
        head_size_px=np.zeros(len(truth)),
        crop_scale=np.ones(len(truth)),
    )


@pytest.mark.parametrize(
    "degrees, kind",
    [
        (0, "upright"),
        (-40, "upright"),
        (50, "leaning"),
        (-130, "leaning"),
        (140, "upside_down"),
        (180, "upside_down"),
        (-170, "upside_down"),
    ],
)
@pytest.mark.parametrize(
    "across, facing", [(1.0, "front"), (0.1, "side"), (-0.1, "side"), (-1.0, "behind")]
)
def test_kinds_of_a_turned_figure(degrees, kind, across, facing):
    """A rotation in the image does not change which way people face."""
    truth = figure(degrees, across)[np.newaxis]
    found = kinds(truth, np.full((1, 14), 2), LSP)
    assert {name for name, rows in found.items() if rows[0]} == {kind, facing}


def test_kinds_need_hips_and_shoulders():
    truth, state = figure()[np.newaxis], np.full((1, 14), 2)
    for joint in ("left_hip", "right_shoulder"):
        hidden = state.copy()
        hidden[0, LSP.index(joint)] = 0
        assert not any(rows.any() for rows in kinds(truth, hidden, LSP).values())
    points = np.full_like(truth, 5.0)  # no length
    assert not any(rows.any() for rows in kinds(points, state, LSP).values())
    flic = SKELETONS["flic11"]
    nobody = kinds(np.zeros([3, 11, 2]), np.full((3, 11), 2), flic)
    assert all(rows.shape == (3,) for rows in nobody.values())


def test_shares_of_right_and_wrong_joints():
    """14 joints: one mirrored, one at another joint, two nowhere (one of them not predicted)."""
    truth = np.stack([figure(), figure(180)])
    predicted = truth.copy()
    left_wrist, neck = LSP.index("left_wrist"), LSP.index("neck")
    predicted[0, left_wrist] = truth[0, LSP.index("right_wrist")] + 3
    predicted[0, neck] = truth[0, LSP.index("head_top")]
    predicted[0, LSP.index("left_ankle")] += 300
    predicted[0, LSP.index("right_ankle")] = np.nan
    state = np.full((2, 14), 2)
    state[:, left_wrist] = 1
    found = failures(people(truth, predicted, state), LSP)
    assert found["rule"] == "pck@0.2"
    assert found["wrong"] == pytest.approx(
        {"mirrored": 1 / 28, "another": 1 / 28, "nowhere": 2 / 28}
    )
    assert found["people"]["upright"]["correct"] == pytest.approx(10 / 14)
    assert found["people"]["upside_down"] == {"people": 1, "joints": 14, "correct": 1.0}
    assert found["people"]["leaning"] == {"people": 0, "joints": 0, "correct": None}
    assert found["joints"]["occluded"] == {"joints": 2, "correct": 0.5}
    assert found["joints"]["visible"]["correct"] == pytest.approx(23 / 26)


def test_worst_of_each_kind():
    """Rows by the number of wrong joints that make them of the kind; nobody who has none."""
    truth = np.stack([figure(), figure(180), figure(0, -1.0), figure(), figure()])
    predicted = truth.copy()
    predicted[0, :3] += 500
    predicted[2] = truth[2, LSP.mirror]  # neck and head top are right
    predicted[3, :5] += 500
    state = np.full((5, 14), 2)
    state[0, :2] = state[4, :2] = 1
    found = worst(people(truth, predicted, state), LSP, 2)
    assert found == {
        "upright": [2, 3],
        "front": [3, 0],
        "behind": [2],
        "occluded": [0],
        "mirrored": [2],
    }
    assert worst(people(truth), LSP, 2) == {}


def test_suspects_are_those_with_hardly_a_joint_right():
    """A quarter right makes a suspect; more right, or half of the joints unknown, does not."""
    truth = np.stack([figure()] * 5)
    predicted = truth.copy()
    state = np.full((5, 14), 2)
    state[2, 8:] = state[3, 6:] = 0
    predicted[0, 4:] += 500  # 4 of 14
    predicted[1, 3:] += 500  # 3 of 14
    predicted[2, 2:] = np.nan  # 2 of 8
    predicted[3] += 500  # 0 of 6
    predicted[4, 1:] += 500  # 1 of 14
    # Torso lengths need shoulders and hips, which person 2 lacks in part: joints 2, 3, 8, 9.
    state[2, [8, 9]], state[2, [0, 1]] = 2, 0
    predicted[2, [2, 3]] = truth[2, [2, 3]]
    assert suspects(people(truth, predicted, state), LSP) == [
        (4, 1, 14),
        (1, 3, 14),
        (2, 2, 8),
    ]
    assert suspects(people(truth), LSP) == []


def test_an_absent_joint_is_nowhere_and_counts_nothing():
    """A wrong joint on the place of an unannotated one is not called mirrored."""
    truth = figure()[np.newaxis]
    left, right = LSP.index("left_wrist"), LSP.index("right_wrist")
    state = np.full((1, 14), 2)
    state[0, right] = 0
    predicted = truth.copy()
    predicted[0, left] = truth[0, right]
    found = failures(people(truth, predicted, state), LSP)
    assert found["wrong"] == pytest.approx({"mirrored": 0, "another": 0, "nowhere": 1 / 13})


def test_no_torso_is_no_answer():
    truth = figure()[np.newaxis]
    assert failures(people(truth, state=np.zeros((1, 14), int)), LSP) is None


def test_table():
    truth = np.stack([figure(), figure(90)])
    predicted = truth.copy()
    predicted[1, 0] += 500
    found = failures(people(truth, predicted), LSP)
    lines = tables.failure_table({"data/lsp": found, "data/lspet": found}).splitlines()
    header = [cell.strip() for cell in lines[0].split("|")[1:-1]]
    assert header[:4] == ["pck@0.2, %", "data/lsp", "people", "joints"]
    assert "| objects |" in tables.failure_table({"data/dogs": found}, "objects")
    cells = {line.split("|")[1].strip(): line.split("|")[2:5] for line in lines[2:]}
    assert [cell.strip() for cell in cells["leaning"]] == ["92.9", "1", "14"]
    assert [cell.strip() for cell in cells["upside down"]] == ["-", "0", "0"]
    assert [cell.strip() for cell in cells["wrong: nowhere"]] == ["3.6", "", ""]
