"""The flesh and clothes of a posed body as a list of simple solids.

Every solid is the convex hull of two balls (a tapered capsule), squeezed along the axes of the
part it belongs to: limbs are tapered capsules, the trunk is capsules of elliptic section, the
skull is a squeezed egg. One formula draws them all (`raster.py`).
"""

import dataclasses

import numpy as np

from cpm.synthetic.outfit import Paint
from cpm.synthetic.pose import SIDES

PARTS = (
    "head",
    "hair",
    "neck",
    "torso",
    "pelvis",
    "skirt",
    "object",
    *(
        f"{side}_{part}"
        for side, _ in SIDES
        for part in ("upper_arm", "forearm", "hand", "thigh", "shank", "foot")
    ),
)


@dataclasses.dataclass(frozen=True)
class Decal:
    """A flat spot of color on the front or back of a solid.

    Attributes:
      center: (x, y) in the part's (left, up) axes from the solid's `start`, body heights.
      half: half width and half height.
      color: `[3]` RGB.
      facing: +1 on the front, −1 on the back.
      square: a box rather than an ellipse.
    """

    center: tuple[float, float]
    half: tuple[float, float]
    color: np.ndarray
    facing: float = 1.0
    square: bool = False


@dataclasses.dataclass(frozen=True)
class Solid:
    """Convex hull of two balls, squeezed.

    Attributes:
      start, end: `[3]` centers of the balls in the body frame.
      radius_start, radius_end: radii before squeezing, body heights.
      frame: `[3, 3]`, columns = left, up, front axes of the part.
      squeeze: factors on the thickness along those axes.
      part: member of `PARTS`.
      paint: colors.
      decals: drawn in order.
    """

    start: np.ndarray
    end: np.ndarray
    radius_start: float
    radius_end: float
    frame: np.ndarray
    part: str
    paint: Paint
    squeeze: tuple[float, float, float] = (1.0, 1.0, 1.0)
    decals: tuple[Decal, ...] = ()
