"""The figures of the guide: nothing is left out, sizes and colors are what the numbers say."""

import dataclasses

import numpy as np
import pytest

from cpm.network import PRESETS, preset
from cpm.network.architectures import architecture
from cpm.network.summary import layer_rows
from cpm.plots.architecture import BELIEFS, CONV, POOL, STACK, draw_architecture, layers_by_block
from cpm.plots.data_road import Road, draw_data_road
from cpm.plots.receptive_fields import draw_receptive_fields
from cpm.plots.schedules import learning_rates
from cpm.plots.targets import draw_targets
from cpm.skeleton import SKELETONS

LSP14 = SKELETONS["lsp14"]


def shown(pixels, color):
    """`[n, 2]` (x, y) of the pixels of a color "#rrggbb"."""
    wanted = [int(color[k : k + 2], 16) for k in (1, 3, 5)]
    return np.argwhere((pixels == wanted).all(-1))[:, ::-1]


@pytest.mark.parametrize("arch", PRESETS)
def test_every_layer_is_in_one_block(arch):
    config = preset(arch)
    plan, rows = architecture(config), layer_rows(config)
    blocks = layers_by_block(plan, rows)
    assert [row for block in blocks.values() for row in block] == rows
    for name, block in blocks.items():
        if name.startswith("stage "):
            assert {row.stage for row in block} == {int(name.removeprefix("stage "))}
            assert block[-1].channels == plan.maps
    assert ("second trunk" in blocks) == (plan.second_trunk is not None)


@pytest.mark.parametrize("arch", PRESETS)
@pytest.mark.parametrize("stages", [1, 3, 6])
def test_architecture(arch, stages):
    config = dataclasses.replace(preset(arch), stages=stages)
    pixels = draw_architecture(
        architecture(config),
        layer_rows(config),
        title=arch,
        image_size=config.image_size,
        center_map=config.center_map,
    )
    assert pixels.dtype == np.uint8
    # A box has some hundred pixels; a few gray ones are the edges of letters.
    drawn = {color: len(shown(pixels, color)) > 100 for color in (CONV, BELIEFS, POOL, STACK)}
    assert drawn[CONV] and drawn[BELIEFS]
    assert drawn[POOL] == (arch in ("vgg", "paper"))  # the others have strides instead
    assert drawn[STACK] == (stages > 1)


def test_receptive_fields_are_to_scale():
    crop = np.zeros([64, 64, 3], np.uint8)
    pixels = draw_receptive_fields([("one", crop, (20.0, 30.0), [50, 100])])
    first, second = (np.ptp(shown(pixels, color)[:, 0]) for color in ("#e69f00", "#56b4e9"))
    # Both squares are drawn with a line of about 3 px, half of it outside.
    assert second / first == pytest.approx(100 / 50, rel=0.03)


def test_targets_show_the_second_person_to_stage_1_alone():
    crop = np.full([64, 64, 3], 90, np.uint8)
    joints_px = np.stack([np.full([14, 2], 12.0), np.full([14, 2], 50.0)])
    first, later = np.zeros([2, 8, 8, 15])
    first[1, 1], first[6, 6], later[1, 1] = 1.0, 1.0, 1.0
    pixels = draw_targets(crop, joints_px, np.full([2, 14], 2), first, later, LSP14, "head_top")
    height = (pixels.shape[0] - 34) // 2
    above, below = pixels[34 : 34 + height], pixels[34 + height : 34 + 2 * height]
    changed = np.argwhere((above != below).any(-1))[:, ::-1]
    changed = changed[changed[:, 0] > 150]  # beside the text
    assert len(changed) and not len(changed[changed[:, 1] < height // 2])  # lower halves alone


def test_learning_rates_draw_every_line():
    falling = [(0, 1e-3), (50, 1e-4), (100, 1e-5)]
    panels = [
        ("one", "text", {"all stages": falling}, True),
        ("two", "text", {"stage 1": falling, "stages ≥ 2": falling[:1] + falling[2:]}, False),
    ]
    pixels = learning_rates(panels)
    half = pixels.shape[1] // 2
    assert len(shown(pixels[:, :half], "#0072b2")) and not len(shown(pixels[:, :half], "#d55e00"))
    assert len(shown(pixels[:, half:], "#0072b2")) and len(shown(pixels[:, half:], "#d55e00"))


def test_data_road_of_images_of_any_shape(seeded):
    rng = seeded(3)

    def image(height, width):
        return rng.integers(0, 255, [height, width, 3], np.uint8)

    joints_px = rng.uniform(5, 40, [14, 2])
    road = Road(
        image=image(60, 90),
        image_joints_px=joints_px,
        frame_px=np.array([[-5.0, 3], [45, 3], [45, 53], [-5, 53]]),
        crop=image(48, 64),
        crop_joints_px=joints_px,
        augmented=image(48, 64),
        augmented_joints_px=joints_px,
        ideal=rng.uniform(size=[6, 8, 14]),
        beliefs=rng.uniform(size=[6, 8, 14]),
        joints_px=joints_px,
        stages=2,
    )
    pixels = draw_data_road(road, LSP14)
    assert pixels.dtype == np.uint8 and pixels.shape[1] > 2 * pixels.shape[0]
