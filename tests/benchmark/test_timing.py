"""Medians, quartiles, turns."""

import dataclasses

import numpy as np
import pytest

from cpm.benchmark import timing


def test_summarize_random(seeded):
    """NumPy's percentiles, which interpolate; the order of the calls does not matter."""
    times = seeded(3).exponential(size=101)
    summary = timing.summarize(times.tolist())
    assert summary == timing.summarize(sorted(times.tolist(), reverse=True))
    low, middle, high = sorted(times)[25], sorted(times)[50], sorted(times)[75]
    found = dataclasses.astuple(summary)
    np.testing.assert_allclose(found, [middle, low, high, 101], rtol=1e-15)


def test_summarize_one_hiccup_changes_nothing():
    steady = timing.summarize([1.0] * 20)
    assert timing.summarize([1.0] * 19 + [1e6]).median_s == steady.median_s


def test_summarize_raises():
    with pytest.raises(ValueError, match="no call"):
        timing.summarize([])


@pytest.mark.parametrize("seconds", [1e-7, 1e-3, 0.02, 0.2, 0.25, 1.0, 60.0])
def test_calls_per_turn_fill_a_turn(seconds):
    counted, uncounted = timing.calls_per_turn(seconds)
    assert 1 <= counted <= timing.LARGEST_TURN
    assert counted == timing.LARGEST_TURN or counted * seconds >= timing.TURN_SECONDS
    assert (counted - 1) * seconds < timing.TURN_SECONDS
    assert bool(uncounted) == (counted > 1)


def test_take_turns_alternates():
    """A B A B, not A A B B; each with its own number of calls."""
    log = []

    def runner(name):
        def run(counted, uncounted):
            log.append((name, counted, uncounted))
            return [float(len(log))] * counted

        return run

    runners = {"a": runner("a"), "b": runner("b")}
    seconds = timing.take_turns(runners, 2, {"a": (2, 1), "b": (1, 0)})
    assert log == [("a", 2, 1), ("b", 1, 0)] * 2
    assert seconds == {"a": [1.0, 1.0, 3.0, 3.0], "b": [2.0, 4.0]}
