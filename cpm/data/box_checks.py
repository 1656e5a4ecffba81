"""What looks wrong with a person's box, (x, y, width, height): tools write others, too.

Two corners (x, y, x, y) that are read as a size make a box too large, and parts of an image make
one of less than a pixel. A box places the crop where joints do not (`regions.region`), so that such
ones hide a person from the network without a word.
"""

import numpy as np

INSIDE = 0.7  # of a person's joints, at least
MARGIN = 0.1  # of a box's longer side, by which joints may lie outside
CLOSE = 0.05  # of a side between two corners that fit, by which they may
LOOSE = 0.8  # of the area; two corners that fit leave less of a box that is read as a size
FILLED = 0.5  # of a side between two corners, which the joints reach over
EXPECTED = "expected [x, y, width, height] in pixels"
TINY = "with a bbox of less than a pixel, which goes for nothing; expected pixels"
CORNERS = f"with a bbox that fits better as two corners; {EXPECTED}"
OUTSIDE = f"with joints far outside their bbox; {EXPECTED}"


def wrong_box(
    bbox: tuple[float, float, float, float], points: np.ndarray, size: tuple[int, int]
) -> str | None:
    """What looks wrong with a person's box, or None.

    Args:
      bbox: (x, y, width, height), as annotated.
      points: `[P, 2]`, of the person's joints.
      size: (height, width) of the image.

    Returns:
      One of the sentences above. `CORNERS` may be chance for a few people of many.

    >>> points = np.array([[20.0, 20], [55, 85]])
    >>> wrong_box((10, 10, 60, 90), points, (100, 80)) == CORNERS
    True
    >>> wrong_box((10, 10, 50, 80), points, (100, 80))
    """
    x, y, width, height = bbox
    if 0 < max(width, height) < 1:
        return TINY
    if min(width, height) <= 0:
        return None  # as tools write that there is none
    margin = max(2.0, MARGIN * max(width, height))
    sides = np.array([width - x, height - y])
    if sides.min() > 0:
        close = np.maximum(2.0, CLOSE * sides)
        leaves = x + width > size[1] + margin or y + height > size[0] + margin
        filled = (np.ptp(points, axis=0) / sides).max() > FILLED
        loose = sides.prod() < LOOSE * width * height
        if _share(points, (x, y, width, height), close) == 1 and (leaves or (filled and loose)):
            return CORNERS
    if _share(points, (x, y, x + width, y + height), margin) < INSIDE:
        return OUTSIDE
    return None


def _share(points, corners, margin):
    """Share of the points between two corners, or close to them."""
    low, high = np.reshape(corners, (2, 2))
    return ((points >= low - margin) & (points <= high + margin)).all(-1).mean()
