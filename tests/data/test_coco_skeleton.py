"""The skeleton of a category: known ones by their names, own ones, and what is none."""

import pytest

from cpm.data.coco_skeleton import read_skeleton
from cpm.skeleton import SKELETONS

COCO17 = SKELETONS["coco17"]
# The names of person_keypoints_val2017.json, in its order, written down from the file.
OFFICIAL = (
    "nose left_eye right_eye left_ear right_ear left_shoulder right_shoulder left_elbow "
    "right_elbow left_wrist right_wrist left_hip right_hip left_knee right_knee left_ankle "
    "right_ankle"
).split()


def test_coco17():
    skeleton, order, _ = read_skeleton({"keypoints": OFFICIAL})
    assert skeleton is COCO17 and order == list(range(17))


def test_a_part_of_a_known_one_is_mapped_by_name():
    skeleton, *_ = read_skeleton({"keypoints": OFFICIAL[:3]})
    assert COCO17.channels_from(skeleton).tolist() == [0, 1, 2] + [-1] * 14


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["LeftEar", "RightEar"], ["left_ear", "right_ear"]),
        (["Ear.L", "Ear.R"], ["left_ear", "right_ear"]),
        (["L_EarBase", "R_EarBase"], ["left_ear_base", "right_ear_base"]),
        (["ear left", "ear right", "L"], ["left_ear", "right_ear", "l"]),
        (["left", "right"], ["left_side", "right_side"]),
        (["Schwanz-Ende", "Öhrchen"], ["schwanz_ende", "öhrchen"]),
    ],
)
def test_names(names, expected):
    assert read_skeleton({"keypoints": names})[0].joints == tuple(expected)


@pytest.mark.parametrize(
    ("category", "words"),
    [
        ({"keypoints": []}, "expected a list of names"),
        ({"keypoints": ["nose", 7]}, "is called 7; expected a word"),
        ({"keypoints": ["nose", "?"]}, "is called '.'; expected a word"),
        ({"keypoints": ["Nose", "nose"]}, "'Nose' and 'nose' are both 'nose'"),
        ({"keypoints": ["a", "b"], "skeleton": [[0, 2]]}, r"\[0, 2\].* 0 to 1"),
        ({"keypoints": ["a", "b"], "skeleton": [[1, 3]]}, "two numbers of keyp"),
        ({"keypoints": ["a", "b"], "skeleton": [[1]]}, "two numbers of keypoints"),
        ({"keypoints": ["a", "b"], "skeleton": [[1, None]]}, "two numbers of keypoints"),
        ({"keypoints": ["a", "b"], "skeleton": [3]}, "two numbers of keypoints"),
    ],
)
def test_no_skeleton(category, words):
    with pytest.raises(ValueError, match=words):
        read_skeleton(category)


@pytest.mark.parametrize("limbs", [[[1, 2], [1, 3]], [[0, 1], [0, 2]], [[0.0, 1], [2, 0]]])
def test_limbs_count_from_1_or_where_there_is_a_0_from_0(limbs):
    skeleton, *_ = read_skeleton({"keypoints": ["nose", "tail", "chin"], "skeleton": limbs})
    assert {frozenset(limb) for limb in skeleton.limbs} == {
        frozenset(("nose", "tail")),
        frozenset(("nose", "chin")),
    }
