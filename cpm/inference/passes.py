"""The passes over people: one of several windows first, then around the joints of the last pass.

Where the regions lie is said in cpm/inference/crop_regions.py; what one pass is, in one_pass.py.
All people of a call are passed over together, as long as anybody has a pass left. A pass that is
clearly less sure than the one before is the last one, and does not count.
"""

import dataclasses
import itertools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from cpm import geometry
from cpm.inference import crop_regions
from cpm.inference.crop_regions import next_region, replaces
from cpm.inference.image_query import Box, ImageQuery, check_box, check_score
from cpm.inference.person_pose import PoseMaps


@dataclasses.dataclass(frozen=True, eq=False)
class RegionPose:
    """What one pass over a region found: joints `[P, 2]` in image pixels, confidence `[P]`."""

    region: geometry.CropRegion
    joints_px: np.ndarray
    confidence: np.ndarray
    maps: PoseMaps | None = None


@dataclasses.dataclass(frozen=True, eq=False)
class PersonQuery:
    """One person to find in an image: where the first pass is, number of passes, what is known.

    `before` is what a pass over a window found that led to the region; None = nothing led to it.
    """

    image: np.ndarray
    regions: list[geometry.CropRegion]
    passes: int
    box: tuple[float, float, float, float] | None = None
    score: float | None = None
    before: RegionPose | None = None


def person_query(
    query: ImageQuery, box: Box | None, *, rule: str, margin: float, passes: int | None
) -> PersonQuery:
    """The `PersonQuery` of a box, perhaps with a score, or of None: the middle.

    Args:
      query: `ImageQuery` of the image.
      box: as of `Predictor`, or None.
      rule: of `crop_regions.first_regions`, where there is no box.
      margin: side of a crop relative to the longer side of a box.
      passes: number of passes; None = 2 without a box, 1 with one.

    Raises:
      UsageError: if the box has no area or lies outside the image.
    """
    height, width = query.image.shape[:2]
    if box is None:
        regions = crop_regions.first_regions(height, width, rule)
        return PersonQuery(query.image, regions, passes or 2)
    score = None
    if not isinstance(box, str) and np.shape(box) == (5,):
        box, score = box[:4], check_score(box[4], query.file)
    box = check_box(box, height, width, query.file)
    regions = [geometry.region_from_box(box, margin)]
    return PersonQuery(query.image, regions, passes or 1, box, score)


def with_one_region(
    queries: Sequence[PersonQuery],
    one_pass: Callable[..., tuple[np.ndarray, np.ndarray]],
    margin: float,
) -> Sequence[PersonQuery]:
    """The queries; where there were several regions, the one that a first pass leads to.

    Args:
      queries: list of N `PersonQuery`.
      one_pass: function of images and regions → joints and confidence, `Predictor.poses`: a plain
        one, since it mostly only says where the next one is.
      margin: side of a crop relative to a person's box.
    """
    rows = [n for n, query in enumerate(queries) if len(query.regions) > 1]
    if not rows:
        return queries
    pairs = [(queries[n].image, region) for n in rows for region in queries[n].regions]
    joints_px, confidence = one_pass(*zip(*pairs, strict=True))
    first, resolved = 0, list(queries)
    for n in rows:
        query = queries[n]
        windows = slice(first, first + len(query.regions))
        first = windows.stop
        best = crop_regions.choose_window(confidence[windows])
        region, passes, before = query.regions[best], query.passes, None
        if passes > 1:
            pose = joints_px[windows][best], confidence[windows][best]
            nearer = next_region(*pose, region.side_px, margin)
            before = RegionPose(region, *pose) if nearer else None
            region, passes = nearer or region, passes - 1
        resolved[n] = dataclasses.replace(query, regions=[region], passes=passes, before=before)
    return resolved


def all_passes(
    queries: Sequence[PersonQuery],
    one_pass: Callable[..., tuple[np.ndarray, np.ndarray, list[Any]]],
    margin: float,
) -> list[RegionPose]:
    """Passes over N people, each around the joints found by the one before.

    Args:
      queries: list of N `PersonQuery`, each of one region.
      one_pass: function of images and regions → joints, confidence, list of `PoseMaps` or None.
      margin: side of a crop relative to a person's box.

    Returns:
      List of N `RegionPose`, of the last pass over each person that counts: `before` of the query
      if no pass does.
    """
    found = [query.before for query in queries]
    regions = dict(enumerate(query.regions[0] for query in queries))
    for done in itertools.count(1):
        passed = one_pass([queries[n].image for n in regions], [*regions.values()])
        again = {}
        for (n, region), *pose in zip(regions.items(), *passed, strict=True):
            after, before = RegionPose(region, *pose), found[n]
            if before is not None and not replaces(after.confidence, before.confidence):
                continue  # another pass would see the same crop again
            found[n] = after
            if queries[n].passes > done:
                around = next_region(after.joints_px, after.confidence, region.side_px, margin)
                if around is not None:
                    again[n] = around
        regions = again
        if not regions:
            break
    return [pose for pose in found if pose is not None]  # None is left where a pass was made
