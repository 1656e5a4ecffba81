"""From (seed, split, index) to one synthetic person in an image.

The random stream of a person depends on nothing else, so any person can be drawn at any time, in
any order, by any process. Splits have streams of their own: the train and the validation people of
one seed never share a draw. The same NumPy gives the same bytes; across processors the last bit of
a sine may differ, and with it, rarely, a pixel by one gray level.
"""

from collections.abc import Iterator

import numpy as np

from cpm.data.person import Origin, Person, Pose
from cpm.skeleton import get_skeleton
from cpm.synthetic.photo import photograph
from cpm.synthetic.raster import rasterise, screen_boxes
from cpm.synthetic.scenery import add_occluders, add_seat, add_shadow, sample_background
from cpm.synthetic.shading import ZOOM, sample_light, shade
from cpm.synthetic.staging import JOINTS, sample_cast, to_screen
from cpm.synthetic.visibility import joint_states

SPLITS = {"train": 1, "validation": 2, "test": 3}


def stream(seed: int, index: int, split: str) -> np.random.Generator:
    """The random generator of one person.

    Args:
      seed: of the whole data set, ≥ 0.
      index: of the person in its split, ≥ 0.
      split: `train`, `validation` or `test`.

    Returns:
      `np.random.Generator`.

    Raises:
      ValueError: for an unknown split, a negative seed or a negative index.
    """
    if split not in SPLITS:
        raise ValueError(f"unknown split {split!r}; known: {', '.join(SPLITS)}")
    if seed < 0 or index < 0:
        raise ValueError(f"seed and index must be >= 0; got {seed} and {index}")
    # A spawn key, unlike more entropy, keeps (1, 23) and (12, 3) apart whatever their sizes.
    sequence = np.random.SeedSequence(seed, spawn_key=(SPLITS[split], index))
    return np.random.Generator(np.random.PCG64(sequence))


def make_person(seed: int, index: int, *, split: str = "train") -> Person:
    """Draws one synthetic person; the same arguments always give the same image.

    Args:
      seed: of the whole data set, ≥ 0.
      index: of the person in its split, ≥ 0.
      split: `train`, `validation` or `test`; each has people of its own.

    Returns:
      `Person` with an `[H, W, 3]` uint8 RGB image and all 16 joints of `mpii16`, each visible or
      occluded; a second person of the image is in `others`.

    Raises:
      ValueError: for an unknown split, a negative seed or a negative index.

    Example:
      >>> person = make_person(0, 3)
      >>> person.id, person.image.dtype.name, person.pose.joints_px.shape
      ('synthetic/train-0-000003', 'uint8', (16, 2))
    """
    rng = stream(seed, index, split)
    height, width = (int(side) for side in rng.integers(184, 233, 2))
    actors = sample_cast(rng, height, width)
    screen = to_screen(actors)
    depth, solid = rasterise(screen, height * ZOOM, width * ZOOM)
    image, occluder = _draw_image(rng, actors, screen, depth, solid)
    poses = []
    for person, actor in enumerate(actors):
        joints = actor.joints()
        seen = (person, screen, depth, solid, occluder)
        state = joint_states(joints, actor.camera.scale, *seen)
        poses.append(Pose(joints[:, :2], state))
    name = f"{split}-{seed}-{index:06d}"
    origin = Origin("synthetic", name, index, name, official_split=split)
    return _annotate(origin, image, actors[0], screen, poses)


def _annotate(origin, image, actor, screen, poses):
    """Packs an image and its poses as MPII would annotate them."""
    joints = poses[0].joints_px
    middle = 0.5 * (joints.min(axis=0) + joints.max(axis=0))
    # MPII's head rectangle: the upright box around the skull, chin to top, without hair.
    low, high = (box[0] / ZOOM for box in screen_boxes(screen))
    return Person(
        id=f"synthetic/{origin.image_name}",
        origin=origin,
        image=image,
        skeleton=get_skeleton("mpii16"),
        pose=poses[0],
        others=tuple(poses[1:]),
        center_px=(float(middle[0]), float(middle[1])),
        scale=float(actor.camera.scale * actor.body.height / 200),
        head_size_px=0.6 * float(np.hypot(*(high - low))),
    )


def _draw_image(rng, actors, screen, depth, solid):
    """Draws background, people and occluders, and photographs them.

    Returns:
      `[H, W, 3]` uint8 image and `[H, W]` bool where an object stands in front.
    """
    outfit, joints = actors[0].outfit, actors[0].joints()[:, :2]
    paints = outfit.skin, outfit.top, outfit.bottom, outfit.hair
    palette = np.stack([paint.color for paint in paints])
    people, covered = shade(screen, depth, solid, sample_light(rng), rng)
    height, width = covered.shape
    image = sample_background(rng, height, width, palette)
    for actor in actors:
        _touch_ground(rng, image, actor)
    image = image * (1 - covered) + people
    corners = *joints.min(axis=0), *joints.max(axis=0)
    occluder = add_occluders(rng, image, corners, palette)
    return photograph(rng, image), occluder


def _touch_ground(rng, image, actor):
    """Draws a seat and shadows of the feet behind one actor, in place."""
    place = dict(zip(JOINTS, actor.joints()[:, :2], strict=True))
    feet = np.stack([place["left_ankle"], place["right_ankle"]])
    upright = place["head_top"][1] < place["pelvis"][1] < feet[:, 1].max()
    if not upright:
        return
    scale = actor.camera.scale
    if actor.action == "sit" and rng.random() < 0.7:
        floor = feet[:, 1].max() + 0.04 * scale
        add_seat(rng, image, place["pelvis"], floor, scale)
    if actor.action != "jump" and rng.random() < 0.6:
        add_shadow(rng, image, feet, scale)


def read_people(count: int, seed: int, split: str = "train") -> Iterator[Person]:
    """Yields the first `count` people of a split, in order.

    Args:
      count: number of people, ≥ 0.
      seed: of the whole data set, ≥ 0.
      split: `train`, `validation` or `test`.

    Returns:
      iterator of `Person`.

    Raises:
      ValueError: as `make_person`, or for a negative count; at the call, not at the first person.
    """
    if count < 0:
        raise ValueError(f"count must be >= 0; got {count}")
    stream(seed, 0, split)  # bad arguments are an error now
    return (make_person(seed, index, split=split) for index in range(count))
