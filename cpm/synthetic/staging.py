"""Who stands where in an image: draws people, places them, and projects them onto the screen."""

import dataclasses
from collections.abc import Sequence

import numpy as np

from cpm.skeleton import get_skeleton
from cpm.synthetic.actions import sample_pose
from cpm.synthetic.body import Body, sample_body
from cpm.synthetic.camera import Camera, sample_view
from cpm.synthetic.dressing import dress
from cpm.synthetic.outfit import Outfit, sample_outfit
from cpm.synthetic.pose import Figure
from cpm.synthetic.raster import ScreenSolids
from cpm.synthetic.shading import ZOOM
from cpm.synthetic.solids import PARTS

JOINTS = get_skeleton("mpii16").joints


@dataclasses.dataclass(frozen=True)
class Actor:
    """One person before the image is taken.

    Attributes:
      body, figure, outfit: proportions, pose and clothes.
      action: what the legs do (`actions`), for the scenery around them.
      camera: the view, and the place in the image.
    """

    body: Body
    figure: Figure
    action: str
    outfit: Outfit
    camera: Camera

    def joints(self) -> np.ndarray:
        """`[16, 3]` (u, v, depth) in image pixels, `mpii16` order."""
        return self.camera.project(joints_of(self.figure))[0]


def joints_of(figure: Figure) -> np.ndarray:
    """`[16, 3]` joints of a figure in its own frame, `mpii16` order."""
    return np.stack([figure.points[joint] for joint in JOINTS])


def sample_cast(rng: np.random.Generator, height: int, width: int) -> list[Actor]:
    """Draws the people of one image.

    Args:
      rng: `np.random.Generator`.
      height, width: of the image, pixels.

    Returns:
      list of one or (about one time in eight) two `Actor`, the annotated one first.
    """
    first = _place(rng, _sample_actor(rng), height, width)
    if rng.random() > 0.12:
        return [first]
    return [first, _place_beside(rng, _sample_actor(rng), first)]


def _sample_actor(rng):
    """Draws a body, a pose, clothes and a direction of view."""
    body = sample_body(rng)
    _, figure, action = sample_pose(rng, body)
    outfit = sample_outfit(rng, body)
    view = sample_view(rng, joints_of(figure))
    return Actor(body, figure, action, outfit, view)


def _place(rng, actor, height, width):
    """Sizes an actor to fill 55-85 % of the image's height and puts it somewhere inside."""
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
    if rng.random() < 0.08:  # partly outside the image
        origin += rng.normal(0, 0.25, 2) * (high - low)
    camera = dataclasses.replace(actor.camera, scale=scale, origin=tuple(origin))
    return dataclasses.replace(actor, camera=camera)


def _place_beside(rng, actor, first):
    """Puts a second actor to the left or right of the first, behind it or in front of it."""
    joints = first.joints()[:, :2]
    low, high = joints.min(axis=0), joints.max(axis=0)
    in_front = rng.random() < 0.4
    gap = rng.uniform(0.6, 1.1) if in_front else rng.uniform(0.25, 1.0)
    wide = max(high[0] - low[0], 0.35 * first.camera.scale)
    step = rng.choice((-1.0, 1.0)) * gap * wide, rng.normal(0, 0.05) * (high - low)[1]
    scale = first.camera.scale * rng.uniform(0.85, 1.1)
    camera = dataclasses.replace(
        actor.camera,
        scale=scale,
        origin=tuple(0.5 * (low + high) + step),
        depth=(3.0 if in_front else -3.0) * scale,
    )
    return dataclasses.replace(actor, camera=camera)


def to_screen(actors: Sequence[Actor], zoom: int = ZOOM) -> ScreenSolids:
    """Projects all solids of all actors.

    Args:
      actors: list of `Actor`.
      zoom: buffer pixels per image pixel.

    Returns:
      `ScreenSolids` in buffer pixels; `owner` is the position in `actors`.
    """
    each = [_project(actor, owner) for owner, actor in enumerate(actors)]
    names = [f.name for f in dataclasses.fields(ScreenSolids) if f.name != "solids"]
    joined = {n: np.concatenate([getattr(s, n) for s in each]) for n in names}
    # Pixel centers are integers in both: the image's u lies at zoom·u + (zoom − 1)/2.
    shift = 0.5 * (zoom - 1) * np.array([1.0, 1.0, 0.0])
    joined["start"] = joined["start"] * zoom + shift
    for name in ("axis", "radii", "scale"):
        joined[name] = joined[name] * zoom
    for name in ("start", "to_part", "axis", "radii", "scale"):
        joined[name] = joined[name].astype(np.float32)
    return ScreenSolids(**joined, solids=sum((s.solids for s in each), ()))


def _project(actor, owner):
    """`ScreenSolids` of one actor, in image pixels."""
    camera, solids = actor.camera, dress(actor.body, actor.figure, actor.outfit)
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
