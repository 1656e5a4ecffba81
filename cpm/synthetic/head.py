"""The head of a dressed figure: skull, face, ears, neck, and hair or a hat."""

import dataclasses

import numpy as np

from cpm.synthetic.body import Body
from cpm.synthetic.outfit import Outfit
from cpm.synthetic.pose import Figure
from cpm.synthetic.solids import Decal, Solid


def _face(outfit):
    """Decals of the face, from the center of the skull, for a head of mean size."""
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


def build_head(body: Body, figure: Figure, outfit: Outfit) -> list[Solid]:
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
        return [*solids, solid(low, low, (0.048, 0.048), "hair", hair, narrow)]
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
