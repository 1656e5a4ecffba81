"""Operations of distinct convolutions: they add up to the network, and fast ones take fewer."""

import importlib.util

import numpy as np
import pytest
import tensorflow as tf

import ops
from cpm.benchmark import cases
from cpm.benchmark.arithmetic import distinct_convolutions
from cpm.execution import Settings
from cpm.network import PRESETS, preset
from cpm.network.summary import stage_rows


def settings_of(arch="mini", batch_size=2, **network):
    network = {"arch": arch, "stages": 6, "image_size": preset(arch).image_size} | network
    return Settings().changed({"network": network, "data": {"batch_size": batch_size}})


@pytest.mark.parametrize("arch", PRESETS)
def test_convolutions_add_up_to_the_network(arch):
    """Twice the multiply-adds of bin/describe.py, for the batch; gradients cost twice as much."""
    settings = settings_of(arch)
    items = cases.convolution_items(settings, ["graph"], [])
    times = [len(n) for n in distinct_convolutions(settings.config.network).values()]
    forward = [item.flop for item in items if "forward" in item.name]
    trained = [item.flop for item in items if "gradients" in item.name]
    total = 2 * 2 * stage_rows(settings.config.network)[-1].total_multiply_adds
    assert sum(np.multiply(times, forward)) == total
    assert sum(np.multiply(times, trained)) == 3 * total
    [item] = cases.network_items("train_step", settings, ["graph"], [])
    assert item.flop == 3 * total


@pytest.mark.parametrize("arch", PRESETS)
def test_true_arithmetic(arch):
    """Direct convolutions do what is counted for all, fast ones less; a network is its layers."""
    settings = settings_of(arch)
    peers = [] if importlib.util.find_spec("torch") is None or arch == "deep" else ["torch"]
    variants = ["graph", "xla", "fast"]
    [again] = cases.network_items("train_step", settings, ["recompute", "xla_recompute"], [])
    assert again.true_flop == {}  # what is computed again is not counted
    plan = settings, variants, ["tf_direct", *peers]
    [step] = cases.network_items("train_step", *plan)
    [narrow] = cases.network_items("train_step", settings, ["bfloat16"], [])
    assert narrow.true_flop == {"bfloat16": step.flop}  # direct in 16 bits
    [forward] = cases.network_items("forward", *plan)
    layers = cases.convolution_items(*plan)
    times = [len(n) for n in distinct_convolutions(settings.config.network).values()]
    for item in (step, forward, *layers):
        true = item.true_flop
        assert set(true) == {*variants, "tf_direct"}
        assert true["tf_direct"] == item.flop
        assert max(true["graph"], true["xla"]) <= item.flop
    assert step.true_flop["fast"] != step.flop  # also where it does not pay
    trained = [item for item in layers if "with gradients" in item.name]
    total = sum(n * item.true_flop["xla"] for n, item in zip(times, trained, strict=True))
    assert total == step.true_flop["xla"]
    if arch in ("mini", "deep"):
        assert total == step.flop  # nothing pays on two images of its small maps
    else:
        assert total < 0.75 * step.flop
        assert total < step.true_flop["graph"] <= step.flop
        # Without XLA on lines, where the library computes the gradients of groups.
        lines = ops.library_has_groups(tf.float32)
        assert (step.true_flop["graph"] < step.flop) == lines
        # Kernels are transformed beforehand.
        assert forward.true_flop["xla"] < step.true_flop["xla"] / 3
