"""Who is who in a video: poses, tracks and people that a search found, matched by OKS.

OKS is the similarity of poses that COCO's evaluation uses, 0 … 1. Only joints that are sure count.

References: Xiao et al., "Simple Baselines for Human Pose Estimation and Tracking", ECCV 2018 (OKS
  between frames).
"""

from collections.abc import Sequence

import numpy as np

from cpm.evaluation.oks import SIGMAS, joint_sigmas, oks
from cpm.inference.person_pose import PersonPose
from cpm.inference.track import Track, size, sure_joints
from cpm.skeleton import Skeleton

# The area of a person in OKS, as a share of the square over the longer side of the joints' box:
# about that of COCO's annotated people who stand.
AREA = 0.25
# Poses of one person in frames that follow each other have an OKS near 1.
SAME = 0.4  # a search's find and a track are one person
TWICE = 0.7  # two tracks are at one person; people who merely cross come close to it for a moment
BRIDGED = 0.25  # a search's find and a lost person who moved on are one
APART = 0.3  # below it, somebody where a lost person would be is none of those who are followed
# By so much OKS a pose must be more like another track than like that whose crop it was found in.
OWN_CROP = 0.1


class Matcher:
    """Says which poses are of one person, by OKS.

    Args:
      skeleton: of the P joints.
    """

    def __init__(self, skeleton: Skeleton) -> None:
        self._sigmas = _sigmas(skeleton)

    def own_poses(
        self, tracks: Sequence[Track], found: Sequence[PersonPose], time: float
    ) -> np.ndarray:
        """Which of the poses that were found belongs to each track; mostly that of its own crop.

        Where people cross, each of two crops may show the other person.

        Args:
          tracks: list of N `Track`.
          found: list of N `PersonPose`, each in the crop of one track.
          time: of the frame, seconds.

        Returns:
          `[N]` int, positions in `found`.
        """
        alike = self._likeness([(track.pose, track.moved_on(time)) for track in tracks], found)
        return _assignment(-alike - OWN_CROP * np.eye(len(tracks)))[1]

    def apart(self, moved: Sequence[tuple[Track, Track]], returning: int = 0) -> set[int]:
        """Positions in `moved` of the tracks to keep, of (before, after) pairs: one a person.

        Args:
          moved: list of pairs of `Track`.
          returning: so many at the end were lost; the last pose of each must be clearly more like
            the person than that of somebody who is followed.
        """
        kept = set(range(len(moved)))
        poses = [after.pose for _, after in moved]
        alike = self._likeness([(pose, pose.joints_px) for pose in poses], poses)
        own = [
            self._likeness([(before.pose, before.moved_on(after.time))], [after.pose])[0, 0]
            - OWN_CROP * (n >= len(moved) - returning)
            for n, (before, after) in enumerate(moved)
        ]
        for a, b in zip(*np.triu_indices(len(moved), 1), strict=True):
            if {a, b} <= kept and max(alike[a, b], alike[b, a]) > TWICE:
                kept.discard(a if own[a] < own[b] else b)
        return kept

    def not_followed(self, tracks: Sequence[Track], found: Sequence[PersonPose]) -> list[int]:
        """Positions in `found`, the people of a search, of those without a track."""
        alike = self._likeness([(t.pose, t.pose.joints_px) for t in tracks], found)
        rows, columns = _assignment(-alike)
        known = {int(f) for t, f in zip(rows, columns, strict=True) if alike[t, f] >= SAME}
        known |= set(np.flatnonzero((alike > TWICE).any(0)).tolist())
        return [n for n in range(len(found)) if n not in known]

    def returned(
        self, lost: Sequence[Track], people: Sequence[PersonPose], time: float
    ) -> dict[int, int]:
        """{position in lost: position in people} of those who are back, at most one for each."""
        alike = self._likeness_of_lost(lost, people, time)
        rows, columns = _assignment(-alike)
        return {
            int(row): int(column)
            for row, column in zip(rows, columns, strict=True)
            if alike[row, column] >= BRIDGED
        }

    def back(
        self,
        lost: Sequence[Track],
        people: Sequence[PersonPose],
        followed: Sequence[Track],
        time: float,
    ) -> dict[int, int]:
        """As `returned`, of poses that may also show somebody who is followed, or one person twice.

        Args:
          lost: list of `Track`.
          people: list of `PersonPose` that were found where the lost would be.
          followed: list of `Track` at the time of `people`.
          time: seconds.

        Returns:
          {position in lost: position in people}, the most alike first.
        """
        alike = self._likeness_of_lost(lost, people, time)
        taken = [track.pose for track in followed]
        found: dict[int, int] = {}
        for t, n in zip(*np.unravel_index(np.argsort(-alike, axis=None), alike.shape), strict=True):
            if alike[t, n] < BRIDGED:
                break
            others = self._likeness([(pose, pose.joints_px) for pose in taken], [people[n]])
            if int(t) not in found and others.max(initial=0.0) < APART:
                found[int(t)] = int(n)
                taken.append(people[n])
        return found

    def _likeness_of_lost(self, lost, people, time):
        """`[L, F]` OKS of lost tracks and people; a lost person may have walked on, or stopped."""
        # The longer a track is lost, the less exactly its place is known.
        growth = [1 + 2 * (time - track.time) for track in lost]
        return np.maximum(
            self._likeness([(t.pose, t.moved_on(time)) for t in lost], people, growth),
            self._likeness([(t.pose, t.pose.joints_px) for t in lost], people, growth),
        )

    def _likeness(self, known, people, growth=None):
        """`[K, F]` OKS of (pose, joints to compare) pairs and people; joints that are sure count.

        `growth`: `[K]`, by which the tolerated distance is larger than OKS's own.
        """
        if not known or not people:
            return np.zeros([len(known), len(people)])
        growth = np.ones(len(known)) if growth is None else np.asarray(growth)
        area = [AREA * size(pose) ** 2 for pose, _ in known]
        return oks(
            np.nan_to_num(np.stack([joints_px for _, joints_px in known])),
            np.stack([sure_joints(pose) for pose, _ in known]),
            np.asarray(area) * growth**2,
            np.stack([person.joints_px for person in people]),
            self._sigmas,
        )


def _sigmas(skeleton):
    """OKS's σ of the joints; of joints that people do not have, that of a middling one."""
    try:
        return joint_sigmas(skeleton)
    except ValueError:
        return np.full(len(skeleton), np.median(list(SIGMAS.values())))


def _assignment(costs):
    """(rows, columns) of the cheapest one-to-one matching of a `[K, F]` matrix."""
    if min(costs.shape) == 0:
        return np.zeros(0, int), np.zeros(0, int)
    if min(costs.shape) == 1:
        row, column = np.unravel_index(costs.argmin(), costs.shape)
        return np.array([row]), np.array([column])
    from scipy.optimize import linear_sum_assignment  # a third of a second, for several people

    return linear_sum_assignment(costs)
