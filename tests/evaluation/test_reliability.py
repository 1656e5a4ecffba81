"""Confidence against correctness: hand-made people whose joints are right as often as they say."""

import numpy as np
import pytest

from cpm.evaluation.predictions import Predictions
from cpm.evaluation.reliability import binned, even_threshold, reliability
from cpm.plots.reliability import reliability_diagram
from cpm.skeleton import SKELETONS, own_skeleton

LSP = SKELETONS["lsp14"]


def people(confidence, correct, state=2):
    """Predictions whose joints are exact where `correct` and 100 px off elsewhere; torso 50 px."""
    confidence, correct = np.asarray(confidence), np.asarray(correct)
    count = len(confidence)
    truth = np.tile(np.linspace([10, 10], [80, 90], 14), [count, 1, 1])
    truth[:, LSP.index("left_shoulder")] = (20, 20)
    truth[:, LSP.index("right_hip")] = (60, 50)  # 50 px
    found = np.where(correct[..., np.newaxis], truth, truth + np.array((60.0, 80.0)))
    return Predictions(
        ids=tuple(map(str, range(count))),
        joints_px=np.stack([truth + 1e3, found]),
        confidence=np.stack([np.zeros_like(confidence), confidence]),
        truth_px=truth,
        state=np.full((count, 14), state),
        head_size_px=np.zeros(count),
        crop_scale=np.ones(count),
    )


def test_reliability_of_honest_confidence(seeded):
    """Right with the probability that the confidence says: no calibration error but chance's."""
    rng = seeded(1)
    confidence = rng.uniform(size=(4000, 14))
    found = reliability(people(confidence, rng.uniform(size=(4000, 14)) < confidence), LSP)
    assert found["joints"] == 56_000 and found["rule"] == "pck@0.2"
    # 20 bins of 2,800: a share is off by 0.4 / sqrt(2800) = 0.8 points in the mean.
    assert found["ece"] < 0.012
    assert found["threshold"] == pytest.approx(0.5, abs=0.05)
    for row in found["bins"]:
        assert row["low"] <= row["confidence"] <= row["high"]
        # 4 standard deviations of at most 0.5 / sqrt(2600).
        assert row["correct"] == pytest.approx(row["confidence"], abs=0.04)


def test_reliability_of_a_boaster(seeded):
    """Confidence c, right with probability c²: 1/2 at 0.71, ECE = ∫ c − c² = 1/6."""
    rng = seeded(2)
    confidence = rng.uniform(size=(4000, 14))
    right = rng.uniform(size=confidence.shape) < confidence**2
    found = reliability(people(confidence, right), LSP)
    assert found["ece"] == pytest.approx(1 / 6, abs=0.01)
    assert found["threshold"] == pytest.approx(0.5**0.5, abs=0.04)


def test_reliability_without_a_torso_goes_by_the_box():
    """A box of 90 px: an error of 8 is right, one of 12 is wrong."""
    cat = own_skeleton(["nose", "back", "tail"])
    truth = np.tile([[0.0, 0.0], [90.0, 10.0], [50.0, 30.0]], [40, 1, 1])
    confidence = np.tile([0.9, 0.7, 0.2], [40, 1])
    found = Predictions(
        ids=tuple(map(str, range(40))),
        joints_px=(truth + np.array([[8, 0], [0, 8], [12, 0]]))[np.newaxis],
        confidence=confidence[np.newaxis],
        truth_px=truth,
        state=np.full((40, 3), 2),
        head_size_px=np.zeros(40),
        crop_scale=np.ones(40),
    )
    trust = reliability(found, cat)
    assert trust["rule"] == "pck_box@0.1" and trust["joints"] == 120
    assert trust["threshold"] == 0.7


def test_reliability_counts_the_last_stage_and_annotated_joints_only():
    confidence = np.full((2, 14), 0.9)
    both = people(confidence, [[True] * 14, [False] * 14])
    assert reliability(both, LSP)["correct"] == 0.5
    both.state[1, 0] = 0  # one of the wrong ones is not annotated
    assert reliability(both, LSP)["correct"] == pytest.approx(14 / 27)
    assert reliability(people(confidence, confidence > 0, state=0), LSP) is None


def test_reliability_clips_peaks(seeded):
    """Belief maps are unbounded: −0.2 counts as 0 and 1.3 as 1."""
    confidence = np.where(np.arange(28).reshape(2, 14) % 2, -0.2, 1.3)
    found = reliability(people(confidence, confidence > 0), LSP)
    assert found["ece"] == 0 and found["confidence"] == 0.5
    assert [row["joints"] for row in found["bins"]] == [14, *[0] * 18, 14]
    assert found["bins"][5]["correct"] is None


def test_binned_edges():
    """A confidence on an edge lies above it, 1 in the last bin."""
    rows = binned(np.array([0.0, 0.25, 0.5, 1.0]), np.array([1, 0, 1, 1], bool), 4)
    assert [row["joints"] for row in rows] == [1, 1, 1, 1]
    assert [row["correct"] for row in rows] == [1, 0, 1, 1]


def test_even_threshold_random(seeded):
    """The best of all cuts, found by trying every one."""
    for case in range(20):
        rng = seeded(case)
        confidence = np.round(rng.uniform(size=30), 1)  # many equal ones
        correct = rng.uniform(size=30) < rng.uniform()
        cuts = [*np.unique(confidence), np.inf]
        gains = [(2.0 * correct[confidence >= c] - 1).sum() for c in cuts]
        chosen = even_threshold(confidence, correct)
        gain = (2.0 * correct[confidence >= chosen] - 1).sum()
        assert gain == max(gains)
    assert even_threshold([0.2, 0.7], [False, False]) > 0.7
    assert even_threshold([0.2, 0.7], [True, True]) == 0.2


def test_reliability_diagram(seeded):
    rng = seeded(3)
    confidence = rng.uniform(size=(50, 14))
    found = reliability(people(confidence, confidence > 0.4), LSP)
    pixels = reliability_diagram(found, title="noise")
    assert pixels.shape == (560, 620, 3) and pixels.std() > 20
    # The bars of what is always right reach the top, those of what never is do not begin.
    blue = (pixels[..., 2].astype(int) - pixels[..., 0]) > 60
    assert blue[:, 400:560].sum() > 20 * max(1, blue[:, 75:250].sum())
