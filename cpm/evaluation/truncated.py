"""How well people are found whom the image's edge cuts off.

PCK@0.2    of the joints in the image, by the torso of the whole person; all of a person who was
           not found are wrong
drawn      of the joints in the image, those that bin/predict.py would draw
imagined   the same of the joints beyond the image: they are not there
found      images in which a person was found
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from cpm.evaluation.bootstrap import bootstrap_interval
from cpm.evaluation.pck import normalized_errors, torso_lengths
from cpm.skeleton import Skeleton

ALPHA = 0.2


def score_truncated(
    predicted: npt.ArrayLike,
    confidence: npt.ArrayLike,
    truth: npt.ArrayLike,
    state: npt.ArrayLike,
    kinds: Sequence[str],
    skeleton: Skeleton,
    *,
    drawn_from: float = 0.0,
    resamples: int = 1000,
    seed: int = 0,
) -> dict[str, Any]:
    """The scores above, over all images and over those of each kind.

    Args:
      predicted: `[N, P, 2]`, image pixels; nan = not found.
      confidence: `[N, P]`; counts where a joint was found.
      truth: `[N, P, 2]`, of the whole people, joints beyond the image included.
      state: `[N, P]` int, 0 = beyond the image.
      kinds: N names, what each image shows.
      skeleton: names of the P joints.
      drawn_from: confidence from which on a joint is drawn.
      resamples, seed: of the bootstrap intervals, over people.

    Returns:
      dict of plain values: `images`, `drawn_from`, and `kinds` {kind: scores} with `all` first. The
      scores are `images`, `pck@0.2`, `interval`, `drawn`, `imagined`, `found` (percent; None where
      nothing counts).
    """
    predicted, confidence = np.asarray(predicted, np.float64), np.asarray(confidence, np.float64)
    truth, state = np.asarray(truth, np.float64), np.asarray(state)
    torso_px = torso_lengths(truth, np.ones_like(state), skeleton)
    errors = normalized_errors(predicted, truth, state, torso_px, skeleton)
    found = np.isfinite(predicted).all(-1)
    drawn = found & (confidence >= drawn_from)
    names = np.array(kinds)

    def scores(rows):
        counted = ~np.isnan(errors[rows])
        credit = errors[rows] <= ALPHA
        interval = bootstrap_interval(credit, counted, resamples=resamples, seed=seed)
        inside = state[rows] > 0
        return {
            "images": int(rows.sum()),
            f"pck@{ALPHA}": _percent(credit[counted]),
            "interval": None if np.isnan(interval).any() else [round(v, 4) for v in interval],
            "drawn": _percent(drawn[rows][inside]),
            "imagined": _percent(drawn[rows][~inside]),
            "found": _percent(found[rows].any(-1)),
        }

    every = {"all": scores(np.ones(len(names), bool))}
    every |= {kind: scores(names == kind) for kind in dict.fromkeys(kinds)}
    return {"images": len(names), "drawn_from": drawn_from, "kinds": every}


def _percent(values):
    """Percent of what is true, None of nothing."""
    return round(100 * float(np.mean(values)), 4) if len(values) else None
