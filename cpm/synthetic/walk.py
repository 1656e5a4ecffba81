"""Synthetic people who walk: the frames of a video whose joints are known.

Everybody walks along the same ellipse on the ground: to the right in front, back to the left
behind. Two people half a lap apart cross twice a lap, one in front of the other. Bodies, clothes,
light and background are drawn once, so that only the people move. The same arguments give the same
frames.
"""

import dataclasses
from collections.abc import Iterable, Iterator

import numpy as np

from cpm.synthetic.body import sample_body
from cpm.synthetic.camera import Camera
from cpm.synthetic.outfit import sample_outfit
from cpm.synthetic.photo import photograph
from cpm.synthetic.pose import JointAngles, pose_body, rotation_x, rotation_y
from cpm.synthetic.raster import rasterise
from cpm.synthetic.scenery import add_shadow, sample_background
from cpm.synthetic.shading import ZOOM, sample_light, shade
from cpm.synthetic.staging import Actor, to_screen
from cpm.synthetic.visibility import joint_states

STRIDE = 0.85  # ground covered by two steps, body heights
PITCH_DEG = 6.0  # the camera looks down a little, so that who is farther away stands higher
HEIGHT = 0.62  # of a person in the middle, as a share of the image's
DISTANCE = 5.0  # of the camera, body heights
DEPTH = 0.9  # half axis of the ellipse away from the camera, body heights
SOLES = tuple(f"{side}_{end}" for side in ("left", "right") for end in ("heel", "toe"))


@dataclasses.dataclass(frozen=True, eq=False)
class WalkFrame:
    """One frame of a walk.

    Attributes:
      image: `[H, W, 3]` uint8, RGB.
      time: seconds since the first frame.
      joints_px: `[N, 16, 2]` float64, (x, y) in image pixels, `mpii16` order; may lie outside.
      state: `[N, 16]` int64 in {OCCLUDED, VISIBLE}.
    """

    image: np.ndarray
    time: float
    joints_px: np.ndarray
    state: np.ndarray


def walk(
    times: Iterable[float],
    *,
    people: int = 1,
    size: tuple[int, int] = (240, 320),
    lap: float = 10.0,
    seed: int = 0,
) -> Iterator[WalkFrame]:
    """Yields the frames of a walk.

    Args:
      times: when frames are taken, seconds; any rate, or none.
      people: N, evenly spread over the lap.
      size: (height, width) of the frames.
      lap: seconds for once around the ellipse.
      seed: of bodies, clothes, light and background.

    Returns:
      iterator of `WalkFrame`.

    Example:
      >>> first, second = walk([0.0, 0.1], size=(120, 160))
      >>> first.image.shape, first.joints_px.shape
      ((120, 160, 3), (1, 16, 2))
      >>> bool(np.abs(second.joints_px - first.joints_px).max() < 12)
      True
    """
    rng = np.random.default_rng(seed)
    height, width = size
    bodies = [sample_body(rng) for _ in range(people)]
    # A long skirt or a bag would hide the legs whose joints are to be followed.
    outfits = [
        dataclasses.replace(sample_outfit(rng, body), skirt=0.0, bag=False, held="nothing")
        for body in bodies
    ]
    light = sample_light(rng)
    palette = np.stack([(outfit.top.color, outfit.bottom.color) for outfit in outfits])
    background = sample_background(rng, height, width, palette.reshape(-1, 3))
    scale = HEIGHT * height
    across = 0.32 * width / scale  # half axis of the ellipse along the image, body heights
    for time in times:
        turns = 0.75 + time / lap + np.arange(people) / people  # the first starts at the left
        actors = [
            _actor(body, outfit, turn, across, scale, size)
            for body, outfit, turn in zip(bodies, outfits, turns, strict=True)
        ]
        yield _photograph(actors, time, background, light, seed)


def _actor(body, outfit, turn, across, scale, size):
    """A walker at this share of a lap."""
    height, width = size
    angle = 2 * np.pi * turn
    right, near = across * np.sin(angle), DEPTH * np.cos(angle)
    heading = np.arctan2(across * np.cos(angle), -DEPTH * np.sin(angle))
    # The ellipse's circumference, roughly; whole strides go into it, so that a lap closes.
    around = 2 * np.pi * np.sqrt((across**2 + DEPTH**2) / 2)
    figure = pose_body(body, stride_angles(2 * np.pi * turn * round(around / STRIDE)))
    sole = min(figure.points[name][1] for name in SOLES)
    rotation = rotation_x(PITCH_DEG) @ rotation_y(np.rad2deg(heading))
    nearer = DISTANCE / (DISTANCE - near)
    rise = near * np.sin(np.deg2rad(PITCH_DEG))
    camera = Camera(
        rotation,
        pivot=np.array([0.0, sole, 0.0]),  # the ground under the pelvis
        distance=DISTANCE,
        scale=scale * nearer,
        origin=(
            (width - 1) / 2 + scale * nearer * right,
            0.88 * height + scale * nearer * rise,
        ),
        depth=scale * near,
    )
    return Actor(body, figure, "walk", outfit, camera)


def stride_angles(phase: float) -> JointAngles:
    """`JointAngles` of a calm walk; opposite arms and legs.

    Args:
      phase: radians; 2π is two steps, the left thigh farthest to the front at π / 2.
    """
    phases = phase + np.array([0.0, np.pi])
    angles = JointAngles(lean=3.0)
    angles.hips[:, 0] = 24 * np.sin(phases) + 4
    angles.hips[:, 1] = 1.0
    angles.knees[:] = 8 + 45 * np.maximum(0, np.cos(phases + 0.4))
    angles.shoulders[:, 0] = -24 * np.sin(phases) + 3
    angles.shoulders[:, 1] = 9.0
    angles.shoulders[:, 2] = 12.0
    angles.elbows[:] = 24 - 6 * np.sin(phases)
    angles.spine[2] = 6 * np.sin(phases[0])
    angles.ankles[:] = np.clip(angles.lean - angles.hips[:, 0] + angles.knees, -35, 25)
    return angles.limited()


def _photograph(actors, time, background, light, seed):
    """Draws the walkers in front of the background."""
    height, width = background.shape[1:]
    screen = to_screen(actors)
    depth, solid = rasterise(screen, height * ZOOM, width * ZOOM)
    # Every frame draws the same numbers: folds, shadows and exposure stay as they are.
    rng = np.random.default_rng((seed, 1))
    drawn, covered = shade(screen, depth, solid, light, rng)
    image = background.copy()
    rng = np.random.default_rng((seed, 2))
    for actor in actors:
        feet = [actor.figure.points[f"{side}_ankle"] for side in ("left", "right")]
        add_shadow(rng, image, actor.camera.project(feet)[0][:, :2], actor.camera.scale)
    image = photograph(np.random.default_rng((seed, 3)), image * (1 - covered) + drawn)
    nothing = np.zeros((height, width), bool)
    joints = [actor.joints() for actor in actors]
    states = [
        joint_states(points, actor.camera.scale, owner, screen, depth, solid, nothing)
        for owner, (points, actor) in enumerate(zip(joints, actors, strict=True))
    ]
    return WalkFrame(image, float(time), np.stack(joints)[..., :2], np.stack(states))
