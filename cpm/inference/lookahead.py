"""Passes over the next frames of a video, in one batch with the pass over this one.

Four crops in one batch take less time than four batches of one crop, but a crop is placed by the
joints of the frame before. People keep their speed, so where the next crops will be is nearly known
beforehand. A pass that was made ahead is used if the crop that its frame asks for is nearly the one
it saw. If not, it is made again, and for half a second none are made ahead.
"""

import collections
import dataclasses
import math
from collections.abc import Callable, Sequence

import numpy as np

from cpm.geometry import CropRegion

# In one batch. Eight would take less time each, 8.0 instead of 10.1 ms (decision 0060), but look
# twice as far ahead, so that more are made in vain; that was not tried.
CROPS = 4
# Two crops are nearly the same if no edge is off by more than this share of a side: less than
# training moves and resizes crops by (`AUGMENTATIONS` in cpm/config.py).
NEAR = 0.1
PAUSE = 0.5  # seconds without passes ahead after one that was made in vain

Poses = Callable[[list[np.ndarray], list[CropRegion]], tuple[np.ndarray, np.ndarray]]


@dataclasses.dataclass(frozen=True, eq=False)
class Passes:
    """One pass over each of N people of a frame.

    Attributes:
      time: of the frame, seconds.
      regions: the N `CropRegion`s that were seen.
      joints_px: `[N, P, 2]`, image pixels.
      confidence: `[N, P]`.
    """

    time: float
    regions: list[CropRegion]
    joints_px: np.ndarray
    confidence: np.ndarray


class Lookahead:
    """Makes the passes of one frame after the other.

    Args:
      poses: function (images, regions) → joints_px `[N, P, 2]`, confidence `[N, P]` of N pairs of
        image and `CropRegion`, in one batch.

    Attributes:
      crops: that were computed so far, those in vain included.
    """

    def __init__(self, poses: Poses) -> None:
        self._poses = poses
        self._made: collections.deque[Passes] = collections.deque()
        self._not_before = -math.inf
        self.crops = 0

    def __call__(
        self,
        image: np.ndarray,
        time: float,
        regions_at: Callable[[float], list[CropRegion]],
        later: Sequence[tuple[np.ndarray, float]] = (),
    ) -> Passes:
        """The passes over one frame.

        Args:
          image: `[H, W, 3]` uint8, RGB.
          time: of the frame, seconds.
          regions_at: function from a time to the N ≥ 1 regions that a frame of that time asks for,
            as far as is known now.
          later: (image, time) of the frames that come next; as many as are of use are looked at.
        """
        regions = regions_at(time)
        if self._made:
            made = self._made.popleft()
            if made.time == time and _nearly_same(made.regions, regions):
                return made
            self._made.clear()
            self._not_before = time + PAUSE
        ahead = CROPS // len(regions) - 1 if time >= self._not_before else 0
        frames = [(image, time), *later[: max(0, ahead)]]
        asked = [regions, *(regions_at(t) for _, t in frames[1:])]
        self._compute(frames, asked)
        return self._made.popleft()

    def _compute(self, frames, asked):
        images = [image for image, _ in frames for _ in asked[0]]
        joints_px, confidence = self._poses(images, [region for rs in asked for region in rs])
        self.crops += len(images)
        for n, ((_, time), regions) in enumerate(zip(frames, asked, strict=True)):
            rows = slice(n * len(regions), (n + 1) * len(regions))
            self._made.append(Passes(time, regions, joints_px[rows], confidence[rows]))


def _nearly_same(seen, wanted):
    """Whether each edge of each region lies near that of the region wanted."""
    if len(seen) != len(wanted):
        return False
    for a, b in zip(seen, wanted, strict=True):
        moved = max(abs(p - q) for p, q in zip(a.center_px, b.center_px, strict=True))
        if moved + abs(a.side_px - b.side_px) / 2 > NEAR * b.side_px:
            return False
    return True
