"""How convolutions are computed: the choice by layer, and that it changes nothing but rounding."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf

import ops
from cpm.config import TrainConfig
from cpm.network import ConvolutionalPoseMachine, ConvolutionMethod, convolution, preset, processor
from cpm.network.layers import Conv2D
from cpm.network.specs import Conv

pytestmark = pytest.mark.slow

LARGE = ((9, 9, 128, 128), 1, (1, 92, 92, 128))
CONFIG = dataclasses.replace(
    preset("paper"), width=0.05, stages=2, image_size=(40, 56), skeleton="lsp14"
)


def network(method, xla=False, **options):
    method = ConvolutionMethod(method, xla)
    return ConvolutionalPoseMachine(CONFIG, seed=3, dtype=tf.float64, method=method, **options)


def inputs(seeded):
    rng = seeded(1)
    return rng.uniform(0, 255, [2, 40, 56, 3]), rng.uniform(0, 40, [2, 2])


def test_algorithm_preset():
    """9×9 of 128 channels pays under XLA on a CPU; 1×1, strides and unknown sizes never do."""
    auto, fast = ConvolutionMethod("auto", xla=True), ConvolutionMethod("fast")
    if not processor.on_gpu():
        assert auto.algorithm(*LARGE).kernel_size == (9, 9)
    assert fast.algorithm((3, 3, 2, 2), 1, (None, 5, 7, 2)).kernel_size == (3, 3)
    plain = ConvolutionMethod("auto").algorithm(*LARGE)  # not compiled
    if not processor.on_gpu() and ops.library_has_groups(tf.float32):
        assert isinstance(plain, ops.Bilinear1D) and plain.kernel_size == 9
    else:
        assert plain is None
    assert ConvolutionMethod("direct", xla=True).algorithm(*LARGE) is None
    for shape, stride, image in (
        ((1, 1, 128, 128), 1, (1, 92, 92, 128)),
        ((9, 9, 128, 128), 2, (1, 92, 92, 128)),
        ((9, 9, 128, 128), 1, (1, None, 92, 128)),
    ):
        assert fast.algorithm(shape, stride, image) is None
        assert auto.algorithm(shape, stride, image) is None


def test_algorithm_without_groups_in_the_library(monkeypatch):
    """Lines would be computed slot by slot: on tiles then, and only where they are compiled."""
    monkeypatch.setattr(ops, "library_has_groups", lambda dtype: False)
    monkeypatch.setattr(convolution, "on_gpu", lambda: False)
    assert ConvolutionMethod("auto").algorithm(*LARGE) is None
    small = (7, 7, 32, 32), 1, (8, 16, 16, 32)
    assert ConvolutionMethod("auto", xla=True).algorithm(*small) is None
    for method in (
        ConvolutionMethod("auto", xla=True).algorithm(*LARGE),
        ConvolutionMethod("fast").algorithm(*small),
    ):
        assert isinstance(method, ops.Bilinear2D)


def test_algorithm_on_a_gpu(monkeypatch):
    """There `auto` is direct, nothing is an island, and `--xla` compiles whole functions."""
    monkeypatch.setattr(convolution, "on_gpu", lambda: True)
    auto = ConvolutionMethod("auto", xla=True)
    assert auto.algorithm(*LARGE) is None and not auto.compiled
    assert convolution.compiles_whole(True) and not convolution.compiles_whole(False)
    monkeypatch.setattr(convolution, "on_gpu", lambda: False)
    assert auto.algorithm(*LARGE) is not None and auto.compiled
    assert not convolution.compiles_whole(True)


def test_method_raises():
    with pytest.raises(ValueError, match="conv is 'quick'; known: auto, direct, fast"):
        ConvolutionMethod("quick")
    # A run says so before anything is built.
    with pytest.raises(ValueError, match="conv is 'quick'; known: auto, direct, fast"):
        TrainConfig(conv="quick")


@pytest.mark.parametrize("xla", [False, True], ids=["graph", "islands"])
@pytest.mark.parametrize("recompute", [False, True])
def test_fast_network_equals_direct(xla, recompute, seeded):
    """Belief maps and all gradients of every stage, in float64: only rounding may differ."""
    images, center_px = inputs(seeded)
    results = []
    for net in (network("direct"), network("fast", xla, recompute=recompute)):

        @tf.function
        def beliefs_and_gradients(images, net=net):
            with tf.GradientTape() as tape:
                beliefs = net(images, center_px, training=True, seed=tf.constant([1, 2]))
                total = tf.add_n([tf.reduce_sum(tf.sin(b)) for b in beliefs])
            return beliefs, tape.gradient(total, net.trainable_variables)

        results.append(tf.nest.flatten(beliefs_and_gradients(images)))
    assert len(results[0]) > 20
    for direct, fast in zip(*results):
        # Gradients of float64 through ten layers; 1e-10 is asked of one convolution.
        error = tf.norm(fast - direct) / tf.maximum(tf.norm(direct), 1e-300)
        assert error < 1e-9


def test_freeze_transforms_once_and_changes_nothing(seeded, monkeypatch):
    images, center_px = inputs(seeded)
    net = network("fast")
    loose = net(images, center_px)
    calls = []
    transform = ops.transform_kernel

    def counted(*args, **kwargs):
        calls.append(1)
        return transform(*args, **kwargs)

    monkeypatch.setattr(ops, "transform_kernel", counted)
    net.freeze()
    forward = tf.function(lambda x: net(x, center_px))
    for _ in range(2):
        for a, b in zip(loose, forward(images)):
            np.testing.assert_allclose(a, b, rtol=0, atol=1e-12)
    kernels = [k for k in net.kernels.values() if k.shape[0] > 1]
    assert len(calls) == len(kernels) > 5


def test_frozen_layer_still_trains(seeded):
    """In training the kernel is read anew; freezing leaves no trace in a checkpoint."""
    layer = Conv2D(
        "conv",
        2,
        Conv("conv", 3, 4),
        dtype=tf.float64,
        method=ConvolutionMethod("fast"),
    )
    layer.freeze()
    x = tf.constant(seeded(2).normal(size=[1, 5, 7, 2]))
    before = layer(x)
    layer.kernel.assign(2 * layer.kernel)
    np.testing.assert_allclose(layer(x, training=True), 2 * before, atol=1e-12)
    np.testing.assert_array_equal(layer(x), before)  # as promised
    assert len(layer.variables) == 2
    assert len(tf.train.Checkpoint(layer=layer)._trackable_children()) == 1
