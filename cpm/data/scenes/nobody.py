"""Images without a person, cut from photographs beside the annotated people.

    strip    a rectangle of a strip left of, right of, above or below a person
    texture  a square of such a strip, repeated by reflection until it is as large as an image
    part     a square beside a person with a hand or a foot at its edge and nobody near its center

Training has crops of these kinds too (cpm/data/nobody.py), of training photographs, and patterns of
random colors besides, which are left out here: training draws the very same ones.
"""

from collections.abc import Iterable, Iterator

import numpy as np
import tensorflow as tf

from cpm.data import nobody
from cpm.data.person import Person
from cpm.data.scenes import backdrop
from cpm.data.scenes.drawing import (
    SIDE_PX,
    as_image,
    can_be_removed,
    generator,
    square,
    zoomed,
)
from cpm.data.scenes.folder import Scene
from cpm.errors import UsageError

KINDS = ("strip", "texture", "part")
LEAST_PX = 24  # a smaller rectangle shows hardly anything
LONGEST = 3.0  # a longer side is at most so many times the shorter one
BEYOND_JOINTS = 0.15  # of the longer side of a person's joints: hands, feet and hair reach so far
FEW = 3  # joints of a person that may be in an image without one


def nobody_scenes(people: Iterable[Person], count: int, seed: int) -> Iterator[Scene]:
    """Yields `Scene`s without people: the kinds in turn.

    Args:
      people: list of `Person` with pixels; the surroundings of those who can be removed are shown.
      count: how many scenes; each depends on the seed and its number alone.
      seed: of the scenes.

    Raises:
      UsageError: if there is no room beside these people.
    """
    pool = [person for person in people if can_be_removed(person)]
    for number in range(count):
        rng = generator(seed, "nobody", number)
        kind = KINDS[number % len(KINDS)]
        for person in (pool[n] for n in rng.permutation(len(pool))):
            image = {"strip": _strip, "texture": _texture, "part": _part}[kind](person, rng)
            if image is not None:
                break
        else:
            raise UsageError(
                f"none of {len(pool)} people leaves room in the image for a scene of the kind "
                f"{kind!r}; name more folders with --data"
            )
        yield Scene(
            name=f"nobody-{number:05d}",
            image=as_image(image),
            poses=(),
            sources=(),
            shows=kind,
            behind=person.id,
        )


def _strip(person, rng):
    """Part of a strip, enlarged; None where all of them are narrow."""
    if (found := _draw_rectangle(person, rng, LONGEST)) is None:
        return None
    (x, y), (width, height) = found
    return zoomed(person.image[y : y + height, x : x + width])


def _texture(person, rng):
    """A square of a strip and its mirror images."""
    if (found := _draw_rectangle(person, rng, 1.0)) is None:
        return None
    (x, y), (side, _) = found
    times = rng.integers(2, 4)
    part = zoomed(person.image[y : y + side, x : x + side], -(-SIDE_PX // times))
    return backdrop.mirrored(part, (0, 0), (SIDE_PX, SIDE_PX))


def _part(person, rng):
    """A square beside the person with a few joints in it; None if none was drawn."""
    empty = backdrop.without_person(person)
    for _ in range(20):
        center_px, side = _draw_beside(person, rng)
        low = np.floor(center_px - side / 2).astype(int)
        joints_px = person.pose.joints_px - low
        inside = ((joints_px >= 0) & (joints_px < side)).all(1) & person.pose.present
        clear = nobody.is_clear(
            tf.constant(joints_px[np.newaxis], tf.float32),
            tf.constant(person.pose.state[np.newaxis]),
            (side, side),
        )
        if 1 <= inside.sum() <= FEW and clear:
            return zoomed(backdrop.surroundings(person, empty, low, low + side))
    return None


def _draw_rectangle(person, rng, longest):
    """A rectangle of a strip beside the person: low corner and size, (x, y); None = too narrow."""
    strips = [strip for strip in _strips(person) if min(strip[1]) >= LEAST_PX]
    if not strips:
        return None
    low, size = strips[rng.integers(len(strips))]
    shorter = rng.uniform(max(0.6, LEAST_PX / min(size)), 1.0) * min(size)
    sides = np.minimum(size, shorter * np.where(size > min(size), rng.uniform(1, longest), 1.0))
    at = low + rng.uniform(size=2) * (size - sides)
    return np.floor(at).astype(int), np.floor(sides).astype(int)


def _strips(person):
    """Yields low corner and size, (x, y), of what lies beside, above and below the joints' box."""
    low, high = backdrop.extent(person.pose, BEYOND_JOINTS)
    height, width = person.image.shape[:2]
    left, top = np.clip(np.floor(low), 0, (width, height))
    right, bottom = np.clip(np.ceil(high), 0, (width, height))
    yield np.array([0.0, 0.0]), np.array([left, height])
    yield np.array([right, 0.0]), np.array([width - right, height])
    yield np.array([0.0, 0.0]), np.array([width, top])
    yield np.array([0.0, bottom]), np.array([width, height - bottom])


def _draw_beside(person, rng):
    """Center and side of a square around a point outside of the joints' box."""
    low, high = backdrop.extent(person.pose, 0.0)
    angle = rng.uniform(0, 2 * np.pi)
    direction = np.array([np.cos(angle), np.sin(angle)])
    reach = np.abs(direction) / np.maximum((high - low) / 2, 1)
    distance = 1 / reach.max() + rng.uniform(0.05, 0.5) * (high - low).max()
    side = int(square(person).side_px * rng.uniform(0.5, 1.0))
    return (low + high) / 2 + distance * direction, side
