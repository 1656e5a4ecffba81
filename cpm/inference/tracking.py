"""Following people through a video: one pass a frame, and numbers that stay with people.

The crop of the next frame is placed around the joints of the last one. So a frame costs one pass a
person, all of them in one batch. A full search covers the whole image: in the first frame, then
every few seconds, and when somebody is lost or found much less surely than before. It finds people
who came in, and those who have left their crops. Where as many people are followed as were asked
for, and all of them surely, it could change nothing and is left out.

A crop moves on at the speed of its person, and so do joints that are compared over time. Where the
next frames are known, passes over them are made in the same batch (lookahead.py).

People that a search finds are compared with all tracks by OKS, the similarity of poses. A pose that
matches no track may belong to a person lost within the last seconds, who then gets the old number
back. All others get a new number, from 1 on, once they have been followed for a moment. When two
tracks arrive at the same person, the track whose last pose is more like it keeps the person, and
the other counts as lost. So no two people of a frame share a number.

Times are seconds of the video: the rate may vary.

References: Bazarevsky et al., "BlazePose", 2020, section 2 (the crop from the frame before);
  Xiao et al., "Simple Baselines for Human Pose Estimation and Tracking", ECCV 2018 (OKS between
  frames).
"""

import dataclasses
from collections.abc import Callable, Sequence

import numpy as np

from cpm.geometry import CropRegion
from cpm.inference.crop_regions import next_region
from cpm.inference.lookahead import Lookahead
from cpm.inference.matching import Matcher
from cpm.inference.person_pose import PersonPose, joints_box
from cpm.inference.track import Track, extent, overall_confidence
from cpm.skeleton import Skeleton

SURE_AGAIN = 0.9  # share of the usual confidence from which on an unsure track is trusted again


@dataclasses.dataclass(frozen=True)
class TrackingOptions:
    """When to search, and when to give up.

    Attributes:
      search_every: seconds between full searches where nothing is wrong.
      retry_after: least seconds between two searches, whatever is wrong.
      bridge: seconds for which a lost person keeps the number.
      unsure: a full search follows when the mean confidence falls below this share of the usual.
      lost: below this share a person counts as lost.
      confirm: seconds for which somebody new beside others has to be followed before there is a
        number: between people who cross, searches find people made of both.
    """

    search_every: float = 3.0
    retry_after: float = 0.5
    bridge: float = 2.0
    unsure: float = 0.75
    lost: float = 0.5
    confirm: float = 0.3


class Tracker:
    """Finds people in one frame after the other.

    Args:
      poses: function (images, regions) → joints_px `[N, P, 2]`, confidence `[N, P]` of N pairs of
        image and `CropRegion`, in one batch: `Predictor.poses`.
      find: function (image, limit) → list of `PersonPose`, the surest first; a full search.
      skeleton: of the P joints.
      margin: side of a crop relative to the joints' box.
      limit: so many people at most; None = all.
      threshold: the confidence below which a joint is more likely wrong than right.
      options: `TrackingOptions`.

    Attributes:
      searches: full searches so far.
      passes: single crops so far, searches left out, those made ahead in vain included.
    """

    def __init__(
        self,
        poses: Callable[[list[np.ndarray], list[CropRegion]], tuple[np.ndarray, np.ndarray]],
        find: Callable[[np.ndarray, int | None], Sequence[PersonPose]],
        skeleton: Skeleton,
        *,
        margin: float,
        limit: int | None = None,
        threshold: float = 0.0,
        options: TrackingOptions | None = None,
    ) -> None:
        self._passes, self._find = Lookahead(poses), find
        self._skeleton, self._margin = skeleton, margin
        self._limit, self._threshold = limit, threshold
        self._options = options or TrackingOptions()
        self._matcher = Matcher(skeleton)
        self._tracks: list[Track] = []
        self._lost: list[Track] = []
        self._next_id = 1
        self._last_search = -np.inf
        self.searches = 0

    @property
    def passes(self) -> int:
        return self._passes.crops

    def __call__(
        self, image: np.ndarray, time: float, later: Sequence[tuple[np.ndarray, float]] = ()
    ) -> tuple[PersonPose, ...]:
        """People of the next frame.

        Args:
          image: `[H, W, 3]` uint8, RGB.
          time: of the frame, seconds; later than that of the one before.
          later: (image, time) of frames that come next, if some are known: they save time.

        Returns:
          tuple of `PersonPose` with `id`, sorted by it.
        """
        options = self._options
        wrong = self._follow(image, time, later)
        self._lost = [track for track in self._lost if time - track.time <= options.bridge]
        since = time - self._last_search
        due = wrong or self._lost or not self._tracks or since >= options.search_every
        if due and since >= options.retry_after and not self._is_complete():
            self._search(image, time)
        self._confirm(time)
        named = {track.id: track.pose for track in self._tracks if track.id is not None}
        return tuple(named[id] for id in sorted(named))

    def _follow(self, image, time, later):
        """One pass over everybody who is followed; returns whether that calls for a search."""
        tracks, self._tracks = self._tracks, []
        if not tracks:
            return False
        seen = self._passes(
            image, time, lambda when: [track.region_at(when) for track in tracks], later
        )
        found = [self._pose(*pair) for pair in zip(seen.joints_px, seen.confidence, strict=True)]
        wrong, moved = False, []
        for track, n in zip(tracks, self._matcher.own_poses(tracks, found, time), strict=True):
            pose = dataclasses.replace(found[n], id=track.id, score=track.pose.score)
            region = self._next_region(pose, seen.regions[n].side_px)
            share = overall_confidence(pose) / max(track.usual, 1e-9)
            if region is None or share < self._options.lost or not self._is_somebody(pose):
                self._lose(track)
                wrong = True
                continue
            wrong |= share < self._options.unsure
            unsure = share < (self._options.unsure if track.last_sure is None else SURE_AGAIN)
            moved.append((track, track.advanced(pose, region, time, unsure)))
        kept = self._matcher.apart(moved)
        for n, (track, _) in enumerate(moved):
            if n not in kept:
                self._lose(track)
        self._tracks = [after for n, (_, after) in enumerate(moved) if n in kept]
        return wrong or len(kept) < len(moved)

    def _lose(self, track):
        """Keeps somebody who is lost as last seen surely; who was not confirmed is forgotten."""
        sure = track.last_sure
        if sure is None or track.time - sure.time > self._options.bridge / 2:  # too long ago
            sure = track
        if track.id is not None:
            self._lost.append(sure)

    def _confirm(self, time):
        """Numbers for those who were followed for long enough, or are alone, or were lost before.

        The first pose of somebody who comes out from behind another is often too poor to tell.
        """
        new = [track for track in self._tracks if track.id is None]
        alone = len(new) == len(self._tracks) and not self._lost
        back = self._matcher.returned(self._lost, [track.pose for track in new], time)
        numbers = {n: self._lost[t].id for t, n in back.items()}
        self._lost = [track for t, track in enumerate(self._lost) if t not in back]
        for n, track in enumerate(new):
            if n not in numbers and (alone or time - track.since >= self._options.confirm):
                numbers[n], self._next_id = self._next_id, self._next_id + 1
            if n in numbers:
                track.id = numbers[n]
                track.pose = dataclasses.replace(track.pose, id=track.id)

    def _is_complete(self):
        """Whether a search could change nothing: see `_add`, and no pose is surer than 1."""
        if self._limit is None or len(self._tracks) < self._limit:
            return False
        return min(overall_confidence(track.pose) for track in self._tracks) > self._options.lost

    def _search(self, image, time):
        """Looks at the whole image: people who are new, and people whose track went astray."""
        self.searches += 1
        self._last_search = time
        found = [person for person in self._find(image, self._limit) if self._is_somebody(person)]
        regions = [self._region_of(person) for person in found]
        found, regions = _without_none(found, regions)
        for n in self._matcher.not_followed(self._tracks, found):
            self._add(found[n], regions[n], time)

    def _add(self, person, region, time):
        """Follows somebody new, if there is room for one more."""
        if self._limit is not None and len(self._tracks) >= self._limit:
            weakest = min(self._tracks, key=lambda track: overall_confidence(track.pose))
            # The track may have slid off to something that looks a little like a person.
            if overall_confidence(weakest.pose) > self._options.lost * overall_confidence(person):
                return
            self._tracks = [track for track in self._tracks if track is not weakest]
        pose = self._pose(person.joints_px, person.confidence, score=person.score)
        self._tracks.append(
            Track(None, time, pose, region, overall_confidence(pose), time, np.zeros(2))
        )

    def _region_of(self, person):
        """The next region of a person that a search found."""
        return self._next_region(person, max(*extent(person), 1.0))

    def _next_region(self, pose, side_px):
        return next_region(pose.joints_px, pose.confidence, side_px, self._margin)

    def _is_somebody(self, pose):
        """Whether a quarter of the joints are sure by the weights' own threshold."""
        sure = np.isfinite(pose.joints_px).all(-1) & (pose.confidence >= self._threshold)
        return sure.mean() >= 0.25

    def _pose(self, joints_px, confidence, *, id=None, score=None):
        joints_px = np.asarray(joints_px, np.float64)
        confidence = np.asarray(confidence, np.float64)
        box = joints_box(joints_px, confidence, self._threshold)
        return PersonPose(self._skeleton, joints_px, confidence, box, id=id, score=score)


def _without_none(found, regions):
    pairs = [pair for pair in zip(found, regions, strict=True) if pair[1] is not None]
    return [person for person, _ in pairs], [region for _, region in pairs]
