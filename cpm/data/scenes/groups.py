"""Wide images of two to six people side by side, of different sizes, overlapping a little.

The backdrop is a photograph without its person, blurred a little, mirrored as often as it takes.
Onto it come everybody's own surroundings, fading out, then the bodies, those who stand lower in
front of the others. So nobody is hidden by another one's background, and no edge says where one
photograph ends. All people are known; a joint behind another body is occluded.
"""

import itertools
from collections.abc import Iterator, Sequence

import numpy as np
import tensorflow as tf

from cpm.data import company
from cpm.data.crops import cut_crop
from cpm.data.person import Person, Pose
from cpm.data.scenes import backdrop
from cpm.data.scenes.drawing import (
    as_image,
    as_record,
    can_be_pasted,
    can_be_removed,
    generator,
    square,
)
from cpm.data.scenes.folder import BOX_PAD, Scene

FEWEST, MOST = 2, 6  # people
TALLEST_PX = 170.0  # longer side of a person's box; LSP's and LSPet's joints have 60 to 180
SMALLEST = 0.5  # of that
OVERLAP = (-0.15, 0.25)  # of the narrower of two neighbors' boxes; negative = a gap
EDGE = 0.05  # of a person's square: how soft the edge of a body is


def group_scenes(people: Sequence[Person], count: int, seed: int) -> Iterator[Scene]:
    """Yields `Scene`s of groups.

    Args:
      people: list of `Person` with pixels, of one skeleton with limbs; `MOST` or more of them can
        be pasted, one or more removed.
      count: how many scenes; each depends on the seed and its number alone.
      seed: of the scenes.
    """
    pool = [person for person in people if can_be_pasted(person)]
    backdrops = [person for person in people if can_be_removed(person)]
    for number in range(count):
        rng = generator(seed, "groups", number)
        size = rng.integers(FEWEST, MOST + 1)
        members = [pool[n] for n in rng.choice(len(pool), size, replace=False)]
        behind = backdrops[rng.integers(len(backdrops))]
        yield group_scene(members, behind, rng, f"group-{number:05d}")


def group_scene(
    members: Sequence[Person], behind: Person, rng: np.random.Generator, name: str
) -> Scene:
    """One group.

    Args:
      members: list of `Person`, from left to right.
      behind: the `Person` whose surroundings are the backdrop.
      rng: NumPy generator.
      name: of the scene.
    """
    placements, size = _arrange(members, rng)
    blur_px = rng.uniform(1.0, 3.0)
    image = backdrop.backdrop(behind, size, blur_px)
    layers = [_Layer(*pair, size) for pair in zip(members, placements, strict=True)]
    for layer in layers:
        image += layer.around[..., np.newaxis] * (layer.image - image)
    poses = {}
    hidden = np.zeros(size, np.float32)  # by those in front
    for n in sorted(range(len(layers)), key=lambda n: -layers[n].lowest_px):
        state = company.cover(
            tf.constant(layers[n].state), tf.constant(layers[n].joints_px), tf.constant(hidden)
        )
        poses[n] = Pose(layers[n].joints_px, state.numpy())
        hidden = np.maximum(hidden, layers[n].body)
    for layer in sorted(layers, key=lambda layer: layer.lowest_px):
        image += layer.body[..., np.newaxis] * (layer.image - image)
    return Scene(
        name=name,
        image=as_image(image),
        poses=tuple(poses[n] for n in range(len(layers))),
        sources=tuple(person.id for person in members),
        shows=f"{len(members)} people",
        behind=behind.id,
    )


def _arrange(members, rng):
    """Where everybody stands.

    Returns:
      A `company.Placement` for each, from canvas pixels; (height, width) of the canvas.
    """
    sizes_px = TALLEST_PX * SMALLEST ** rng.uniform(size=len(members))
    flips = rng.random(len(members)) < 0.5
    boxes, zooms = [], []  # width and height on the canvas; image pixels to one of the canvas
    for person, size_px in zip(members, sizes_px, strict=True):
        low, high = backdrop.extent(person.pose, BOX_PAD)
        zooms.append((high - low).max() / size_px)
        boxes.append((high - low) / zooms[-1])
    tallest = max(height for _, height in boxes)
    room = rng.uniform(0.1, 0.4, 4) * TALLEST_PX  # left, above, right, below
    lefts = [room[0]]
    for (before, _), (width, _) in itertools.pairwise(boxes):
        lefts.append(lefts[-1] + before - rng.uniform(*OVERLAP) * min(before, width))
    height = int(np.ceil(room[1] + tallest + room[3]))
    rights = [left + width for left, (width, _) in zip(lefts, boxes, strict=True)]
    width = int(np.ceil(max(rights) + room[2]))
    placements = []
    for person, box, zoom, flip, left in zip(members, boxes, zooms, flips, lefts, strict=True):
        ground = height - room[3] * rng.uniform(0.3, 1.0)
        center = np.array([left + box[0] / 2, ground - box[1] / 2])
        mirrored = flip and person.skeleton.has_mirror_image
        placements.append(_placement(person, center, zoom, mirrored))
    return placements, (height, width)


def _placement(person, center_px, zoom, flip):
    """A person upright around a point of the canvas, `zoom` pixels of its image to one there."""
    low, high = backdrop.extent(person.pose, BOX_PAD)
    linear = zoom * np.diag([-1.0 if flip else 1.0, 1.0])
    matrix = np.concatenate([linear, ((low + high) / 2 - linear @ center_px)[:, np.newaxis]], 1)
    return company.Placement(
        matrix=tf.constant(matrix, tf.float64),
        flip=tf.constant(bool(flip)),
        clear=tf.constant(True),
        size_px=tf.constant(square(person).side_px / zoom, tf.float64),
        behind=tf.constant(False),
        body=tf.constant(True),
        softness_px=tf.constant(EDGE * square(person).side_px / zoom, tf.float32),
    )


class _Layer:
    """One person on the canvas.

    Attributes:
      image: `[H, W, 3]` float32.
      joints_px, state: `[P, 2]` float32, `[P]` int32.
      body: `[H, W]` in [0, 1], the body.
      around: `[H, W]` in [0, 1], its surroundings, fading out.
      lowest_px: y of its lowest joint.
    """

    def __init__(self, person, placement, size):
        second = company.second_person(
            as_record(person),
            placement,
            lambda matrix: cut_crop(person.image, matrix, size),
            size,
            person.skeleton.mirror,
        )
        self.image = second["image"].numpy()
        self.joints_px, self.state = second["joints_px"].numpy(), second["state"].numpy()
        size_px = float(placement.size_px)
        body = company.body_mask(
            self.joints_px,
            self.state,
            person.skeleton.limb_indices,
            size,
            company.LIMB_RADIUS * size_px,
            placement.softness_px,
        )
        self.body = (body * second["inside"]).numpy()
        self.around = self._surroundings(person, placement, size)
        self.lowest_px = float(self.joints_px[self.state > 0, 1].max())

    def _surroundings(self, person, placement, size):
        """A mask that fades to 0 inside of the person's image, and not far from its joints."""
        height, width = person.image.shape[:2]
        inverse = np.linalg.inv(placement.matrix[:, :2])
        corners = np.array([[0, 0], [width - 1, height - 1]]) - placement.matrix[:, 2].numpy()
        corners = np.sort(corners @ inverse.T, 0)  # of the image, on the canvas
        low, high = backdrop.extent(Pose(self.joints_px, self.state), 0.15)
        fade_px = 0.2 * float(placement.size_px)
        low, high = np.maximum(low, corners[0]), np.minimum(high, corners[1])
        inwards = fade_px / 2  # where the mask of the box is 0
        return company.box_mask(
            (low + inwards).astype(np.float32), (high - inwards).astype(np.float32), size, fade_px
        ).numpy()
