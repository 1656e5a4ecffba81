"""A network that knows the truth: it reads a frame's number off the image (`walk_videos.stamp`)."""

import numpy as np

from cpm.inference.person_pose import PersonPose, joints_box
from cpm.skeleton import SKELETONS
from tests.helpers.walk_videos import read_stamp

MPII = SKELETONS["mpii16"]


class TruthReader:
    """Answers as a perfect network would, by frame number.

    Args:
      joints_px: `[F, N, 16, 2]`, of N people in F frames; nan = that person is not there.
      noise_px: standard deviation of what is added.

    Attributes:
      searched, regions: numbers of the frames that were searched; of each pass, (frame, region).
    """

    skeleton = MPII

    def __init__(self, joints_px, noise_px=0.0):
        self._joints_px, self._noise_px = np.asarray(joints_px, np.float64), noise_px
        self._rng = np.random.default_rng(0)
        self.searched, self.regions = [], []

    def poses(self, images, regions):
        """The person nearest the middle of each region, of the joints that it holds."""
        found = [self._look(*pair) for pair in zip(images, regions, strict=True)]
        return np.stack([f[0] for f in found]), np.stack([f[1] for f in found])

    def find(self, image, limit=None):
        """Everybody."""
        number = read_stamp(image)
        self.searched.append(number)
        people = [p for p in self._joints_px[number] if np.isfinite(p).all()]
        sure = np.full(16, 0.9)
        return [PersonPose(MPII, p, sure, joints_box(p, sure)) for p in people[:limit]]

    def _look(self, image, region):
        number = read_stamp(image)
        self.regions.append((number, region))
        people = self._joints_px[number]
        low, high = people.min(1), people.max(1)
        far = np.linalg.norm((low + high) / 2 - region.center_px, axis=-1)  # [N]
        if not np.isfinite(far).any():
            return np.zeros([16, 2]), np.full(16, 0.05)
        joints_px = people[np.nanargmin(far)]
        inside = (np.abs(joints_px - region.center_px) <= region.side_px / 2).all(-1)
        joints_px = joints_px + self._rng.normal(0, self._noise_px or 1e-12, joints_px.shape)
        return joints_px, np.where(inside, 0.9, 0.02)
