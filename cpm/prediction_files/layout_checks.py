"""Predictions that fit in shape and still cannot be what they are taken for.

A file without names can hold another order of joints, of people or of x and y, or positions in
other units; it is then scored without complaint, and too low. Each mistake is tried on the
predictions at hand: where undoing it brings many more of them near the truth, the file is refused
and the finding named. Left and right exchanged is no mistake of layout (observer-centric labels
look so): a warning.

    near[p, q]: share of people whose predicted joint p is within 1/10 of the person's size, the
    longer side of the joints' box, of the true joint q.  Own score: mean of near[p, p].
    A mistake is found where undoing it raises the score by 25 points.

A joint that was not predicted is not compared: a method may not know the hips. Where the file names
its joints or its people, their order is known and is not looked for.
"""

import numpy as np
import scipy.optimize

from cpm.errors import UsageError
from cpm.evaluation.predictions import Predictions
from cpm.skeleton import Skeleton

NEAR = 0.1
GAIN = 0.25
SAMPLE = 200  # people that are looked for elsewhere in the file


def check_layout(
    people: Predictions,
    skeleton: Skeleton,
    path: str,
    *,
    joints_named: bool = False,
    people_named: bool = False,
) -> list[str]:
    """Refuses predictions that are near the truth only in another order.

    Args:
      people: `Predictions`; the last stage is looked at.
      skeleton: names of its joints.
      path: of the file, for the messages.
      joints_named: the file says which joint is which: no other order is looked for.
      people_named: the file says who is who; people may look alike.

    Returns:
      List of warnings, sentences.

    Raises:
      UsageError: with what was found, if the layout is another one.
    """
    predicted = people.joints_px[-1]
    near = nearness(predicted, people)
    own = _mean(np.diag(near))
    limit = own + GAIN
    _refuse_units(predicted, people, own, path)
    if _mean(np.diag(nearness(predicted[..., ::-1], people))) > limit:
        raise UsageError(
            f"{path}: positions fit the truth as (y, x), not as (x, y); exchange the two "
            "and try again"
        )
    if _mean(np.diag(near[:, skeleton.mirror])) > limit:
        return [
            f"{path}: the predictions fit better with left and right exchanged; these people's "
            "labels are person-centric, the predictions may be observer-centric"
        ]
    order = np.arange(len(near)) if joints_named else best_order(near)
    if _mean(near[np.arange(len(order)), order]) > limit:
        moved = [
            f"{skeleton.joints[p]} lies at {skeleton.joints[q]}"
            for p, q in enumerate(order)
            if p != q and near[p, q] > near[p, p]
        ]
        raise UsageError(
            f"{path} has its joints in another order than {', '.join(skeleton.joints)} ("
            f"{'; '.join(moved)}); put their names into the file, as an array of texts "
            "called 'joints'"
        )
    elsewhere = 0.0 if people_named else share_elsewhere(predicted, people)
    if elsewhere > own + GAIN:
        raise UsageError(
            f"{path} has its people in another order than the truth: {elsewhere:.0%} of those "
            "looked at lie on somebody else; put the people's names into the file, as an array "
            f"of texts called 'ids' (here they are called like {people.ids[0]!r})"
        )
    return []


def nearness(predicted: np.ndarray, people: Predictions) -> np.ndarray:
    """`[P, P]` near[p, q] as above; nan where nobody has the true joint q and a predicted p.

    Args:
      predicted: `[N, P, 2]`.
      people: the truth.
    """
    distance = np.linalg.norm(
        predicted[:, :, np.newaxis] - people.truth_px[:, np.newaxis], axis=-1
    )  # [N, P, P]
    right = distance <= NEAR * sizes(people)[:, np.newaxis, np.newaxis]
    there = (people.state > 0)[:, np.newaxis] & np.isfinite(predicted).all(-1)[..., np.newaxis]
    with np.errstate(invalid="ignore"):
        return (right & there).sum(0) / there.sum(0)


def sizes(people: Predictions) -> np.ndarray:
    """`[N]` longer side of the true joints' box, pixels; nan for a person with less than two."""
    there = (people.state > 0)[..., np.newaxis]
    low = np.where(there, people.truth_px, np.inf).min(1)
    high = np.where(there, people.truth_px, -np.inf).max(1)
    size = np.maximum(high - low, -1.0).max(-1)
    return np.where(size > 0, size, np.nan)


def best_order(near: np.ndarray) -> np.ndarray:
    """`[P]`: the true joint that each predicted one lies at, each taken once, most near in all."""
    order = np.arange(len(near))
    known = ~np.isnan(np.diag(near))
    # Two joints that nobody has together cannot be compared, nor exchanged.
    shares = np.nan_to_num(near[np.ix_(known, known)], nan=0.0)
    rows, columns = scipy.optimize.linear_sum_assignment(shares, maximize=True)
    order[order[known][rows]] = order[known][columns]
    return order


def share_elsewhere(predicted: np.ndarray, people: Predictions) -> float:
    """Share of a sample of people whose prediction lies on another person's truth, not on theirs.

    Only joints that are predicted and annotated count, at least half of the skeleton's.
    """
    size, there = sizes(people), people.state > 0
    given = np.isfinite(predicted).all(-1)  # [N, P]
    least = predicted.shape[1] / 2
    rows = np.flatnonzero((given & there).sum(1) >= least)
    if not len(rows):
        return 0.0
    rows = rows[np.unique(np.linspace(0, len(rows) - 1, SAMPLE).astype(int))]
    count = 0
    for n in rows:
        common = there & given[n]  # [N, P]
        distance = np.linalg.norm(predicted[n] - people.truth_px, axis=-1)
        total = np.where(common, distance, 0.0).sum(1)
        mean = np.where(common.sum(1) >= least, total / np.maximum(common.sum(1), 1), np.inf)
        nearest = int(np.argmin(mean))
        count += nearest != n and mean[nearest] <= NEAR * size[nearest]
    return count / len(rows)


def _refuse_units(predicted, people, own, path):
    """Fractions of an image, or pixels of another one: far smaller than the truth, never near."""
    known = np.abs(predicted[np.isfinite(predicted)])
    truth = np.abs(people.truth_px[people.state > 0])
    if own > GAIN or not known.size or not truth.size:
        return
    reach, true_reach = np.percentile(known, 99), np.percentile(truth, 99)
    if reach and not 1 / 3 < reach / true_reach < 3:
        raise UsageError(
            f"{path} holds positions up to about {reach:.3g}, the truth up to {true_reach:.3g}; "
            "expected pixels of the original images"
        )


def _mean(values):
    """Mean over the joints that are known; 0 for none."""
    known = np.asarray(values)[~np.isnan(values)]
    return float(known.mean()) if known.size else 0.0
