"""Replicas: one is the plain network, several add up to it but for the moments of their norms."""

import dataclasses
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf

from cpm.config import TrainConfig, changed
from cpm.execution import Execution, replicas, threads
from cpm.execution.training import Training
from cpm.execution.use import Executed
from cpm.network import ConvolutionalPoseMachine, preset
from cpm.network.layers import BatchNorm
from cpm.training import loss, optimizers
from cpm.training.step import TENSORS, TrainStep
from cpm.training.targets import make_targets
from tests.helpers.tracing import untraced
from tests.helpers.training_batches import CONFIG, random_batch, tensors


def config_of(batch_size, arch="mini"):
    return changed(TrainConfig(), {"data": {"batch_size": batch_size}, "network": preset(arch)})


@pytest.mark.parametrize(
    "config, cores, expected",
    [
        (config_of(16), 2, 2),
        (config_of(17), 2, 2),
        (config_of(15), 2, 1),  # a replica of 7
        (config_of(16), 4, 1),
        (config_of(32), 4, 4),
        (config_of(16), 1, 1),
        (config_of(16, "vgg"), 2, 1),
    ],
)
def test_replicas_that_pay(config, cores, expected, monkeypatch):
    monkeypatch.setattr(replicas, "on_gpu", lambda: False)
    assert replicas.replicas_that_pay(config, cores) == expected
    monkeypatch.setattr(replicas, "usable_cores", lambda: cores)
    assert replicas.replicas_that_pay(config) == expected
    assert replicas.serial_pays(config) == (config.network.arch == "vgg")
    monkeypatch.setattr(replicas, "on_gpu", lambda: True)
    assert replicas.replicas_that_pay(config, cores) == 1 and not replicas.serial_pays(config)


@pytest.mark.parametrize(
    "execution, of_operation, at_once",
    [
        (Execution(), 4, 4),
        (Execution(serial=True), 4, 1),
        (Execution(replicas=3), 1, 3),
        (Execution(replicas=3, serial=True), 1, 3),
    ],
)
def test_threads_follow_from_the_execution(execution, of_operation, at_once, monkeypatch):
    monkeypatch.setattr(threads, "usable_cores", lambda: 4)
    assert threads.threads_of_operation(execution) == of_operation
    assert threads.operations_at_once(execution) == at_once


SCRIPT = """
import tensorflow as tf
from cpm.execution import Execution
from cpm.execution.threads import configure_threads

def threads():
    pools = tf.config.threading
    return pools.get_intra_op_parallelism_threads(), pools.get_inter_op_parallelism_threads()

before = threads()
configure_threads(Execution())
assert threads() == before
configure_threads(Execution({options}))
assert threads() == {expected}, threads()
tf.zeros([2]) + 1
configure_threads(Execution(replicas=5))  # too late
assert threads() == {expected}
"""


@pytest.mark.slow
@pytest.mark.parametrize("options, expected", [("replicas=3", (1, 3)), ("serial=True", (0, 1))])
def test_configure_threads_once(options, expected):
    """In a process of its own: TensorFlow's threads are decided before it computes."""
    script = SCRIPT.format(options=options, expected=expected)
    subprocess.run([sys.executable, "-c", script], check=True)


def test_cut_and_join():
    batch = {"x": tf.reshape(tf.range(14), [7, 2]), "y": tf.range(7)}
    parts = replicas.cut(batch, 3)
    assert [len(part["x"]) for part in parts] == [2, 2, 3]
    for key, value in replicas.join(parts).items():
        np.testing.assert_array_equal(value, batch[key])
    assert [len(x) for x in replicas.cut(batch["x"][:2], 3)] == [1, 1]  # no part is empty
    [whole] = replicas.cut(batch, 1)
    assert whole is batch and replicas.join([whole]) is batch

    @tf.function(input_signature=[tf.TensorSpec([None, 2])])
    def parts_of_unknown(x):
        return replicas.cut(x, 3)

    assert len(parts_of_unknown(tf.zeros([7, 2]))) == 1


def test_seeds_differ_between_replicas_and_steps():
    seeds = {
        tuple(replicas.seed_of(tf.constant([9, step]), r, 3).numpy())
        for step in range(4)
        for r in range(3)
    }
    assert len(seeds) == 12 and {run for run, _ in seeds} == {9}
    assert replicas.seed_of(tf.constant([9, 5]), 0, 1).numpy().tolist() == [9, 5]


def test_totals():
    parts = [{"a": tf.constant([1.0, 2.0])}, {"a": tf.constant([5.0, 2.0])}]
    assert replicas.total(parts)["a"].numpy().tolist() == [6, 4]
    assert replicas.over(replicas.total(parts), 2)["a"].numpy().tolist() == [3, 2]
    assert replicas.total(parts[:1]) is parts[0]


def make(norm, replicas=1, *, arch="mini", compile_core=None, background=False, **execution):
    """A tiny machine and its step, which steps by SGD without momentum."""
    network = dataclasses.replace(
        preset(arch),
        stages=2,
        width=0.1,
        skeleton="lsp14",
        image_size=(24, 40),
        norm=norm,
        background=background,
    )
    config = changed(CONFIG, {"network": network, "optimizer": {"optimizer": "sgd"}})
    machine = ConvolutionalPoseMachine(network, seed=1)
    for kernel in machine.kernels.values():  # the release's start leaves nothing
        kernel.assign(kernel * (5.0 if arch != "mini" else 1.0))
    optimizer = optimizers.make_optimizer(config.optimizer, machine)
    execution = Execution(replicas=replicas, **execution)
    return machine, TrainStep(machine, optimizer, config, execution, compile_core=compile_core)


def error(found, expected):
    """The largest relative error of a list of arrays."""
    return max(
        np.linalg.norm(np.subtract(one, other)) / max(np.linalg.norm(other), 1e-30)
        for one, other in zip(found, expected, strict=True)
    )


@pytest.mark.slow
@pytest.mark.parametrize("arch, norm", [("mini", "batch"), ("mini", "none"), ("paper", "none")])
def test_one_replica_is_the_plain_network(arch, norm):
    """Losses, gradients and moving averages, to the bit."""
    machine, step = make(norm, arch=arch, conv="direct")
    plain, _ = make(norm, arch=arch)
    batch = tensors(random_batch(8, size=7))

    @tf.function
    def losses_and_gradients(batch, seed):
        ideal = make_targets(batch, CONFIG.target, stride=8, background=False)
        with tf.GradientTape() as tape:
            beliefs = plain(batch["image"], batch["center_px"], training=True, seed=seed)
            losses = loss.stage_losses(beliefs, ideal, CONFIG.target.foreground_weight)
            total = tf.reduce_sum(losses)
        return losses, tape.gradient(total, plain.trainable_variables)

    losses, expected = losses_and_gradients(batch, tf.constant([CONFIG.seed, 0]))
    measurements, gradients = step.losses_and_gradients(batch, 0)
    for t in (1, 2):
        assert measurements[f"loss_stage_{t}"] == float(losses[t - 1])
    for one, other in zip(gradients, expected, strict=True):
        np.testing.assert_array_equal(one, other)
    for one, other in zip(machine.variables, plain.variables, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.slow
@pytest.mark.parametrize(
    "options",
    [{}, {"background": True, "recompute": True}, {"xla": True}, {"compile_core": True}],
    ids=["plain", "background and recompute", "xla", "whole"],
)
def test_replicas_add_up_without_norms(options):
    """Losses, other measurements and gradients of 3 + 4 people: the same sums in another order.

    People whose joints are absent weigh less, so a mean of means would be off by percents.
    """
    batch = random_batch(8, size=7)
    batch["state"][:3, 0, 2:] = 0  # the first replica has a seventh of the second's joints
    batch = tensors(batch)
    with untraced(not (options.get("xla") or options.get("compile_core"))):
        one = make("none", 1, **options)[1].losses_and_gradients(batch, 0)
        two = make("none", 2, **options)[1].losses_and_gradients(batch, 0)
    assert one[0].keys() == two[0].keys()
    for key, value in one[0].items():
        assert two[0][key] == pytest.approx(value, rel=1e-6), key
    off = error([g.numpy() for g in two[1]], [g.numpy() for g in one[1]])
    print(f"gradients: {off:.1e}")
    # Sums over 15 cells and 7 people by three dozen layers; measured 5e-7 without XLA.
    assert off < (1e-6 if not (options.get("xla") or options.get("compile_core")) else 5e-6)


@pytest.mark.slow
def test_any_order_of_replicas_adds_up_to_the_same():
    batch = tensors(random_batch(8, size=6))
    _, step = make("none", 3)
    order = [4, 5, 0, 1, 2, 3]
    with untraced():
        first = step.losses_and_gradients(batch, 0)
        other = step.losses_and_gradients({k: tf.gather(v, order) for k, v in batch.items()}, 0)
    assert other[0]["loss"] == pytest.approx(first[0]["loss"], rel=1e-6)
    assert error([g.numpy() for g in other[1]], [g.numpy() for g in first[1]]) < 1e-6


@pytest.mark.slow
def test_norms_take_the_moments_of_their_own_part():
    """With norms the loss is the sum of what the plain network makes of each part, over one N.

    The moving averages follow the mean of both parts' moments.
    """
    batch = tensors(random_batch(8, size=7))
    machine, step = make("batch", 2, conv="direct")
    plain, _ = make("batch")
    ideal = make_targets(batch, CONFIG.target, stride=8, background=False)
    people = loss.effective_batch_size(ideal.mask)
    losses, moving = 0.0, []
    start = [v.numpy() for v in plain.variables]
    for part in replicas.cut(batch, 2):
        for variable, value in zip(plain.variables, start, strict=True):
            variable.assign(value)
        beliefs = plain(part["image"], part["center_px"], training=True)
        targets = make_targets(part, CONFIG.target, stride=8, background=False)
        losses += loss.stage_losses(
            beliefs, targets, CONFIG.target.foreground_weight, people=people
        )
        moving.append([v.numpy() for v in plain.variables])
    with untraced():
        measurements, _ = step.losses_and_gradients(batch, 0)
    found = [measurements[f"loss_stage_{t}"] for t in (1, 2)]
    np.testing.assert_allclose(found, losses, rtol=1e-5)
    with untraced():
        whole, _ = make("batch", 1)[1].losses_and_gradients(batch, 0)
    assert abs(measurements["loss"] / whole["loss"] - 1) > 1e-4, "moments of the whole batch"
    assert any(isinstance(module, BatchNorm) for module in machine.submodules)
    for variable, *averages in zip(machine.variables, *moving, strict=True):
        # Differences of moments: rounding relative to the larger of them.
        expected = np.mean(averages, axis=0)
        np.testing.assert_allclose(
            variable, expected, rtol=1e-5, atol=1e-6 * np.abs(expected).max(initial=1.0)
        )


def test_replicas_do_not_wait_for_each_other(ops_before):
    """In the graph of a step neither replica is computed before the other."""
    _, step = make("batch", 2)
    batch = {
        key: value for key, value in tensors(random_batch(8, size=4)).items() if key in TENSORS
    }
    graph = step._sums.get_concrete_function(batch, tf.constant([0, 0])).graph
    calls = [op for op in graph.get_operations() if "PartitionedCall" in op.type]
    assert len(calls) == 2
    for one, other in (calls, calls[::-1]):
        assert one not in ops_before(other)


@pytest.mark.slow
def test_replicas_learn():
    """Some steps of SGD with two replicas and norms: finite, and the loss falls."""
    _, step = make("batch", 2)
    batch, losses = tensors(random_batch(8, size=8)), []
    for number in range(12):
        measurements, gradients = step.losses_and_gradients(batch, number)
        step.update(gradients, 3e-3)
        losses.append(measurements["loss"])
    assert np.isfinite(losses).all() and losses[-1] < 0.9 * losses[0]


def test_core_has_no_effects():
    """Nothing that it computes changes a variable, so it may be run again, and for any part."""
    machine, step = make("batch")
    batch = tensors(random_batch(8, size=4))
    before = [v.numpy() for v in machine.variables]
    counts = loss.Counts(tf.constant(3.0), tf.constant(40.0))
    _, gradients, moments = step.core(batch, tf.constant([0, 0]), counts)
    for variable, value in zip(machine.variables, before, strict=True):
        np.testing.assert_array_equal(variable, value)
    norms = [m for m in machine.submodules if isinstance(m, BatchNorm)]
    assert moments.keys() == {norm.name for norm in norms}
    half, _, _ = step.core(
        batch, tf.constant([0, 0]), loss.Counts(counts.people * 2, counts.joints)
    )
    whole, again, _ = step.core(batch, tf.constant([0, 0]), counts)
    assert float(half["loss"]) == pytest.approx(float(whole["loss"]) / 2, rel=1e-6)
    assert error([g.numpy() for g in again], [g.numpy() for g in gradients]) < 1e-6


def test_a_network_in_use_is_the_same_in_parts():
    machine, _ = make("batch")
    batch = tensors(random_batch(8, size=7))
    whole = machine(batch["image"], batch["center_px"])
    executed = Executed(machine, Execution(replicas=3))
    for one, other in zip(executed(batch["image"], batch["center_px"]), whole, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-5)
    with pytest.raises(ValueError, match="not trained"):
        executed(batch["image"], batch["center_px"], training=True)


def test_training_blocks_are_for_training():
    machine, _ = make("batch")
    with pytest.raises(ValueError, match="applied for training"):
        machine(tf.zeros([1, 24, 40, 3]), tf.zeros([1, 2]), apply=Training(Execution()))
