"""How far a total could be off by the luck of which people were in the set."""

import numpy as np


def bootstrap_interval(credit, counted, *, resamples=1000, level=0.95, seed=0):
    """Percentile bootstrap interval of a pooled percentage, resampled by person.

    People, not joints, are drawn with replacement: joints of one person succeed and fail together,
    and drawing them one by one would make the interval too narrow. It says nothing of the luck of
    training; for that, train again with other seeds.

    Args:
      credit: `[N, P]` in [0, 1], 0 where not counted (`Score.credit`).
      counted: `[N, P]` bool.
      resamples: number of draws of N people.
      level: share of the draws' totals that the interval holds.
      seed: the same seed gives the same interval.

    Returns:
      (low, high), percent; (nan, nan) if nothing counts.

    References:
      Efron and Tibshirani, "An Introduction to the Bootstrap", 1993, section 13.3.

    >>> bootstrap_interval(np.ones([5, 2]), np.ones([5, 2], bool))
    (100.0, 100.0)
    """
    earned = np.asarray(credit, np.float64).sum(1)
    count = np.asarray(counted, np.float64).sum(1)
    # A person without counted joints can change no total.
    earned, count = earned[count > 0], count[count > 0]
    people = len(count)
    if not people or not resamples:
        return float("nan"), float("nan")
    generator = np.random.default_rng(seed)
    totals = np.empty(resamples)
    for k in range(resamples):
        drawn = generator.integers(people, size=people)
        totals[k] = 100.0 * earned[drawn].sum() / count[drawn].sum()
    tail = 100.0 * (1.0 - level) / 2
    low, high = np.percentile(totals, [tail, 100.0 - tail])
    return float(low), float(high)
