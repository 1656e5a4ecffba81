"""Following people through a video: one pass a frame, and numbers that stay with people.

The crop of the next frame is placed around the joints of the last one. So a frame costs one pass a
person, all of them in one batch. A full search covers the whole image: in the first frame, half a
second after somebody new was found, then ever more rarely up to every few seconds, and when
somebody is lost or found much less surely than before. It finds people who came in, and those who
have left their crops. Where as many people are followed as were asked for, and all of them surely,
it could change nothing and is left out.

A crop moves on at the speed of its person, and so do joints that are compared over time. Where the
next frames are known, passes over them are made in the same batch (lookahead.py).

Who was lost within the last seconds is looked for in every frame, by a crop in the same batch where
the person would be by now. Somebody there who is nobody else gets the old number back at once.

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
from cpm.inference.lookahead import Lookahead
from cpm.inference.matching import Matcher
from cpm.inference.person_pose import PersonPose
from cpm.inference.track import Track, overall_confidence, size
from cpm.inference.track_steps import Steps, TrackingOptions
from cpm.skeleton import Skeleton

# A search follows soon after a find was lost before it had a number, so often in a row: something
# may look like a person to searches alone.
RETRIES = 3


class Tracker:
    """Finds people in one frame after the other.

    Args:
      poses: function (images, regions) → joints_px `[N, P, 2]`, confidence `[N, P]` of N pairs of
        image and `CropRegion`, in one batch: `Predictor.poses`.
      find: function (image) → list of `PersonPose`, the surest first; a full search. It may find
        more than `limit`: the surest of all may be those who are followed already.
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
        find: Callable[[np.ndarray], Sequence[PersonPose]],
        skeleton: Skeleton,
        *,
        margin: float,
        limit: int | None = None,
        threshold: float = 0.0,
        options: TrackingOptions | None = None,
    ) -> None:
        self._passes, self._find = Lookahead(poses), find
        self._limit = limit
        self._options = options or TrackingOptions()
        self._matcher = Matcher(skeleton)
        self._steps = Steps(self._matcher, skeleton, margin, threshold, self._options)
        self._tracks: list[Track] = []
        self._lost: list[Track] = []
        self._next_id = 1
        self._last_search = -np.inf
        self._wrong = False  # since the last search
        self._in_vain = 0  # finds lost before they had a number, since the last that got one
        self._wait = self._options.retry_after  # from the last search to the next
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
        self._forget(time)
        self._wrong |= self._follow(image, time, later)
        self._forget(time)
        since = time - self._last_search
        due = self._wrong or self._lost or not self._tracks or since >= self._wait
        if due and since >= options.retry_after and not self._is_complete():
            self._search(image, time)
            self._wait = min(options.search_every, 2 * self._wait)
        if self._confirm(time):
            self._wait, self._in_vain = min(options.search_every, options.retry_after), 0
        named = {track.id: track.pose for track in self._tracks if track.id is not None}
        return tuple(named[id] for id in sorted(named))

    def _follow(self, image, time, later):
        """One pass over all who are followed or lost; returns whether that calls for a search."""
        tracks, self._tracks = self._tracks, []
        lost = list(self._lost) if self._has_room(tracks) else []
        everybody = tracks + lost
        if not everybody:
            return False
        seen = self._passes(
            image, time, lambda when: [track.region_at(when) for track in everybody], later
        )
        sides_px = [region.side_px for region in seen.regions]
        found = [
            self._steps.pose(*each)
            for each in zip(seen.joints_px, seen.confidence, sides_px, strict=True)
        ]
        count = len(tracks)  # the lost come after them
        moved = self._steps.moved(tracks, found[:count], sides_px[:count], time)
        again = self._steps.seen_again(lost, found[count:], sides_px[count:], time)
        kept = self._matcher.apart(moved + again, returning=len(again))
        followed = [pair for n, pair in enumerate(moved) if n in kept]
        gone = [track for track in tracks if not any(track is before for before, _ in followed)]
        for track in gone:
            self._lose(track)
        self._tracks = [after for _, after in followed]
        self._take_back([pair for n, pair in enumerate(again, len(moved)) if n in kept], time)
        unsure = self._options.unsure
        return any(track.id is not None or self._in_vain <= RETRIES for track in gone) or any(
            overall_confidence(after.pose) < unsure * before.usual for before, after in followed
        )

    def _take_back(self, again, time):
        """Follows those again who are where they would be, and where nobody else is."""
        lost, poses = [before for before, _ in again], [after.pose for _, after in again]
        for t, n in self._matcher.back(lost, poses, self._tracks, time).items():
            if self._has_room(self._tracks):
                pose, region = dataclasses.replace(poses[n], id=lost[t].id), again[n][1].region
                self._tracks.append(
                    dataclasses.replace(lost[t], pose=pose, region=region, time=time)
                )
                self._lost = [track for track in self._lost if track is not lost[t]]

    def _has_room(self, tracks):
        return self._limit is None or len(tracks) < self._limit

    def _forget(self, time):
        """Leaves out those who have been lost for too long."""
        self._lost = [track for track in self._lost if time - track.time <= self._options.bridge]

    def _lose(self, track):
        """Keeps somebody who is lost as last seen surely; who was not confirmed is forgotten."""
        sure = track.last_sure
        if sure is None or track.time - sure.time > self._options.bridge / 2:  # too long ago
            sure = track
        if track.id is None:
            self._in_vain += 1
        else:
            self._lost.append(sure)

    def _confirm(self, time):
        """Numbers for those who were followed for long enough, or were lost before.

        The first pose of somebody who comes out from behind another is often too poor to tell.
        Where nobody has a number yet, as in a first frame, those get one at once who are about as
        sure as the surest; of the others too many are no people.
        Returns whether somebody got a number.
        """
        options = self._options
        new = [track for track in self._tracks if track.id is None]
        sure = [overall_confidence(track.pose) for track in new]
        first = len(new) == len(self._tracks) and not self._lost
        least = options.clear * max(sure, default=0.0) if first else np.inf
        back = self._matcher.returned(self._lost, [track.pose for track in new], time)
        numbers = {n: self._lost[t].id for t, n in back.items()}
        self._lost = [track for t, track in enumerate(self._lost) if t not in back]
        for n, track in enumerate(new):
            known = sure[n] >= least or time - track.since >= options.confirm
            if n not in numbers and known:
                numbers[n], self._next_id = self._next_id, self._next_id + 1
            if n in numbers:
                track.id = numbers[n]
                track.pose = dataclasses.replace(track.pose, id=track.id)
        return bool(numbers)

    def _is_complete(self):
        """Whether a search could change nothing: see `_add`, and no pose is surer than 1."""
        if self._has_room(self._tracks):
            return False
        return min(overall_confidence(track.pose) for track in self._tracks) > self._options.lost

    def _search(self, image, time):
        """Looks at the whole image: people who are new, and people whose track went astray."""
        self.searches += 1
        self._last_search, self._wrong = time, False
        found = [person for person in self._find(image) if self._steps.is_somebody(person)]
        regions = [self._region_of(person) for person in found]
        found, regions = _without_none(found, regions)
        for n in self._matcher.not_followed(self._tracks, found):
            self._add(found[n], regions[n], time)

    def _add(self, person, region, time):
        """Follows somebody new, if there is room for one more."""
        if not self._has_room(self._tracks):
            weakest = min(self._tracks, key=lambda track: overall_confidence(track.pose))
            # The track may have slid off to something that looks a little like a person.
            if overall_confidence(weakest.pose) > self._options.lost * overall_confidence(person):
                return
            self._tracks = [track for track in self._tracks if track is not weakest]
        side_px = size(person)
        pose = self._steps.pose(person.joints_px, person.confidence, side_px, person.score)
        self._tracks.append(
            Track(None, time, pose, region, overall_confidence(pose), time, np.zeros(2))
        )

    def _region_of(self, person):
        """The next region of a person that a search found."""
        return self._steps.next_region(person, size(person))


def _without_none(found, regions):
    pairs = [pair for pair in zip(found, regions, strict=True) if pair[1] is not None]
    return [person for person, _ in pairs], [region for _, region in pairs]
