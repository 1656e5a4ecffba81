"""Scores of people whom the image's edge cuts off, by hand."""

import numpy as np

from cpm.evaluation.truncated import score_truncated
from cpm.skeleton import SKELETONS

LSP = SKELETONS["lsp14"]


def test_score_truncated_by_hand():
    """Four images; a torso of 50 px, so that 10 px are right and 11 are wrong."""
    truth = np.zeros([4, 14, 2])
    truth[:, LSP.index("left_shoulder")] = (30, 0)
    truth[:, LSP.index("right_hip")] = (0, 40)  # beyond the image, and known all the same
    state = np.zeros([4, 14], int)
    neck, head, hip = LSP.index("neck"), LSP.index("head_top"), LSP.index("right_hip")
    state[:, [neck, head]] = (2, 1)
    predicted, confidence = truth.copy(), np.full([4, 14], 0.1)
    predicted[0, head] = (0, 10)  # right, just
    predicted[1, head] = (0, 11)
    predicted[3] = np.nan  # nobody found
    confidence[0, [neck, head]] = confidence[3] = 0.9
    confidence[1, neck] = confidence[1, hip] = 0.5
    got = score_truncated(
        predicted, confidence, truth, state, ["a", "a", "b", "b"], LSP, drawn_from=0.5, resamples=9
    )
    every, a, b = (got["kinds"][kind] for kind in ("all", "a", "b"))
    assert got["images"] == 4 and got["drawn_from"] == 0.5
    assert [part["images"] for part in (every, a, b)] == [4, 2, 2]
    assert (every["pck@0.2"], a["pck@0.2"], b["pck@0.2"]) == (62.5, 75, 50)
    assert (every["drawn"], a["drawn"], b["drawn"]) == (37.5, 75, 0)
    assert a["imagined"] == round(100 / 24, 4) and b["imagined"] == 0
    assert (every["found"], b["found"]) == (75, 50)
    low, high = every["interval"]
    assert low <= 62.5 <= high


def test_nothing_counts():
    """Of a person without a torso, and of no joint at all."""
    got = score_truncated(
        np.zeros([1, 14, 2]), np.ones([1, 14]), np.zeros([1, 14, 2]), np.zeros([1, 14]), ["a"], LSP
    )["kinds"]["all"]
    assert got["pck@0.2"] is None and got["interval"] is None and got["drawn"] is None
    assert got["imagined"] == 100 and got["found"] == 100
