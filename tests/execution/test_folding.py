"""Norms of a network in use are part of its convolutions: the same maps, no norm computed."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf

import ops
from cpm.execution import Execution
from cpm.execution.folding import folded, with_norms
from cpm.execution.use import Executed
from cpm.network import ConvolutionalPoseMachine, layers, preset, specs


def network(arch, seeded, **changes):
    """A tiny float64 network whose norms do something: as if it had been trained."""
    config = dataclasses.replace(
        preset(arch), norm="batch", width=0.05, stages=2, image_size=(24, 40), skeleton="lsp14"
    )
    net = ConvolutionalPoseMachine(dataclasses.replace(config, **changes), dtype=tf.float64)
    rng = seeded(5)
    for variable in net.variables:
        name = variable.name.split("/")[-1].split(":")[0]
        if name in ("offset", "moving_mean", "bias"):
            variable.assign(rng.normal(size=variable.shape))
        elif name in ("scale", "moving_variance"):
            variable.assign(rng.uniform(0.5, 2, variable.shape))
    return net


@pytest.mark.parametrize("conv", ["direct", "fast"])
@pytest.mark.parametrize("arch", ["mini", "deep"])
def test_the_maps_are_the_plain_network_s(arch, conv, seeded, monkeypatch):
    net = network(arch, seeded)
    images, center_px = seeded(1).uniform(0, 255, [2, 24, 40, 3]), seeded(2).uniform(0, 24, [2, 2])
    plain = net(images, center_px)
    assert any(isinstance(layer, layers.BatchNorm) for layer in net.trunk.submodules)
    used = Executed(net, Execution(conv=conv), constant=True)
    monkeypatch.setattr(ops, "batch_norm", pytest.fail)
    for function in (used, tf.function(used, autograph=False)):
        for expected, found in zip(plain, function(images, center_px), strict=True):
            np.testing.assert_allclose(found, expected, atol=1e-10 * np.abs(expected).max())


def test_what_may_still_change_is_not_folded(seeded):
    """Without the promise the norms' variables are read anew in every call."""
    net = network("mini", seeded)
    images, center_px = seeded(1).uniform(0, 255, [1, 24, 40, 3]), [[20.0, 12.0]]
    used, kept = (Executed(net, Execution(), constant=constant) for constant in (False, True))
    before = kept(images, center_px)[-1]
    for variable in net.variables:
        if "moving_mean" in variable.name:
            variable.assign_add(tf.ones_like(variable))
    np.testing.assert_array_equal(kept(images, center_px)[-1], before)
    np.testing.assert_allclose(used(images, center_px)[-1], net(images, center_px)[-1], atol=1e-12)
    assert np.abs(used(images, center_px)[-1] - before).max() > 1e-3


@pytest.mark.parametrize("bias", [False, True])
def test_folded_by_hand(bias):
    """y = 3 ((2 x + 5) - 1) / sqrt(4) + 7 = 3 x + 13; without the bias 3 x + 5.5."""
    conv = layers.Conv2D("conv", 1, specs.Conv("conv", 1, 1, norm=not bias), dtype=tf.float64)
    norm = layers.BatchNorm("norm", 1, epsilon=0.0, dtype=tf.float64)
    conv.kernel.assign([[[[2.0]]]])
    if bias:
        conv.bias.assign([5.0])
    values = {"scale": 3, "offset": 7, "moving_mean": 1, "moving_variance": 4}
    for name, value in values.items():
        getattr(norm, name).assign([float(value)])
    kernel, shift = folded(conv, norm)
    assert kernel.numpy().tolist() == [[[[3.0]]]] and shift.numpy() == [13.0 if bias else 5.5]


def test_each_layer_once_and_in_order():
    conv = layers.Conv2D("conv", 1, specs.Conv("conv", 1, 1))
    norm, relu = layers.BatchNorm("norm", 1), layers.Relu()
    given = [norm, conv, norm, relu, conv, relu, conv]
    found = list(with_norms(given))
    assert [layer for layer, _ in found] == [norm, conv, relu, conv, relu, conv]
    assert [own for _, own in found] == [None, norm, None, None, None, None]
    assert list(with_norms([])) == []
