"""PCP of limbs: the percentage of correct parts, LSP's older metric, judged stick by stick.

A stick joins two end points; a predicted one is correct if its ends lie near the true ones, near
meaning half of the true stick's length L. With e_1, e_2 the distances of its ends to the truth:

    strict    e_1 <= L / 2  and  e_2 <= L / 2     the definition, Ferrari et al. 2008
    average   (e_1 + e_2) / 2 <= L / 2            looser: one good end makes up for the other

LSP's 10 sticks: lower and upper legs, lower and upper arms (left and right each), the head from
neck to head top, the torso from the middle of the hips to the middle of the shoulders. The rules:

  an end not annotated   stick ignored (for the torso: any of the four joints)
  occluded               counted: the annotator gave it a position
  not predicted          (nan) wrong
  no length              (both ends in one place) stick ignored: only a perfect hit could pass
  on the line            correct: the comparison is `<=`

Where others deviate: old code scored "average" (or either end) under the name of strict PCP, which
made tables incomparable (Pishchulin et al. point it out); some score the best of several
detections; observer-centric labels give other numbers than LSP's person-centric ones. It rewards
long limbs: the same error is right on a thigh and wrong on a forearm seen from its end, which PCK
avoids.

References:
  Ferrari, Marin-Jimenez and Zisserman, "Progressive Search Space Reduction for Human Pose
  Estimation", CVPR 2008; Pishchulin et al., "Articulated People Detection and Pose Estimation:
  Reshaping the Future", CVPR 2012 (on the two readings).
"""

import numpy as np

from cpm.evaluation.pck import checked
from cpm.evaluation.scores import Score, score_from_credit
from cpm.skeleton import Skeleton, canonical_name

# Stick: its two ends; an end of two joints is the point between them.
STICKS = {
    "right_lower_leg": (("right_ankle",), ("right_knee",)),
    "right_upper_leg": (("right_knee",), ("right_hip",)),
    "left_upper_leg": (("left_hip",), ("left_knee",)),
    "left_lower_leg": (("left_knee",), ("left_ankle",)),
    "right_lower_arm": (("right_wrist",), ("right_elbow",)),
    "right_upper_arm": (("right_elbow",), ("right_shoulder",)),
    "left_upper_arm": (("left_shoulder",), ("left_elbow",)),
    "left_lower_arm": (("left_elbow",), ("left_wrist",)),
    "head": (("neck",), ("head_top",)),
    "torso": (("right_hip", "left_hip"), ("right_shoulder", "left_shoulder")),
}
# The columns of the published tables: left and right merged.
STICK_GROUPS = {
    "Torso": ("torso",),
    "U.leg": ("right_upper_leg", "left_upper_leg"),
    "L.leg": ("right_lower_leg", "left_lower_leg"),
    "U.arm": ("right_upper_arm", "left_upper_arm"),
    "L.arm": ("right_lower_arm", "left_lower_arm"),
    "Head": ("head",),
}
UNITS = {
    "strict": "0.5 × limb length at both ends",
    "average": "0.5 × limb length on the average of both ends",
}
LIMB_METRICS = tuple(f"pcp_{kind}" for kind in UNITS)


def limb_pcp(
    predicted: np.ndarray,
    truth: np.ndarray,
    state: np.ndarray,
    skeleton: Skeleton,
    *,
    kind: str = "strict",
    fraction: float = 0.5,
) -> Score:
    """PCP of limbs by the definition at the top of this file.

    Args:
      predicted: `[N, P, 2]`, image pixels; nan = no prediction.
      truth: `[N, P, 2]`, image pixels.
      state: `[N, P]` int, 0 absent, 1 occluded, 2 visible.
      skeleton: names of the P joints; a stick whose joints it does not have is never counted.
      kind: `strict` or `average`.
      fraction: of the limb's length.

    Returns:
      A `Score` named `pcp_strict` or `pcp_average`; its parts are `STICKS`, not joints.

    Raises:
      ValueError: if a shape is wrong, or for another kind.
    """
    if kind not in UNITS:
        raise ValueError(f"kind should be one of {', '.join(UNITS)}, not {kind!r}")
    errors, length, counted = stick_errors(predicted, truth, state, skeleton)
    limit = fraction * length  # [N, 10]
    if kind == "strict":
        credit = np.all(errors <= limit[..., None], axis=-1)
    else:
        credit = errors.mean(-1) <= limit
    return score_from_credit(
        f"pcp_{kind}",
        UNITS[kind],
        credit,
        counted,
        tuple(STICKS),
        groups=STICK_GROUPS,
    )


def stick_errors(
    predicted: np.ndarray, truth: np.ndarray, state: np.ndarray, skeleton: Skeleton
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """How far the ends of each stick are off.

    Args:
      predicted, truth, state, skeleton: as in `limb_pcp`.

    Returns:
      errors `[N, 10, 2]` pixels, inf where an end was not predicted; length `[N, 10]` pixels, of
      the truth; counted `[N, 10]` bool. Errors and lengths of sticks that do not count are 0.
    """
    predicted, truth, state = checked(predicted, truth, state, skeleton)
    channels = {canonical_name(joint): p for p, joint in enumerate(skeleton.joints)}
    shape = len(truth), len(STICKS)
    errors, length = np.zeros([*shape, 2]), np.zeros(shape)
    counted = np.zeros(shape, bool)
    for k, ends in enumerate(STICKS.values()):
        if not all(joint in channels for end in ends for joint in end):
            continue
        first, second = ([channels[joint] for joint in end] for end in ends)
        true_ends = np.stack([truth[:, end].mean(1) for end in (first, second)], 1)
        found = np.stack([predicted[:, end].mean(1) for end in (first, second)], 1)
        span = np.linalg.norm(true_ends[:, 0] - true_ends[:, 1], axis=-1)  # [N]
        counted[:, k] = (state[:, first + second] > 0).all(1) & (span > 0)
        distance = np.linalg.norm(found - true_ends, axis=-1)  # [N, 2]
        distance = np.where(np.isfinite(distance), distance, np.inf)
        errors[:, k] = np.where(counted[:, k, None], distance, 0.0)
        length[:, k] = np.where(counted[:, k], span, 0.0)
    return errors, length, counted
