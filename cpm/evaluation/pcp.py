"""PCP@25px, the number of the original blog project.

Not the PCP of limbs ("percentage of correct parts"), which judges sticks by both of their ends:
that one is in limbs.py.
"""

import numpy as np

from cpm.evaluation.pck import distances
from cpm.evaluation.scores import Score, score_from_credit
from cpm.skeleton import Skeleton

LIMIT_PX = 25.0


def pcp25(
    predicted: np.ndarray,
    truth: np.ndarray,
    state: np.ndarray,
    reference_scale: np.ndarray,
    skeleton: Skeleton,
    *,
    limit_px: float = LIMIT_PX,
) -> Score:
    """Joints within 25 pixels of the truth in the 368-pixel crop, pelvis and thorax included.

    A crop of another size counts as if enlarged to 368: the limit is 6.8 % of the crop's side. So
    the number depends on how the crop was placed, unlike PCK and PCKh. It is far looser than
    PCKh@0.5: in the blog's crops 25 px are a median PCKh threshold of 0.87.

    Args:
      predicted: `[N, P, 2]`, image pixels; nan = no prediction, wrong.
      truth: `[N, P, 2]`, image pixels.
      state: `[N, P]` int; 0 = unannotated, ignored; occluded joints count.
      reference_scale: `[N]`, pixels of the 368-pixel crop per image pixel.
      skeleton: names of the P joints.
      limit_px: in pixels of the 368-pixel crop; on the line is correct.

    Returns:
      A `Score` named `pcp25` (or `pcp<limit>`).

    Raises:
      ValueError: if a shape is wrong.
    """
    distance = distances(predicted, truth, state, skeleton)  # [N, P]
    reference_scale = np.asarray(reference_scale, np.float64)
    if reference_scale.shape != distance.shape[:1]:
        raise ValueError(
            f"reference_scale should be [{len(distance)}], not {reference_scale.shape}"
        )
    errors = distance * reference_scale[:, None]
    return score_from_credit(
        f"pcp{limit_px:g}",
        f"{limit_px:g} px of the 368 px crop",
        errors <= limit_px,
        ~np.isnan(errors),
        skeleton.joints,
    )
