"""Everybody in an image, found by the pose network itself: no detector is needed.

  1. Windows of several sizes cover the image. One pass at each gives a pose, of the person nearest
     to its center if there is one.
  2. Poses that agree with a surer one, or are less sure than a person would be, are left out; the
     surest of the others are candidates.
  3. Further passes at the candidates, each at the joints that the one before found. A window
     between two people gives joints of both; these passes move to one of them. After each, step 2.
     The last of them is mirrored, too. A pass may also move to a neighbor who was found already,
     or see too little of somebody whom the image's edge cuts off. So the poses of earlier passes
     stay candidates, for `EARLIER` of their confidence for each pass that came after.
  4. The surest candidate is a person. The next one is whoever is surest by the joints that nobody
     has yet, and so on, as long as the mean confidence of free joints is at least `LEAST` of the
     weights' own threshold of a joint. A pose that is made of others' joints is never chosen.
  5. Of people who are cut off or hidden few joints are in the image, and the mean is low. So
     whoever is left is a person, too, if a share `PART` of the joints is certain, and none of
     these is near a certain joint of anybody found. Nobody at all is a result, too.

The smallest windows have about a third of the image's shorter side. People who fill half of a
window are found: those from about a sixth of that side on.

What was tried is in docs/results/search.md.
"""

import math
from collections.abc import Sequence

import numpy as np

from cpm import geometry
from cpm.geometry import CropRegion
from cpm.inference.crop_regions import next_region
from cpm.inference.person_pose import PersonPose, joints_box
from cpm.inference.predictor import Predictor

LEVELS = 4  # sizes of windows, besides one for the whole image
SHRINK = 0.5**0.5  # from level to level; the first is the image's shorter side
STEP = 0.5  # distance of windows, as a share of their side
PASSES = 2  # at each candidate, after that at its window
CANDIDATES = 20
# What the confidence of a pass counts for each pass after it. The last one is mirrored: it is less
# sure of the same joints, and more often right.
EARLIER = 0.85
# Two poses have a joint in common if it is this close, as a share of the larger one's longer side.
NEAR = 0.2
# Of candidates with more joints in common than this share, the surer one is enough.
SAME = 0.75
# A person's mean confidence is at least this share of the threshold of a single joint.
LEAST = 0.7
# Of somebody of whom the image shows a part at least this share of the joints is certain, four of
# fourteen; among many windows three are too often nobody's.
PART = 0.25
# The threshold of weights that have none: what well-trained networks have.
USUAL_THRESHOLD = 0.5


def find_people(
    predictor: Predictor, image: np.ndarray, limit: int | None = None
) -> list[PersonPose]:
    """Everybody in an image.

    Args:
      predictor: `Predictor`.
      image: `[H, W, 3]` uint8.
      limit: the most people; None = all.

    Returns:
      List of `PersonPose`, the surest first; perhaps empty. `score` is the mean confidence over
      all joints, where joints that a surer person has count 0; times `EARLIER` for each pass that
      came after that of the pose.
    """
    image = np.asarray(image)
    certain_from = predictor.threshold or USUAL_THRESHOLD
    least = LEAST * certain_from
    joints_px, confidence, weight, sides_px = _candidates(predictor, image, least, certain_from)
    weighted = confidence * weight[:, np.newaxis]
    rows, scores = different_people(joints_px, weighted, least, sides_px)
    certain = confidence >= certain_from
    more = people_in_part(joints_px, weighted, certain, _enough(certain), rows, sides_px)
    return [
        PersonPose(
            predictor.skeleton,
            joints_px[n],
            confidence[n],
            joints_box(joints_px[n], confidence[n], predictor.threshold, sides_px[n]),
            score=score,
        )
        for n, score in list(zip(rows + more[0], scores + more[1], strict=True))[:limit]
    ]


def _candidates(predictor, image, least, certain_from):
    """Poses that may be people: joints `[N, P, 2]`, confidence `[N, P]`, weight, side `[N]`."""
    regions = windows(*image.shape[:2])
    kept = []
    for number in range(PASSES + 1):
        # With the mirror image and at all scales where it counts: in the last pass.
        plain = number < PASSES
        joints_px, confidence = predictor.poses([image] * len(regions), regions, plain=plain)
        sides_px = np.array([region.side_px for region in regions])
        weight = np.full(len(regions), EARLIER ** (PASSES - number))
        poses = [joints_px, confidence, weight, sides_px]
        if number < PASSES:
            possible = (confidence.mean(-1) >= least) | _enough(confidence >= certain_from)
            chosen = distinct(joints_px, confidence, possible, sides_px)[:CANDIDATES]
            poses = [values[chosen] for values in poses]
            regions = [
                next_region(joints_px[n], confidence[n], regions[n].side_px, predictor.margin)
                or regions[n]
                for n in chosen
            ]
        kept.append(poses)
    return [np.concatenate(values) for values in zip(*reversed(kept), strict=True)]


def _enough(certain):
    """`[N]` bool: poses `[N, P]` with enough certain joints to be a person without the mean.

    A single one has no extent, and is no person beside others.
    """
    return certain.sum(-1) >= max(2, PART * certain.shape[-1])


def windows(height: int, width: int) -> list[CropRegion]:
    """Squares of several sizes that cover an image, the largest first.

    A person who fills half of a window has the center at least a quarter of a window inside the
    image. So the outermost windows reach over the image's edge by a quarter of their side at most.

    Args:
      height, width: of the image.

    Returns:
      List of `CropRegion`.

    >>> sides = [round(window.side_px) for window in windows(480, 640)]
    >>> {side: sides.count(side) for side in sides}
    {640: 1, 480: 2, 339: 6, 240: 15, 170: 35}
    """
    longer = float(max(height, width))
    shorter = max(min(height, width), longer / 4)  # a narrow strip is no reason for tiny windows
    sides = {longer} | {shorter * SHRINK**level for level in range(LEVELS)}
    regions = []
    for side_px in sorted(sides, reverse=True):
        rows, columns = (_centers(pixels, side_px) for pixels in (height, width))
        regions += [geometry.CropRegion((x, y), side_px) for y in rows for x in columns]
    return regions


def _centers(pixels, side_px):
    """Centers of windows along an axis: none of the inner part is farther than `STEP` / 2 sides."""
    inner = max(pixels - side_px / 2, 0.0)
    count = max(1, math.ceil(inner / (STEP * side_px)))
    first = (pixels - 1 - inner) / 2
    return [first + inner * (k + 0.5) / count for k in range(count)]


def in_common(
    joints_px: np.ndarray,
    pose_px: np.ndarray,
    sides_px: np.ndarray | float = 0.0,
    side_px: float = 0.0,
) -> np.ndarray:
    """Which joints of poses are where another pose has them.

    Single keypoints have no extent. The smaller of the regions that they were found in takes its
    place: in a large one, two objects may lie side by side.

    Args:
      joints_px: `[N, P, 2]`.
      pose_px: `[P, 2]`.
      sides_px: `[N]`, of the regions of the poses; counts for single keypoints alone.
      side_px: of the other pose's.

    Returns:
      `[N, P]` bool.
    """
    larger_px = np.maximum(np.ptp(joints_px, axis=1).max(-1), np.ptp(pose_px, axis=0).max())  # [N]
    if len(pose_px) == 1:
        larger_px = np.maximum(larger_px, np.minimum(sides_px, side_px))
    return np.linalg.norm(joints_px - pose_px, axis=-1) < NEAR * larger_px[:, np.newaxis]


def distinct(
    joints_px: np.ndarray,
    confidence: np.ndarray,
    possible: np.ndarray,
    sides_px: np.ndarray | None = None,
) -> list[int]:
    """Rows of poses that have few joints in common with a surer one, the surest first.

    Args:
      joints_px: `[N, P, 2]`.
      confidence: `[N, P]`.
      possible: `[N]` bool, which poses may be people; others are left out.
      sides_px: `[N]`, of the regions of the poses, for single keypoints (`in_common`).
    """
    sides_px = np.zeros(len(joints_px)) if sides_px is None else sides_px
    kept: list[int] = []
    mean = confidence.mean(-1)
    order = np.argsort(-mean, kind="stable")
    for n in order[np.asarray(possible)[order]]:
        pose = joints_px[n : n + 1], sides_px[n : n + 1]
        shares = [in_common(pose[0], joints_px[k], pose[1], sides_px[k]).mean() for k in kept]
        if max(shares, default=0.0) <= SAME:
            kept.append(int(n))
    return kept


def different_people(
    joints_px: np.ndarray,
    confidence: np.ndarray,
    least: float,
    sides_px: np.ndarray | None = None,
) -> tuple[list[int], list[float]]:
    """Poses of different people: each is the surest by the joints that those before left free.

        score_n = 1/P  sum over p of  free_np · confidence_np

      free_np is 0 where joint p of pose n is where somebody chosen before has it, else 1.

    Args:
      joints_px: `[N, P, 2]`.
      confidence: `[N, P]`.
      least: score of the last person.
      sides_px: `[N]`, of the regions of the poses, for single keypoints (`in_common`).

    Returns:
      (list of rows, list of their scores, which fall).
    """
    sides_px = np.zeros(len(joints_px)) if sides_px is None else sides_px
    free = np.ones(confidence.shape)
    rows: list[int] = []
    scores: list[float] = []
    while len(rows) < len(free):
        score = (free * confidence).mean(-1)  # [N]
        score[rows] = -1.0
        n = int(score.argmax())
        if score[n] < least:
            break
        rows.append(n)
        scores.append(float(score[n]))
        free[in_common(joints_px, joints_px[n], sides_px, sides_px[n])] = 0.0
    return rows, scores


def people_in_part(
    joints_px: np.ndarray,
    confidence: np.ndarray,
    certain: np.ndarray,
    possible: np.ndarray,
    rows: Sequence[int],
    sides_px: np.ndarray | None = None,
) -> tuple[list[int], list[float]]:
    """People of whom the image shows a part, besides those found: whose joints are nobody else's.

    Args:
      joints_px: `[N, P, 2]`.
      confidence: `[N, P]`.
      certain: `[N, P]` bool, joints that are certain.
      possible: `[N]` bool, poses with certain joints that may be people in part.
      rows: of the people found, whether they have many certain joints or few.
      sides_px: `[N]`, of the regions of the poses, for single keypoints (`in_common`).

    Returns:
      (list of further rows, list of their scores, as of `different_people`).
    """
    sides_px = np.zeros(len(joints_px)) if sides_px is None else sides_px
    free = np.ones(confidence.shape, bool)
    taken: list[int] = []
    more: tuple[list[int], list[float]] = [], []

    def take(n):
        taken.append(n)
        free[in_common(joints_px, joints_px[n], sides_px, sides_px[n])] = False

    def is_apart(n):
        """Whether no certain joint is near a certain one of anybody, of whatever name."""
        own_px = joints_px[n][certain[n]]
        others_px = np.concatenate([joints_px[k][certain[k]] for k in taken] or [own_px[:0]])
        distance_px = np.linalg.norm(own_px[:, np.newaxis] - others_px, axis=-1)
        return not (distance_px < NEAR * np.ptp(own_px, axis=0).max()).any()

    for n in rows:
        take(n)
    while True:
        score = np.where(possible & (free | ~certain).all(-1), (free * confidence).mean(-1), 0.0)
        order = np.argsort(-score, kind="stable")
        found = next((int(n) for n in order if score[n] > 0 and is_apart(n)), None)
        if found is None:
            return more
        take(found)
        more[0].append(found)
        more[1].append(float(score[found]))
