"""PCP@25px against cases computed by hand."""

import numpy as np
import pytest

from cpm.evaluation.pcp import pcp25
from cpm.skeleton import SKELETONS

MPII = SKELETONS["mpii16"]


def test_pcp25_preset():
    # The first person's image pixels are twice as large in the 368 crop, the second's half.
    truth = np.full([2, 16, 2], 100.0)
    state = np.zeros([2, 16], int)
    state[:, :3] = 2
    state[0, 6] = 1  # the pelvis counts here, occluded too
    predicted = truth.copy()
    predicted[0, 0] += (12.5, 0.0)  # 25 px in the crop: on the line
    predicted[0, 1] += (0.0, 12.6)  # 25.2 px
    predicted[0, 2] = np.nan
    predicted[1, 0] += (30.0, 40.0)  # 25 px again
    predicted[1, 1] += (60.0, 0.0)  # 30 px
    score = pcp25(predicted, truth, state, np.array([2.0, 0.5]), MPII)
    # Person 0: ankle yes, knee no, hip missing, pelvis yes. Person 1: yes, no, yes.
    assert score.total == pytest.approx(100 * 4 / 7)
    assert score.name == "pcp25" and score.people == 2
    assert score.per_joint["right_ankle"] == 100.0
    assert score.per_joint["pelvis"] == 100.0


def test_pcp25_preset_unknown_scale_is_ignored():
    truth, state = np.zeros([1, 16, 2]), np.full([1, 16], 2)
    assert pcp25(truth, truth, state, np.array([np.nan]), MPII).people == 0


def test_pcp25_raises():
    truth, state = np.zeros([2, 16, 2]), np.full([2, 16], 2)
    with pytest.raises(ValueError, match=r"reference_scale should be \[2\]"):
        pcp25(truth, truth, state, np.ones(3), MPII)
