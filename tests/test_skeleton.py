"""Skeletons by name: the known ones, and those that are their own description."""

import numpy as np
import pytest

from cpm.plots.skeletons import draw_skeleton
from cpm.skeleton import SKELETONS, get_skeleton, own_skeleton

CAT = own_skeleton(
    ["nose", "left_ear", "right_ear", "tail"],
    [("nose", "left_ear"), ("nose", "right_ear"), ("nose", "tail")],
)


@pytest.mark.parametrize("name", sorted(SKELETONS))
def test_known_by_name(name):
    assert get_skeleton(name) is SKELETONS[name]


@pytest.mark.parametrize(
    "skeleton",
    [
        CAT,
        own_skeleton(["tip"]),
        own_skeleton(["tip", "öse"]),
        *(own_skeleton(s.joints, s.limbs) for s in SKELETONS.values()),
    ],
    ids=len,
)
def test_own_comes_back_from_its_name(skeleton):
    again = get_skeleton(skeleton.name)
    assert again == skeleton
    assert (again.joints, again.limbs) == (skeleton.joints, skeleton.limbs)


def test_own_mirrors_and_maps_by_name():
    assert CAT.mirror.tolist() == [0, 2, 1, 3]
    coco = SKELETONS["coco17"]
    assert CAT.channels_from(coco).tolist() == [0, 3, 4, -1]


def test_a_side_alone_has_no_mirror_image():
    skeleton = own_skeleton(["nose", "left_ear"])
    assert skeleton.one_sided == ("left_ear",) and not skeleton.has_mirror_image
    assert skeleton.mirror.tolist() == [0, 1]
    assert CAT.has_mirror_image and CAT.one_sided == ()


@pytest.mark.parametrize(
    ("pairs", "mirrored", "end", "mirror"),
    [
        ([("a", "b")], True, ";pairs:a-b", [1, 0, 2]),
        ([("b", "left_ear")], True, ";pairs:b-left_ear", [0, 2, 1]),
        ([("left_ear", "left_ear")], True, ";pairs:", [0, 1, 2]),  # no side, says somebody
        ([("a", "b")], False, ";pairs:a-b;mirror:none", [1, 0, 2]),
        (None, False, ";mirror:none", [0, 1, 2]),
    ],
)
def test_own_pairs_come_back_from_the_name(pairs, mirrored, end, mirror):
    skeleton = own_skeleton(["a", "b", "left_ear"], [("a", "b")], pairs, mirrored)
    assert skeleton.name == "joints:a,b,left_ear;limbs:a-b" + end
    assert skeleton.mirror.tolist() == mirror
    assert skeleton.has_mirror_image == (mirrored and pairs is not None)
    assert get_skeleton(skeleton.name) == skeleton


def test_pairs_that_the_names_say_are_not_in_the_name():
    assert own_skeleton(CAT.joints, CAT.limbs, [("right_ear", "left_ear")]) == CAT


@pytest.mark.parametrize(
    ("pairs", "words"), [([("a", "z")], "unknown joint 'z'"), ([("a", "b"), ("b", "c")], "twice")]
)
def test_wrong_pairs(pairs, words):
    with pytest.raises(ValueError, match=words):
        own_skeleton(["a", "b", "c"], pairs=pairs)


def test_joint_names_in_any_script():
    skeleton = own_skeleton(["左耳", "बायाँ_कान", "หูซ้าย"])
    assert get_skeleton(skeleton.name) == skeleton


def test_all_sides_of_a_name_are_exchanged():
    corners = [f"{a}_eye_{b}_corner" for a in ("left", "right") for b in ("left", "right")]
    assert own_skeleton(corners).mirror.tolist() == [3, 2, 1, 0]


def test_own_without_limbs_is_drawn():
    points = np.array([[10.0, 10.0], [20.0, 30.0]])
    skeleton = own_skeleton(["head", "tail"])
    assert skeleton.limb_indices.shape == (0, 2)
    image = draw_skeleton(np.zeros([40, 40, 3], np.uint8), points, skeleton, zoom=2)
    assert image.max() > 0


@pytest.mark.parametrize(
    ("joints", "limbs", "words"),
    [
        (["a", "a"], [], "names a joint twice"),
        (["a b"], [], "'a b' is not made of letters, digits and underscores"),
        (["a,b"], [], "'a,b' is not made of letters"),
        ([""], [], "'' is not made of letters"),
        (["a"], [("a", "b")], "names the unknown joint 'b'"),
    ],
)
def test_own_raises(joints, limbs, words):
    with pytest.raises(ValueError, match=words):
        own_skeleton(joints, limbs)


@pytest.mark.parametrize("name", ["", "joints:", "joints:a;limbs:a-a-a", "cat;limbs:a"])
def test_no_such_name(name):
    with pytest.raises(ValueError, match=r"unknown skeleton .* known: coco17, flic11, lsp14"):
        get_skeleton(name)


def test_a_name_that_was_changed_by_hand():
    with pytest.raises(ValueError, match="unknown joint 'b'"):
        get_skeleton("joints:a;limbs:a-b")
