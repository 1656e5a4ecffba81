"""One frame of every track: whether its crop still shows the person, or shows a lost one again.

A `Track` is a person who is followed or lost, a pose what one pass found in the track's crop.
"""

import dataclasses
from collections.abc import Sequence

import numpy as np

from cpm.geometry import CropRegion
from cpm.inference.crop_regions import next_region
from cpm.inference.matching import Matcher
from cpm.inference.person_pose import PersonPose, joints_box
from cpm.inference.track import Track, overall_confidence
from cpm.skeleton import Skeleton

# Share of the usual confidence from which on an unsure track is trusted again, or a lost one back.
SURE_AGAIN = 0.9


@dataclasses.dataclass(frozen=True)
class TrackingOptions:
    """When to search, and when to give up.

    Attributes:
      search_every: most seconds between full searches where nothing is wrong.
      retry_after: least seconds between two searches, whatever is wrong. After a search, or a new
        number, the next search comes so much later; then the time doubles up to `search_every`.
      bridge: seconds for which a lost person keeps the number.
      unsure: a full search follows when the mean confidence falls below this share of the usual.
      lost: below this share a person counts as lost.
      confirm: seconds for which somebody new beside others has to be followed before there is a
        number: between people who cross, searches find people made of both.
      clear: where nobody has a number yet, who is as sure as this share of the surest person waits
        for none.
    """

    search_every: float = 3.0
    retry_after: float = 0.5
    bridge: float = 2.0
    unsure: float = 0.75
    lost: float = 0.5
    confirm: float = 0.3
    clear: float = 0.8


class Steps:
    """Reads the passes over a frame.

    Args:
      matcher: `Matcher` of the skeleton.
      skeleton: of the P joints.
      margin: side of a crop relative to the joints' box.
      threshold: the confidence below which a joint is more likely wrong than right.
      options: `TrackingOptions`.
    """

    def __init__(
        self,
        matcher: Matcher,
        skeleton: Skeleton,
        margin: float,
        threshold: float,
        options: TrackingOptions,
    ) -> None:
        self._matcher, self._options = matcher, options
        self._skeleton, self._margin, self._threshold = skeleton, margin, threshold

    def moved(
        self,
        tracks: Sequence[Track],
        found: Sequence[PersonPose],
        sides_px: Sequence[float],
        time: float,
    ) -> list[tuple[Track, Track]]:
        """(before, after) of the tracks whose person is seen; those left out are lost.

        Args:
          tracks: list of N `Track`.
          found: list of N `PersonPose`, each in the crop of one of them.
          sides_px: list of N, of those crops.
          time: of the frame, seconds.
        """
        pairs = []
        for track, n in zip(tracks, self._matcher.own_poses(tracks, found, time), strict=True):
            pose = _of_track(found[n], track)
            region = self.next_region(pose, sides_px[n])
            share = overall_confidence(pose) / max(track.usual, 1e-9)
            if region is None or share < self._options.lost or not self.is_somebody(pose):
                continue
            unsure = share < (self._options.unsure if track.last_sure is None else SURE_AGAIN)
            pairs.append((track, track.advanced(pose, region, time, unsure)))
        return pairs

    def seen_again(
        self,
        lost: Sequence[Track],
        found: Sequence[PersonPose],
        sides_px: Sequence[float],
        time: float,
    ) -> list[tuple[Track, Track]]:
        """(before, after) of lost tracks whose crops show somebody about as surely as usual.

        Arguments as of `moved`. It may be somebody else: see `Matcher.apart` and `Matcher.back`.
        """
        pairs = []
        for track, pose, side_px in zip(lost, found, sides_px, strict=True):
            region = self.next_region(pose, side_px)
            sure = overall_confidence(pose) >= SURE_AGAIN * track.usual
            if region is not None and sure and self.is_somebody(pose):
                seen = _of_track(pose, track)
                pairs.append(
                    (track, dataclasses.replace(track, pose=seen, region=region, time=time))
                )
        return pairs

    def next_region(self, pose: PersonPose, side_px: float) -> CropRegion | None:
        """Where the next pass looks, after one at a crop of this side; None if that is open."""
        return next_region(pose.joints_px, pose.confidence, side_px, self._margin)

    def is_somebody(self, pose: PersonPose) -> bool:
        """Whether a quarter of the joints are sure by the weights' own threshold."""
        sure = np.isfinite(pose.joints_px).all(-1) & (pose.confidence >= self._threshold)
        return bool(sure.mean() >= 0.25)

    def pose(
        self,
        joints_px: np.ndarray,
        confidence: np.ndarray,
        side_px: float | None = None,
        score: float | None = None,
    ) -> PersonPose:
        """The `PersonPose` of joints `[P, 2]` and confidence `[P]`, with its box.

        Args:
          joints_px, confidence, score: of it.
          side_px: of its crop, which is the box of a single keypoint.
        """
        joints_px = np.asarray(joints_px, np.float64)
        confidence = np.asarray(confidence, np.float64)
        box = joints_box(joints_px, confidence, self._threshold, side_px)
        return PersonPose(self._skeleton, joints_px, confidence, box, score=score)


def _of_track(pose, track):
    """The pose with the track's number and score."""
    return dataclasses.replace(pose, id=track.id, score=track.pose.score)
