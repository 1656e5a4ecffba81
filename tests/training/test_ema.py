"""The average of weights: the formula, for every variable, the same in every mode."""

import numpy as np
import pytest
import tensorflow as tf

from cpm.config import NetworkConfig
from cpm.network import ConvolutionalPoseMachine
from cpm.training.ema import ExponentialMovingAverage, decay_at

CONFIG = NetworkConfig(stages=2, width=0.1, skeleton="lsp14", image_size=(16, 24))


def make(decay, seed=0, dtype=tf.float64):
    network = ConvolutionalPoseMachine(CONFIG, seed=seed, dtype=dtype)
    return network, ExponentialMovingAverage(network, decay)


def move(network, rng):
    """Changes every variable, moving statistics too, as a step would; returns the values."""
    for variable in network.variables:
        variable.assign(variable + rng.normal(size=variable.shape))
    return [v.numpy() for v in network.variables]


def assert_all_equal(network, expected):
    for variable, value in zip(network.variables, expected, strict=True):
        np.testing.assert_array_equal(variable, value, err_msg=variable.name)


def test_decay_at_preset():
    """Warms up by (1 + k) / (10 + k): 0.9 is reached after 80 updates, 0.999 after 8,990."""
    assert [float(decay_at(0.9, k)) for k in (0, 1, 80, 10_000)] == [0.1, 2 / 11] + [0.9] * 2
    assert float(decay_at(0.999, 8_989)) < 0.999 == float(decay_at(0.999, 8_990))


@pytest.mark.parametrize("decay", [0.05, 0.6, 0.999])
def test_update_random(decay, seeded):
    """After 20 updates: the sum of all past values, each with its weight, written out."""
    rng = seeded(1)
    network, average = make(decay)
    history = [[v.numpy() for v in network.variables]]
    for _ in range(20):
        history.append(move(network, rng))
        average.update(network)
    weights = np.array([1.0])
    for k in range(20):
        d = min(decay, (1 + k) / (10 + k))
        weights = np.append(d * weights, 1 - d)
    assert weights.sum() == pytest.approx(1)
    for values, variable in zip(zip(*history, strict=True), average.network.variables, strict=True):
        expected = np.tensordot(weights, np.stack(values), 1)
        # 20 sums of numbers of about 1 … 5 in float64.
        np.testing.assert_allclose(variable, expected, atol=1e-13)
    assert_all_equal(network, history[-1])
    assert float(average.updates) == 20


def test_update_covers_batch_norms_statistics(seeded):
    """A network without moving statistics of its own would normalize by nobody's."""
    network, average = make(0.5)
    statistics = [v for v in average.network.variables if "moving" in v.name]
    # Four hidden layers in each of two stages at least, a mean and a variance each.
    assert len(statistics) > 16
    before = [v.numpy() for v in statistics]
    move(network, seeded(2))
    average.update(network)
    for variable, value in zip(statistics, before, strict=True):
        assert (variable.numpy() != value).all(), variable.name


@pytest.mark.parametrize("mode", ["graph", "xla"])
def test_update_modes_agree(mode, seeded):
    """float32, as in training: one rounding of the product and the sum, fused or not, 2e-7."""
    (network, eager), (other, compiled) = (make(0.9, dtype=tf.float32) for _ in "12")
    update = tf.function(lambda: compiled.update(other), jit_compile=mode == "xla")
    rngs = seeded(3), seeded(3)
    for _ in range(5):
        move(network, rngs[0])
        move(other, rngs[1])
        eager.update(network)
        update()
    assert update.experimental_get_tracing_count() == 1
    for a, b in zip(eager.network.variables, compiled.network.variables, strict=True):
        np.testing.assert_allclose(b, a, rtol=1e-6, atol=1e-6)


def test_update_leaves_what_does_not_change(seeded):
    """A frozen stage stays what it is, to the bit."""
    network, average = make(0.97, dtype=tf.float32)
    move(network, seeded(4))
    average.restart(network)
    before = [v.numpy() for v in network.variables]
    for _ in range(3):
        average.update(network)
    assert_all_equal(average.network, before)


def test_restart_forgets(seeded):
    network, average = make(0.9)
    move(network, seeded(5))
    average.update(network)
    average.restart(network)
    assert_all_equal(average.network, [v.numpy() for v in network.variables])
    assert float(average.updates) == 0
