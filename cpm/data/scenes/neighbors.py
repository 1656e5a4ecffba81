"""Each person with another one pasted at its side, by the rules of training (cpm/data/company.py).

The neighbor is 0.6 to 1.5 times as large, cut out along its skeleton or as a rectangle, with a hard
or a soft edge, in front of the person or behind it. The image grows to both sides alike until the
neighbor is in it, so that its center stays where it was: near the person, who is the primary one.
"""

import dataclasses
from collections.abc import Iterable, Iterator

import numpy as np
import tensorflow as tf

from cpm.data import augmentation, company
from cpm.data.crops import cut_crop
from cpm.data.person import OCCLUDED, VISIBLE, Person, Pose
from cpm.data.scenes import backdrop
from cpm.data.scenes.drawing import as_image, as_record, can_be_pasted, generator, square

# So much of a person's joints may be covered: the neighbor stands at its side, not before it.
MOST_COVERED = 0.2
PERSON_IN_FRAME = 0.8  # of the square in which a neighbor is placed; there no size is cut off


def with_neighbors(
    people: Iterable[Person], pool: Iterable[Person], seed: int, paste: bool = True
) -> Iterator[tuple[Person, dict[str, str | bool | float]]]:
    """Everybody with a neighbor.

    Args:
      people: list of `Person` with pixels.
      pool: list of `Person`: possible neighbors; at least two of them can be pasted.
      seed: of the scenes.
      paste: False = the same images before anybody is pasted in.

    Yields:
      `Person`, and a dict that says who is pasted in and how. The pose is the primary person's, the
      neighbor's is the first of `others`.
    """
    pool = [person for person in pool if can_be_pasted(person)]
    for person in people:
        others = [other for other in pool if other.id != person.id]
        other = others[generator(seed, "neighbors", person.id).integers(len(others))]
        yield with_neighbor(person, other, seed, paste)


def with_neighbor(
    person: Person, other: Person, seed: int, paste: bool = True
) -> tuple[Person, dict[str, str | bool | float]]:
    """A person and another one at its side, as `with_neighbors` yields them."""
    seed = augmentation.stream(augmentation.example_seed(seed, 0, person.id), augmentation.COMPANY)
    empty = backdrop.without_person(person)
    for attempt in range(1000):
        placement, frame_px = _draw(augmentation.stream(seed, attempt), person, other)
        if not placement.clear:
            continue
        canvas, low = _canvas(person, other, empty, placement, frame_px)
        scene = _pasted(person, other, _moved_frame(placement, low - frame_px), canvas, low)
        covered = (person.pose.state == VISIBLE) & (scene.pose.state == OCCLUDED)
        if covered.sum() <= MOST_COVERED * person.pose.present.sum():
            break
    return scene if paste else _moved(person, canvas, low), {
        "neighbor": other.id,
        "behind": bool(placement.behind),
        "cut_out": "body" if placement.body else "rectangle",
        "times_as_large": round(float(placement.size_px) / square(person).side_px, 3),
    }


def _draw(seed, person, other):
    """Where the neighbor stands, in a square frame around the center of the person's image.

    Returns:
      `company.Placement`, its matrix from pixels of the frame; and `[2]` float64, where the frame's
      pixel (0, 0) lies in the image.
    """
    first, second = square(person), square(other)
    side = first.side_px / PERSON_IN_FRAME
    frame_px = (np.array(person.image.shape[1::-1]) - side) / 2
    placement = company.draw_placement(
        seed,
        tf.constant(np.array(first.center_px) - frame_px, tf.float64),
        tf.constant(first.side_px, tf.float64),
        (tf.constant(second.center_px, tf.float64), tf.constant(second.side_px, tf.float64)),
        (side, side),
        mirrored=other.skeleton.has_mirror_image,
    )
    return placement, frame_px


def _canvas(person, other, empty, placement, frame_px):
    """The person's image, enlarged until the neighbor is in it.

    Returns:
      `[H, W, 3]` float32; and `[2]` int, where its pixel (0, 0) lies in the image.
    """
    in_frame = augmentation.image_to_crop(placement.matrix, other.pose.joints_px).numpy()
    low, high = backdrop.extent(Pose(in_frame + frame_px, other.pose.state), 0.1)
    size = np.array(person.image.shape[1::-1])
    grow = np.ceil(np.maximum(0, np.maximum(-low, high + 1 - size))).astype(int)
    return backdrop.surroundings(person, empty, -grow, size + grow), -grow


def _moved_frame(placement, shift):
    """The placement for pixels of another frame, whose pixel (0, 0) lies at `shift` in this one."""
    linear = placement.matrix[:, :2]
    offset = placement.matrix[:, 2] + tf.linalg.matvec(linear, tf.constant(shift, tf.float64))
    return placement._replace(matrix=tf.concat([linear, offset[:, tf.newaxis]], 1))


def _pasted(person, other, placement, canvas, low):
    """The person on a canvas with the other one pasted in."""
    size = canvas.shape[:2]
    second = company.second_person(
        as_record(other),
        placement,
        lambda matrix: cut_crop(other.image, matrix, size),
        size,
        other.skeleton.mirror,
    )
    image, first_state, second_state = company.paste(
        tf.constant(canvas),
        tf.constant(person.pose.joints_px - low, tf.float32),
        tf.constant(person.pose.state, tf.int32),
        second,
        placement,
        person.skeleton.limb_indices,
        tf.constant(square(person).side_px, tf.float32),
    )
    scene = _moved(person, image.numpy(), low)
    return dataclasses.replace(
        scene,
        pose=Pose(scene.pose.joints_px, first_state.numpy()),
        others=(Pose(second["joints_px"].numpy(), second_state.numpy()), *scene.others),
    )


def _moved(person, canvas, low):
    """The person with another image, whose pixel (0, 0) lies at `low` in the old one."""
    own, *others = (Pose(p.joints_px - low, p.state) for p in (person.pose, *person.others))
    center_px = person.center_px and tuple(map(float, np.array(person.center_px) - low))
    return dataclasses.replace(
        person, image=as_image(canvas), pose=own, others=tuple(others), center_px=center_px
    )
