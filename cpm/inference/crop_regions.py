"""The regions of the passes: wide windows first, then a crop around the joints found there.

Without a box the person may be anywhere near the middle of the image, small or large, alone or
not. So the first pass sees three windows around the middle: the whole image, and narrower ones. In
the whole image somebody else may stand beside the person, and joints of both are found. Of a narrow
window the person may fill more than there is. `choose_window` says whose pose is followed: its
joints say where the person is. The second pass sees a crop around them, in which the person is as
large as in training. If it is clearly less sure, the first one's joints stay (`replaces`). Of
somebody whom the image's edge cuts off, for one, it shows only the part that is there, too large.
Prediction (cpm/inference/passes.py) and evaluation (cpm/scoring/passes.py) choose with the same
functions.
"""

from typing import Any

import numpy as np

from cpm import geometry
from cpm.config import DataConfig
from cpm.geometry import CropRegion

# The rules that place the first pass by the image alone, see `first_regions`. Of `middle` and
# `whole`: the sides of their windows, as shares of the smallest square that holds the whole image.
SHARES = {"middle": (1.0, 0.5**0.5, 0.5), "whole": (1.0,)}
RULES = (*SHARES, "image")
# Rules that place a training crop around a person; `augment.room` adds views of whole images.
AROUND_PEOPLE = ("joints", "height", "person")
# A narrower window is preferred if its pose is nearly as sure. A window that shows two people gives
# joints of both, which are as sure as those of one.
NEARLY = 0.9
# A joint counts if its peak is at least this share of the person's highest one: an absolute height
# would depend on how long the network was trained.
SURE = 0.25
# No region is made from fewer than this share of the joints, or from joints that span less than
# that share of the last region's side.
FEWEST = 0.25
SMALLEST = 0.1
# The box misses the joints that were not found, and is off by the errors of the others.
SLACK = 1.15
# A further pass counts if its mean confidence is at least this share of that of the one before. The
# first pass over windows is not mirrored, and so a little surer of the same joints.
NO_LESS_SURE = 0.9
# Side of a crop relative to a person's box, where training does not say it: an eighth of the box is
# left on either side.
USUAL_MARGIN = 1.25


def usual_rule(data_config: DataConfig) -> str:
    """The one of `RULES` for a network: `image` if it was trained so, else `middle`."""
    return "image" if data_config.crop == "image" else "middle"


def around_people(data_config: DataConfig) -> bool:
    """Whether a network was trained on crops around people alone."""
    return data_config.crop in AROUND_PEOPLE and not data_config.augment.room


def first_regions(height: int, width: int, rule: str) -> list[CropRegion]:
    """The regions of the first pass when no box is given, the widest first.

    Args:
      height, width: of the image.
      rule: `middle`, windows of several sizes around the image's middle; `whole`, the smallest
        square that holds the whole image; `image`, LSP's test, by the image's height alone.

    Returns:
      List of `CropRegion`: three for `middle`, else one.

    Raises:
      ValueError: for another rule.

    >>> [round(region.side_px) for region in first_regions(480, 640, "middle")]
    [640, 453, 320]
    """
    if rule not in RULES:
        raise ValueError(f"rule is {rule!r}, expected one of {', '.join(RULES)}")
    if rule == "image":
        return [geometry.region_from_image(height, width)]
    whole = geometry.region_from_whole_image(height, width)
    return [CropRegion(whole.center_px, share * whole.side_px) for share in SHARES[rule]]


def choose_window(confidence: np.ndarray) -> int:
    """Which window's pose is followed: of those nearly as sure as the surest, the narrowest's.

    Args:
      confidence: `[W, P]`, the heights of the joints' peaks in each window, the widest first.

    >>> choose_window(np.array([[0.7, 0.7], [0.6, 0.7], [0.2, 0.9]]))
    1
    """
    mean = np.asarray(confidence, np.float64).mean(-1)
    return int(np.flatnonzero(mean >= NEARLY * mean.max())[-1])


def next_region(
    joints_px: np.ndarray, confidence: np.ndarray, side_px: float, margin: float
) -> CropRegion | None:
    """The region of the next pass, around the joints that the last one found.

    A single keypoint has no extent: its region is as large as the last one, with it in the middle.

    Args:
      joints_px: `[P, 2]` of the last pass, image pixels; nan = not found.
      confidence: `[P]`, the heights of their peaks.
      side_px: of the last pass's region, image pixels.
      margin: side of a crop relative to a person's joints' box, see `box_margin`.

    Returns:
      `CropRegion`, or None if too few joints are sure to place a crop: then the last pass's result
      stands.
    """
    joints_px = np.asarray(joints_px, np.float64)
    confidence = np.asarray(confidence, np.float64)
    found = np.isfinite(joints_px).all(-1) & (confidence > 0)  # [P]
    if len(found) == 1:
        (x, y) = map(float, joints_px[0])
        return CropRegion((x, y), side_px) if found[0] else None
    highest = np.max(confidence, where=found, initial=0.0)
    sure = found & (confidence >= SURE * highest)
    if sure.sum() < max(2, FEWEST * len(sure)):
        return None
    if np.ptp(joints_px[sure], axis=0).max() < SMALLEST * side_px:
        return None
    return geometry.region_from_joints(joints_px, sure, SLACK * margin)


def replaces(after: np.ndarray, before: np.ndarray) -> np.ndarray:
    """Whether the poses of a further pass replace those of the pass before.

    Args:
      after, before: `[..., P]`, the heights of the joints' peaks.

    Returns:
      `[...]` bool.

    >>> replaces(np.array([[0.8, 0.8], [0.8, 0.5]]), np.array([0.8, 0.9])).tolist()
    [True, False]
    """
    after, before = (np.asarray(values, np.float64).mean(-1) for values in (after, before))
    return after >= NO_LESS_SURE * before


def next_regions(people: Any, margin: float) -> dict[str, CropRegion]:
    """`next_region` of many people: {id: `CropRegion`}, without those whose joints leave it open.

    Args:
      people: `Predictions` of the last pass.
      margin: see `box_margin`.
    """
    rows = zip(
        people.ids,
        people.joints_px[-1],
        people.confidence[-1],
        geometry.REFERENCE_CROP_PX / people.crop_scale,  # sides of the last pass
        strict=True,
    )
    found = {
        id: next_region(joints_px, confidence, side_px, margin)
        for id, joints_px, confidence, side_px in rows
    }
    return {id: region for id, region in found.items() if region is not None}


def box_margin(data_config: DataConfig) -> float:
    """Side of the crop relative to a person's box, as the network's training crops had it.

    `joints` and `height` crops are `margin` × the joints' box. `person` crops hold 314 pixels where
    the person is 200 tall, times the margin. Crops placed by the image alone fix no such ratio;
    for them it is `USUAL_MARGIN`.
    """
    if data_config.crop in ("joints", "height"):
        return data_config.margin
    if data_config.crop == "person":
        per_height = geometry.CROP_SIDE_PER_SCALE / geometry.PERSON_HEIGHT_PX
        return data_config.margin * per_height
    return USUAL_MARGIN
