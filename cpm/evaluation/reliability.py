"""Does a network's confidence mean anything? Confidence against the share of correct joints.

A joint's confidence is the height of its belief map's peak. It was never trained to be a
probability: it is one that fits if of the joints with confidence 0.7 seven in ten are correct.
Joints are sorted into bins of equal width by confidence; in each the mean confidence stands beside
the share of correct joints: PCK@0.2, or PCK@0.1 of the box where a skeleton has no torso. The
expected calibration error is their mean distance:

    ECE = Σ_k n_k / n · |accuracy_k − confidence_k|

A network's confidences lie in 0 … 1; what a file has below 0 and above 1 counts as 0 and 1.
Unannotated joints do not count (cpm/evaluation/pck.py).

References:
  Guo et al., ICML 2017, "On Calibration of Modern Neural Networks".
"""

from typing import Any

import numpy as np

from cpm.evaluation import pck
from cpm.evaluation.predictions import Predictions
from cpm.skeleton import Skeleton

ALPHA = 0.2
BOX_ALPHA = 0.1
BINS = 20
# Where a joint is as likely right as wrong: below it leaving the joint out is the better bet.
EVEN = 0.5
# What `reliability` returns as it comes back from a file; see cpm/untrusted.py.
_BIN = {"low": float, "high": float, "joints": int, "confidence": (float, None)}
SCHEMA = {
    **{"rule": str, "bins": [_BIN | {"correct": (float, None)}]},
    **{"ece": float, "threshold": float},
}


def reliability(
    people: Predictions, skeleton: Skeleton, *, bins: int = BINS
) -> dict[str, Any] | None:
    """The reliability of the last stage's confidence.

    Args:
      people: `Predictions`.
      skeleton: names of the joints.
      bins: how many, of equal width between 0 and 1.

    Returns:
      dict of plain values: `rule`; `bins`, a list of dicts `low`, `high`, `joints`, `confidence`
      and `correct` (means, as fractions; None in an empty bin); `joints`, `confidence`, `correct`
      of all; `ece`; `threshold`, see `even_threshold`. None if no joint counts.
    """
    truth = people.truth_px, people.state
    rule, alpha, length = f"pck@{ALPHA:g}", ALPHA, pck.torso_lengths(*truth, skeleton)
    if not all(joint in skeleton.joints for joint in pck.TORSO_ENDS):
        rule, alpha, length = f"pck_box@{BOX_ALPHA:g}", BOX_ALPHA, pck.box_sides(*truth)
    errors = pck.normalized_errors(people.joints_px[-1], *truth, length, skeleton)
    counted = ~np.isnan(errors)
    if not counted.any():
        return None
    # A map that is no number, of a training that goes wrong, is sure of nothing.
    confidence = np.clip(np.nan_to_num(people.confidence[-1][counted]), 0.0, 1.0)
    correct = errors[counted] <= alpha
    rows = binned(confidence, correct, bins)
    gaps = [r["joints"] * abs(r["correct"] - r["confidence"]) for r in rows if r["joints"]]
    return {
        "rule": rule,
        "bins": rows,
        "joints": int(counted.sum()),
        "confidence": float(confidence.mean()),
        "correct": float(correct.mean()),
        "ece": float(sum(gaps) / counted.sum()),
        "threshold": even_threshold(confidence, correct),
    }


def binned(confidence: np.ndarray, correct: np.ndarray, bins: int) -> list[dict[str, Any]]:
    """Means of both in bins of equal width; a confidence of 1 lies in the last.

    Args:
      confidence: `[n]`, in [0, 1].
      correct: `[n]` bool.
      bins: how many.

    Returns:
      List of dicts, see `reliability`.
    """
    of_bin = np.minimum((confidence * bins).astype(int), bins - 1)
    rows = []
    for k in range(bins):
        inside = of_bin == k
        some = inside.any()
        rows.append(
            {
                "low": k / bins,
                "high": (k + 1) / bins,
                "joints": int(inside.sum()),
                "confidence": float(confidence[inside].mean()) if some else None,
                "correct": float(correct[inside].mean()) if some else None,
            }
        )
    return rows


def even_threshold(confidence: np.ndarray, correct: np.ndarray) -> float:
    """The confidence from which on a joint is more likely right than wrong.

    With joints sorted by confidence it is the cut that maximizes the number of right ones kept less
    the number of wrong ones kept, which lies where half of the joints at that confidence are right;
    it needs no bins. Of several equal cuts the lowest.

    Args:
      confidence: `[n]`.
      correct: `[n]` bool.

    Returns:
      A number: the lowest confidence that is kept; above the highest if keeping none is best.

    >>> even_threshold(np.array([0.1, 0.2, 0.3, 0.6]), np.array([False, False, True, True]))
    0.3
    """
    confidence = np.asarray(confidence, np.float64)
    order = np.argsort(confidence, kind="stable")
    levels, first = np.unique(confidence[order], return_index=True)
    credit = np.where(np.asarray(correct)[order], 1 - EVEN, -EVEN)
    kept = np.cumsum(credit[::-1])[::-1][first]  # of all joints from this level on
    if kept.max() <= 0:
        return float(np.nextafter(levels[-1], np.inf))
    return float(levels[np.argmax(kept)])
