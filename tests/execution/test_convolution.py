"""How convolutions are computed: the choice by layer; results change by rounding only."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf

import ops
from cpm.execution import Execution, convolution, processor, threads
from cpm.execution.convolution import Convolution, KeptKernels
from cpm.execution.training import Training
from cpm.execution.use import Executed
from cpm.network import ConvolutionalPoseMachine, preset
from tests.helpers.tracing import untraced

pytestmark = pytest.mark.slow

LARGE = ((9, 9, 128, 128), 1, (1, 92, 92, 128))
CONFIG = dataclasses.replace(
    preset("paper"), width=0.05, stages=2, image_size=(40, 56), skeleton="lsp14"
)


def chosen(conv, *layer, **execution):
    """The algorithm of one layer."""
    return Convolution(Execution(conv=conv, **execution)).algorithm(*layer)


def network():
    return ConvolutionalPoseMachine(CONFIG, seed=3, dtype=tf.float64)


def inputs(seeded):
    rng = seeded(1)
    return rng.uniform(0, 255, [2, 40, 56, 3]), rng.uniform(0, 40, [2, 2])


def test_algorithm_preset():
    """9×9 of 128 channels pays under XLA on a CPU; 1×1, strides and unknown sizes never do."""
    if not processor.on_gpu():
        assert chosen("auto", *LARGE, xla=True).kernel_size == (9, 9)
    assert chosen("fast", (3, 3, 2, 2), 1, (None, 5, 7, 2)).kernel_size == (3, 3)
    plain = chosen("auto", *LARGE)  # not compiled
    if not processor.on_gpu() and ops.library_has_groups(tf.float32):
        assert isinstance(plain, ops.Bilinear1D) and plain.kernel_size == 9
    else:
        assert plain is None
    assert chosen("direct", *LARGE, xla=True) is None
    for layer in (
        ((1, 1, 128, 128), 1, (1, 92, 92, 128)),
        ((9, 9, 128, 128), 2, (1, 92, 92, 128)),
        ((9, 9, 128, 128), 1, (1, None, 92, 128)),
    ):
        assert chosen("fast", *layer) is None
        assert chosen("auto", *layer, xla=True) is None


def test_algorithm_without_groups_in_the_library(monkeypatch):
    """Then there are tiles only, and only compiled: along one axis it would be slow."""
    monkeypatch.setattr(ops, "library_has_groups", lambda dtype: False)
    monkeypatch.setattr(convolution, "on_gpu", lambda: False)
    assert chosen("auto", *LARGE) is None
    small = (7, 7, 32, 32), 1, (8, 16, 16, 32)
    assert chosen("auto", *small, xla=True) is None
    for algorithm in (chosen("auto", *LARGE, xla=True), chosen("fast", *small)):
        assert isinstance(algorithm, ops.Bilinear2D)


def test_algorithm_on_a_gpu(monkeypatch):
    """There `auto` is direct, no part is compiled, and `--xla` compiles whole functions."""
    xla, graph = Execution(xla=True), Execution()
    monkeypatch.setattr(convolution, "on_gpu", lambda: True)
    assert chosen("auto", *LARGE, xla=True) is None and not convolution.compiles_parts(xla)
    assert convolution.compiles_whole(xla) and not convolution.compiles_whole(graph)
    monkeypatch.setattr(convolution, "on_gpu", lambda: False)
    assert chosen("auto", *LARGE, xla=True) is not None and convolution.compiles_parts(xla)
    assert not convolution.compiles_whole(xla)


def test_the_cost_model_is_told_the_threads(monkeypatch):
    """Those of the execution, whatever TensorFlow's pools are."""
    told = []
    monkeypatch.setattr(ops, "best_algorithm", lambda *layer, **how: told.append(how["one_thread"]))
    monkeypatch.setattr(convolution, "on_gpu", lambda: False)
    monkeypatch.setattr(threads, "usable_cores", lambda: 4)
    for replicas in (1, 2):
        chosen("auto", *LARGE, replicas=replicas)
    monkeypatch.setattr(threads, "usable_cores", lambda: 1)
    chosen("auto", *LARGE)
    assert told == [False, True, True]


def test_execution_raises():
    with pytest.raises(ValueError, match="conv is 'quick'; known: auto, direct, fast"):
        Execution(conv="quick")
    with pytest.raises(ValueError, match="precision is 'half'; known: float32, bfloat16"):
        Execution(precision="half")
    with pytest.raises(ValueError, match="replicas should be > 0, not 0"):
        Execution(replicas=0)


def test_multiply_adds_preset():
    """Direct: every cell, tap and pair of channels; fast: fewer, and fewer still if transformed."""
    layer = (3, 3, 8, 16), 1, (2, 12, 20, 8)
    direct = Convolution(Execution(conv="direct"))
    assert direct.multiply_adds(*layer, gradients=False) == 2 * 12 * 20 * 9 * 8 * 16
    assert direct.multiply_adds(*layer, gradients=True) == 3 * 2 * 12 * 20 * 9 * 8 * 16
    strided = (3, 3, 8, 16), 2, (2, 12, 21, 8)
    assert direct.multiply_adds(*strided, gradients=False) == 2 * 6 * 11 * 9 * 8 * 16
    fast = Convolution(Execution(conv="fast"))
    once = fast.multiply_adds(*layer, gradients=False)
    assert fast.multiply_adds(*layer, gradients=False, transformed=True) < once


def beliefs_and_gradients(seeded, execution):
    """Those of every stage and every variable, in a list."""
    images, center_px = inputs(seeded)
    net, apply = network(), Training(execution)

    @tf.function(autograph=False)
    def compute(images):
        with tf.GradientTape() as tape:
            seed = tf.constant([1, 2])
            beliefs = net(images, center_px, training=True, seed=seed, apply=apply)
            total = tf.add_n([tf.reduce_sum(tf.sin(b)) for b in beliefs])
        return beliefs, tape.gradient(total, net.trainable_variables)

    return tf.nest.flatten(compute(images))


@pytest.mark.parametrize(
    "xla, recompute",
    [
        (False, False),
        (True, True),
        pytest.param(False, True, marks=pytest.mark.thorough),
        pytest.param(True, False, marks=pytest.mark.thorough),
    ],
    ids=["graph", "compiled parts, recomputed", "graph, recomputed", "compiled parts"],
)
def test_fast_network_equals_direct(xla, recompute, seeded):
    """Belief maps and all gradients of every stage, in float64: only rounding may differ."""
    with untraced():
        expected = beliefs_and_gradients(seeded, Execution(conv="direct"))
    execution = Execution(conv="fast", xla=xla, recompute=recompute)
    found = beliefs_and_gradients(seeded, execution)
    assert len(found) > 20
    for direct, fast in zip(expected, found, strict=True):
        # Gradients of float64 through ten layers; 1e-10 is asked of one convolution.
        error = tf.norm(fast - direct) / tf.maximum(tf.norm(direct), 1e-300)
        assert error < 1e-9


def test_constant_weights_are_transformed_once_and_change_nothing(seeded, monkeypatch):
    images, center_px = inputs(seeded)
    net, execution = network(), Execution(conv="fast")
    loose = Executed(net, execution)(images, center_px)
    calls = []
    transform = ops.transform_kernel

    def counted(*args, **kwargs):
        calls.append(1)
        return transform(*args, **kwargs)

    monkeypatch.setattr(ops, "transform_kernel", counted)
    kept = Executed(net, execution, constant=True)
    forward = tf.function(lambda x: kept(x, center_px))
    for _ in range(2):
        for a, b in zip(loose, forward(images), strict=True):
            np.testing.assert_allclose(a, b, rtol=0, atol=1e-12)
    kernels = [k for k in net.kernels.values() if k.shape[0] > 1]
    assert len(calls) == len(kernels) > 5


def test_kept_kernels_leave_no_trace_in_the_network(seeded):
    """They are as promised while they are kept; whoever keeps none reads the kernel anew."""
    net, execution = network(), Execution(conv="fast")
    kernel = net.stages[0].kernels[0]
    kept, fresh = KeptKernels(execution), Convolution(execution)
    x = tf.constant(seeded(2).normal(size=[1, 5, 7, kernel.shape[2]]))
    before = kept(x, kernel, None, 1)
    variables, children = len(net.variables), net._trackable_children().keys()
    kernel.assign(2 * kernel)
    np.testing.assert_allclose(fresh(x, kernel, None, 1), 2 * before, atol=1e-12)
    np.testing.assert_array_equal(kept(x, kernel, None, 1), before)
    assert len(net.variables) == variables and net._trackable_children().keys() == children
