"""How well everybody in a group is found: people matched to the truth by OKS, then their joints.

    AP50, AP, AR   as COCO defines them (cpm/evaluation/oks.py)
    PCK@0.2        of all true joints; those of a true person without a match are wrong
    recall         share of the true people with a match at OKS 0.5
    too many       found people without a true person, or with one found already, at OKS 0.5

For PCK the pairs of highest OKS are matched first, at any OKS above 0: whether a joint is right is
then a matter of its distance alone, and a person found twice costs no joints, but is one too many.
"""

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np

from cpm.evaluation import pck
from cpm.evaluation.bootstrap import bootstrap_interval
from cpm.evaluation.oks import average_precision, joint_sigmas, match, oks
from cpm.skeleton import Skeleton

FOUND_FROM = 0.5  # OKS at which a person counts as found


@dataclasses.dataclass(frozen=True)
class TruePeople:
    """Everybody in one image.

    Attributes:
      joints_px: `[T, P, 2]`, image pixels.
      state: `[T, P]` int, 0 absent, 1 occluded, 2 visible.
      area: `[T]`, square pixels.
    """

    joints_px: np.ndarray
    state: np.ndarray
    area: np.ndarray


@dataclasses.dataclass(frozen=True)
class FoundPeople:
    """The people that a method found in one image.

    Attributes:
      joints_px: `[F, P, 2]`, image pixels; nan = not found.
      score: `[F]`, how sure the method is of each; only their order counts.
    """

    joints_px: np.ndarray
    score: np.ndarray


def score_groups(
    truth: Sequence[TruePeople],
    found: Sequence[FoundPeople],
    skeleton: Skeleton,
    *,
    resamples: int = 1000,
    seed: int = 0,
) -> dict[str, Any]:
    """The scores above, over all images together.

    Args:
      truth: list of `TruePeople`, an image each.
      found: list of `FoundPeople`, of the same images.
      skeleton: names of the P joints.
      resamples, seed: of the bootstrap interval, over true people; 0 resamples = no interval.

    Returns:
      dict of plain values: `images`, `people`, `found` (counts); `ap50`, `ap`, `ap75`, `ar`,
      `recall` (percent); `too_many` (a count); `pck@0.2` (percent) with `interval` [low, high],
      `groups` {body part: percent} and `joints`, how many were counted. None for what cannot be
      said: PCK where no torso is annotated, every percentage where nobody is there.

    Raises:
      ValueError: if the lists differ in length.
    """
    if len(truth) != len(found):
        raise ValueError(f"{len(found)} images were searched, but the truth is of {len(truth)}")
    sigmas = joint_sigmas(skeleton)
    similarities = [
        oks(t.joints_px, t.state, t.area, f.joints_px, sigmas)
        for t, f in zip(truth, found, strict=True)
    ]
    precision = average_precision([(s, f.score) for s, f in zip(similarities, found, strict=True)])
    hits = sum(
        np.count_nonzero(match(s, f.score, [FOUND_FROM]) >= 0)
        for s, f in zip(similarities, found, strict=True)
    )
    people, count = sum(len(t.state) for t in truth), sum(len(f.score) for f in found)
    values = precision | {"recall": 100 * hits / people if people else float("nan")}
    return (
        {"images": len(truth), "people": people, "found": count, "too_many": count - hits}
        | {name: None if np.isnan(value) else value for name, value in values.items()}
        | _pck(truth, found, similarities, skeleton, resamples, seed)
    )


def nearest_pairs(similarity: np.ndarray) -> list[tuple[int, int]]:
    """Pairs of a true and a found person, those of highest similarity first; each once.

    Args:
      similarity: `[T, F]`; a pair of similarity 0 is none.

    Returns:
      List of (row, column).

    >>> nearest_pairs(np.array([[0.9, 0.8], [0.7, 0.0]]))
    [(0, 0)]
    """
    left, pairs = np.array(similarity, np.float64), []
    while left.size and left.max() > 0:
        t, f = map(int, np.unravel_index(left.argmax(), left.shape))
        pairs.append((t, f))
        left[t], left[:, f] = 0.0, 0.0
    return pairs


def _pck(truth, found, similarities, skeleton, resamples, seed):
    """The entries of `score_groups` that are about joints."""
    matched = [np.full(np.shape(t.joints_px), np.nan) for t in truth]
    for joints_px, f, similarity in zip(matched, found, similarities, strict=True):
        for row, column in nearest_pairs(similarity):
            joints_px[row] = f.joints_px[column]
    every = [
        np.concatenate([np.empty([0, len(skeleton), *rest]), *parts])
        for rest, parts in (
            ((2,), matched),
            ((2,), [t.joints_px for t in truth]),
            ((), [t.state for t in truth]),
        )
    ]
    predicted, true_px, state = every
    score = pck.pck(predicted, true_px, state, skeleton)
    if not score.people:
        return {score.name: None, "interval": None, "groups": {}, "joints": 0}
    interval = bootstrap_interval(score.credit, score.counted, resamples=resamples, seed=seed)
    return {
        score.name: score.total,
        "interval": list(interval) if resamples else None,
        "groups": score.groups,
        "joints": sum(score.counts.values()),
    }
