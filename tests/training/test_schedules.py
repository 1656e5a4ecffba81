"""Learning rates at the steps where something happens."""

import itertools
import math

import pytest

from cpm.config import OptimizerConfig
from cpm.training.schedules import learning_rate


def rates(steps, **options):
    config = OptimizerConfig(**{"learning_rate": 0.5, "warmup_steps": 0} | options)
    return [learning_rate(config, step, steps) for step in range(steps)]


def test_learning_rate_warmup_is_linear_and_reaches_the_peak():
    found = rates(100, warmup_steps=4, schedule="constant")
    assert found[:6] == pytest.approx([0.125, 0.25, 0.375, 0.5, 0.5, 0.5])


def test_learning_rate_cosine():
    found = rates(101, schedule="cosine")
    expected = [0.25 * (1 + math.cos(math.pi * s / 101)) for s in range(101)]
    assert found == pytest.approx(expected)
    assert all(a > b > 0 for a, b in itertools.pairwise(found))


def test_learning_rate_warmup_longer_than_a_short_run():
    """A trial of 10 steps still reaches its peak and comes down again."""
    found = rates(10, warmup_steps=500, schedule="cosine")
    assert max(found) == pytest.approx(0.5) and found[-1] < 0.1


def test_learning_rate_step():
    """The release: × 0.333 every so many iterations."""
    found = rates(7, schedule="step", step_every=3, step_factor=0.333)
    assert found == pytest.approx([0.5] * 3 + [0.1665] * 3 + [0.0554445])


def test_learning_rate_milestones():
    """The blog's tenths from epochs 10, 60 and 120 of 300 on, here steps 1, 6 and 12 of 30."""
    milestones = (10 / 300, 60 / 300, 120 / 300)
    found = rates(30, schedule="milestones", milestones=milestones, step_factor=0.1)
    expected = [0.5] + [0.05] * 5 + [0.005] * 6 + [0.0005] * 18
    assert found == pytest.approx(expected)


@pytest.mark.parametrize("schedule", ["step", "milestones"])
def test_learning_rate_beyond_floats_is_infinite(schedule):
    """A growing factor, often enough: the guard of the loss stops such a run, not a traceback."""
    found = rates(20, schedule=schedule, step_every=1, step_factor=1e30, milestones=(0.1,) * 20)
    assert found[0] == 0.5 and found[-1] == math.inf


def test_learning_rate_raises():
    with pytest.raises(ValueError, match="known: constant, cosine, step, milestones"):
        rates(1, schedule="linear")
