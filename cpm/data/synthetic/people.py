"""From (seed, split, index) to one synthetic person in a picture.

The random stream of a person depends on nothing else, so any person can be drawn at any time, in
any order, by any process. Splits have streams of their own: the train and the validation people of
one seed never share a draw.
"""

import dataclasses

import numpy as np
from scipy import ndimage

from cpm.data.person import Person, Pose
from cpm.data.synthetic.actions import sample_pose
from cpm.data.synthetic.body import Body, sample_body
from cpm.data.synthetic.camera import Camera, sample_view
from cpm.data.synthetic.outfit import Outfit, sample_outfit
from cpm.data.synthetic.pose import Figure
from cpm.data.synthetic.raster import ScreenSolids, rasterise
from cpm.data.synthetic.scenery import add_occluders, sample_background
from cpm.data.synthetic.shading import sample_light, shade
from cpm.data.synthetic.solids import PARTS, dress
from cpm.data.synthetic.visibility import joint_states
from cpm.skeleton import get_skeleton

SPLITS = {"train": 1, "validation": 2, "test": 3}
_ZOOM = 2  # people are drawn at twice the size and averaged: smooth edges
_JOINTS = get_skeleton("mpii16").joints


@dataclasses.dataclass(frozen=True)
class Actor:
    """One person before the picture is taken."""

    body: Body
    figure: Figure
    outfit: Outfit
    camera: Camera

    def joints(self):
        """`[16, 3]` (u, v, depth) in picture pixels, `mpii16` order."""
        return self.camera.project(joints_of(self.figure))[0]


def joints_of(figure):
    """`[16, 3]` joints of a figure in its own frame, `mpii16` order."""
    return np.stack([figure.points[joint] for joint in _JOINTS])


def stream(seed, index, split):
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


def make_person(seed, index, *, split="train"):
    """Draws one synthetic person; the same arguments always give the same picture.

    Args:
      seed: of the whole data set, ≥ 0.
      index: of the person in its split, ≥ 0.
      split: `train`, `validation` or `test`; each has people of its own.

    Returns:
      `Person` with an `[H, W, 3]` uint8 RGB image and all 16 joints of `mpii16`, each visible or
      occluded; a second person of the picture is in `others`.

    Raises:
      ValueError: for an unknown split, a negative seed or a negative index.

    Example:
      >>> person = make_person(0, 3)
      >>> person.id, person.image.dtype.name, person.pose.joints_px.shape
      ('synthetic/train-0-000003', 'uint8', (16, 2))
    """
    rng = stream(seed, index, split)
    height, width = (int(side) for side in rng.integers(184, 233, 2))
    actors = _cast(rng, height, width)
    screen = to_screen(actors)
    depth, number = rasterise(screen, height * _ZOOM, width * _ZOOM)
    image, occluder = _picture(rng, actors, screen, depth, number, (height, width))
    poses = []
    for person, actor in enumerate(actors):
        joints, pixels = actor.joints(), actor.camera.scale
        state = joint_states(
            joints, pixels, person, screen, depth, number, occluder, _ZOOM
        )
        poses.append(Pose(joints[:, :2], state))
    return _annotate(f"synthetic/{split}-{seed}-{index:06d}", image, actors[0], poses)


def _annotate(identity, image, actor, poses):
    """Packs a picture and its poses as MPII would annotate them."""
    joints = poses[0].joints_px
    middle = 0.5 * (joints.min(axis=0) + joints.max(axis=0))
    return Person(
        id=identity,
        image=image,
        skeleton=get_skeleton("mpii16"),
        pose=poses[0],
        others=tuple(poses[1:]),
        center_px=(float(middle[0]), float(middle[1])),
        scale=float(actor.camera.scale * actor.body.height / 200),
        head_size_px=0.6 * float(np.hypot(*head_rectangle(actor))),
    )


def head_rectangle(actor):
    """(width, height) in pixels of the upright box around the skull, chin to top, without hair."""
    solids = dress(actor.body, actor.figure, actor.outfit)
    skull = _project([solids[0]], actor.camera, 0)
    from_part = np.linalg.inv(skull.to_part[0])
    ends = np.stack((np.zeros(3), from_part @ skull.axis[0]))[:, :2]
    reach = np.linalg.norm(from_part[:2], axis=1) * skull.radii[0][:, None]
    return (ends + reach).max(axis=0) - (ends - reach).min(axis=0)


def _project(solids, camera, owner):
    """`ScreenSolids` of one person's solids, in picture pixels."""
    start, scale = camera.project([solid.start for solid in solids])
    end, scale_end = camera.project([solid.end for solid in solids])
    axes = camera.axes([solid.frame for solid in solids])
    squeeze = np.array([solid.squeeze for solid in solids])
    to_part = np.swapaxes(axes, 1, 2) / squeeze[:, :, None]
    radii = np.array([(solid.radius_start, solid.radius_end) for solid in solids])
    return ScreenSolids(
        start=start,
        to_part=to_part,
        axis=np.einsum("nij,nj->ni", to_part, end - start),
        radii=radii * np.stack((scale, scale_end), axis=1),
        scale=scale,
        part=np.array([PARTS.index(solid.part) for solid in solids]),
        owner=np.full(len(solids), owner),
        solids=tuple(solids),
    )


def to_screen(actors, zoom=_ZOOM):
    """All actors' solids in one list, in the pixels of a buffer `zoom` times the picture."""
    each = [
        _project(dress(a.body, a.figure, a.outfit), a.camera, number)
        for number, a in enumerate(actors)
    ]
    joined = {
        field.name: np.concatenate([getattr(s, field.name) for s in each])
        for field in dataclasses.fields(ScreenSolids)
        if field.name != "solids"
    }
    # Pixel centres are integers in both: the picture's u lies at zoom·u + (zoom − 1)/2.
    shift = np.array([0.5 * (zoom - 1)] * 2 + [0.0])
    joined["start"] = joined["start"] * zoom + shift
    for name in ("axis", "radii", "scale"):
        joined[name] = joined[name] * zoom
    arrays = {
        name: value.astype(np.float32) if value.dtype.kind == "f" else value
        for name, value in joined.items()
    }
    return ScreenSolids(**arrays, solids=sum((s.solids for s in each), ()))


def _cast(rng, height, width):
    """Draws the people of one picture, the annotated one first."""
    first = _place(rng, _rehearse(rng), height, width)
    if rng.random() > 0.18:
        return [first]
    second = _rehearse(rng)
    box = first.joints()[:, :2]
    span = box.max(axis=0) - box.min(axis=0)
    side = rng.choice((-1.0, 1.0))
    in_front = rng.random() < 0.4
    gap = rng.uniform(0.55, 1.1) if in_front else rng.uniform(0.25, 1.0)
    middle = 0.5 * (box.max(axis=0) + box.min(axis=0))
    offset = (
        side * gap * max(span[0], 0.35 * first.camera.scale),
        rng.normal(0, 0.05) * span[1],
    )
    scale = first.camera.scale * rng.uniform(0.85, 1.1)
    camera = dataclasses.replace(
        second.camera,
        scale=scale,
        origin=tuple(middle + offset),
        depth=(3.0 if in_front else -3.0) * scale,
    )
    return [first, dataclasses.replace(second, camera=camera)]


def _rehearse(rng):
    """Draws a body, a pose, clothes and a direction of view."""
    body = sample_body(rng)
    _, figure, _ = sample_pose(rng, body)
    outfit = sample_outfit(rng, body)
    return Actor(body, figure, outfit, sample_view(rng, joints_of(figure)))


def _place(rng, actor, height, width):
    """Sizes an actor to fill 55-85 % of the picture's height and puts it somewhere inside."""
    joints = actor.joints()[:, :2]
    low, high = joints.min(axis=0), joints.max(axis=0)
    fill = rng.uniform(0.55, 0.85)
    scale = min(
        fill * height / (high[1] - low[1]),
        0.88 * width / (high[0] - low[0]),
        1.25 * height,  # a crouching giant would be all knees
    )
    low, high = scale * low, scale * high
    flesh = 0.045 * scale
    room = np.array([width, height]) - 1 - (high - low) - 2 * flesh
    origin = flesh - low + rng.uniform(0.0, 1.0, 2) * np.maximum(room, 0)
    origin += np.minimum(room, 0) / 2
    if rng.random() < 0.1:  # partly outside the picture
        origin += rng.normal(0, 0.12, 2) * (high - low)
    camera = dataclasses.replace(actor.camera, scale=scale, origin=tuple(origin))
    return dataclasses.replace(actor, camera=camera)


def _picture(rng, actors, screen, depth, number, size):
    """Draws background, people and occluders, and photographs them.

    Returns:
      `[H, W, 3]` uint8 picture and `[H, W]` bool where an object stands in front.
    """
    height, width = size
    outfit = actors[0].outfit
    paints = outfit.skin, outfit.top, outfit.bottom, outfit.hair
    palette = np.stack([paint.color for paint in paints])
    light = sample_light(rng)
    people = shade(screen, depth, number, light, rng)
    covered = _shrink((number >= 0).astype(np.float32)[..., None])
    image = sample_background(rng, height, width, palette)
    image *= 1 - covered
    image += _shrink(people)
    box = actors[0].joints()[:, :2]
    corners = *box.min(axis=0), *box.max(axis=0)
    occluder = add_occluders(rng, image, corners, palette)
    return photograph(rng, image), occluder


def _shrink(image):
    """`[2H, 2W, C]` → `[H, W, C]`, the mean of each 2 × 2 block."""
    return 0.25 * (
        image[::2, ::2] + image[1::2, ::2] + image[::2, 1::2] + image[1::2, 1::2]
    )


def photograph(rng, image):
    """What a camera does to a scene: exposure, contrast, blur and noise.

    Args:
      rng: `np.random.Generator`.
      image: `[H, W, 3]` float32 RGB about [0, 1].

    Returns:
      `[H, W, 3]` uint8 RGB.
    """
    if rng.random() < 0.6:
        sigma = abs(rng.normal(0, 0.6))
        image = ndimage.gaussian_filter(image, (sigma, sigma, 0), truncate=2.5)
    gain = np.exp(rng.normal(0, 0.16)) * (1 + rng.normal(0, 0.03, 3))
    contrast, middle = rng.uniform(0.75, 1.2), image.mean()
    image = (image - middle) * contrast + middle
    image = image * gain.astype(np.float32)
    noise = abs(rng.normal(0, 0.022))
    image = image + noise * rng.standard_normal(image.shape, np.float32)
    return (np.clip(image, 0, 1) * 255 + 0.5).astype(np.uint8)


def read_people(count, seed, split="train"):
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
    stream(seed, 0, split)
    return (make_person(seed, index, split=split) for index in range(count))
