"""The PyTorch twin computes what our network computes: padding, beliefs, losses, gradients.

In float64, where no ReLU or pool switches by rounding: both sides sum the same products in another
order, 1e-16 each, a few thousand deep, so 1e-9 of a result's norm leaves room for batch norm's
small variances and none for a mistake.
"""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf

import ops
from cpm.benchmark import exchange, ours, workload
from cpm.config import OptimizerConfig
from cpm.execution import Settings
from cpm.network import ConvolutionalPoseMachine, preset
from cpm.training import loss, targets

pytestmark = pytest.mark.slow

torch = pytest.importorskip("torch", reason="torch is not installed")
twin = pytest.importorskip("cpm.benchmark.torch_network")
torch_sides = pytest.importorskip("cpm.benchmark.torch_sides")

SIZES = {"mini": (40, 56), "vgg": (24, 40), "paper": (40, 24)}
SETTINGS = {"threads": 1, "compile": False, "changes": {"xla": False}}


def settings_of(arch, **network):
    changes = {"stages": 3, "width": 0.1, "image_size": SIZES[arch]} | network
    return Settings().changed(
        {
            "network": dataclasses.replace(preset(arch), **changes),
            "target": {"foreground_weight": 3.0},
            "data": {"batch_size": 2},
            "optimizer": OptimizerConfig(optimizer="sgd", weight_decay=0.1),
        },
    )


@pytest.fixture
def folder_of(tmp_path):
    def write(settings):
        workload.write_workload(tmp_path, settings)
        return tmp_path

    return write


@pytest.mark.parametrize("stride", [1, 2, 3])
@pytest.mark.parametrize("window", [1, 2, 3, 5, 8])
def test_same_padding_is_tensorflow_s(window, stride):
    """Every size from 1 to 13, both axes: a convolution and a pool that show where windows lie."""
    for height, width in [(h, 14 - h) for h in range(1, 14)]:
        x = np.random.default_rng(height).normal(size=[1, height, width, 2])
        kernel = np.random.default_rng(7).normal(size=[window, window, 2, 3])
        image = torch.from_numpy(x).permute(0, 3, 1, 2)
        conv = twin.Conv("conv", kernel, None, stride).double()
        # float32 kept the kernel's first digits; give it the others back
        conv.conv.weight.data = torch.from_numpy(kernel).permute(3, 2, 0, 1)
        found = conv(image).detach().permute(0, 2, 3, 1).numpy()
        expected = ops.conv2d(x, kernel, stride=stride)
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-12)
        pooled = twin.MaxPool(window, stride)(image).permute(0, 2, 3, 1).numpy()
        expected = ops.max_pool(x, window=window, stride=stride)
        np.testing.assert_array_equal(pooled, expected)


def float64_pair(folder, config):
    """(our network, the twin) in float64 with the same weights."""
    layers, plan = exchange.read_plan(folder)
    weights = exchange.read_arrays(folder, exchange.WEIGHTS)
    network = ConvolutionalPoseMachine(config.network, dtype=tf.float64)
    for variable in network.variables:
        variable.assign(weights[workload.key_of(variable)].astype(np.float64))
    for module in network.submodules:
        if hasattr(module, "rate"):
            module.rate = 0.0
    return network, twin.Machine(layers, weights, plan).double()


@pytest.mark.parametrize("norm", ["none", "batch"])
@pytest.mark.parametrize("arch", SIZES)
def test_beliefs_losses_and_gradients_in_float64(arch, norm, folder_of):
    settings = settings_of(arch, norm=norm)
    config, folder = settings.config, folder_of(settings)
    network, machine = float64_pair(folder, config)
    inputs = exchange.read_arrays(folder, exchange.INPUTS)
    wide = {
        key: tf.constant(value, tf.int32 if key == "state" else tf.float64)
        for key, value in ((key, inputs[key]) for key in ours.TENSORS)
    }
    with tf.GradientTape() as tape:
        beliefs = network(wide["image"], wide["center_px"], training=True)
        ideal = targets.make_targets(
            wide, config.target, stride=8, background=config.network.background
        )
        losses = loss.stage_losses(beliefs, ideal, config.target.foreground_weight)
        total = tf.reduce_sum(losses)
    expected = tape.gradient(total, network.trainable_variables)

    side = torch_sides.Training(str(folder), SETTINGS)
    side._network = side._machine = machine.train()
    center_map = network._center_map(wide["image"], wide["center_px"], tf.float64)
    side._arguments = [
        torch.from_numpy(a.numpy()).permute(0, 3, 1, 2) for a in (wide["image"], center_map)
    ]
    side._ideal = {
        "first": torch.from_numpy(ideal.first.numpy()).permute(0, 3, 1, 2),
        "later": torch.from_numpy(ideal.later.numpy()).permute(0, 3, 1, 2),
        "mask": torch.from_numpy(ideal.mask.numpy()),
    }
    side.compute()
    found = dict(side.outputs())
    assert exchange.relative_error(found["losses"], losses.numpy()) < 1e-9
    names = [f"gradient of {workload.key_of(v)}" for v in network.trainable_variables]
    assert sorted(found) == sorted(["losses", *names])
    for name, gradient in zip(names, expected, strict=True):
        assert np.abs(gradient).max() > 0, name
        assert exchange.relative_error(found[name], gradient.numpy()) < 1e-9, name


@pytest.mark.parametrize("arch", SIZES)
def test_forward_is_inference(arch, folder_of):
    """Moving averages, not the batch's; float32, as it is timed."""
    folder = str(folder_of(settings_of(arch, norm="batch")))
    reference = ours.Forward(folder, SETTINGS)
    reference.compute()
    exchange.write_arrays(folder, exchange.REFERENCE, dict(reference.outputs()))
    side = torch_sides.Forward(folder, SETTINGS)
    side.compute()
    error, name = exchange.largest_error(folder, side.outputs())
    assert error < 1e-5, name


def test_update_is_ours(folder_of):
    """After two steps the weights differ by rounding from ours: clipping, momentum, decay."""
    folder = str(folder_of(settings_of("mini", norm="none", stages=2)))
    side, other = (
        ours.Training(folder, SETTINGS),
        torch_sides.Training(folder, SETTINGS),
    )
    start = {workload.key_of(v): v.numpy() for v in side._step.variables}
    for _ in range(2):
        for one in (side, other):
            one.compute()
            one.finish()
    theirs = {
        f"{m.name}/kernel": m.conv.weight.detach().permute(2, 3, 1, 0).numpy()
        for m in other._network.modules()
        if isinstance(m, twin.Conv)
    }
    assert len(theirs) > 10
    for variable in side._step.variables:
        key = workload.key_of(variable)
        if key in theirs:
            # A step moves a weight by about 1e-4 of 1: float32 leaves it three digits.
            moved, expected = theirs[key] - start[key], variable.numpy() - start[key]
            assert exchange.relative_error(moved, expected) < 1e-2, key


def test_sixteen_bits_are_in_effect_on_both_sides(folder_of):
    """Losses are off by about 2⁻⁸, not by float32's 1e-6, not by more than rounding explains."""
    folder = str(folder_of(settings_of("mini", norm="batch", stages=2)))
    reference = ours.Training(folder, SETTINGS)
    reference.compute()
    exchange.write_arrays(folder, exchange.REFERENCE, dict(reference.outputs()))
    narrow = SETTINGS | {"bfloat16": True, "changes": ours.VARIANTS["bfloat16"]}
    for side in (ours.Training(folder, narrow), torch_sides.Training(folder, narrow)):
        side.compute()
        error, name = exchange.largest_error(folder, side.outputs())
        assert name == "losses" and 1e-5 < error < 1e-2
        side.finish()


def test_convolution_is_ours(tmp_path):
    from cpm.benchmark.cases import write_convolution

    shape = (3, 2, 5, 4, 10, 12)
    write_convolution(tmp_path, shape, True, settings_of("mini"))
    folder = str(tmp_path)
    side = ours.Convolution(folder, SETTINGS)
    side.compute()
    exchange.write_arrays(folder, exchange.REFERENCE, dict(side.outputs()))
    other = torch_sides.Convolution(folder, SETTINGS)
    for _ in range(2):  # the second call starts from gradients of zero, too
        other.compute()
    error, name = exchange.largest_error(folder, other.outputs())
    assert error < 1e-6, name


@pytest.mark.parametrize("runtime", ["OnnxRuntime", "OpenVino"])
def test_runtimes_draw_the_same(runtime, folder_of):
    pytest.importorskip(runtime.lower(), reason=f"{runtime} is not installed")
    from cpm.benchmark import runtimes

    folder = str(folder_of(settings_of("paper")))
    torch_sides.export_onnx(folder, SETTINGS)
    reference = ours.Forward(folder, SETTINGS)
    reference.compute()
    exchange.write_arrays(folder, exchange.REFERENCE, dict(reference.outputs()))
    side = getattr(runtimes, runtime)(folder, SETTINGS)
    side.compute()
    error, name = exchange.largest_error(folder, side.outputs())
    assert error < 1e-5, name
