"""PCK and PCKh: the percentage of correct keypoints, their curves and the area under them.

A joint is correct if its distance to the truth is at most a fraction of a length on that person's
own body: the torso (PCK, Yang & Ramanan; LSP) or the head (PCKh; MPII). What has no torso, like an
animal, has a box: the longer side of its joints' box is that length. The rules, all here:

  unannotated      ignored: counts neither as right nor as wrong
  occluded         counted: the annotator gave it a position
  not predicted    (nan) wrong
  no length        (no head rectangle, a torso end unannotated, zero length): person ignored
  pelvis, thorax   ignored: they are no joints of MPII's official 14
  on the line      correct: the comparison is `<=` (MMPose uses `<`)

References:
  Andriluka et al., CVPR 2014, section 4 (PCKh), and the MPII evaluation code.
  Yang and Ramanan, TPAMI 2013, section 6 (PCK).
"""

import numpy as np

from cpm.evaluation.scores import Score, score_from_credit
from cpm.skeleton import Skeleton

UNSCORED_JOINTS = ("pelvis", "thorax")
TORSO_ENDS = ("left_shoulder", "right_hip")

# Divided, not stepped by 0.01: `np.arange(0, 0.51, 0.01)[35]` is above 0.35, and a joint exactly
# on a threshold would fall on the wrong side.
PCK_THRESHOLDS = np.arange(21) / 100
PCKH_THRESHOLDS = np.arange(51) / 100


def pck(
    predicted: np.ndarray,
    truth: np.ndarray,
    state: np.ndarray,
    skeleton: Skeleton,
    *,
    alpha: float = 0.2,
) -> Score:
    """PCK@alpha: distance ≤ alpha × torso, torso = ‖left shoulder − right hip‖ of the truth.

    Args:
      predicted: `[N, P, 2]`, image pixels; nan = no prediction.
      truth: `[N, P, 2]`, image pixels.
      state: `[N, P]` int, 0 absent, 1 occluded, 2 visible.
      skeleton: names of the P joints, person-centric (a left wrist is the person's own).
      alpha: fraction of the torso; LSP's tables use 0.2.

    Returns:
      A `Score` named `pck@<alpha>`.

    References:
      The protocol "LSP, person-centric" of Wei et al. 2016, figure 10, and of DeeperCut's tables.
    """
    errors = normalized_errors(
        predicted, truth, state, torso_lengths(truth, state, skeleton), skeleton
    )
    return _score_at(f"pck@{alpha:g}", f"{alpha:g} × torso", errors, alpha, skeleton)


def pck_box(
    predicted: np.ndarray,
    truth: np.ndarray,
    state: np.ndarray,
    skeleton: Skeleton,
    *,
    alpha: float = 0.1,
) -> Score:
    """PCK by the size of the object: distance ≤ alpha × longer side of its true joints' box.

    For skeletons without a torso; of the others nothing is counted, so that people's scores stay
    those of the published protocols.

    Args:
      predicted, truth, state, skeleton: as in `pck`.
      alpha: fraction of the box; animal pose benchmarks use 0.05 to 0.2.

    Returns:
      A `Score` named `pck_box@<alpha>`.

    References:
      Yang and Ramanan, TPAMI 2013, section 6: their first PCK, by the box of the object.
    """
    if all(joint in skeleton.joints for joint in TORSO_ENDS):
        sides = np.full(len(truth), np.nan)
    else:
        sides = box_sides(truth, state)
    errors = normalized_errors(predicted, truth, state, sides, skeleton)
    unit = f"{alpha:g} × longer side of the joints' box"
    return _score_at(f"pck_box@{alpha:g}", unit, errors, alpha, skeleton)


def pckh(
    predicted: np.ndarray,
    truth: np.ndarray,
    state: np.ndarray,
    head_size_px: np.ndarray,
    skeleton: Skeleton,
    *,
    threshold: float = 0.5,
) -> Score:
    """PCKh@threshold: distance ≤ threshold × head size, MPII's official metric.

    HRNet's and SimpleBaseline's "Mean@0.1" is this one at 0.11 (a MATLAB index after a port).

    Args:
      predicted, truth, state, skeleton: as in `pck`.
      head_size_px: `[N]`, 0.6 × diagonal of the person's head rectangle, image pixels; 0 or nan
        = unknown.
      threshold: fraction of the head size.

    Returns:
      A `Score` named `pckh@<threshold>`; `.groups["Head"]` is the mean of neck and head top.
    """
    errors = normalized_errors(predicted, truth, state, head_size_px, skeleton)
    return _score_at(
        f"pckh@{threshold:g}",
        f"{threshold:g} × 0.6 × head diagonal",
        errors,
        threshold,
        skeleton,
    )


def pck_auc(
    predicted: np.ndarray, truth: np.ndarray, state: np.ndarray, skeleton: Skeleton
) -> Score:
    """Area under the PCK curve from 0 to 0.2 × torso, in percent of the whole rectangle.

    LSP's tables integrate only up to the threshold that they quote; up to 0.5 the same
    predictions score about 18 points more.
    """
    errors = normalized_errors(
        predicted, truth, state, torso_lengths(truth, state, skeleton), skeleton
    )
    return _score_area("pck_auc", "0 … 0.2 × torso", errors, PCK_THRESHOLDS, skeleton)


def pckh_auc(
    predicted: np.ndarray,
    truth: np.ndarray,
    state: np.ndarray,
    head_size_px: np.ndarray,
    skeleton: Skeleton,
) -> Score:
    """Area under the PCKh curve from 0 to 0.5 × head size, in percent of the whole rectangle."""
    errors = normalized_errors(predicted, truth, state, head_size_px, skeleton)
    return _score_area(
        "pckh_auc", "0 … 0.5 × 0.6 × head diagonal", errors, PCKH_THRESHOLDS, skeleton
    )


def torso_lengths(truth: np.ndarray, state: np.ndarray, skeleton: Skeleton) -> np.ndarray:
    """`[N]` distance of left shoulder and right hip, pixels; nan where either is unannotated.

    A skeleton without these joints gives nan everywhere.
    """
    truth, state = np.asarray(truth, np.float64), np.asarray(state)
    if not all(joint in skeleton.joints for joint in TORSO_ENDS):
        return np.full(len(truth), np.nan)
    a, b = (skeleton.index(joint) for joint in TORSO_ENDS)
    length = np.linalg.norm(truth[:, a] - truth[:, b], axis=-1)
    return np.where((state[:, a] > 0) & (state[:, b] > 0), length, np.nan)


def box_sides(truth: np.ndarray, state: np.ndarray) -> np.ndarray:
    """`[N]` longer side of the annotated joints' box, pixels; nan for fewer than two joints.

    >>> box_sides([[[0, 0], [30, 40], [9, 9]]], [[2, 1, 0]]).tolist()
    [40.0]
    """
    truth, present = np.asarray(truth, np.float64), np.asarray(state) > 0
    points = np.where(present[..., np.newaxis], truth, np.nan)
    low = np.fmin.reduce(points, axis=1, initial=np.inf)
    high = np.fmax.reduce(points, axis=1, initial=-np.inf)
    return np.where(present.sum(1) > 1, (high - low).max(-1), np.nan)


def normalized_errors(
    predicted: np.ndarray,
    truth: np.ndarray,
    state: np.ndarray,
    reference: np.ndarray,
    skeleton: Skeleton,
) -> np.ndarray:
    """Distance of each joint to its truth, in units of the person's reference length.

    Args:
      predicted: `[N, P, 2]`; nan = no prediction.
      truth: `[N, P, 2]`, the same pixels.
      state: `[N, P]` int, 0 = unannotated.
      reference: `[N]`, the same pixels; not finite or ≤ 0 = unknown.
      skeleton: names of the P joints.

    Returns:
      `[N, P]` float64: nan where the joint does not count, inf where it does but was not predicted.

    Raises:
      ValueError: if a shape is wrong; the message names the argument.
    """
    distance = distances(predicted, truth, state, skeleton)  # [N, P]
    reference = np.asarray(reference, np.float64)
    if reference.shape != distance.shape[:1]:
        raise ValueError(f"reference should be [{len(distance)}], not {reference.shape}")
    known = np.isfinite(reference) & (reference > 0)
    errors = distance / np.where(known, reference, 1.0)[:, None]
    official = [joint not in UNSCORED_JOINTS for joint in skeleton.joints]
    return np.where(known[:, None] & np.array(official), errors, np.nan)


def distances(
    predicted: np.ndarray, truth: np.ndarray, state: np.ndarray, skeleton: Skeleton
) -> np.ndarray:
    """`[N, P]` distance in pixels: nan where unannotated, inf where not predicted."""
    predicted, truth, state = checked(predicted, truth, state, skeleton)
    distance = np.linalg.norm(predicted - truth, axis=-1)
    distance = np.where(np.isfinite(predicted).all(-1), distance, np.inf)
    return np.where(state > 0, distance, np.nan)


def checked(
    predicted: np.ndarray, truth: np.ndarray, state: np.ndarray, skeleton: Skeleton
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(predicted, truth, state) as arrays, float64 the first two.

    Raises:
      ValueError: if a shape is not `[N, P, 2]` (of `state`: `[N, P]`); names the argument.
    """
    predicted = np.asarray(predicted, np.float64)
    truth, state = np.asarray(truth, np.float64), np.asarray(state)
    expected = (len(truth), len(skeleton), 2)
    for name, array in (("predicted", predicted), ("truth", truth)):
        if array.shape != expected:
            raise ValueError(f"{name} should be {list(expected)}, not {array.shape}")
    if state.shape != expected[:2]:
        raise ValueError(f"state should be {list(expected[:2])}, not {state.shape}")
    return predicted, truth, state


def curve(errors: np.ndarray, thresholds: np.ndarray) -> np.ndarray:
    """Percentage of correct joints at each threshold, pooled.

    Args:
      errors: `[N, P]` from `normalized_errors`.
      thresholds: `[K]`.

    Returns:
      `[K]` percent; nan if nothing counts.

    >>> curve(np.array([[0.1, 0.3, np.nan, np.inf]]), [0.1, 0.3]).round(1).tolist()
    [33.3, 66.7]
    """
    counted = errors[~np.isnan(errors)]
    if not len(counted):
        return np.full(len(thresholds), np.nan)
    return np.array([100.0 * np.mean(counted <= t) for t in thresholds])


def _score_at(name, unit, errors, threshold, skeleton):
    """Credit 1 for an error of at most `threshold`."""
    return score_from_credit(name, unit, errors <= threshold, ~np.isnan(errors), skeleton.joints)


def _score_area(name, unit, errors, thresholds, skeleton):
    """Credit = the part of the thresholds' range at which the joint is correct.

    The trapezoid rule over the pooled curve is a weighted sum over thresholds, and the curve a
    mean over joints; exchanging the two sums turns the area into a mean of credits:

        AUC = Σ_k w_k mean_j [e_j <= t_k] = mean_j Σ_k w_k [e_j <= t_k],   Σ_k w_k = 1
    """
    weights = np.ones(len(thresholds))
    weights[[0, -1]] = 0.5
    weights /= weights.sum()
    credit = (errors[..., None] <= thresholds) @ weights  # [N, P]
    return score_from_credit(name, unit, credit, ~np.isnan(errors), skeleton.joints)
