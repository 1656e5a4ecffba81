"""Tells poses that flesh allows from those in which a limb runs through the body."""

import numpy as np

from cpm.synthetic.body import Body
from cpm.synthetic.pose import SIDES, Figure


def _along(points, start, end, fractions):
    """`[n, 3]` points at the given fractions of the way from one named point to another."""
    t = np.asarray(fractions)[:, None]
    return (1 - t) * points[start] + t * points[end]


def intersects_itself(body: Body, figure: Figure) -> bool:
    """Whether an arm runs through the trunk or head, or one leg through the other.

    The trunk counts as an elliptic cylinder below the shoulders, the head as a ball; skin may
    touch skin, so half an arm's thickness is forgiven.
    """
    points = figure.points
    arms, legs = [], []
    for name, _ in SIDES:
        arms.append(
            np.concatenate(
                (
                    _along(points, f"{name}_shoulder", f"{name}_elbow", (0.7, 1)),
                    _along(points, f"{name}_elbow", f"{name}_wrist", (0.35, 0.7, 1)),
                    points[f"{name}_hand"][None],
                )
            )
        )
        legs.append(
            np.concatenate(
                (
                    _along(points, f"{name}_hip", f"{name}_knee", (0.6, 0.8, 1)),
                    _along(points, f"{name}_knee", f"{name}_ankle", (0.3, 0.6, 1)),
                    _along(points, f"{name}_heel", f"{name}_toe", (0, 0.5, 1)),
                )
            )
        )
    arms_at = np.concatenate(arms)
    for frame, origin, low, high, half in (
        ("chest", "thorax", -body.chest, 0.0, body.torso_half),
        ("pelvis", "waist", -body.waist - 0.08, 0.02, body.hips_half),
    ):
        x, y, z = ((arms_at - points[origin]) @ figure.frames[frame]).T
        flesh = half + 0.010
        reach = (x / flesh) ** 2 + (z / (flesh * body.depth + 0.008)) ** 2
        if np.any((reach < 1) & (y > low) & (y < high)):
            return True
    skull = 0.5 * (points["head_top"] + points["upper_neck"])
    if np.linalg.norm(arms_at - skull, axis=1).min() < 0.55 * body.head:
        return True
    apart = np.linalg.norm(legs[0][:, None] - legs[1][None], axis=-1)  # [9, 9]
    return apart.min() < 0.055 * body.girth
