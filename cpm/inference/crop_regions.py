"""The regions of the passes: the whole image first, then a crop around the joints found there.

Without a box the first pass sees the whole image, in which the person may be small and off-center.
The joints that it finds say where the person is. The second pass sees a crop around them, in which
the person is as large as in training. Prediction (cpm/inference/predictor.py) and evaluation
(cpm/scoring/evaluate.py) choose these regions with the same functions.
"""

from typing import Any

import numpy as np

from cpm import geometry
from cpm.config import DataConfig
from cpm.geometry import CropRegion

# A joint counts if its peak is at least this share of the person's highest one: an absolute height
# would depend on how long the network was trained.
SURE = 0.25
# No region is made from fewer than this share of the joints, or from joints that span less than
# that share of the last region's side.
FEWEST = 0.25
SMALLEST = 0.1
# The box misses the joints that were not found, and is off by the errors of the others.
SLACK = 1.15
# Side of a crop relative to a person's box, where training does not say it: an eighth of the box is
# left on either side.
USUAL_MARGIN = 1.25


def first_region(height: int, width: int, rule: str) -> CropRegion:
    """The region of the first pass when no box is given.

    Args:
      height, width: of the image.
      rule: the network's `DataConfig.crop`, or what to do instead. `image` is LSP's test, by the
        image's height alone; anything else the smallest square that holds the whole image.
    """
    if rule == "image":
        return geometry.region_from_image(height, width)
    return geometry.region_from_whole_image(height, width)


def next_region(
    joints_px: np.ndarray, confidence: np.ndarray, side_px: float, margin: float
) -> CropRegion | None:
    """The region of the next pass, around the joints that the last one found.

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
    highest = np.max(confidence, where=found, initial=0.0)
    sure = found & (confidence >= SURE * highest)
    if sure.sum() < max(2, FEWEST * len(sure)):
        return None
    if np.ptp(joints_px[sure], axis=0).max() < SMALLEST * side_px:
        return None
    return geometry.region_from_joints(joints_px, sure, SLACK * margin)


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
