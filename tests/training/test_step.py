"""One training step: the same in every mode, its gradients right, its update the optimizer's."""

import dataclasses
import math
import sys

import numpy as np
import pytest
import tensorflow as tf

from cpm.execution import Execution
from cpm.execution.settings import PRECISIONS
from cpm.network import ConvolutionalPoseMachine
from cpm.training import loss, optimizers, targets
from cpm.training.step import TrainStep
from tests.helpers.tracing import untraced
from tests.helpers.training_batches import CONFIG, random_batch, tensors

EXECUTION = Execution()


def make(config=CONFIG, execution=EXECUTION, seed=0, **options):
    network = ConvolutionalPoseMachine(config.network, seed=seed)
    optimizer = optimizers.make_optimizer(config.optimizer, network)
    return network, TrainStep(network, optimizer, config, execution, **options)


def test_losses_and_gradients_graph_equals_xla():
    """Same weights, same batch; batch norm's tiny variances amplify float32 rounding: 1e-3."""
    config = dataclasses.replace(CONFIG, network=dataclasses.replace(CONFIG.network, stages=2))
    batch, found = tensors(random_batch(1)), []
    for xla in (False, True):
        _, step = make(config, execution=Execution(xla=xla), compile_core=xla)
        found.append(step.losses_and_gradients(batch, step=4))
    (graph, graph_gradients), (xla, xla_gradients) = found
    assert graph.keys() == xla.keys()
    for key in graph:
        assert graph[key] == pytest.approx(xla[key], rel=1e-3), key
    for a, b in zip(graph_gradients, xla_gradients, strict=True):
        scale = np.abs(a.numpy()).max()
        np.testing.assert_allclose(a, b, atol=1e-3 * scale + 1e-6)


def test_losses_and_gradients_measurements():
    """What is reported is what the loss and the targets say, computed eagerly."""
    batch = tensors(random_batch(2))
    _, step = make()
    reference, _ = make()  # the same weights; training mode changes moving averages
    with untraced():
        found, _ = step.losses_and_gradients(batch, step=0)
    beliefs = reference(batch["image"], batch["center_px"], training=True)
    ideal = targets.make_targets(batch, CONFIG.target, stride=8, background=False)
    expected = loss.stage_losses(beliefs, ideal).numpy()
    for t in range(3):
        assert found[f"loss_stage_{t + 1}"] == pytest.approx(expected[t], rel=1e-4)
    assert found["loss"] == pytest.approx(expected.sum(), rel=1e-4)


def test_update_keeps_no_number():
    """TensorFlow keeps Python numbers that it makes tensors of: a training grew by 1 kB a step."""
    _, step = make()
    gradients = [tf.zeros_like(v) for v in step.variables]
    rate = 1.2345e-3
    before = sys.getrefcount(rate)
    with untraced():
        step.update(gradients, rate)
    assert sys.getrefcount(rate) == before


def test_losses_and_gradients_release_convention():
    """Whatever is minimized, Σ/2N without weights stands beside it, and what empty maps score."""
    config = dataclasses.replace(
        CONFIG,
        target=dataclasses.replace(CONFIG.target, foreground_weight=4.0, reduction="mean"),
    )
    batch = tensors(random_batch(2))
    with untraced():
        plain, _ = make()[1].losses_and_gradients(batch, step=0)
        found, _ = make(config)[1].losses_and_gradients(batch, step=0)
    ideal = targets.make_targets(batch, CONFIG.target, stride=8, background=False)
    for t in range(1, 4):
        assert found[f"release_loss_stage_{t}"] == pytest.approx(plain[f"loss_stage_{t}"], rel=1e-4)
        assert found[f"loss_stage_{t}"] < 0.5 * plain[f"loss_stage_{t}"]
    n = ideal.mask.numpy().sum() / 14
    squares = (ideal.later.numpy() ** 2).sum((1, 2)) * ideal.mask.numpy()
    assert found["release_loss_empty"] == pytest.approx(squares.sum() / (2 * n), rel=1e-4)


def test_gradient_of_the_loss_in_float64():
    """The whole chain, image to sum of stage losses, against central differences along random
    directions of all variables at once: measured 1e-8 relative."""
    network = ConvolutionalPoseMachine(CONFIG.network, dtype=tf.float64)
    # Away from ReLU's kinks: a difference of 1e-6 across one would be no derivative.
    batch = {
        k: tf.cast(v, tf.float64) if v.dtype == tf.float32 else v
        for k, v in tensors(random_batch(3)).items()
    }
    ideal = targets.make_targets(batch, CONFIG.target, stride=8, background=False)

    def total():
        beliefs = network(batch["image"], batch["center_px"], training=True)
        return tf.reduce_sum(loss.stage_losses(beliefs, ideal))

    variables = network.trainable_variables
    with tf.GradientTape() as tape:
        value = total()
    gradients = tape.gradient(value, variables)
    rng = np.random.default_rng(3)
    directions = [tf.constant(rng.normal(size=v.shape)) for v in variables]
    slope = sum(float(tf.reduce_sum(g * d)) for g, d in zip(gradients, directions, strict=True))
    ends = []
    for delta in (1e-7, -1e-7):
        for v, d in zip(variables, directions, strict=True):
            v.assign_add(delta * d)
        ends.append(float(total()))
        for v, d in zip(variables, directions, strict=True):
            v.assign_sub(delta * d)
    numeric = (ends[0] - ends[1]) / 2e-7
    print(f"relative error {abs(slope - numeric) / abs(numeric):.1e}")
    assert abs(slope - numeric) < 1e-6 * abs(numeric)


def test_padding_rows_do_not_matter_without_batch_statistics():
    """A ragged last batch: rows with `valid` 0 change neither the loss nor a gradient."""
    config = dataclasses.replace(CONFIG, network=dataclasses.replace(CONFIG.network, norm="none"))
    short = random_batch(4, size=3)
    padded = {k: np.concatenate([v, np.zeros_like(v[:2])]) for k, v in short.items()}
    with untraced():
        found = [make(config)[1].losses_and_gradients(tensors(b), 0) for b in (short, padded)]
    assert found[0][0]["loss"] == pytest.approx(found[1][0]["loss"], rel=1e-5)
    for a, b in zip(found[0][1], found[1][1], strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5)


def test_update_clips_and_applies():
    config = dataclasses.replace(
        CONFIG,
        optimizer=dataclasses.replace(
            CONFIG.optimizer, optimizer="sgd", clip_norm=0.5, weight_decay=0.0
        ),
    )
    network, step = make(config)
    before = [v.numpy() for v in network.trainable_variables]
    gradients = [tf.ones_like(v) for v in network.trainable_variables]
    norm = step.update(gradients, 0.1)
    count = sum(v.size for v in before)
    assert norm == pytest.approx(count**0.5, rel=1e-5)
    for old, new in zip(before, network.trainable_variables, strict=True):
        np.testing.assert_allclose(old - new.numpy(), 0.1 * 0.5 / count**0.5, rtol=2e-2, atol=1e-7)


@pytest.mark.parametrize(
    "precision", ["float32", pytest.param("float16", marks=pytest.mark.thorough)]
)
def test_one_trace_for_all_steps(precision):
    """Another step number, rate, loss scale or batch content must not compile again."""
    _, step = make(execution=Execution(precision=precision, replicas=2))
    for number in range(3):
        _, gradients = step.losses_and_gradients(tensors(random_batch(number, 4)), number)
        step.update(gradients, 0.1 / (1 + number))
        if precision == "float16":
            step.loss_scale.adjust(False)
    for function in (step._core, step._sums):
        assert function.experimental_get_tracing_count() == 1
    assert step._update.experimental_get_tracing_count() <= 1  # 0: all were left out


@pytest.mark.slow
@pytest.mark.parametrize(
    "precision",
    [PRECISIONS[0], *(pytest.param(p, marks=pytest.mark.thorough) for p in PRECISIONS[1:])],
)
def test_overfits_one_batch_of_four(precision):
    """Four people, one batch, over and over: the loss must all but vanish.

    The all-zero predictor scores 28.75 over both stages; measured after 300 steps: under 1e-4 in
    float32, 5e-4 in bfloat16, which rounds a belief of 1 by up to 2e-3, and 1e-4 in float16.
    """
    config = dataclasses.replace(
        CONFIG,
        network=dataclasses.replace(CONFIG.network, stages=2, width=0.5),
    )
    batch = tensors(random_batch(5, size=4))
    _, step = make(config, Execution(precision=precision))
    losses = []
    for number in range(300):
        measurements, gradients = step.losses_and_gradients(batch, number)
        rate = 3e-3 * min(1, (number + 1) / 20) * (1 - number / 310)
        norm = step.update(gradients, rate)
        if step.loss_scale is not None:
            step.loss_scale.adjust(math.isfinite(norm))
        losses.append(measurements["loss"])
    ideal = targets.make_targets(batch, config.target, stride=8, background=False)
    zeros = [tf.zeros_like(ideal.first)] * 2
    blank = float(tf.reduce_sum(loss.stage_losses(zeros, ideal)))
    print(f"last {losses[-1]:.4f}, all-zero {blank:.2f}")
    assert losses[-1] < 1e-3 * blank
