"""Does a network know when nobody is there? Its confidence in images without a person.

A person's confidence is the mean over its joints of the heights of their peaks. A threshold on it
loses some true people and lets some images without anybody pass as a person:

    threshold   the highest that loses at most 3 % of the true people
    share       of the images without a person, those whose confidence reaches the threshold
    drawn       of the joints in these images, those that bin/predict.py would draw: single joints
                are drawn from a confidence of their own on

Intervals are percentile bootstraps: people and images are drawn anew, and every draw of people has
its own threshold.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

LOST = 0.03


def person_confidence(confidence: npt.ArrayLike) -> np.ndarray:
    """Mean over the joints: `[..., P]` in [0, 1] → `[...]`."""
    return np.asarray(confidence, np.float64).mean(-1)


def threshold_that_loses(people: np.ndarray, lost: float = LOST) -> float:
    """The highest threshold under which at most this share of the true people lies.

    Args:
      people: `[N]` confidences, N > 0; a person is found if its own reaches the threshold.
      lost: share, in [0, 1).

    >>> threshold_that_loses(np.array([0.9, 0.1, 0.5, 0.7]), lost=0.25)
    0.5
    """
    # 0.29 · 100 is 29 less a rounding error.
    return float(np.sort(people)[int(lost * len(people) + 1e-9)])


def score_nobody(
    people: np.ndarray,
    empty: np.ndarray,
    kinds: Sequence[str],
    *,
    drawn_from: float = 0.0,
    lost: float = LOST,
    resamples: int = 1000,
    level: float = 0.95,
    seed: int = 0,
) -> dict[str, Any]:
    """The share of images without a person that pass as one, and of joints drawn in them.

    Args:
      people: `[N, P]`, confidences of the joints of true people.
      empty: `[M, P]`, the same in images without a person.
      kinds: M names, what each of these images shows.
      drawn_from: the confidence from which on a single joint is drawn (`Predictor.threshold`).
      lost: share of the true people that may be lost.
      resamples, level, seed: of the bootstrap intervals.

    Returns:
      dict of plain values: `threshold`; `lost`, percent of the true people under it; `share`,
      percent of the images without a person that reach it; `threshold_interval` and `interval` (of
      `share`), [low, high]; `drawn_from`; `drawn` and `drawn_of_people`, percent of the joints that
      reach it in these images, and of those of true people; `people`, `images` (counts); `kinds`
      {kind: {`images`, `share`, `drawn`}}.

    Raises:
      ValueError: if there are no people or no images.
    """
    people, empty = np.asarray(people, np.float64), np.asarray(empty, np.float64)
    if not len(people) or not len(empty):
        raise ValueError(f"{len(people)} people and {len(empty)} images: expected some of both")
    drawn, drawn_of_people = empty >= drawn_from, people >= drawn_from
    people, empty = person_confidence(people), person_confidence(empty)  # [N], [M]
    threshold = threshold_that_loses(people, lost)
    passed = empty >= threshold
    generator = np.random.default_rng(seed)
    draws = np.empty([resamples, 2])
    for k in range(resamples):
        anew = people[generator.integers(len(people), size=len(people))]
        draws[k, 0] = threshold_that_loses(anew, lost)
        others = empty[generator.integers(len(empty), size=len(empty))]
        draws[k, 1] = 100 * (others >= draws[k, 0]).mean()
    tail = 100 * (1 - level) / 2
    low, high = np.percentile(draws, [tail, 100 - tail], axis=0).tolist()

    def shares(rows):
        return {
            "images": int(rows.sum()),
            "share": float(100 * passed[rows].mean()),
            "drawn": float(100 * drawn[rows].mean()),
        }

    names = np.array(kinds)
    return shares(np.ones(len(empty), bool)) | {
        "threshold": threshold,
        "threshold_interval": [low[0], high[0]],
        "lost": float(100 * (people < threshold).mean()),
        "interval": [low[1], high[1]],
        "people": len(people),
        "drawn_from": float(drawn_from),
        "drawn_of_people": float(100 * drawn_of_people.mean()),
        "kinds": {str(name): shares(names == name) for name in np.unique(names)},
    }
