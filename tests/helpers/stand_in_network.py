"""A stand-in for the network that knows the true joints of a walk and errs as networks do.

A crop is answered with the person whom it shows best. Joints of that person which are hidden are
drawn to whoever is in front, and all have noise. So rules that follow people can be compared
without weights; the numbers say nothing about any network.
"""

import numpy as np

from cpm.inference.person_pose import PersonPose, joints_box
from cpm.skeleton import VISIBLE
from tests.helpers.truth_reader import MPII
from tests.helpers.walk_videos import read_stamp

THRESHOLD = 0.52
NOISE = 0.012  # of a joint, as a share of the person's height
CROP = 1.44  # the best side of a crop, relative to the height
ATTRACTED = 0.7  # share of the hidden joints that are drawn to somebody in front


class StandIn:
    """Answers by frame number (`walk_videos.stamp`).

    Args:
      joints_px: `[F, N, 16, 2]`.
      state: `[F, N, 16]`, as of `WalkFrame`.
      seed: of the noise.
    """

    skeleton, margin, threshold = MPII, 1.25, THRESHOLD

    def __init__(self, joints_px, state, seed):
        self._joints_px, self._seen = joints_px, state == VISIBLE
        self._rng = np.random.default_rng(seed)

    def poses(self, images, regions):
        """Joints `[M, 16, 2]` and confidence `[M, 16]` of M crops."""
        found = [
            self._look(read_stamp(image), np.array(region.center_px), region.side_px)
            for image, region in zip(images, regions, strict=True)
        ]
        return np.stack([f[0] for f in found]), np.stack([f[1] for f in found])

    def find(self, image):
        """Everybody of whom half is to be seen, the surest first, where the pose is right."""
        number, people = read_stamp(image), []
        for true, seen in zip(self._joints_px[number], self._seen[number], strict=True):
            height = np.ptp(true, axis=0).max()
            found = self._look(number, (true.min(0) + true.max(0)) / 2, CROP * height)
            right = np.linalg.norm(found[0] - true, axis=-1).mean() < 0.15 * height
            if seen.mean() >= 0.5 and right:
                score = float(found[1].mean())
                people.append(PersonPose(MPII, *found, joints_box(*found, THRESHOLD), score=score))
        return sorted(people, key=lambda person: -person.score)

    def _look(self, number, center, side_px):
        joints_px, seen = self._joints_px[number], self._seen[number]
        low, high = joints_px.min(1), joints_px.max(1)  # [N, 2]
        heights = (high - low).max(1)
        far = np.abs((low + high) / 2 - center).max(1) / side_px
        size = np.log(side_px / (CROP * heights))
        fit = np.exp(-((far / 0.22) ** 2) / 2 - (size / 0.6) ** 2 / 2)
        shown = seen.mean(1) * fit
        n = int(shown.argmax())
        found = joints_px[n].copy()
        confidence = np.where(seen[n], 0.75, 0.45) * (0.4 + 0.6 * fit[n])
        others = [k for k in range(len(fit)) if k != n and shown[k] > 0.25 * shown[n]]
        for p in np.flatnonzero(~seen[n]):
            distance = [np.linalg.norm(joints_px[k, p] - joints_px[n, p]) for k in others]
            nearest = others[int(np.argmin(distance))] if others else n
            if seen[nearest, p] and self._rng.random() < ATTRACTED:
                found[p], confidence[p] = joints_px[nearest, p], 0.6
        found = found + self._rng.normal(0, NOISE * heights[n], found.shape)
        return found, np.clip(confidence + self._rng.normal(0, 0.04, 16), 0.01, 1)
