"""The presets as data: what docs/facts.md says of them, and how options change them.

Nothing here knows the numbers of `mini`, which may be tuned at will.
"""

import dataclasses
import re

import pytest

from cpm.config import NetworkConfig
from cpm.network.architectures import (
    ARCHITECTURES,
    PRESETS,
    architecture,
    preset,
)
from cpm.network.specs import Conv, Dropout, MaxPool


def configured(arch, **changes):
    return dataclasses.replace(preset(arch), **changes)


def all_layers(plan):
    layers = [*plan.trunk, *plan.first_head, *(plan.second_trunk or ())]
    for stage in plan.later_stages:
        layers += [*stage.features, *stage.head]
    return layers


def short(layers):
    """Layers as the words of the paper's Figure 2: `9×9×128`, `P`, `D`."""
    words = []
    for layer in layers:
        if isinstance(layer, Conv):
            words.append(f"{layer.kernel}×{layer.kernel}×{layer.channels}")
        else:
            words.append("P" if isinstance(layer, MaxPool) else "D")
    return " ".join(words)


def test_paper_is_figure_2():
    plan = architecture(configured("paper", skeleton="lsp14"))
    trunk = "9×9×128 P 9×9×128 P 9×9×128 P"
    assert short(plan.trunk) == short(plan.second_trunk) == trunk
    assert short(plan.first_head) == "5×5×32 9×9×512 D 1×1×512 D 1×1×15"
    assert len(plan.later_stages) == 5
    for stage in plan.later_stages:
        assert short(stage.features) == "5×5×32"
        assert short(stage.head) == ("11×11×128 11×11×128 11×11×128 1×1×128 1×1×15")
    assert plan.concat == ("features", "beliefs", "center")


def test_vgg_is_the_resize_variant():
    plan = architecture(configured("vgg", skeleton="lsp14"))
    assert short(plan.trunk) == (
        "3×3×64 3×3×64 P 3×3×128 3×3×128 P 3×3×256 3×3×256 3×3×256 3×3×256 P "
        "3×3×512 3×3×512 3×3×256 3×3×256 3×3×256 3×3×256 3×3×128"
    )
    assert short(plan.first_head) == "1×1×512 1×1×15"
    assert plan.second_trunk is None
    for stage in plan.later_stages:
        assert stage.features == ()
        assert short(stage.head) == "7×7×128 " * 5 + "1×1×128 1×1×15"
    assert plan.concat == ("beliefs", "features", "center")


def test_layer_names_are_those_of_the_release():
    names = [layer.name for layer in all_layers(architecture(preset("paper")))]
    convolutions = [name for name in names if "conv" in name]
    assert convolutions[:10] == [
        *[f"conv{i}_stage1" for i in range(1, 8)],
        *[f"conv{i}_stage2" for i in range(1, 4)],
    ]
    assert convolutions[10:17] == [
        "conv4_stage2",
        *[f"Mconv{i}_stage2" for i in range(1, 6)],
        "conv1_stage3",
    ]
    names = [layer.name for layer in all_layers(architecture(preset("vgg")))]
    assert names[:3] == ["conv1_1", "conv1_2", "pool1_stage1"]
    assert names[names.index("conv4_2") + 1 :][:8] == [
        *[f"conv4_{i}_CPM" for i in range(3, 8)],
        "conv5_1_CPM",
        "conv5_2_CPM",
        "Mconv1_stage2",
    ]
    assert names[-1] == "Mconv7_stage6"


@pytest.mark.parametrize("arch", PRESETS)
@pytest.mark.parametrize("norm", ["none", "batch"])
def test_rules_that_hold_in_every_preset(arch, norm):
    config = configured(arch, norm=norm, background=False)
    plan = architecture(config)
    layers = all_layers(plan)
    assert len({layer.name for layer in layers}) == len(layers)
    assert all(re.fullmatch(r"[A-Za-z]\w*", layer.name) for layer in layers)
    assert plan.maps == 16
    for trunk in filter(None, (plan.trunk, plan.second_trunk)):
        stride = 1
        for layer in trunk:
            stride *= getattr(layer, "stride", 1)
        assert stride == plan.stride == 8
    heads = [plan.first_head, *(stage.head for stage in plan.later_stages)]
    for head in heads:
        last = head[-1]
        assert (last.kernel, last.channels) == (1, 16)
        assert not last.relu and not last.norm and last.bias
    hidden = [
        layer
        for layer in layers
        if isinstance(layer, Conv) and layer not in [head[-1] for head in heads]
    ]
    assert all(layer.relu and layer.norm == (norm == "batch") for layer in hidden)
    assert all(layer.bias == (norm == "none") for layer in hidden)


@pytest.mark.parametrize("arch", PRESETS)
def test_width_scales_hidden_channels_only(arch):
    plain = all_layers(architecture(configured(arch)))
    double = all_layers(architecture(configured(arch, width=2.0)))
    tiny = all_layers(architecture(configured(arch, width=0.001)))
    for one, two, eight in zip(plain, double, tiny, strict=True):
        if not isinstance(one, Conv):
            continue
        if one.relu:
            assert two.channels == 2 * one.channels and eight.channels == 8
        else:
            maps = 16 + configured(arch).background
            assert two.channels == eight.channels == one.channels == maps


def test_width_rounds_to_multiples_of_8():
    plan = architecture(configured("vgg", width=0.3))
    # 64 · 0.3 = 19.2 → 16,  128 · 0.3 = 38.4 → 40
    assert [plan.trunk[i].channels for i in (0, 3)] == [16, 40]


@pytest.mark.parametrize("arch", ["mini", "deep"])
def test_further_blocks_stand_before_the_last_layer_of_the_trunk(arch):
    plain = architecture(configured(arch, width=1.5)).trunk
    deeper = architecture(configured(arch, width=1.5, trunk_blocks=2)).trunk
    assert (*deeper[:-3], deeper[-1]) == plain
    for block in deeper[-3:-1]:
        assert [(layer.kernel, layer.channels) for layer in block.layers] == [(3, 192)] * 2
        assert [layer.norm_scale for layer in block.layers] == [1, 0]
        assert [layer.relu for layer in block.layers] == [True, False]
    without_norms = architecture(configured(arch, norm="none", trunk_blocks=1)).trunk[-2]
    assert [layer.initializer for layer in without_norms.layers] == ["he_normal", "zeros"]


@pytest.mark.parametrize("arch", PRESETS)
def test_stages_and_center_map_take_away_what_they_own(arch):
    single = architecture(configured(arch, stages=1))
    assert single.later_stages == () and single.second_trunk is None
    blind = architecture(configured(arch, center_map=False))
    assert sorted(blind.concat) == ["beliefs", "features"]
    usual = architecture(configured(arch)).later_stages
    longer = architecture(configured(arch, stages=7)).later_stages
    assert len(longer) == 6 and longer[: len(usual)] == usual


def test_dropout_is_the_papers():
    plan = architecture(preset("paper"))
    rates = [layer.rate for layer in plan.first_head if isinstance(layer, Dropout)]
    assert rates == [0.5, 0.5]


def test_presets_follow_the_defaults_of_the_configuration():
    assert PRESETS.keys() == ARCHITECTURES.keys()
    assert preset("mini") == NetworkConfig()
    assert preset("vgg").stages == preset("paper").stages == 6
    for arch in ("vgg", "paper"):
        assert preset(arch).image_size == (368, 368) and preset(arch).norm == "none"


@pytest.mark.parametrize(
    "changes, message",
    [
        ({"arch": "resnet"}, "unknown arch 'resnet'; known: mini, deep, "),
        ({"norm": "layer"}, "unknown norm 'layer'; known: none, batch"),
        (
            {"skeleton": "cat"},
            "unknown skeleton 'cat'; known: coco17, flic11, lsp14, mpii16",
        ),
        ({"trunk_blocks": -1}, "trunk_blocks of 'mini' should be 0 to 64, not -1"),
        ({"arch": "vgg", "trunk_blocks": 1}, "trunk_blocks of 'vgg' should be 0, not 1"),
        ({"stages": 0}, "stages should be at least 1, at most 64, not 0"),
        ({"stages": 65}, "stages should be at least 1, at most 64, not 65"),
        ({"width": 0.0}, "width should be above 0, at most 1000, not 0.0"),
        ({"width": float("nan")}, "width should be a finite number, not nan"),
        ({"image_size": (160, 100)}, "multiples of 8, not (160, 100)"),
        ({"image_size": (0, 160)}, "multiples of 8, not (0, 160)"),
        ({"image_size": (66, 64), "stride": 4}, "multiples of 4, not (66, 64)"),
        ({"stride": 2}, "stride of 'mini' should be one of (4, 8), not 2"),
        ({"arch": "vgg", "stride": 4}, "stride of 'vgg' should be one of (8,), not 4"),
    ],
)
def test_architecture_raises(changes, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        architecture(dataclasses.replace(NetworkConfig(), **changes))


def test_preset_raises():
    with pytest.raises(ValueError, match="unknown arch 'big'; known: mini, deep, "):
        preset("big")
