"""The tables against the releases' own numbers (docs/facts.md), built networks, and impulses."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf

from cpm.network import PRESETS, ConvolutionalPoseMachine, preset
from cpm.network.summary import format_layers, format_stages, layer_rows, stage_rows


def configured(arch, **changes):
    return dataclasses.replace(preset(arch), **changes)


@pytest.mark.parametrize(
    "arch, parameters, multiply_adds, fields",
    [("paper", 31.2e6, 175e9, [167, 407]), ("vgg", 29.9e6, 88.4e9, [164, 404])],
)
def test_stage_rows_agree_with_the_releases(arch, parameters, multiply_adds, fields):
    rows = stage_rows(configured(arch, skeleton="lsp14"))
    # To the last digit that docs/facts.md quotes.
    assert rows[-1].total_parameters == pytest.approx(parameters, abs=0.05e6)
    tolerance = 0.5e9 if arch == "paper" else 0.05e9
    assert rows[-1].total_multiply_adds == pytest.approx(multiply_adds, abs=tolerance)
    assert [row.receptive_field_px for row in rows[:2]] == fields


def test_stage_rows_of_vgg_by_stages():
    for stages, millions in zip(range(2, 7), (13.3, 17.5, 21.6, 25.7, 29.9), strict=True):
        rows = stage_rows(configured("vgg", skeleton="lsp14", stages=stages))
        assert len(rows) == stages
        assert rows[-1].total_parameters == pytest.approx(millions * 1e6, abs=0.05e6)


def test_layer_rows_of_one_layer_by_hand():
    config = configured("paper", skeleton="lsp14", image_size=(64, 96))
    rows = {row.name: row for row in layer_rows(config)}
    row = rows["Mconv1_stage2"]  # 32 features, 15 beliefs and 1 center in
    assert (row.stage, row.kind) == (2, "conv 11×11")
    assert (row.height, row.width, row.channels) == (8, 12, 128)
    assert row.parameters == 11 * 11 * 48 * 128 + 128
    assert row.multiply_adds == 11 * 11 * 48 * 128 * 8 * 12
    pool = rows["pool1_stage1"]
    assert (pool.kind, pool.height, pool.width) == ("max 3×3/2", 32, 48)
    assert (pool.parameters, pool.multiply_adds) == (0, 0)


def test_stage_rows_are_sums_of_layer_rows():
    for arch in PRESETS:
        config = configured(arch, stages=4)
        layers, stages = layer_rows(config), stage_rows(config)
        assert stages[-1].total_parameters == sum(row.parameters for row in layers)
        assert stages[-1].total_multiply_adds == sum(r.multiply_adds for r in layers)
        assert sum(row.parameters for row in stages) == stages[-1].total_parameters


@pytest.mark.parametrize("arch", PRESETS)
@pytest.mark.parametrize("options", [{"norm": "none"}, {"norm": "batch", "width": 0.5}])
def test_layer_rows_agree_with_the_built_network(arch, options):
    config = configured(arch, skeleton="lsp14", **options)
    counted = {}
    for variable in ConvolutionalPoseMachine(config).trainable_variables:
        layer = variable.name.split("/")[-2].removesuffix("_norm")
        counted[layer] = counted.get(layer, 0) + variable.shape.num_elements()
    rows = [row for row in layer_rows(config) if row.parameters]
    assert {row.name: row.parameters for row in rows} == counted


@pytest.mark.parametrize("arch", PRESETS)
def test_layer_rows_give_the_output_shape_of_the_built_network(arch):
    config = configured(arch, width=0.01, image_size=(24, 40), stages=2)
    last = layer_rows(config)[-1]
    b = ConvolutionalPoseMachine(config)(tf.zeros([1, 24, 40, 3]), [[0.0, 0.0]])[-1]
    assert b.shape == [1, last.height, last.width, last.channels]


@pytest.mark.parametrize("arch", PRESETS)
def test_receptive_field_is_what_impulses_reach(arch):
    """Lights one column of pixels and counts the cells that notice.

    With kernels of ones nothing cancels, so a cell is lit exactly if the column is in its field. By
    translation, the cells lit by the columns c, c + 1 … c + 7 (one for each position within a
    cell) are together as many as the columns that light one cell: the side of its field.
    """
    stages = 3
    config = configured(arch, width=0.001, stages=stages, norm="none", center_map=False)
    fields = [row.receptive_field_px for row in stage_rows(config)]
    net = ConvolutionalPoseMachine(config, dtype=tf.float64)
    for variable in net.trainable_variables:
        variable.assign(tf.ones_like(variable) if "kernel" in variable.name else variable * 0)
    middle = 8 * (max(fields) // 16 + 2)
    images = np.full([8, 8, 2 * middle, 3], 128.0)  # normalized: 0
    for phase in range(8):
        images[phase, :, middle + phase] = 255.0
    beliefs = net(images, np.zeros([8, 2]))
    reached = [int((b_t[:, 0, :, 0].numpy() > 0).sum()) for b_t in beliefs]
    assert reached == fields


def test_format_layers_and_stages_align():
    config = configured("mini", stages=2)
    layers, stages = layer_rows(config), stage_rows(config)
    text = format_layers(layers).splitlines()
    assert len(text) == len(layers) + 1
    assert len({len(line) for line in text}) == 1
    for row, line in zip(layers, text[1:], strict=True):
        assert row.name in line and f"{row.parameters:,}" in line
    text = format_stages(stages).splitlines()
    assert text[0].split()[:2] == ["stage", "parameters"]
    assert f"{stages[-1].total_parameters:,}" in text[-1]
