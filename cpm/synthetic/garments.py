"""Prints on a shirt, skirts, bags and things held in a hand."""

import numpy as np

from cpm.synthetic.body import Body
from cpm.synthetic.outfit import Outfit
from cpm.synthetic.pose import SIDES, Figure
from cpm.synthetic.solids import Decal, Solid


def shirt_prints(outfit: Outfit) -> tuple[Decal, ...]:
    """Decals of the shirt, from the middle of the upper chest."""
    accent, skin = outfit.extra.color, outfit.skin.color
    spots = []
    if outfit.front == "zip":
        spots.append(Decal((0, -0.06), (0.0045, 0.14), accent, square=True))
    if outfit.front == "buttons":
        spots.append(Decal((0, -0.06), (0.010, 0.14), outfit.top.color * 0.8, square=True))
        spots += [Decal((0, y), (0.0055, 0.0055), accent) for y in (0, -0.045, -0.09)]
    if outfit.front == "logo":
        spots.append(Decal((0, -0.02), (0.040, 0.026), accent, square=True))
        spots.append(Decal((0, -0.02), (0.022, 0.014), outfit.top.second))
    if outfit.front in ("neckline", "buttons"):
        spots.append(Decal((0, 0.075), (0.034, 0.048), skin))
    if outfit.back == "number":
        for x in (-0.018, 0.018):
            spots.append(Decal((x, -0.02), (0.010, 0.036), accent, -1.0, square=True))
    if outfit.back == "panel":
        spots.append(Decal((0, 0.05), (0.09, 0.045), accent, -1.0, square=True))
    return tuple(spots)


def build_skirt(body: Body, figure: Figure, outfit: Outfit) -> Solid:
    """A cone of elliptic section from the hips over both thighs, wider where they part."""
    points, frame = figure.points, figure.frames["pelvis"]
    pelvis = points["pelvis"]
    knees = 0.5 * (points["left_knee"] + points["right_knee"])
    apart = np.abs((points["left_knee"] - points["right_knee"]) @ frame)
    # Cloth has one length: a wide stride or a bent hip leaves less of it below.
    length = outfit.skirt * (1 - min(1.7 * max(apart), 0.7))
    up = (pelvis - knees) / np.linalg.norm(pelvis - knees)
    left = frame[:, 0] - up * (frame[:, 0] @ up)
    left /= np.linalg.norm(left)
    axes = np.stack((left, up, np.cross(left, up)), axis=1)
    wide = body.hips_half + 0.010
    across = wide + length * (0.3 * apart[0] + 0.015)
    along = wide * (body.depth + 0.1) + length * (0.3 * max(apart[1:]) + 0.015)
    hem = max(across, along)
    squeeze = (across / hem, 0.3, along / hem)
    ends = pelvis, pelvis + length * (knees - pelvis)
    return Solid(*ends, wide, hem, axes, "skirt", outfit.bottom, squeeze)


def build_bag(body: Body, figure: Figure, outfit: Outfit) -> list[Solid]:
    """A backpack and its two straps."""
    chest, thorax = figure.frames["chest"], figure.points["thorax"]
    back = -body.torso_half * body.depth - outfit.loose - 0.026
    high, low = (thorax + chest @ (0, y, back) for y in (-0.07, -0.19))
    pack = Solid(high, low, 0.072, 0.080, chest, "object", outfit.extra, (1.0, 0.7, 0.55))
    solids = [pack]
    front = body.torso_half * body.depth + outfit.loose - 0.008
    for _, side in SIDES:
        over = thorax + chest @ (side * 0.055, 0.026, 0.0)
        under = thorax + chest @ (side * 0.062, -0.11, front)
        solids.append(Solid(over, under, 0.011, 0.011, chest, "torso", outfit.extra))
    return solids


def build_held(figure: Figure, outfit: Outfit) -> list[Solid]:
    """A stick, a ball or a bag in one hand."""
    if outfit.held == "nothing":
        return []
    side = outfit.held_side
    wrist, hand = (figure.points[f"{side}_{joint}"] for joint in ("wrist", "hand"))
    frame = figure.frames[f"{side}_hand"]
    grip = wrist + 0.6 * (hand - wrist)
    if outfit.held == "ball":
        ball = hand - frame[:, 1] * 0.03
        ends, radii, squeeze = (ball, ball), (0.055, 0.055), (1.0, 1.0, 1.0)
    elif outfit.held == "bag":  # hangs in the hand's own direction
        ends = grip - frame[:, 1] * 0.06, grip - frame[:, 1] * 0.16
        radii, squeeze = (0.05, 0.06), (0.5, 1.0, 1.0)
    else:
        ends = grip - frame[:, 2] * 0.08, grip + frame[:, 2] * outfit.stick
        radii, squeeze = (0.008, 0.010), (1.0, 1.0, 1.0)
    return [Solid(*ends, *radii, frame, "object", outfit.extra, squeeze)]
