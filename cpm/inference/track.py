"""One person who is followed through a video, or lost: pose, place, speed, and how sure all is.

A crop moves on at the speed of its person, and so do joints that are compared over time.
"""

import dataclasses
import math

import numpy as np

from cpm.geometry import CropRegion
from cpm.inference.crop_regions import SURE
from cpm.inference.person_pose import PersonPose

# Seconds over which the running means reach back, whatever the rate of the frames. Usual confidence
# changes slowly: a person who is covered little by little is not to count as usual.
SPEED_S, CONFIDENCE_S = 0.4, 0.8


@dataclasses.dataclass
class Track:
    """A person who is followed, or lost.

    Attributes:
      id: the number; None = not confirmed yet.
      since: time from which on the person is followed.
      pose: `PersonPose` as last seen.
      region: `CropRegion` around it.
      usual: mean confidence over the last frames.
      time: of `pose`.
      velocity: `[2]`, pixels a second.
      last_sure: the track when the confidence was as usual for the last time; None = now. Somebody
        who is being covered may lend joints of the one in front.
    """

    id: int | None
    since: float
    pose: PersonPose
    region: CropRegion
    usual: float
    time: float
    velocity: np.ndarray
    last_sure: "Track | None" = None

    def region_at(self, time: float) -> CropRegion:
        """The `CropRegion` of a pass at this time, moved on like the joints."""
        x, y = np.asarray(self.region.center_px) + self.velocity * (time - self.time)
        return dataclasses.replace(self.region, center_px=(float(x), float(y)))

    def moved_on(self, time: float) -> np.ndarray:
        """`[P, 2]`: where the joints would be if the person had kept the speed."""
        return self.pose.joints_px + self.velocity * (time - self.time)

    def advanced(self, pose: PersonPose, region: CropRegion, time: float, unsure: bool) -> "Track":
        """The track with the pose of this frame.

        Args:
          pose: `PersonPose` of the frame, with the track's `id`.
          region: `CropRegion` around it.
          time: of the frame.
          unsure: whether it is to be remembered as last seen surely before.
        """
        both = sure_joints(self.pose) & sure_joints(pose)
        elapsed = max(time - self.time, 1e-6)
        velocity = self.velocity
        if both.any() and not unsure:
            step = np.median(pose.joints_px[both] - self.pose.joints_px[both], axis=0)
            velocity = velocity + fresh(elapsed, SPEED_S) * (step / elapsed - velocity)
        share = fresh(elapsed, CONFIDENCE_S)
        usual = self.usual + share * (overall_confidence(pose) - self.usual)
        last_sure = (self.last_sure or self) if unsure else None
        return Track(self.id, self.since, pose, region, usual, time, velocity, last_sure)


def fresh(elapsed: float, reach: float) -> float:
    """Share of a new value in a running mean over `reach` seconds, `elapsed` after the last one.

    >>> round(fresh(0.04, 0.4), 3), round(fresh(0.08, 0.4), 3)
    (0.095, 0.181)
    """
    return 1 - math.exp(-elapsed / reach)


def sure_joints(pose: PersonPose) -> np.ndarray:
    """`[P]` bool: joints that were found about as surely as the surest."""
    found = np.isfinite(pose.joints_px).all(-1) & (pose.confidence > 0)
    return found & (pose.confidence >= SURE * np.max(pose.confidence, where=found, initial=0.0))


def extent(pose: PersonPose) -> tuple[float, float]:
    """Width and height of the box around the joints that are sure; zeros without any."""
    sure = sure_joints(pose)
    return tuple(np.ptp(pose.joints_px[sure], axis=0)) if sure.any() else (0.0, 0.0)


def size(pose: PersonPose) -> float:
    """Longer side of the box around the joints that are sure, at least 1 pixel.

    Of a single keypoint, which has no extent, that of its box.
    """
    return max(*(extent(pose) if len(pose.joints_px) > 1 else pose.box[2:]), 1.0)


def overall_confidence(pose: PersonPose) -> float:
    """Mean confidence of all joints; one that was not found has none, and counts 0."""
    found = np.isfinite(pose.joints_px).all(-1)
    return float(np.where(found, pose.confidence, 0.0).mean())
