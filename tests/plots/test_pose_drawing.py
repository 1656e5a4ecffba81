"""Drawings by Pillow: what is drawn where, in which color."""

import numpy as np
import pytest
from PIL import ImageDraw

from cpm.inference.person_pose import PersonPose
from cpm.inference.results import ImagePose
from cpm.plots import pose_drawing
from cpm.plots.pose_drawing import LEFT, MIDDLE, RIGHT, UNSURE, draw_pose
from cpm.skeleton import SKELETONS, own_skeleton

LSP = SKELETONS["lsp14"]
GRAY = np.full([400, 500, 3], 100, np.uint8)


def person(skeleton=LSP, shift=(0, 0), confidence=0.9, **fields):
    p = np.arange(len(skeleton))
    joints_px = np.stack([60 + 110 * (p % 3), 40 + 60 * (p // 3)], 1) + np.array(shift, float)
    confidence = np.full(len(skeleton), confidence)
    return PersonPose(skeleton, joints_px, confidence, (10.0, 20.0, 300.0, 300.0), **fields)


def result(*people, skeleton=LSP):
    return ImagePose(people, GRAY.shape[:2], skeleton, threshold=0.5)


def color_at(drawing, point):
    x, y = np.rint(point).astype(int)
    return tuple(int(value) for value in drawing[y, x])


def test_joints_have_the_color_of_their_side():
    one = person()
    drawing = draw_pose(GRAY, result(one))
    assert drawing.shape == GRAY.shape and drawing.dtype == np.uint8
    expected = {"right_ankle": RIGHT, "left_wrist": LEFT, "neck": MIDDLE, "head_top": MIDDLE}
    for joint, color in expected.items():
        assert color_at(drawing, one[joint][:2]) == color
    ankle, knee = (np.array(one[f"right_{part}"][:2]) for part in ("ankle", "knee"))
    assert color_at(drawing, (ankle + knee) / 2) == RIGHT
    assert color_at(drawing, (499, 399)) == (100, 100, 100)


def test_a_drawing_is_enlarged_where_its_joints_are():
    one = person()
    drawing = draw_pose(GRAY, result(one), zoom=2)
    assert drawing.shape == (800, 1000, 3)
    # A joint at the center of pixel x lies at 2 x + 0.5 of the larger image.
    assert color_at(drawing, 2 * np.array(one["left_wrist"][:2]) + 0.5) == LEFT


def test_unsure_joints_are_gray_and_the_least_sure_ones_absent():
    one = person()
    one.confidence[:] = 0.2
    one.confidence[LSP.index("neck")] = 0.3
    drawing = draw_pose(GRAY, result(one))
    assert color_at(drawing, one["neck"][:2]) == UNSURE
    assert color_at(drawing, one["left_wrist"][:2]) == (100, 100, 100)
    all_of_them = draw_pose(GRAY, result(one), threshold=-1)
    assert color_at(all_of_them, one["left_wrist"][:2]) == LEFT
    one.joints_px[:] = np.nan
    np.testing.assert_array_equal(draw_pose(GRAY, result(one), threshold=-1), GRAY)


def test_several_people_have_rims_of_their_own_and_numbers():
    alone = draw_pose(GRAY, result(person()))
    both = draw_pose(GRAY, result(person(), person(shift=(30, 25))))

    def has(drawing, color):
        return (drawing == color).all(-1).any()

    first, second = (pose_drawing.person_color(n) for n in range(2))
    assert has(both, first) and has(both, second)
    assert not has(alone, first)
    assert has(draw_pose(GRAY, result(person(id=0))), first)  # of a video, the same all along


def test_boxes_and_panel_on_request():
    one = person()
    boxed = draw_pose(GRAY, result(one), boxes=True)
    assert color_at(boxed, (10, 100)) == pose_drawing.person_color(0)
    with_panel = draw_pose(GRAY, result(one), panel=True, title="a.jpg")
    assert with_panel.shape[1] > 500 and (with_panel[:, -1] == 255).all()
    np.testing.assert_array_equal(with_panel[:400, :500], draw_pose(GRAY, result(one)))
    nobody = draw_pose(GRAY, result(), panel=True)
    assert (nobody[:, 500:] < 100).any()  # it says so in words
    many = draw_pose(GRAY, result(*[person()] * 9), panel=True)
    assert many.shape[1] < 2000


def test_other_skeletons_have_a_color_for_each_joint():
    cat = own_skeleton(["nose", "back", "tail"], [("nose", "back"), ("back", "tail")])
    one = person(cat)
    drawing = draw_pose(GRAY, result(one, skeleton=cat))
    colors = {color_at(drawing, one[joint][:2]) for joint in cat.joints}
    assert len(colors) == 3 and not colors & {LEFT, RIGHT, MIDDLE}


@pytest.mark.parametrize("shift", [(-5000, 30), (1e9, -1e9), (440, 390)])
def test_joints_outside_are_no_trouble(shift):
    drawing = draw_pose(GRAY, result(person(shift=shift)), boxes=True)
    assert drawing.shape == GRAY.shape


def test_a_tiny_image_is_enlarged():
    drawing = draw_pose(np.zeros([2, 3, 3], np.uint8), result(person()))
    assert drawing.shape == (320, 480, 3)


def test_the_panel_says_what_it_leaves_out(monkeypatch):
    """Nine in a panel of two columns: people, or what is none."""
    said = []
    real = ImageDraw.ImageDraw.text
    monkeypatch.setattr(
        ImageDraw.ImageDraw, "text", lambda self, *a, **k: (said.append(a[1]), real(self, *a, **k))
    )
    cat = own_skeleton(("nose", "tail"))
    for skeleton, words in ((LSP, "more people"), (cat, "more objects")):
        draw_pose(GRAY, result(*[person(skeleton)] * 9, skeleton=skeleton), panel=True)
        assert any(words in text for text in said), words


@pytest.mark.parametrize(
    "text, drawn",
    [
        ("photo_1.jpg", "photo_1.jpg"),
        ("фото é.png", "фото é.png"),
        ("Ελληνικά", "Ελληνικά"),
        ("猫2.png", r"\u732b2.png"),
        ("a\udcfcb", r"a\udcfcb"),
        ("two\nlines", r"two\nlines"),
    ],
)
def test_names_in_the_panel_are_legible(text, drawn):
    """Letters that no font has were squares, all alike."""
    name, font = pose_drawing._legible(text, 13)
    assert name == drawn
    square = bytes(font.getmask("\uffff"))
    assert all(bytes(font.getmask(letter)) != square for letter in name)
    draw_pose(GRAY, result(person()), panel=True, title=text)  # also of half a character
