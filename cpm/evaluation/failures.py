"""Where a network fails: scores by how people stand and what is hidden, and what wrong joints are.

People are told apart by their spine, from the middle of the hips to the middle of the shoulders:

    upright, leaning, upside_down   its angle to the vertical is below 45°, below 135°, above
    front, side, behind             right shoulder to left shoulder, measured across the spine (to
                                    its right as it points up) in lengths of the spine: above 1/4,
                                    between, below -1/4

Joints are visible or occluded. A wrong joint is

    mirrored   where its partner belongs: left taken for right
    another    where another joint of this person belongs
    nowhere    near no joint of this person

Right and wrong are those of PCK@0.2 of the last stage (cpm/evaluation/pck.py): only people with
a torso count.
"""

from typing import Any

import numpy as np

from cpm.evaluation import pck
from cpm.evaluation.predictions import Predictions
from cpm.skeleton import OCCLUDED, VISIBLE, Skeleton

ALPHA = 0.2
SPINE_ENDS = ("left_hip", "right_hip", "left_shoulder", "right_shoulder")
ACROSS = 0.25
SUSPECT = 0.25


def failures(people: Predictions, skeleton: Skeleton) -> dict[str, Any] | None:
    """The score of some people by kind, and what their wrong joints are.

    Args:
      people: `Predictions`.
      skeleton: names of the joints.

    Returns:
      dict of plain values: `rule`; `people`, {kind: `people`, `joints`, `correct`} of the kinds
      above, and `joints`, the same of visible and occluded ones; `wrong`, {`mirrored`, `another`,
      `nowhere`: share of all counted joints}. Shares are fractions, None of nothing. None if no
      joint counts.
    """
    truth, state = people.truth_px, people.state
    torso, errors = _errors(people, skeleton)
    if np.isnan(errors).all():
        return None
    of_people = kinds(truth, state, skeleton)
    by_state = {"visible": state == VISIBLE, "occluded": state == OCCLUDED}
    return {
        "rule": f"pck@{ALPHA:g}",
        "people": {k: _score(errors[rows]) for k, rows in of_people.items()},
        "joints": {k: _score(errors[cells]) for k, cells in by_state.items()},
        "wrong": _wrong(people, torso, errors, skeleton),
    }


def worst(people: Predictions, skeleton: Skeleton, count: int) -> dict[str, list[int]]:
    """Rows of the people of each kind who are missed most.

    Args:
      people, skeleton: as in `failures`.
      count: at most so many of a kind.

    Returns:
      {kind: rows}, the worst first, of the kinds above that anybody is of, `occluded` (who has most
      wrong occluded joints) and `mirrored` (who has most mirrored ones); nobody without a wrong
      joint.
    """
    truth, state = people.truth_px, people.state
    torso, errors = _errors(people, skeleton)
    wrong = _is_wrong(errors)
    of_kind = {
        kind: wrong & rows[:, np.newaxis] for kind, rows in kinds(truth, state, skeleton).items()
    }
    of_kind["occluded"] = wrong & (state == OCCLUDED)
    of_kind["mirrored"] = _parts(people, torso, errors, skeleton)["mirrored"]
    found = {}
    for kind, missed in of_kind.items():
        numbers = missed.sum(-1)
        rows = np.argsort(-numbers, kind="stable")[:count]
        found[kind] = [int(n) for n in rows if numbers[n]]
    return {kind: rows for kind, rows in found.items() if rows}


def suspects(people: Predictions, skeleton: Skeleton) -> list[tuple[int, int, int]]:
    """People who may be annotated wrongly: a good network finds hardly any of their joints.

    A suspect has at most a quarter of the counted joints right, and at least half of the skeleton's
    joints count. The annotation may be wrong, or meant for another person, or the network fails.

    Args:
      people, skeleton: as in `failures`.

    Returns:
      List of (row, joints that are right, joints that count), the worst first.
    """
    _, errors = _errors(people, skeleton)
    counted = (~np.isnan(errors)).sum(-1)
    right = (errors <= ALPHA).sum(-1)
    share = right / np.maximum(counted, 1)
    rows = np.flatnonzero((2 * counted >= len(skeleton)) & (share <= SUSPECT))
    rows = rows[np.argsort(share[rows], kind="stable")]
    return [(int(n), int(right[n]), int(counted[n])) for n in rows]


def kinds(truth_px: np.ndarray, state: np.ndarray, skeleton: Skeleton) -> dict[str, np.ndarray]:
    """Who stands how.

    Args:
      truth_px: `[N, P, 2]`, (x, y) in pixels, y pointing down.
      state: `[N, P]`, 0 = absent.
      skeleton: names of the joints.

    Returns:
      {kind: `[N]` bool}; people whose hips and shoulders are not all annotated are of no kind.
    """
    names = ("upright", "leaning", "upside_down", "front", "side", "behind")
    if not all(joint in skeleton.joints for joint in SPINE_ENDS):
        return {name: np.zeros(len(truth_px), bool) for name in names}
    ends = [skeleton.index(joint) for joint in SPINE_ENDS]
    left_hip, right_hip, left, right = np.moveaxis(truth_px[:, ends], 1, 0)
    spine = (left + right - left_hip - right_hip) / 2  # [N, 2]
    length = np.linalg.norm(spine, axis=-1)
    known = (state[:, ends] > 0).all(-1) & (length > 0)
    spine = spine / np.where(known, length, 1.0)[:, None]
    tilt = np.degrees(np.arccos(np.clip(-spine[:, 1], -1, 1)))
    # Across: the spine turned by 90°, so that it points to the right when the spine points up.
    across = np.stack([-spine[:, 1], spine[:, 0]], axis=-1)
    width = ((left - right) * across).sum(-1) / np.where(known, length, 1.0)
    found = (
        *(tilt < 45, (45 <= tilt) & (tilt < 135), 135 <= tilt),
        *(width > ACROSS, abs(width) <= ACROSS, width < -ACROSS),
    )
    return {name: known & rows for name, rows in zip(names, found, strict=True)}


def _errors(people, skeleton):
    """`[N]` torso lengths, and `[N, P]` errors of the last stage in units of them."""
    truth, state = people.truth_px, people.state
    torso = pck.torso_lengths(truth, state, skeleton)
    predicted = people.joints_px[-1]
    return torso, pck.normalized_errors(predicted, truth, state, torso, skeleton)


def _is_wrong(errors):
    """`[N, P]` bool: counts, and is not right."""
    return ~np.isnan(errors) & ~(errors <= ALPHA)


def _score(errors):
    """`people` and `joints` that count, and which share of these is `correct`."""
    counted = ~np.isnan(errors)
    joints = int(counted.sum())
    correct = float((errors[counted] <= ALPHA).mean()) if joints else None
    found = {"joints": joints, "correct": correct}
    return {"people": int(counted.any(-1).sum())} | found if errors.ndim == 2 else found


def _wrong(people, torso, errors, skeleton):
    """Shares of all counted joints that are mirrored, at another joint, or nowhere."""
    counted = (~np.isnan(errors)).sum()
    parts = _parts(people, torso, errors, skeleton)
    return {name: float(part.sum() / counted) for name, part in parts.items()}


def _parts(people, torso, errors, skeleton):
    """{how a joint is wrong: `[N, P]` bool}."""
    truth, state = people.truth_px, people.state
    wrong = _is_wrong(errors)
    apart = people.joints_px[-1][:, :, None] - truth[:, None]  # [N, P, P, 2]
    with np.errstate(invalid="ignore"):
        near = np.linalg.norm(apart, axis=-1) <= ALPHA * torso[:, None, None]
    near &= (state > 0)[:, None]
    mirrored = wrong & near[:, np.arange(len(skeleton)), skeleton.mirror]
    another = wrong & near.any(-1) & ~mirrored
    nowhere = wrong & ~mirrored & ~another
    return {"mirrored": mirrored, "another": another, "nowhere": nowhere}
