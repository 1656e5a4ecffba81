"""Computing maps twice changes nothing: the same gradients and averages, to the bit."""

import dataclasses
from itertools import chain

import numpy as np
import pytest
import tensorflow as tf

from cpm.execution import Execution, recompute
from cpm.execution import training as training_module
from cpm.execution.training import Training
from cpm.network import ConvolutionalPoseMachine, layers, preset, specs
from cpm.training import optimizers
from cpm.training.step import TrainStep
from tests.helpers.tracing import untraced
from tests.helpers.training_batches import CONFIG, random_batch, tensors

pytestmark = pytest.mark.slow

MODES = pytest.mark.parametrize("xla", [False, True], ids=["graph", "xla"])


def trained(arch, norm, recompute, *, xla, precision="float32", steps=3):
    """(gradients of the first step, all variables after some steps) of a tiny machine."""
    network = dataclasses.replace(
        preset(arch), stages=2, width=0.1, skeleton="lsp14", image_size=(24, 40)
    )
    config = dataclasses.replace(
        CONFIG,
        network=dataclasses.replace(network, norm=norm),
    )
    execution = Execution(xla=xla, conv="direct", precision=precision, recompute=recompute)
    machine = ConvolutionalPoseMachine(config.network, seed=1)
    for kernel in machine.kernels.values():  # the release's start leaves nothing to compare
        kernel.assign(kernel * (5.0 if arch in ("vgg", "paper") else 1.0))
    optimizer = optimizers.make_optimizer(config.optimizer, machine)
    step = TrainStep(machine, optimizer, config, execution)
    batch, first = tensors(random_batch(8)), None
    for number in range(steps):
        _, gradients = step.losses_and_gradients(batch, number)
        first = first or [gradient.numpy() for gradient in gradients]
        with untraced():  # an optimizer knows nothing of recomputation
            step.update(gradients, 1e-3)
    return first, [variable.numpy() for variable in machine.variables]


def cases():
    """(preset, norm, XLA): `mini` by default, with norms compiled too; the others take long."""
    for arch in ("mini", "deep", "vgg", "paper"):
        for norm in ("none", "batch"):
            for xla in (False, True):
                usual = arch == "mini" and (norm == "batch" or not xla)
                marks = () if usual else pytest.mark.thorough
                name = f"{arch}-{norm}-{'xla' if xla else 'graph'}"
                yield pytest.param(arch, norm, xla, marks=marks, id=name)


@pytest.mark.parametrize("arch, norm, xla", cases())
def test_recomputed_gradients_and_weights_are_the_ordinary_ones(arch, norm, xla):
    """Measured: equal to the bit in both modes, so that is asked in graph mode.

    XLA may fuse the two passes differently on another processor; there float32's rounding is
    allowed, which batch norms over 15 cells and Adam's first steps (of size 1 whatever the
    gradient) magnify to 1e-3 of a tensor's largest value.
    """
    ordinary = trained(arch, norm, False, xla=xla)
    again = trained(arch, norm, True, xla=xla)
    assert all(gradient.any() for gradient in ordinary[0])
    for one, other in zip(chain(*ordinary), chain(*again), strict=True):
        if not xla:
            np.testing.assert_array_equal(other, one)
        np.testing.assert_allclose(other, one, atol=1e-3 * np.abs(one).max())


def test_recomputed_in_bfloat16_is_the_ordinary_one_too():
    with untraced():
        ordinary = trained("mini", "batch", False, xla=False, precision="bfloat16")
        again = trained("mini", "batch", True, xla=False, precision="bfloat16")
    for one, other in zip(chain(*ordinary), chain(*again), strict=True):
        np.testing.assert_array_equal(other, one)


def some_layers():
    description = [
        specs.Conv("a", 3, 4, norm=True),
        specs.MaxPool("pool", 2, 2),
        specs.Dropout("drop", 0.5),
        specs.Conv("b", 3, 4, stride=2),
        specs.Conv("c", 1, 2, relu=False),
    ]
    return layers.Block("block", 3, description)


def apply(block, x, **options):
    """The block in training, recomputed: (result, {norm: moments})."""
    training = Training(Execution(recompute=True, conv="direct", **options))
    return training(block, x, training=True, seed=[0, 1]), training.moments


@MODES
def test_moments_are_reported_once_and_nothing_moves(xla, seeded):
    x = tf.constant(seeded(1).normal(2.0, size=[2, 8, 12, 3]), tf.float32)
    block = some_layers()

    @tf.function(jit_compile=xla)
    def run():
        with tf.GradientTape() as tape:
            y, moments = apply(block, x)
            total = tf.reduce_sum(y**2)
        return tape.gradient(total, block.trainable_variables), moments

    _, moments = run()
    norm = block.layers[1]
    assert not norm.moving_mean.numpy().any()
    batch_mean = tf.reduce_mean(block.layers[0](x), [0, 1, 2])
    np.testing.assert_allclose(moments[norm.name][0], batch_mean, rtol=1e-4, atol=1e-6)


@MODES
def test_moving_averages_move_once_in_a_step(xla):
    """After one step they are a tenth of the way from 0 to the moments of the batch."""
    config = dataclasses.replace(CONFIG, network=dataclasses.replace(CONFIG.network, stages=1))
    machine = ConvolutionalPoseMachine(config.network)
    execution = Execution(xla=xla, conv="direct", recompute=True)
    optimizer = optimizers.make_optimizer(config.optimizer, machine)
    batch = tensors(random_batch(8))
    first, norm = machine.trunk.layers[:2]
    image = tf.cast(batch["image"], tf.float32) / 256 - 0.5
    batch_mean = tf.reduce_mean(first(image), [0, 1, 2])
    TrainStep(machine, optimizer, config, execution).losses_and_gradients(batch, 0)
    np.testing.assert_allclose(norm.moving_mean, 0.1 * batch_mean, rtol=1e-4, atol=1e-6)


def test_block_keeps_the_maps_between_segments_and_no_others(monkeypatch):
    """A segment ends where the map gets smaller."""
    kept = []

    def spy(segment, x):
        kept.append(x.shape.as_list())
        return recompute.recomputed(segment, x)

    monkeypatch.setattr(training_module, "recomputed", spy)
    block = some_layers()
    apply(block, tf.ones([1, 8, 8, 3]))
    assert kept == [[1, 8, 8, 3], [1, 4, 4, 4], [1, 2, 2, 4]]
    found = recompute.segments(block.layers)
    assert [[type(layer).__name__ for layer in segment] for segment in found] == [
        ["Conv2D", "BatchNorm", "Relu", "MaxPool"],
        ["Dropout", "Conv2D", "Relu"],
        ["Conv2D"],
    ]
    assert recompute.segments([]) == []


@pytest.mark.parametrize("bad", [np.inf, np.nan])
def test_gradient_that_is_no_number_stays_none(bad):
    """float16's overflow has to arrive at the loss scale."""
    block = some_layers()
    x = tf.Variable(tf.ones([1, 8, 8, 3]))
    with tf.GradientTape() as tape:
        total = bad * tf.reduce_sum(apply(block, x)[0])
    gradients = tape.gradient(total, [x, *block.trainable_variables])
    assert all(not np.isfinite(gradient.numpy()).all() for gradient in gradients[-2:])
