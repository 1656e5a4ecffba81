"""The flesh and clothes of a posed body as a list of simple solids.

Every solid is the convex hull of two balls (a tapered capsule), squeezed along the axes of the
part it belongs to: limbs are tapered capsules, the trunk is capsules of elliptic section, the
skull is a squeezed egg. One formula draws them all (`raster.py`).
"""

import dataclasses

import numpy as np

from cpm.data.synthetic.outfit import Paint
from cpm.data.synthetic.pose import SIDES

PARTS = ("head", "hair", "neck", "torso", "pelvis", "skirt", "object") + tuple(
    f"{side}_{part}"
    for side, _ in SIDES
    for part in ("upper_arm", "forearm", "hand", "thigh", "shank", "foot")
)


@dataclasses.dataclass(frozen=True)
class Decal:
    """A flat spot of colour on the front or back of a solid.

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
      start, end: `[3]` centres of the balls in the body frame.
      radius_start, radius_end: radii before squeezing, body heights.
      frame: `[3, 3]`, columns = left, up, front axes of the part.
      squeeze: factors on the thickness along those axes.
      part: member of `PARTS`.
      paint: colours.
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


def dress(body, figure, outfit):
    """Builds all solids of one person.

    Args:
      body: `Body`.
      figure: `Figure`, the posed body.
      outfit: `Outfit`.

    Returns:
      list of `Solid`.
    """
    solids = _head(body, figure, outfit) + _trunk(body, figure, outfit)
    for name, side in SIDES:
        solids += _arm(body, figure, outfit, name, side)
        solids += _leg(body, figure, outfit, name, side)
    if outfit.skirt:
        solids.append(_skirt(body, figure, outfit))
    if outfit.bag:
        solids += _bag(body, figure, outfit)
    return solids


def _face(outfit):
    """Decals of the face, from the centre of the skull, for a head of mean size."""
    dark, white = outfit.skin.color * 0.35, np.array([0.93, 0.92, 0.9])
    lips = outfit.skin.color * (0.85, 0.5, 0.5)
    spots = []
    if outfit.beard:
        spots.append(Decal((0, -0.053), (0.036, 0.026), outfit.hair.color))
    for x in (-0.021, 0.021):
        spots.append(Decal((x, -0.012), (0.013, 0.011), outfit.skin.color * 0.8))
        spots.append(Decal((x, -0.012), (0.010, 0.0055), white))
        spots.append(Decal((x, -0.012), (0.005, 0.0055), dark * 0.5))
        brow = outfit.hair.color * 0.8
        spots.append(Decal((x, 0.003), (0.013, 0.0032), brow, square=True))
    spots.append(Decal((0, -0.051), (0.016, 0.0045), lips))
    if outfit.glasses:
        lens = np.array([0.06, 0.06, 0.08])
        spots += [Decal((x, -0.011), (0.015, 0.011), lens) for x in (-0.021, 0.021)]
        spots.append(Decal((0, -0.007), (0.036, 0.003), lens, square=True))
    return spots


def _head(body, figure, outfit):
    """Skull with its face, nose, ears, neck, and hair or hat."""
    frame, size = figure.frames["head"], body.head / 0.124
    center = figure.points["upper_neck"] + frame @ (0, 0.062 * size, 0.010 * size)

    def at(x, y, z):
        return center + frame @ (size * np.array((x, y, z)))

    def solid(start, end, radii, part, paint, squeeze=(1.0, 1.0, 1.0), decals=()):
        r0, r1 = size * np.array(radii)
        return Solid(at(*start), at(*end), r0, r1, frame, part, paint, squeeze, decals)

    face = tuple(
        dataclasses.replace(
            spot,
            center=tuple(size * np.array(spot.center)),
            half=tuple(size * np.array(spot.half)),
        )
        for spot in _face(outfit)
    )
    skull, jaw = (0, 0.014, -0.006), (0, -0.036, 0.012)
    narrow = (0.84, 1.0, 1.0)
    skin, hair = outfit.skin, outfit.hair
    solids = [
        solid(skull, jaw, (0.050, 0.030), "head", skin, narrow, face),
        solid((0, 0.0, 0.043), (0, -0.016, 0.050), (0.006, 0.009), "head", skin),
        Solid(
            figure.points["thorax"] - figure.frames["chest"][:, 2] * 0.004,
            at(0, -0.02, -0.012),
            0.036 * body.girth**0.5,
            0.033 * body.girth**0.5,
            figure.frames["neck"],
            "neck",
            skin,
        ),
    ]
    for x in (-0.042, 0.042):
        ear = (x, -0.008, -0.006)
        solids.append(solid(ear, ear, (0.014, 0.014), "head", skin, (0.4, 1, 0.8)))
    return solids + _hair(solid, outfit.hair_style, hair, outfit.extra)


def _hair(solid, style, hair, cloth):
    """Hair or a hat on a head; `solid` places a solid in head coordinates."""
    narrow = (0.86, 1.0, 1.0)
    crown = (0, 0.022, -0.015)
    if style == "bald":
        return []
    if style in ("cap", "beanie"):
        crown = (0, 0.024, -0.006)
        solids = [solid(crown, crown, (0.054, 0.054), "hair", cloth, narrow)]
        if style == "cap":
            solids.append(
                solid(
                    (0, 0.034, 0.03),
                    (0, 0.026, 0.066),
                    (0.032, 0.026),
                    "hair",
                    cloth,
                    (1, 0.25, 1),
                )
            )
        low = (0, 0.004, -0.018)
        return solids + [solid(low, low, (0.048, 0.048), "hair", hair, narrow)]
    solids = [solid(crown, (0, -0.01, -0.022), (0.053, 0.044), "hair", hair, narrow)]
    if style == "long":
        ends = (0, -0.01, -0.026), (0, -0.115, -0.042)
        solids.append(solid(*ends, (0.046, 0.036), "hair", hair, (1.1, 1, 0.6)))
    if style == "tail":
        ends = (0, 0.02, -0.066), (0, -0.085, -0.082)
        solids.append(solid(*ends, (0.020, 0.012), "hair", hair))
    if style == "bun":
        bun = (0, 0.052, -0.056)
        solids.append(solid(bun, bun, (0.025, 0.025), "hair", hair))
    return solids


def _prints(outfit):
    """Decals of the shirt, from the middle of the upper chest."""
    accent, skin = outfit.extra.color, outfit.skin.color
    spots = []
    if outfit.front == "zip":
        spots.append(Decal((0, -0.06), (0.0045, 0.14), accent, square=True))
    if outfit.front == "buttons":
        spots.append(
            Decal((0, -0.06), (0.010, 0.14), outfit.top.color * 0.8, square=True)
        )
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


def _trunk(body, figure, outfit):
    """Chest, belly, pelvis, buttocks, shoulders' slope and breasts."""
    points, chest = figure.points, figure.frames["chest"]
    pelvis = figure.frames["pelvis"]
    top, bottom, loose = outfit.top, outfit.bottom, outfit.loose
    if outfit.skirt:
        bottom = top if outfit.front == "logo" else bottom
    flat = (1.0, 1.0, body.depth)
    waist_half = 0.5 * (body.torso_half + body.hips_half) - 0.013 + loose
    upper = points["thorax"] - chest[:, 1] * 0.072
    hips = points["pelvis"] + pelvis[:, 1] * 0.012
    solids = [
        Solid(
            upper,
            points["waist"],
            body.torso_half + loose,
            waist_half,
            chest,
            "torso",
            top,
            flat,
            _prints(outfit),
        ),
        Solid(
            points["waist"] + chest[:, 1] * 0.03,
            points["waist"] - pelvis[:, 1] * 0.05,
            waist_half,
            waist_half + 0.004,
            pelvis,
            "torso",
            top,
            flat,
        ),
        Solid(
            hips + pelvis[:, 1] * 0.015,
            hips - pelvis[:, 1] * 0.010,
            body.hips_half + 0.6 * loose,
            body.hips_half + 0.6 * loose,
            pelvis,
            "pelvis",
            bottom,
            (1.0, 0.8, body.depth + 0.06),
        ),
    ]
    for name, side in SIDES:
        blade = points["thorax"] + chest @ (side * 0.02, 0.022, -0.01)
        joint = points[f"{name}_shoulder"] + chest @ (0, 0.0, -0.004)
        thick = 0.030 * body.girth + loose
        solids.append(Solid(blade, joint, 0.026, thick, chest, "torso", top))
        seat = points[f"{name}_hip"] + pelvis @ (0, -0.012, -0.022)
        round_ = 0.050 * body.girth + 0.5 * loose
        solids.append(Solid(seat, seat, round_, round_, pelvis, "pelvis", bottom))
        if body.bust:
            breast = upper + chest @ (
                side * 0.038,
                -0.012,
                body.torso_half * body.depth - 0.008,
            )
            solids.append(
                Solid(breast, breast, body.bust, body.bust, chest, "torso", top)
            )
    return solids


def _limb(start, end, radii, frame, part, bare, cloth, covered, loose):
    """One segment of a limb; cloth covers the first `covered` of its length."""
    r0, r1 = radii
    if covered >= 1:
        return [Solid(start, end, r0 + loose, r1 + loose, frame, part, cloth)]
    solids = [Solid(start, end, r0, r1, frame, part, bare)]
    if covered > 0.05:
        hem = start + covered * (end - start)
        width = r0 + covered * (r1 - r0) + 1.4 * loose
        solids.append(Solid(start, hem, r0 + loose, width, frame, part, cloth))
    return solids


def _arm(body, figure, outfit, name, side):
    """Upper arm, forearm, hand and thumb."""
    points, frames, thick = figure.points, figure.frames, body.girth
    shoulder, elbow, wrist, hand = (
        points[f"{name}_{joint}"] for joint in ("shoulder", "elbow", "wrist", "hand")
    )
    skin, top, loose = outfit.skin, outfit.top, outfit.loose
    frame = frames[f"{name}_hand"]
    palm = wrist + 0.45 * (hand - wrist)
    thumb = wrist + frame @ (-side * 0.004, -0.022, 0.014)
    fingers = f"{name}_hand"
    solids = _limb(
        shoulder,
        elbow,
        (0.034 * thick, 0.025 * thick),
        frames[f"{name}_upper_arm"],
        f"{name}_upper_arm",
        skin,
        top,
        outfit.sleeve,
        loose,
    ) + _limb(
        elbow,
        wrist,
        (0.027 * thick, 0.018 * thick),
        frames[f"{name}_forearm"],
        f"{name}_forearm",
        skin,
        top,
        outfit.sleeve - 1,
        loose,
    )
    return solids + [
        Solid(wrist, palm, 0.017, 0.022, frame, fingers, skin, (0.6, 1.0, 1.0)),
        Solid(palm, hand, 0.021, 0.011, frame, fingers, skin, (0.6, 1.0, 1.0)),
        Solid(
            thumb,
            thumb + frame @ (-side * 0.006, -0.022, 0.014),
            0.009,
            0.007,
            frame,
            fingers,
            skin,
        ),
    ]


def _leg(body, figure, outfit, name, side):
    """Thigh, calf, shin, shoe."""
    points, frames, thick = figure.points, figure.frames, body.girth
    hip, knee, ankle, heel, toe = (
        points[f"{name}_{joint}"] for joint in ("hip", "knee", "ankle", "heel", "toe")
    )
    skin, bottom, loose = outfit.skin, outfit.bottom, outfit.loose
    shank = frames[f"{name}_shank"]
    calf = 0.65 * knee + 0.35 * ankle - shank[:, 2] * 0.007
    part, cover = f"{name}_shank", outfit.trouser - 1
    thigh = f"{name}_thigh"
    solids = _limb(
        hip - frames[thigh][:, 1] * 0.02,
        knee,
        (0.056 * thick, 0.037 * thick),
        frames[thigh],
        thigh,
        skin,
        bottom,
        outfit.trouser,
        loose,
    )
    solids += _limb(
        knee,
        calf,
        (0.035 * thick, 0.037 * thick),
        shank,
        part,
        skin,
        bottom,
        cover / 0.35,
        loose,
    )
    solids += _limb(
        calf,
        ankle,
        (0.035 * thick, 0.022 * thick),
        shank,
        part,
        skin,
        bottom,
        (cover - 0.35) / 0.65,
        loose * 1.2,
    )
    if outfit.socks and cover < 0.4:
        cuff = ankle + outfit.socks * (calf - ankle)
        wide = (0.023 + 0.013 * outfit.socks) * thick + 0.002
        sock = Solid(ankle, cuff, 0.025 * thick, wide, shank, part, outfit.extra)
        solids.append(sock)
    foot, shoes, shoe = f"{name}_foot", outfit.shoes, frames[f"{name}_foot"]
    ball = heel + 0.72 * (toe - heel)
    return solids + [
        Solid(heel, ball, 0.024, 0.021, shoe, foot, shoes, (1.0, 0.85, 1.0)),
        Solid(ball, toe, 0.022, 0.014, shoe, foot, shoes, (1.15, 0.7, 1.0)),
        Solid(ankle, 0.5 * (heel + ball), 0.026, 0.022, shoe, foot, shoes),
    ]


def _skirt(body, figure, outfit):
    """A cone of elliptic section from the hips over both thighs."""
    points = figure.points
    knees = 0.5 * (points["left_knee"] + points["right_knee"])
    frame = figure.frames["pelvis"]
    spread = np.abs((points["left_knee"] - points["right_knee"]) @ frame)
    hem = points["pelvis"] + outfit.skirt * (knees - points["pelvis"])
    wide = body.hips_half + 0.012
    open_ = wide + outfit.skirt * (0.35 * max(spread) + 0.015)
    deep = (body.depth + 0.12, 1.0)[spread[2] > spread[0]]
    up = points["pelvis"] - knees
    up /= np.linalg.norm(up)
    left = frame[:, 0] - up * (frame[:, 0] @ up)
    left /= np.linalg.norm(left)
    axes = np.stack((left, up, np.cross(left, up)), axis=1)
    squeeze = (1.0, 0.35, deep)
    return Solid(
        points["pelvis"], hem, wide, open_, axes, "skirt", outfit.bottom, squeeze
    )


def _bag(body, figure, outfit):
    """A backpack and its two straps."""
    chest, thorax = figure.frames["chest"], figure.points["thorax"]
    back = -body.torso_half * body.depth - outfit.loose - 0.026
    ends = [thorax + chest @ (0, y, back) for y in (-0.07, -0.19)]
    pack = Solid(*ends, 0.072, 0.080, chest, "object", outfit.extra, (1.0, 0.7, 0.55))
    solids = [pack]
    front = body.torso_half * body.depth + outfit.loose - 0.008
    for _, side in SIDES:
        over = thorax + chest @ (side * 0.055, 0.026, 0.0)
        under = thorax + chest @ (side * 0.062, -0.11, front)
        solids.append(Solid(over, under, 0.011, 0.011, chest, "torso", outfit.extra))
    return solids
