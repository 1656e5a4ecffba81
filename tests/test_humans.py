"""Which skeletons are people's."""

import pytest

from cpm.humans import are_human, noun, number_of
from cpm.skeleton import SKELETONS
from tests.helpers.animals import AP10K


@pytest.mark.parametrize("name", SKELETONS)
def test_the_known_skeletons_are_people(name):
    assert are_human(SKELETONS[name].joints) and noun(SKELETONS[name].joints) == "people"


def test_feet_are_people_too():
    assert are_human([*SKELETONS["coco17"].joints, "left_big_toe", "right_heel", "mid_hip"])


@pytest.mark.parametrize(
    "joints", [AP10K.joints, ("nose", "left_ear", "right_ear"), ("neck", "base"), ("point",)]
)
def test_others_are_objects(joints):
    """Animals with human names for most joints, faces of cats, bottles, single keypoints."""
    assert not are_human(joints) and noun(joints, 1) == "object"
    assert number_of(joints, 0) == "nothing found" and number_of(joints, 3) == "3 objects"
