"""Known ways to write a joint become the skeletons' own; everything else stays."""

import pytest

from cpm.prediction_files.joint_spelling import spelled
from cpm.skeleton import SKELETONS

# `dataset_joints` of MPII's detections_our_format.mat, in MPII's order.
ABBREVIATED = "rank rkne rhip lhip lkne lank pelv thor neck head rwri relb rsho lsho lelb lwri"


def test_spelled_preset_names_stay():
    for skeleton in SKELETONS.values():
        assert tuple(map(spelled, skeleton.joints)) == skeleton.joints


def test_spelled_preset_abbreviations():
    expected = [j.replace("upper_", "") for j in SKELETONS["mpii16"].joints]
    assert [spelled(name) for name in ABBREVIATED.split()] == expected


@pytest.mark.parametrize(
    "written", ["Right Ankle", "right-ankle", "RightAnkle", "R_Ank", "RAnkle", " r ankle "]
)  # fmt: skip
def test_spelled_preset_ways(written):
    assert spelled(written) == "right_ankle"


@pytest.mark.parametrize("written", ["tail", "left_paw", "ankle", "righteous", "", "l"])
def test_spelled_preset_unknown(written):
    assert spelled(written) == written
