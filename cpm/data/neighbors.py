"""The other people of an image that are kept with a person: all, or of a crowd the nearest.

A crop holds a few people (`DataConfig.max_people`, 8 at most in the recipes). Were everybody kept
with everybody, thousands of people in one image would take minutes and gigabytes.
"""

from collections.abc import Sequence

import numpy as np
from scipy.spatial import cKDTree

from cpm.data.person import Pose

MOST = 64


def neighbors(poses: Sequence[Pose], most: int = MOST) -> list[tuple[Pose, ...]]:
    """Of each pose the other ones that have any joint, in the order given.

    Of more than `most` these are the nearest, by the means of their joints. A pose without a joint
    is nowhere: in a crowd it has none.

    Args:
      poses: list of `Pose`s, of one image.
      most: that are kept.

    Returns:
      List of tuples of `Pose`s.
    """
    there = [n for n, pose in enumerate(poses) if pose.present.any()]
    if len(there) <= most + 1:
        return [tuple(poses[k] for k in there if k != n) for n in range(len(poses))]
    middles = np.stack([poses[n].joints_px[poses[n].present].mean(0) for n in there])
    _, nearest = cKDTree(middles).query(middles, most + 1)  # [there, most + 1], itself among them
    found: list[tuple[Pose, ...]] = [()] * len(poses)
    for n, row in zip(there, nearest, strict=True):
        others = [there[k] for k in row if there[k] != n][:most]
        found[n] = tuple(poses[k] for k in sorted(others))
    return found
