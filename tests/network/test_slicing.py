"""A batch in slices: who decides, and that belief maps, gradients and averages stay what they were."""

import dataclasses
import subprocess
import sys
import types

import numpy as np
import pytest
import tensorflow as tf

from cpm.config import TrainConfig, changed
from cpm.network import (
    ConvolutionalPoseMachine,
    ConvolutionMethod,
    preset,
    slicing,
)
from cpm.network.convolution import DIRECT
from cpm.network.layers import Conv2D
from cpm.network.specs import Conv
from cpm.training import optimizers
from cpm.training.step import TrainStep
from ops.fast_conv.cook_toom import cook_toom_1d, cook_toom_2d
from tests.helpers.training_batches import CONFIG, random_batch, tensors


@pytest.fixture
def three_cores(monkeypatch):
    """A process whose operations have one thread each and run three at once, on tiny batches."""
    monkeypatch.setattr(slicing, "threads_of_operation", lambda: 1)
    monkeypatch.setattr(slicing, "operations_at_once", lambda: 3)
    monkeypatch.setattr(slicing, "SMALLEST", 2)


def config_of(batch_size, arch="mini", **changes):
    changes = {"data": {"batch_size": batch_size}, "network": preset(arch)} | changes
    return changed(TrainConfig(), changes)


@pytest.mark.parametrize(
    "config, cores, expected",
    [
        (config_of(16), 2, 2),
        (config_of(17), 2, 2),
        (config_of(15), 2, 1),  # a slice of 7
        (config_of(16), 4, 1),
        (config_of(32), 4, 4),
        (config_of(16), 1, 1),
        (config_of(16, "vgg"), 2, 1),
        (config_of(16, side_by_side=False), 2, 1),
    ],
)
def test_slices_that_pay(config, cores, expected, monkeypatch):
    monkeypatch.setattr(slicing, "on_gpu", lambda: False)
    assert slicing.slices_that_pay(config, cores) == expected
    monkeypatch.setattr(slicing, "usable_cores", lambda: cores)
    assert slicing.slices_that_pay(config) == expected
    monkeypatch.setattr(slicing, "on_gpu", lambda: True)
    assert slicing.slices_that_pay(config, cores) == 1


SCRIPT = """
import tensorflow as tf
from cpm.config import TrainConfig, changed
from cpm.network import preset, processor, slicing

def threads():
    return processor.threads_of_operation(), processor.operations_at_once()

before = threads()
config = changed(TrainConfig(), {"network": preset("mini"), "data": {"batch_size": 24}})
slicing.share_out_batches(changed(config, {"side_by_side": False}), 3)
assert threads() == before
slicing.share_out_batches(config, 3)
assert threads() == (1, 3), threads()
assert [len(x) for x in slicing.split(tf.zeros([25, 2]))] == [8, 8, 9]
slicing.share_out_batches(changed(config, {"data": {"batch_size": 16}}), 2)  # too late
assert threads() == (1, 3)
"""

LARGE_SCRIPT = """
import tensorflow as tf
from cpm.config import TrainConfig, changed
from cpm.network import preset, processor, slicing

usual = processor.threads_of_operation()
config = changed(TrainConfig(), {"network": preset("mini"), "data": {"batch_size": 3}})
slicing.share_out_batches(config, 3)
assert not tf.config.threading.get_inter_op_parallelism_threads()
slicing.share_out_batches(changed(config, {"network": preset("vgg")}), 3)
assert processor.operations_at_once() == 1
assert processor.threads_of_operation() == usual
"""


@pytest.mark.slow
@pytest.mark.parametrize("script", [SCRIPT, LARGE_SCRIPT])
def test_share_out_batches_sets_the_threads_once(script):
    """In a process of its own: TensorFlow's threads are decided before it computes."""
    subprocess.run([sys.executable, "-c", script], check=True)


def test_split_and_join(three_cores):
    x = tf.reshape(tf.range(14), [7, 2])
    xs = slicing.split(x)
    assert [len(part) for part in xs] == [2, 2, 3]
    np.testing.assert_array_equal(slicing.join(xs), x)
    assert [len(part) for part in slicing.split(x[:5])] == [2, 3]
    for whole in (x[:3], tf.zeros([0, 2])):
        [part] = slicing.split(whole)
        assert part is whole and slicing.join([part]) is whole

    @tf.function(input_signature=[tf.TensorSpec([None, 2])])
    def slices(x):
        return slicing.split(x)

    assert len(slices(tf.zeros([7, 2]))) == 1


def test_split_leaves_batches_where_operations_have_threads(monkeypatch):
    monkeypatch.setattr(slicing, "threads_of_operation", lambda: 2)
    monkeypatch.setattr(slicing, "operations_at_once", lambda: 2)
    x = tf.zeros([64, 2])
    assert slicing.split(x)[0] is x


def trained(arch, norm, xla=False, **options):
    """(belief maps, gradients, all variables after two steps) of a tiny machine, batch of 7."""
    network = dataclasses.replace(
        preset(arch), stages=2, width=0.1, skeleton="lsp14", image_size=(24, 40)
    )
    config = dataclasses.replace(
        CONFIG,
        network=dataclasses.replace(network, norm=norm),
        optimizer=dataclasses.replace(CONFIG.optimizer, optimizer="sgd"),
        xla=xla,
    )
    machine = ConvolutionalPoseMachine(
        config.network, seed=1, method=ConvolutionMethod("auto", xla), **options
    )
    for kernel in machine.kernels.values():  # the release's start leaves nothing
        kernel.assign(kernel * (5.0 if arch != "mini" else 1.0))
    optimizer = optimizers.make_optimizer(config.optimizer, machine)
    step = TrainStep(machine, optimizer, config)
    batch, first = tensors(random_batch(8, size=7)), None
    for number in range(2):
        _, gradients = step.losses_and_gradients(batch, number)
        first = first or [gradient.numpy() for gradient in gradients]
        step.update(gradients, 1e-3)
    maps = tf.function(machine)(batch["image"], batch["center_px"])
    return [
        [b_t.numpy() for b_t in maps],
        first,
        [variable.numpy() for variable in machine.variables],
    ]


@pytest.mark.slow
@pytest.mark.parametrize(
    "arch, norm, options",
    [
        ("mini", "batch", {}),
        ("mini", "batch", {"xla": True}),
        ("mini", "batch", {"compute_dtype": tf.bfloat16}),
        # Dropout, whose masks are those of the whole batch, and pooling after a ReLU.
        ("paper", "batch", {"recompute": True}),
    ],
)
def test_slices_change_nothing_but_rounding(arch, norm, options, request):
    """Maps, gradients, weights and moving averages, after two steps.

    Measured: 5e-6 in float32, and 1.7e-2 in bfloat16, which rounds by 4e-3.
    """
    whole = trained(arch, norm, **options)
    request.getfixturevalue("three_cores")
    found = []
    split = slicing.split
    request.getfixturevalue("monkeypatch").setattr(
        slicing, "split", lambda x: found.append(len(split(x))) or split(x)
    )
    slices = trained(arch, norm, **options)
    assert found and set(found) == {3}
    errors = [
        np.linalg.norm(other - one) / max(np.linalg.norm(one), 1e-30)
        for one, other in zip(sum(whole, []), sum(slices, []), strict=True)
    ]
    print(f"largest error {max(errors):.1e}")
    assert max(errors) < (5e-2 if "compute_dtype" in options else 5e-5)


@pytest.mark.parametrize("algorithm", [cook_toom_1d(3, 4), cook_toom_2d(3, 4)])
def test_slices_of_a_fast_convolution(algorithm, seeded):
    """On a line the transformed kernel is shared; values and gradients stay those of direct ones.

    Sums of a hundred products of order 1 in float64; measured: 6e-14.
    """
    rng = seeded(1)
    x, d_y = rng.normal(size=[5, 6, 9, 3]), rng.normal(size=[5, 6, 9, 4])
    method = types.SimpleNamespace(algorithm=lambda *shapes: algorithm, compiled=False)
    spec, results = Conv("conv", 3, 4), []
    for how, sizes in ((DIRECT, [5]), (method, [2, 3])):
        layer = Conv2D("conv", 3, spec, dtype=tf.float64, method=how)
        layer.kernel.assign(100 * layer.kernel)
        xs = [tf.constant(part) for part in np.split(x, np.cumsum(sizes)[:-1])]
        with tf.GradientTape() as tape:
            tape.watch(xs)
            y = slicing.join(layer.slices(xs, training=True))
        sources = [layer.kernel, layer.bias, *xs]
        d_kernel, d_bias, *d_xs = tape.gradient(y, sources, tf.constant(d_y))
        results.append([y, d_kernel, d_bias, slicing.join(d_xs)])
    for direct, sliced in zip(*results):
        np.testing.assert_allclose(sliced, direct, atol=1e-11)
