"""Which joints can be seen, decided by the depth buffer.

A joint lies inside the flesh. It counts as visible when the nearest surface in front of it is the
skin or cloth of a part that meets at this joint, and that surface is no farther in front of it than
the flesh is thick. Anything else in front hides it: another limb, the far side of the trunk,
another person, an object. A joint outside the image is not seen either, but has its place.
"""

import numpy as np

from cpm.skeleton import OCCLUDED, VISIBLE, get_skeleton, mirror_name
from cpm.synthetic.raster import ScreenSolids
from cpm.synthetic.shading import ZOOM
from cpm.synthetic.solids import PARTS

# Joint (of the left side or the middle) -> parts that meet there, and how much flesh may lie in
# front of the joint, in body heights.
_FLESH = {
    "left_ankle": (("left_shank", "left_foot"), 0.07),
    "left_knee": (("left_thigh", "left_shank", "skirt"), 0.085),
    "left_hip": (("left_thigh", "pelvis", "torso", "skirt"), 0.135),
    "left_wrist": (("left_forearm", "left_hand"), 0.06),
    "left_elbow": (("left_upper_arm", "left_forearm"), 0.06),
    "left_shoulder": (("left_upper_arm", "torso"), 0.09),
    "pelvis": (("pelvis", "torso", "skirt", "left_thigh", "right_thigh"), 0.17),
    "thorax": (("torso", "neck", "hair"), 0.15),
    "upper_neck": (("neck", "head", "hair", "torso"), 0.11),
    "head_top": (("head", "hair"), 0.12),
}


def _owned_parts(joint):
    """Parts (set of indices into `PARTS`) and thickness of flesh of one joint."""
    if joint in _FLESH:
        parts, flesh = _FLESH[joint]
    else:
        parts, flesh = _FLESH[mirror_name(joint)]
        parts = tuple(mirror_name(part) for part in parts)
    return {PARTS.index(part) for part in parts}, flesh


def joint_states(
    joints: np.ndarray,
    pixels: float,
    person: int,
    screen: ScreenSolids,
    depth: np.ndarray,
    index: np.ndarray,
    occluder: np.ndarray,
) -> np.ndarray:
    """Decides the state of one person's joints.

    Args:
      joints: `[16, 3]` (u, v, depth) in image pixels, `mpii16` order.
      pixels: pixels per body height.
      person: this person's number in `screen.owner`.
      screen, depth, index: the solids and what `rasterise` returned, in
        buffer pixels, `ZOOM` to an image pixel.
      occluder: `[H, W]` bool in image pixels, where an object stands in front of everything.

    Returns:
      `[16]` int64 of OCCLUDED and VISIBLE.
    """
    height, width = occluder.shape
    states = np.full(len(joints), OCCLUDED, np.int64)
    for p, name in enumerate(get_skeleton("mpii16").joints):
        u, v, near = joints[p]
        column, row = int(np.floor(u + 0.5)), int(np.floor(v + 0.5))
        if not (0 <= column < width and 0 <= row < height) or occluder[row, column]:
            continue
        sample = int((v + 0.5) * ZOOM), int((u + 0.5) * ZOOM)
        solid = index[sample]
        parts, flesh = _owned_parts(name)
        own = screen.owner[solid] == person and screen.part[solid] in parts
        above = depth[sample] / ZOOM - near
        # Nothing at all there: the joint falls into a gap beside the flesh, and is seen.
        if solid < 0 or (own and above <= flesh * pixels):
            states[p] = VISIBLE
    return states
