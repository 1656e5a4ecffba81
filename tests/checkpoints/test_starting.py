"""Starting from weights of other joints, other stages, other maps: what goes where, by hand."""

import dataclasses
import os

import numpy as np
import pytest

from cpm import checkpoints
from cpm.checkpoints import weights_file
from cpm.checkpoints.saving import describe
from cpm.config import NetworkConfig, TrainConfig
from cpm.errors import UsageError
from cpm.network import ConvolutionalPoseMachine

SMALL = NetworkConfig(stages=3, width=0.1, skeleton="lsp14", image_size=(16, 24))
OWN = "joints:tail,left_wrist,neck,right_wrist"
# Where LSP has these joints.
LEFT_WRIST, RIGHT_WRIST, NECK = 11, 6, 12


@pytest.fixture
def weights(tmp_path):
    """Writes a network's weights; returns their path and the network, as it is after rounding."""

    def write(config):
        network = ConvolutionalPoseMachine(config, seed=1)
        for k, variable in enumerate(network.variables):
            noise = np.random.default_rng(k).normal(size=variable.shape)
            if "variance" in variable.name:
                noise = np.abs(noise)
            variable.assign(noise.astype(np.float16).astype(np.float32))
        path = str(tmp_path / "weights.npz")
        weights_file.write_weights(path, network, describe(TrainConfig(network=config), network))
        return path, network

    return write


def start(path, **changes):
    """A fresh network, the same after the start, and what was taken."""
    config = dataclasses.replace(SMALL, **changes)
    fresh, filled = (ConvolutionalPoseMachine(config, seed=2) for _ in range(2))
    return fresh, filled, checkpoints.start_from(filled, path)


def equal(a, b):
    np.testing.assert_array_equal(np.asarray(a), np.asarray(b))


def test_same_network_is_taken_whole(weights):
    path, source = weights(SMALL)
    _, filled, taken = start(path)
    assert taken.text() == "trunk and stages 1 to 3; the maps of all joints"
    for theirs, ours in zip(source.variables, filled.variables, strict=True):
        equal(theirs, ours)


def test_maps_follow_the_names_of_joints(weights):
    """Drawn by the last layer of a stage, read by the first layer of the next one."""
    path, source = weights(SMALL)
    fresh, filled, taken = start(path, skeleton=OWN)
    assert taken.fresh == ("tail",) and taken.known == ("left_wrist", "neck", "right_wrist")
    for t in range(3):
        new, ours, theirs = ((n.stage_1, *n.stages)[t].layers[-1] for n in (fresh, filled, source))
        equal(ours.kernel[..., 0], new.kernel[..., 0])
        equal(ours.kernel[..., 1], theirs.kernel[..., LEFT_WRIST])
        equal(ours.bias[2], theirs.bias[NECK])
        equal(ours.bias[3], theirs.bias[RIGHT_WRIST])
        if not t:
            continue
        new, ours, theirs = (n.stages[t - 1].layers[0].kernel for n in (fresh, filled, source))
        equal(ours[:, :, 0], new[:, :, 0])  # mini stacks maps, features, center map
        equal(ours[:, :, 3], theirs[:, :, RIGHT_WRIST])
        equal(ours[:, :, 4:], theirs[:, :, 14:])
    hidden = {v.ref() for v in filled.variables} - {
        *(v.ref() for head in (filled.stage_1, *filled.stages) for v in head.layers[-1].variables),
        *(head.layers[0].kernel.ref() for head in filled.stages),
    }
    for theirs, ours in zip(source.variables, filled.variables, strict=True):
        if ours.ref() in hidden:
            equal(theirs, ours)


@pytest.mark.parametrize("stages, text", [(1, "stage 1"), (2, "stages 1 to 2")])
def test_fewer_stages_are_the_first_ones(weights, stages, text):
    path, source = weights(SMALL)
    _, filled, taken = start(path, stages=stages)
    assert taken.text().startswith(f"trunk and {text}; ") and not taken.new_stages
    equal(filled.stage_1.layers[-1].kernel, source.stage_1.layers[-1].kernel)


def test_later_stages_start_afresh(weights):
    path, source = weights(dataclasses.replace(SMALL, stages=2))
    fresh, filled, taken = start(path, skeleton=OWN)
    assert "stage 3 starts fresh" in taken.text()
    equal(filled.stages[1].layers[0].kernel, fresh.stages[1].layers[0].kernel)
    equal(filled.stages[0].layers[3].kernel, source.stages[0].layers[3].kernel)


def test_center_map_and_background_go_to_their_places(weights):
    path, source = weights(dataclasses.replace(SMALL, background=True))
    _, filled, _ = start(path, center_map=False)
    equal(
        filled.stages[0].layers[0].kernel[:, :, 14:],
        source.stages[0].layers[0].kernel[:, :, 15:-1],
    )
    _, filled, _ = start(path, skeleton=OWN, background=True)
    equal(filled.stage_1.layers[-1].bias[4], source.stage_1.layers[-1].bias[14])
    equal(
        filled.stages[0].layers[0].kernel[..., -1, :], source.stages[0].layers[0].kernel[..., -1, :]
    )


def test_paper_network_keeps_its_order(weights):
    """`paper` stacks features before maps and has a second trunk from two stages on."""
    paper = dataclasses.replace(SMALL, arch="paper", norm="none", image_size=(32, 32))
    path, source = weights(dataclasses.replace(paper, stages=1))
    fresh, filled, _ = start(path, arch="paper", norm="none", image_size=(32, 32), stages=2)
    equal(filled.trunk.kernels[0], source.trunk.kernels[0])
    equal(filled.second_trunk.kernels[0], fresh.second_trunk.kernels[0])
    path, source = weights(paper)
    _, filled, _ = start(path, arch="paper", norm="none", image_size=(32, 32), skeleton=OWN)
    features = filled.features[0].out_channels
    theirs, ours = (n.stages[0].layers[0].kernel for n in (source, filled))
    equal(ours[:, :, :features], theirs[:, :, :features])
    equal(ours[:, :, features + 1], theirs[:, :, features + LEFT_WRIST])
    equal(ours[:, :, -1], theirs[:, :, -1])


@pytest.mark.parametrize("norm", ["batch", "none"])
def test_more_blocks_start_as_the_same_function(weights, norm):
    path, source = weights(dataclasses.replace(SMALL, norm=norm, trunk_blocks=1))
    fresh, filled, taken = start(path, norm=norm, trunk_blocks=3)
    assert taken.new_blocks == 2
    assert "; 2 new blocks of the trunk start as the identity;" in taken.text()
    images = np.random.default_rng(3).normal(size=(2, 16, 24, 3)).astype(np.float32)
    center = np.array([[8.0, 5.0], [20.0, 11.0]], np.float32)
    for ours, theirs in zip(filled(images, center), source(images, center), strict=True):
        assert np.ptp(theirs) > 0
        equal(ours, theirs)
    # The first layers of the new blocks are drawn as ever: only the norm, or the kernel, after them
    # is zero.
    names = {variable.name: variable for variable in filled.variables}
    drawn = [v for v in fresh.variables if "block3a/kernel" in v.name]
    assert len(drawn) == 1 and np.ptp(drawn[0]) > 0
    equal(names[drawn[0].name], drawn[0])


def test_fewer_blocks_than_the_weights_are_refused(weights):
    path, _ = weights(dataclasses.replace(SMALL, trunk_blocks=2))
    with pytest.raises(UsageError, match=r"2 trunk_blocks.*has 1.*network\.trunk_blocks=2"):
        start(path, trunk_blocks=1)


def test_weights_that_are_not_finite_are_refused(tmp_path):
    """Of a checkpoint, too, whose seal is whole."""
    config = TrainConfig(network=SMALL)
    network = ConvolutionalPoseMachine(SMALL, seed=1)
    network.variables[0].assign(np.nan * network.variables[0])
    checkpoints.Checkpoints(str(tmp_path), network, None, config).save(3)
    for read in (checkpoints.load_network, lambda path: start(os.path.join(path, "step-0000003"))):
        with pytest.raises(UsageError, match=r"step-0000003 holds numbers in .* not finite; name"):
            read(str(tmp_path))


@pytest.mark.parametrize("change", [{"width": 0.3}, {"norm": "none"}, {"stage_kernel": 9}])
def test_other_layers_are_refused_with_the_field(weights, change):
    path, _ = weights(SMALL)
    (field,) = change
    with pytest.raises(UsageError, match=f"with {field} .*this run's has {field} {change[field]}"):
        start(path, **change)
    with pytest.raises(UsageError, match="arch mini, this run's has arch deep"):
        start(path, arch="deep")
