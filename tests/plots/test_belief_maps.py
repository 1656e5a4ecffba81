"""Belief maps over the crop: right place, right color, right size."""

import numpy as np

from cpm.plots.belief_maps import (
    OVERLAY,
    draw_colored_beliefs,
    draw_stages,
    enlarge,
    heat_over,
    overlay_colors,
    telling_joints,
)
from cpm.skeleton import SKELETONS, own_skeleton
from tests.helpers.animals import AP10K

LSP = SKELETONS["lsp14"]
CELLS = {
    "head_top": (2, 4),
    "left_knee": (9, 2),
    "right_ankle": (12, 6),
}  # (row, column)


def maps():
    """Belief 1 in one cell of three joints, 16 × 8 cells; the background last."""
    b = np.zeros([16, 8, 15], np.float32)
    for joint, (row, column) in CELLS.items():
        b[row, column, LSP.index(joint)] = 1.0
    b[..., 14] = 1 - b.max(-1)
    return b


def test_draw_colored_beliefs_preset():
    crop = np.full([128, 64, 3], 100, np.uint8)
    pixels = draw_colored_beliefs(crop, maps(), LSP, zoom=1.0, legend=False)
    assert pixels.shape == (128, 64, 3) and pixels.dtype == np.uint8

    def at(joint):
        row, column = CELLS[joint]
        # The middle of the cell: crop pixel 8 g + 3.5.
        return pixels[8 * row + 3 : 8 * row + 5, 8 * column + 3 : 8 * column + 5].mean((0, 1))

    red, green, blue = at("head_top")
    assert min(red, green) > 160 > 80 > blue  # yellow
    red, green, blue = at("left_knee")
    assert red > 160 > 80 > max(green, blue)
    red, green, blue = at("right_ankle")
    assert blue > 160 > 90 > red
    assert (pixels[:8, :8] == 100).all()  # where no belief is, the image is untouched


def test_draw_colored_beliefs_preset_legend_and_zoom():
    crop = np.zeros([128, 64, 3], np.uint8)
    pixels = draw_colored_beliefs(crop, maps(), LSP)
    assert pixels.shape[0] > 480 and pixels.shape[1] == 240
    legend = pixels[480:].reshape(-1, 3)
    for color in ((255, 221, 0), (230, 20, 30), (30, 80, 255)):
        assert (np.abs(legend.astype(int) - color).max(-1) < 3).any()


def test_enlarge_preset_keeps_the_center_of_mass():
    """Cell g becomes the pixels 8 g … 8 g + 7, whose middle is 8 g + 3.5."""
    belief = np.zeros([6, 9], np.float32)
    belief[2, 5] = 1.0
    large = enlarge(belief, 48, 72).astype(np.float64)
    weight = large / large.sum()
    assert abs((weight.sum(1) * np.arange(48)).sum() - (8 * 2 + 3.5)) < 0.02
    assert abs((weight.sum(0) * np.arange(72)).sum() - (8 * 5 + 3.5)) < 0.02
    assert large.min() >= 0 and large.max() <= 1


def test_heat_over_preset():
    crop = np.full([128, 64, 3], 200, np.uint8)
    pixels = heat_over(crop, maps()[..., LSP.index("left_knee")])
    assert pixels.shape == crop.shape
    assert pixels[75, 19].sum() > 500  # bright at the peak
    assert (pixels[120, 60] == 110).all()  # 0.55 × gray elsewhere


def test_draw_stages_preset():
    crop = np.full([128, 64, 3], 200, np.uint8)
    beliefs = [0.3 * maps(), 0.6 * maps(), maps()]
    some = draw_stages(crop, beliefs, LSP, ["left_knee", "background"])
    every = draw_stages(crop, beliefs, LSP)
    assert some.dtype == np.uint8 and some.shape[1] == every.shape[1]
    assert every.shape[0] > 15 * 150 > some.shape[0] > 2 * 150
    # The peak gets brighter from stage to stage: tiles of 75 × 150, 4 apart, from (118, 30).
    y = 30 + round(75.5 * 150 / 128)
    peaks = [some[y, 118 + 79 * t + round(19.5 * 75 / 64)].astype(int).sum() for t in range(3)]
    assert peaks[0] < peaks[1] < peaks[2]


def test_overlay_colors_are_of_the_skeletons_own_joints():
    """A person's as in the blog; of anything else the first, a middle and the last joint."""
    assert list(overlay_colors(SKELETONS["lsp14"])) == list(OVERLAY)
    assert list(overlay_colors(SKELETONS["flic11"])) == ["left_shoulder", "right_wrist", "nose"]
    cat = own_skeleton(["nose", "tail"])
    assert list(overlay_colors(cat)) == ["nose", "tail"]

    maps = np.zeros([6, 8, 2], np.float32)
    maps[2, 3, 1] = 1.0
    crop = np.full([48, 64, 3], 90, np.uint8)
    plain, drawn = (draw_colored_beliefs(crop, m, cat, legend=False) for m in (0 * maps, maps))
    assert (plain != drawn).any()


def test_one_of_the_blogs_joints_is_not_shown_alone():
    """A dog's left knee; COCO's people have two of the three, in the blog's colors."""
    assert list(overlay_colors(AP10K)) == ["left_eye", "right_shoulder", "right_back_paw"]
    assert telling_joints(AP10K, 5)[0] == "left_eye" and len(telling_joints(AP10K, 5)) == 5
    coco = overlay_colors(SKELETONS["coco17"])
    assert coco == {joint: OVERLAY[joint] for joint in ("left_knee", "right_ankle")}
    assert telling_joints(SKELETONS["lsp14"], 5) == list(OVERLAY)
