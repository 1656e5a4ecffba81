"""Medians, quartiles, and how many calls make a turn.

A time on a shared machine has a floor and a long tail: the median says what to expect, the
quartiles how steady it was. Means are not used, one hiccup decides them.
"""

import dataclasses
import math
from collections.abc import Callable, Mapping, Sequence

import numpy as np

TURN_SECONDS = 0.25  # a turn lasts about this long: long enough to fill the caches again
LARGEST_TURN = 200  # calls
UNCOUNTED = 2  # calls at the beginning of a turn of several, in which the caches fill


@dataclasses.dataclass(frozen=True)
class Summary:
    """Seconds of one call: median, quartiles, and over how many calls."""

    median_s: float
    lower_quartile_s: float
    upper_quartile_s: float
    calls: int


def summarize(seconds: Sequence[float]) -> Summary:
    """The `Summary` of a list of times.

    Raises:
      ValueError: if there is none.

    >>> summarize([1.0, 2.0, 3.0, 4.0, 100.0])
    Summary(median_s=3.0, lower_quartile_s=2.0, upper_quartile_s=4.0, calls=5)
    """
    if not len(seconds):
        raise ValueError("no call was timed")
    low, middle, high = np.quantile(seconds, [0.25, 0.5, 0.75])
    return Summary(float(middle), float(low), float(high), len(seconds))


def calls_per_turn(seconds: float) -> tuple[int, int]:
    """(calls to count, calls before them that are not) of a turn, from the time of one call.

    Calls of a quarter of a second and more are counted one by one from the first: what the other
    sides left in the caches is nothing beside them.

    >>> calls_per_turn(3.0), calls_per_turn(0.05), calls_per_turn(1e-6)
    ((1, 0), (5, 2), (200, 2))
    """
    calls = min(max(1, math.ceil(TURN_SECONDS / max(seconds, 1e-9))), LARGEST_TURN)
    return calls, UNCOUNTED if calls > 1 else 0


def take_turns(
    runners: Mapping[str, Callable[[int, int], Sequence[float]]],
    rounds: int,
    calls: Mapping[str, tuple[int, int]],
) -> dict[str, list[float]]:
    """Lets every side run in turn, A B A B.

    Args:
      runners: {side: function of (calls, uncounted) that returns the seconds of each call}.
      rounds: how many turns each side gets.
      calls: {side: (calls, uncounted)}, as of `calls_per_turn`.

    Returns:
      {side: list of seconds}.
    """
    seconds: dict[str, list[float]] = {side: [] for side in runners}
    for _ in range(rounds):
        for side, run in runners.items():
            seconds[side] += run(*calls[side])
    return seconds
