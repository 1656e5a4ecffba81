"""Object keypoint similarity (OKS), and average precision and recall over it, as COCO defines them.

    OKS = mean over labeled joints p of  exp(−d_p² / (2 · area · (2 σ_p)²))

d_p is the distance between the found and the true joint, area that of the person in the image, and
σ_p says how far annotators differ about this joint. Found people are matched to true ones image by
image, the surest first: each takes the free true person that it resembles most, if their OKS
reaches a threshold. Average precision is the mean of the precision at 101 recalls, over all images
together.

Every true person counts: there are no crowds and no ignored regions here, which COCO's own
annotations have. Percentages, not fractions.

The σ of COCO's joints are its own. Neck and head top have CrowdPose's values. COCO has neither
MPII's pelvis, which takes the hips' σ, nor its thorax, which takes the shoulders'.

References:
  Lin et al., "Microsoft COCO: Common Objects in Context", ECCV 2014; "Keypoint Evaluation" at
  cocodataset.org; pycocotools/cocoeval.py.
  Li et al., "CrowdPose", CVPR 2019; crowdposetools/cocoeval.py (σ of neck and head top: 0.079).
"""

import re
from collections.abc import Sequence

import numpy as np

from cpm.skeleton import Skeleton, canonical_name

# By the name of the joint without its side.
SIGMAS = {
    "nose": 0.026,
    "eye": 0.025,
    "ear": 0.035,
    "shoulder": 0.079,
    "elbow": 0.072,
    "wrist": 0.062,
    "hip": 0.107,
    "knee": 0.087,
    "ankle": 0.089,
    "neck": 0.079,
    "head_top": 0.079,
    "pelvis": 0.107,
    "thorax": 0.079,
}
THRESHOLDS = np.linspace(0.5, 0.95, 10)
RECALLS = np.linspace(0.0, 1.0, 101)
MOST_FOUND = 20  # people in an image, the surest of them, count for precision


def joint_sigmas(skeleton: Skeleton) -> np.ndarray:
    """`[P]`: σ of each joint of a skeleton.

    Raises:
      ValueError: for a joint of which no σ is known.

    >>> from cpm.skeleton import SKELETONS
    >>> joint_sigmas(SKELETONS["lsp14"]).tolist()[-3:]
    [0.062, 0.079, 0.079]
    """
    parts = [re.sub("^(left|right)_", "", canonical_name(joint)) for joint in skeleton.joints]
    unknown = [part for part in parts if part not in SIGMAS]
    if unknown:
        raise ValueError(
            f"no OKS is defined for the joint {unknown[0]!r}; known: {', '.join(SIGMAS)}"
        )
    return np.array([SIGMAS[part] for part in parts])


def oks(
    truth_px: np.ndarray,
    state: np.ndarray,
    area: np.ndarray,
    found_px: np.ndarray,
    sigmas: np.ndarray,
) -> np.ndarray:
    """How much each found person resembles each true one.

    Args:
      truth_px: `[T, P, 2]`, image pixels.
      state: `[T, P]` int, 0 = unlabeled: such joints do not count.
      area: `[T]`, square pixels.
      found_px: `[F, P, 2]`; a joint that is nan was not found and resembles nothing.
      sigmas: `[P]`, of `joint_sigmas`.

    Returns:
      `[T, F]` in [0, 1]; 0 for a true person without labeled joints.

    >>> one = np.zeros([1, 2, 2])
    >>> oks(one, [[2, 2]], [100.0], one + [[[0, 0], [2, 0]]], [0.1, 0.1]).round(3).tolist()
    [[0.803]]
    """
    truth_px, found_px = np.asarray(truth_px, np.float64), np.asarray(found_px, np.float64)
    labeled = np.asarray(state) > 0  # [T, P]
    squared = ((found_px[np.newaxis] - truth_px[:, np.newaxis]) ** 2).sum(-1)  # [T, F, P]
    variance = (2 * np.asarray(sigmas, np.float64)) ** 2  # [P]
    area = np.asarray(area, np.float64)[:, np.newaxis, np.newaxis] + np.spacing(1)
    error = np.where(np.isnan(squared), np.inf, squared) / variance / area / 2
    total = np.where(labeled[:, np.newaxis], np.exp(-error), 0.0).sum(-1)  # [T, F]
    return total / np.maximum(labeled.sum(-1), 1)[:, np.newaxis]


def match(
    similarity: np.ndarray,
    scores: np.ndarray,
    thresholds: Sequence[float] | np.ndarray = THRESHOLDS,
) -> np.ndarray:
    """Which true person each found one stands for, greedily by score as COCO does.

    Args:
      similarity: `[T, F]` of `oks`, of one image.
      scores: `[F]`, how sure each found person is.
      thresholds: `[K]`, the least similarity.

    Returns:
      `[K, F]` int: row of the true person, −1 = none.

    >>> match(np.array([[0.9, 0.95], [0.6, 0.2]]), [0.8, 0.7], [0.5, 0.92]).tolist()
    [[0, -1], [-1, 0]]
    """
    people, found = np.shape(similarity)
    # COCO's own: an OKS that rounds to just below 1 reaches a threshold of 1.
    limits = np.minimum(thresholds, 1 - 1e-10)
    matched = np.full([len(limits), found], -1)
    if not people:
        return matched
    free = np.ones([len(limits), people], bool)
    rows = np.arange(len(limits))
    for f in np.argsort(-np.asarray(scores, np.float64), kind="stable"):
        candidates = np.where(free, similarity[:, f], -1.0)  # [K, T]
        best = people - 1 - candidates[:, ::-1].argmax(1)  # of equals the last, as COCO's loop does
        hit = candidates[rows, best] >= limits
        matched[hit, f] = best[hit]
        free[rows[hit], best[hit]] = False
    return matched


def average_precision(images: Sequence[tuple[np.ndarray, np.ndarray]]) -> dict[str, float]:
    """COCO's summary of all images.

    Args:
      images: list of (similarity `[T, F]` of `oks`, scores `[F]`).

    Returns:
      dict of percentages: `ap` over the thresholds 0.50, 0.55 … 0.95, `ap50` and `ap75` at one
      threshold, `ar`, the mean over the thresholds of the share of true people found. All nan
      where there are no true people.
    """
    people = sum(len(similarity) for similarity, _ in images)
    if not people:
        return dict.fromkeys(("ap", "ap50", "ap75", "ar"), float("nan"))
    scores: list[np.ndarray] = [np.zeros(0)]
    hits: list[np.ndarray] = [np.zeros([len(THRESHOLDS), 0], bool)]
    for similarity, score in images:
        surest = np.argsort(-np.asarray(score, np.float64), kind="stable")[:MOST_FOUND]
        scores.append(np.asarray(score, np.float64)[surest])
        hits.append(match(np.asarray(similarity)[:, surest], scores[-1]) >= 0)
    order = np.argsort(-np.concatenate(scores), kind="stable")
    right = np.cumsum(np.concatenate(hits, 1)[:, order], 1)  # [K, N]
    precision = right / (np.arange(1, len(order) + 1) + np.spacing(1))
    # The best precision at this recall or any above it.
    envelope = np.maximum.accumulate(precision[:, ::-1], 1)[:, ::-1]
    envelope = np.concatenate([envelope, np.zeros([len(THRESHOLDS), 1])], 1)  # recalls not reached
    recall = right / people
    ap = np.array(
        [
            e[np.searchsorted(r, RECALLS, side="left")].mean()
            for e, r in zip(envelope, recall, strict=True)
        ]
    )  # [K]
    reached = recall[:, -1] if len(order) else np.zeros(len(THRESHOLDS))
    return {
        "ap": float(100 * ap.mean()),
        "ap50": float(100 * ap[0]),
        "ap75": float(100 * ap[5]),
        "ar": float(100 * reached.mean()),
    }
