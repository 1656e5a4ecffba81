"""Builds trunk, arms and legs of a figure with their clothes, and puts the person together."""

import dataclasses

from cpm.synthetic.body import Body
from cpm.synthetic.garments import build_bag, build_held, build_skirt, shirt_prints
from cpm.synthetic.head import build_head
from cpm.synthetic.outfit import Outfit
from cpm.synthetic.pose import SIDES, Figure
from cpm.synthetic.solids import Solid


def dress(body: Body, figure: Figure, outfit: Outfit) -> list[Solid]:
    """Builds all solids of one person.

    Args:
      body: `Body`.
      figure: `Figure`, the posed body.
      outfit: `Outfit`.

    Returns:
      list of `Solid`.
    """
    solids = build_head(body, figure, outfit) + _trunk(body, figure, outfit)
    for name, side in SIDES:
        solids += _arm(body, figure, outfit, name, side)
        solids += _leg(body, figure, outfit, name)
    if outfit.skirt:
        solids.append(build_skirt(body, figure, outfit))
    if outfit.bag:
        solids += build_bag(body, figure, outfit)
    return solids + build_held(figure, outfit)


def _trunk(body, figure, outfit):
    """Chest, belly, pelvis, slopes of the shoulders, buttocks and breasts."""
    points, chest = figure.points, figure.frames["chest"]
    pelvis, loose = figure.frames["pelvis"], outfit.loose
    top, bottom = outfit.top, outfit.bottom
    flat = (1.0, 1.0, body.depth)
    chest_half = body.torso_half + loose
    waist_half = 0.5 * (body.torso_half + body.hips_half) - 0.013 + loose
    hips_half = body.hips_half + 0.6 * loose
    upper = points["thorax"] - chest[:, 1] * 0.072
    waist, hips = points["waist"], points["pelvis"] + pelvis[:, 1] * 0.012
    belly = waist + chest[:, 1] * 0.03, waist - pelvis[:, 1] * 0.05
    seat = hips + pelvis[:, 1] * 0.015, hips - pelvis[:, 1] * 0.010
    round_ = (1.0, 0.8, body.depth + 0.06)
    prints = shirt_prints(outfit)
    solids = [
        Solid(upper, waist, chest_half, waist_half, chest, "torso", top, flat, prints),
        Solid(*belly, waist_half, waist_half + 0.004, pelvis, "torso", top, flat),
        Solid(*seat, hips_half, hips_half, pelvis, "pelvis", bottom, round_),
    ]
    for name, side in SIDES:
        blade = points["thorax"] + chest @ (side * 0.02, 0.022, -0.01)
        joint = points[f"{name}_shoulder"] - chest[:, 2] * 0.004
        thick = 0.030 * body.girth + loose
        solids.append(Solid(blade, joint, 0.026, thick, chest, "torso", top))
        buttock = points[f"{name}_hip"] + pelvis @ (-side * 0.006, -0.010, -0.018)
        thick = 0.048 * body.girth + 0.5 * loose
        solids.append(Solid(buttock, buttock, thick, thick, pelvis, "pelvis", bottom))
        if body.bust:
            deep = body.torso_half * body.depth - 0.62 * body.bust + loose
            breast = upper + chest @ (side * 0.040, -0.012, deep)
            below = breast + chest @ (-side * 0.004, -0.008, 0.0)
            sizes = 0.85 * body.bust, body.bust
            solids.append(Solid(breast, below, *sizes, chest, "torso", top))
    return solids


def _arm(body, figure, outfit, name, side):
    """Upper arm, forearm, hand and thumb."""
    points, frames, thick = figure.points, figure.frames, body.girth
    shoulder, elbow, wrist, hand = (
        points[f"{name}_{joint}"] for joint in ("shoulder", "elbow", "wrist", "hand")
    )
    skin, cover = outfit.skin, outfit.sleeve
    upper, lower, part = (f"{name}_{part}" for part in ("upper_arm", "forearm", "hand"))
    frame = frames[part]
    palm = wrist + 0.45 * (hand - wrist)
    thumb = wrist + frame @ (-side * 0.004, -0.022, 0.014)
    tip = thumb + frame @ (-side * 0.006, -0.022, 0.014)
    flat = (0.6, 1.0, 1.0)
    return [
        *_limb(
            Solid(shoulder, elbow, 0.034 * thick, 0.025 * thick, frames[upper], upper, skin),
            cover,
            outfit.top,
            outfit.loose,
        ),
        *_limb(
            Solid(elbow, wrist, 0.027 * thick, 0.018 * thick, frames[lower], lower, skin),
            cover - 1,
            outfit.top,
            outfit.loose,
        ),
        Solid(wrist, palm, 0.017, 0.022, frame, part, skin, flat),
        Solid(palm, hand, 0.021, 0.011, frame, part, skin, flat),
        Solid(thumb, tip, 0.009, 0.007, frame, part, skin),
    ]


def _leg(body, figure, outfit, name):
    """Thigh, calf, shin, sock and shoe."""
    points, frames, thick = figure.points, figure.frames, body.girth
    hip, knee, ankle, heel, toe = (
        points[f"{name}_{joint}"] for joint in ("hip", "knee", "ankle", "heel", "toe")
    )
    skin = outfit.skin
    thigh, shank, foot = (f"{name}_{part}" for part in ("thigh", "shank", "foot"))
    cover = outfit.trouser - 1  # of the shank; the calf is its upper 35 %
    calf = 0.65 * knee + 0.35 * ankle - frames[shank][:, 2] * 0.007
    top = hip - frames[thigh][:, 1] * 0.02
    solids = [
        *_limb(
            Solid(top, knee, 0.056 * thick, 0.037 * thick, frames[thigh], thigh, skin),
            outfit.trouser,
            outfit.bottom,
            outfit.loose,
        ),
        *_limb(
            Solid(knee, calf, 0.035 * thick, 0.037 * thick, frames[shank], shank, skin),
            cover / 0.35,
            outfit.bottom,
            outfit.loose,
        ),
        *_limb(
            Solid(calf, ankle, 0.035 * thick, 0.022 * thick, frames[shank], shank, skin),
            (cover - 0.35) / 0.65,
            outfit.bottom,
            outfit.loose,
        ),
    ]
    if outfit.socks and cover < 0.4:
        cuff = ankle + outfit.socks * (calf - ankle)
        wide = (0.023 + 0.013 * outfit.socks) * thick + 0.002
        sock = (ankle, cuff, 0.025 * thick, wide, frames[shank], shank, outfit.extra)
        solids.append(Solid(*sock))
    shoe, shoes = frames[foot], outfit.shoes
    ball = heel + 0.72 * (toe - heel)
    return [
        *solids,
        Solid(heel, ball, 0.024, 0.021, shoe, foot, shoes, (1.0, 0.85, 1.0)),
        Solid(ball, toe, 0.022, 0.014, shoe, foot, shoes, (1.15, 0.7, 1.0)),
        Solid(ankle, 0.5 * (heel + ball), 0.026, 0.022, shoe, foot, shoes),
    ]


def _limb(bare, covered, cloth, loose):
    """A bare segment of a limb, dressed: cloth covers the first `covered` of its length.

    Args:
      bare: `Solid`.
      covered: share of its length; 1 and more hide all of the skin.
      cloth: `Paint` of it.
      loose: its thickness, body heights.
    """
    start, end, radius_start, radius_end = bare.start, bare.end, bare.radius_start, bare.radius_end
    if covered >= 1:
        wide = {"radius_start": radius_start + loose, "radius_end": radius_end + loose}
        return [dataclasses.replace(bare, paint=cloth, **wide)]
    if covered <= 0.05:
        return [bare]
    hem = start + covered * (end - start)
    width = radius_start + covered * (radius_end - radius_start) + 1.4 * loose
    wide = {"radius_start": radius_start + loose, "radius_end": width}
    return [bare, dataclasses.replace(bare, end=hem, paint=cloth, **wide)]
