"""Skeleton overlays: size, colors by side, what is left out."""

import pathlib

import numpy as np
import pytest
from matplotlib.colors import to_rgb

from cpm import lite
from cpm.plots import pose_drawing
from cpm.plots.skeletons import LEFT, MIDDLE, RIGHT, TRUTH, draw_skeleton, hex_color, joint_colors
from cpm.skeleton import SKELETONS, own_skeleton

LSP = SKELETONS["lsp14"]
ROOT = pathlib.Path(__file__).parents[2]


def has_color(pixels, x, y, color, radius=3):
    """Whether the color occurs within `radius` pixels of (x, y); edges are smoothed: ± 40."""
    part = pixels[y - radius : y + radius + 1, x - radius : x + radius + 1].astype(int)
    return (np.abs(part - np.array(to_rgb(color)) * 255).max(-1) < 40).any()


def pose():
    """A standing person in an image of 200 × 100, seen from the front."""
    joints = dict(
        head_top=(50, 10), neck=(50, 40),
        right_shoulder=(35, 42), right_elbow=(28, 70), right_wrist=(25, 95),
        left_shoulder=(65, 42), left_elbow=(72, 70), left_wrist=(75, 95),
        right_hip=(42, 100), right_knee=(40, 140), right_ankle=(38, 180),
        left_hip=(58, 100), left_knee=(60, 140), left_ankle=(62, 180),
    )  # fmt: skip
    return np.array([joints[joint] for joint in LSP.joints], float)


def test_draw_skeleton_preset_colors_and_size():
    image = np.full([200, 100, 3], 128, np.uint8)
    pixels = draw_skeleton(image, pose(), LSP, zoom=2.0)
    assert pixels.shape == (400, 200, 3) and pixels.dtype == np.uint8
    # Pixel centers: image (x, y) is drawn at 2 (x + 1/2) − 1/2.
    for p, joint in enumerate(LSP.joints):
        x, y = np.rint(2 * pose()[p] + 0.5).astype(int)
        assert has_color(pixels, x, y, joint_colors(LSP)[p]), joint
    assert has_color(pixels, 2 * 39, 2 * 160, RIGHT)  # halfway down the right shin
    assert has_color(pixels, 2 * 61, 2 * 160, LEFT)
    assert has_color(pixels, 2 * 50, 2 * 25, MIDDLE)
    assert (pixels[:10, :10] == 128).all()  # nothing where nobody is


def test_draw_skeleton_preset_missing_joints():
    image = np.full([200, 100, 3], 128, np.uint8)
    joints = pose()
    joints[LSP.index("left_ankle")] = np.nan
    pixels = draw_skeleton(image, joints, LSP, zoom=2.0)
    assert not has_color(pixels, 2 * 62, 2 * 180, LEFT)
    assert has_color(pixels, 2 * 38, 2 * 180, RIGHT)


def test_draw_skeleton_preset_truth_is_filled_or_hollow():
    image = np.full([200, 100, 3], 128, np.uint8)
    state = np.zeros(14, int)
    state[LSP.index("left_knee")], state[LSP.index("right_knee")] = 2, 1
    nowhere = np.full([14, 2], np.nan)
    pixels = draw_skeleton(image, nowhere, LSP, truth_px=pose(), truth_state=state, zoom=4.0)
    assert has_color(pixels, 4 * 60 + 2, 4 * 140 + 2, TRUTH, radius=1)
    assert not has_color(pixels, 4 * 40 + 2, 4 * 140 + 2, TRUTH, radius=1)  # hollow
    assert has_color(pixels, 4 * 40 + 2, 4 * 140 + 2, TRUTH, radius=6)  # its ring
    assert not has_color(pixels, 4 * 50 + 2, 4 * 10 + 2, TRUTH, radius=6)  # absent


@pytest.mark.parametrize("size", [(40, 31), (3000, 1000)])
def test_draw_skeleton_preset_brings_images_to_a_good_size(size):
    image = np.zeros([*size, 3], np.uint8)
    pixels = draw_skeleton(image, pose() / 10, LSP)
    assert max(pixels.shape) == (480 if size[0] == 40 else 1280)


def test_joints_without_sides_have_a_color_each():
    """As in the drawings of bin/predict.py; a limb takes its outer end's."""
    flower = own_skeleton(["stem", "petal", "tip"], [("stem", "petal"), ("petal", "tip")])
    joints = np.array([[20.0, 20], [80, 20], [80, 80]])
    pixels = draw_skeleton(np.full([100, 100, 3], 128, np.uint8), joints, flower, zoom=4.0)
    colors = joint_colors(flower)
    assert len({*colors}) == 3 and MIDDLE not in colors
    for (x, y), color in zip(joints, colors, strict=True):
        assert has_color(pixels, int(4 * x + 2), int(4 * y + 2), color)
    assert has_color(pixels, 4 * 50, 4 * 20 + 2, colors[1])


def test_every_drawing_has_the_same_colors():
    """The browser's and cpm-lite's, which cannot import ours."""
    script = (ROOT / "docs/demo/drawing.js").read_text(encoding="utf-8")
    for name, color in (("left", LEFT), ("right", RIGHT), ("middle", MIDDLE)):
        assert f'{name}: "{color}"' in script
    people = ", ".join(f'"{hex_color(color)}"' for color in pose_drawing.PEOPLE)
    assert people in " ".join(script.split())
    sides = lite.SIDES["right"], lite.SIDES["left"], lite.MIDDLE
    assert sides == (pose_drawing.RIGHT, pose_drawing.LEFT, pose_drawing.MIDDLE)
    assert lite.WITHOUT_SIDES == pose_drawing.PEOPLE
