"""How far a total, or a difference, could be off by the luck of which people were in the set."""

import warnings

import numpy as np


def bootstrap_interval(
    credit: np.ndarray,
    counted: np.ndarray,
    *,
    resamples: int = 1000,
    level: float = 0.95,
    seed: int = 0,
) -> tuple[float, float]:
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


def joint_intervals(
    credit: np.ndarray,
    counted: np.ndarray,
    *,
    resamples: int = 1000,
    level: float = 0.95,
    seed: int = 0,
) -> list[tuple[float, float] | None]:
    """The same interval for each joint's percentage.

    Args:
      credit, counted, resamples, level, seed: as in `bootstrap_interval`.

    Returns:
      List of P pairs (low, high), percent; None where nothing counts.

    >>> joint_intervals(np.ones([5, 2]), np.ones([5, 2], bool) & [True, False])
    [(100.0, 100.0), None]
    """
    low, high = paired_intervals(credit, counted, resamples=resamples, level=level, seed=seed)
    return [
        None if np.isnan(a) else (float(a), float(b))
        for a, b in zip(low[:-1], high[:-1], strict=True)
    ]


def paired_intervals(
    gain: np.ndarray,
    counted: np.ndarray,
    *,
    resamples: int = 1000,
    level: float = 0.95,
    seed: int = 0,
) -> tuple[np.ndarray, np.ndarray]:
    """Percentile bootstrap intervals of the differences between two methods on the same people.

    Every draw of people is used for both methods and for every joint.

    Args:
      gain: `[N, P]`, credit of the second method minus credit of the first; 0 where not counted.
      counted: `[N, P]` bool.
      resamples, level, seed: as in `bootstrap_interval`.

    Returns:
      low, high: `[P + 1]` percentage points, of each joint and last of the pooled total; nan where
      nothing counts.

    References:
      Efron and Tibshirani 1993, chapter 13; pairing as in section 8.2 (one sample of pairs).

    >>> low, high = paired_intervals(np.ones([5, 2]), np.ones([5, 2], bool))
    >>> low.tolist(), high.tolist()
    ([100.0, 100.0, 100.0], [100.0, 100.0, 100.0])
    """
    gain, counted = np.asarray(gain, np.float64), np.asarray(counted, np.float64)
    some = counted.any(1)
    gain, counted = (
        np.concatenate([x[some], x[some].sum(1, keepdims=True)], 1)  # [n, P + 1]
        for x in (gain, counted)
    )
    people = len(gain)
    if not people:
        return np.full(gain.shape[1], np.nan), np.full(gain.shape[1], np.nan)
    generator = np.random.default_rng(seed)
    differences = np.full([resamples, gain.shape[1]], np.nan)
    for k in range(resamples):
        drawn = generator.integers(people, size=people)
        times = np.bincount(drawn, minlength=people)  # how often each person was drawn
        count = times @ counted
        np.divide(100.0 * (times @ gain), count, out=differences[k], where=count > 0)
    tail = 100.0 * (1.0 - level) / 2
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # a joint that nobody has: all nan
        low, high = np.nanpercentile(differences, [tail, 100.0 - tail], axis=0)
    return low, high
