"""Training in 16 bits over float32 variables: near float32, by as much as the types round.

u is the unit roundoff, the largest relative error of rounding a number: 2^-8 in bfloat16, 2^-11 in
float16. A layer rounds its input, its kernel and its result, and the same three on the way back. To
first order the relative error of a gradient through L layers is then at most 6 L u, if all errors
have the same sign, and about sqrt(6 L) u if they do not. Asked of all variables together and of all
biases: the few numbers of a single one may cancel, or hang on a ReLU that rounding switches.
"""

import dataclasses
import itertools
import math

import numpy as np
import pytest
import tensorflow as tf

import ops
from cpm.execution import Execution
from cpm.execution.convolution import Convolution
from cpm.execution.use import Executed
from cpm.network import ConvolutionalPoseMachine, layers, preset, specs
from cpm.training import loss, optimizers
from cpm.training.step import TrainStep
from cpm.training.targets import counted_maps
from tests.helpers.tracing import untraced
from tests.helpers.training_batches import CONFIG, random_batch, tensors

pytestmark = pytest.mark.slow

ROUNDOFF = {"bfloat16": 2.0**-8, "float16": 2.0**-11}
NARROW = pytest.mark.parametrize("precision", list(ROUNDOFF))


def make(arch, precision, *, norm="none", xla=False):
    """A tiny machine whose signal neither shrinks nor grows, and its step."""
    network = dataclasses.replace(
        preset(arch), stages=3, width=0.1, skeleton="lsp14", image_size=(24, 40)
    )
    network = dataclasses.replace(network, norm=norm)
    config = dataclasses.replace(CONFIG, network=network)
    execution = Execution(precision=precision, xla=xla, conv="direct")
    machine = ConvolutionalPoseMachine(network)
    rng = np.random.default_rng(1)
    for kernel in machine.kernels.values():
        fan_in = np.prod(kernel.shape[:-1])
        kernel.assign(rng.normal(size=kernel.shape) * math.sqrt(2 / fan_in))
    optimizer = optimizers.make_optimizer(config.optimizer, machine)
    step = TrainStep(machine, optimizer, config, execution)
    if step.loss_scale is not None:
        step.loss_scale.scale.assign(2.0**6)  # the loss of noise is large
    return machine, step


def error(found, expected):
    found, expected = np.asarray(found, np.float64), np.asarray(expected, np.float64)
    return np.linalg.norm(found - expected) / np.linalg.norm(expected)


def flat(tensors):
    """All numbers of some tensors."""
    return np.concatenate([np.ravel(tensor) for tensor in tensors])


@pytest.mark.parametrize(
    "arch, precision",
    [
        *(("mini", "bfloat16"), ("mini", "float16"), ("vgg", "bfloat16")),
        pytest.param("vgg", "float16", marks=pytest.mark.thorough),
        pytest.param("paper", "float16", marks=pytest.mark.thorough),
        pytest.param("paper", "bfloat16", marks=pytest.mark.thorough),
    ],
)
def test_losses_and_gradients_are_those_of_float32_but_for_rounding(arch, precision):
    """Eager, graph and XLA: measured, bfloat16 at most 0.12 (bound 0.73), float16 0.06 (0.09)."""
    batch = tensors(random_batch(7, 4))
    machine, reference = make(arch, "float32")
    background = machine.config.background
    with untraced():
        expected, expected_gradients = reference.losses_and_gradients(batch, 0)
    L, u = len(machine.kernels), ROUNDOFF[precision]
    bound = 6 * L * u
    biases = [v.name.endswith("bias:0") for v in machine.trainable_variables]

    ways = [make(arch, precision, xla=xla)[1] for xla in (False, True)]
    results = [way.losses_and_gradients(batch, 0) for way in ways]
    seed = tf.constant([CONFIG.seed, 0], tf.int32)
    counts = loss.count(counted_maps(batch, CONFIG.target, background=background), 14)
    results.append(ways[0].core(batch, seed, counts)[:2])
    for (measurements, gradients), way in zip(results, ("graph", "XLA", "eager"), strict=True):
        for key in ("loss", "loss_stage_3"):
            off = abs(float(measurements[key]) / expected[key] - 1)
            assert off < bound / 6, f"{key} in {way}"
        assert float(measurements["loss"]) != expected["loss"], "nothing was rounded"
        assert {g.dtype for g in gradients} == {tf.float32}
        for chosen in (biases, [True] * len(biases)):
            off = error(
                flat(itertools.compress(gradients, chosen)),
                flat(itertools.compress(expected_gradients, chosen)),
            )
            print(f"{way}: {sum(chosen)} variables off by {off:.4f} of {bound:.3f}")
            assert off < bound, way


@NARROW
def test_what_is_narrow_and_what_is_not(precision, monkeypatch):
    """Convolutions; not variables and results, nor anything where a run is evaluated."""
    machine, step = make("mini", precision, norm="batch")
    seen = set()
    honest = ops.conv2d

    def spy(x, kernel, *args, **options):
        seen.update({x.dtype, kernel.dtype})
        return honest(x, kernel, *args, **options)

    monkeypatch.setattr(ops, "conv2d", spy)
    batch = tensors(random_batch(7, 4))
    counts = loss.Counts(tf.constant(4.0), tf.constant(56.0))
    _, gradients, moments = step.core(batch, tf.constant([0, 0]), counts)
    assert seen == {tf.as_dtype(precision)}
    variables = [*machine.variables, *step.optimizer.variables]
    kinds = {v.dtype for v in variables if v.dtype != tf.float64}  # Adam counts in it
    results = [*gradients, *tf.nest.flatten(moments)]
    assert kinds == {tf.float32} and {t.dtype for t in results} == {tf.float32}
    seen.clear()
    wide, _ = make("mini", "float32", norm="batch")
    for variable, value in zip(wide.variables, machine.variables, strict=True):
        variable.assign(value)
    execution = Execution(precision=precision, conv="direct")
    scored = Executed(machine, execution.in_float32())
    used = [net(batch["image"], batch["center_px"])[-1] for net in (scored, wide)]
    assert seen == {tf.float32}
    np.testing.assert_array_equal(*used)


@NARROW
@pytest.mark.parametrize("constant", [False, True])
def test_a_network_in_use(precision, constant):
    """Layers in 16 bits, maps in float32, no farther from float32 than 16 bits are."""
    machine, _ = make("mini", "float32", norm="batch")
    batch = random_batch(7, 4)
    arguments = batch["image"], batch["center_px"]
    exact = np.stack(Executed(machine, Execution(conv="direct"))(*arguments))
    narrow = Executed(machine, Execution(precision=precision, conv="direct"), constant=constant)
    assert narrow.precision == precision
    for function in (narrow, tf.function(narrow)):
        maps = function(*arguments)
        assert {b_t.dtype for b_t in maps} == {tf.float32}
        difference = np.abs(np.stack(maps) - exact).max() / np.abs(exact).max()
        assert 0 < difference < {"bfloat16": 0.05, "float16": 0.005}[precision]


@NARROW
@pytest.mark.parametrize("xla", [False, True], ids=["graph", "xla"])
def test_bias_gradient_is_summed_in_float32(precision, xla, seeded):
    """Over 16,928 cells TensorFlow's own gradient of a bfloat16 bias is wrong by 92 % on a CPU.

    What is summed is the same in both; float32 sums in other orders differ by 1e-6 at most.
    """
    x = tf.cast(seeded(3).uniform(size=[8, 46, 46, 2]), precision)
    weight = tf.cast(seeded(4).uniform(size=[8, 46, 46, 3]), precision)
    layer = layers.Conv2D("conv", 2, specs.Conv("conv", 3, 3))
    convolution = Convolution(Execution())

    @tf.function(jit_compile=xla)
    def gradient():
        with tf.GradientTape() as tape:
            y = convolution(x, layer.kernel, layer.bias, 1)
        return tape.gradient(y, layer.bias, output_gradients=weight)

    exact = tf.reduce_sum(tf.cast(weight, tf.float64), [0, 1, 2])
    assert error(gradient(), exact) < 1e-5


@NARROW
def test_batch_norm_by_narrow_maps(precision, seeded):
    """Statistics and sums in float32: only x, y and the gradients that pass are rounded."""
    u = ROUNDOFF[precision]
    x = tf.cast(seeded(5).normal(3.0, 2.0, size=[8, 20, 20, 4]), precision)
    dy = tf.cast(seeded(6).normal(1.0, size=[8, 20, 20, 4]), precision)
    results = []
    for dtype in (precision, tf.float32):
        layer = layers.BatchNorm("norm", 4)
        values = tf.cast(x, dtype)
        with tf.GradientTape() as tape:
            tape.watch(values)
            y = layer(values, training=True)
        watched = [values, layer.scale, layer.offset]
        dx, *others = tape.gradient(y, watched, output_gradients=tf.cast(dy, dtype))
        results.append([tf.cast(t, tf.float32) for t in (y, dx)] + others)
        results[-1] += [layer.moving_mean, layer.moving_variance]
    for k, (found, expected) in enumerate(zip(*results, strict=True)):
        assert error(found, expected) < (u if k < 2 else 1e-4), k


def test_loss_scale_cancels():
    """Powers of two, none of which overflows: the same gradients but for underflow."""
    batch, found = tensors(random_batch(7, 4)), []
    for scale in (2.0**2, 2.0**6):
        _, step = make("mini", "float16")
        step.loss_scale.scale.assign(scale)
        with untraced():
            found.append(step.losses_and_gradients(batch, 0))
    assert found[0][0] == found[1][0]
    for a, b in zip(found[0][1], found[1][1], strict=True):
        assert error(a, b) < 1e-3


def test_overflow_leaves_variables_and_slots_alone():
    machine, step = make("mini", "float16")
    step.loss_scale.scale.assign(2.0**24)
    everything = [*machine.trainable_variables, *step.optimizer.variables]
    before = [v.numpy() for v in everything]
    measurements, gradients = step.losses_and_gradients(tensors(random_batch(7, 4)), 0)
    assert math.isfinite(measurements["loss"])
    assert not math.isfinite(step.update(gradients, 0.1))
    for old, new in zip(before, everything, strict=True):
        np.testing.assert_array_equal(new.numpy(), old)
