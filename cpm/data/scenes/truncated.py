"""People whom the image's edge cuts off, as in portraits and at webcams.

    upper body          the image ends at the hips
    head and shoulders  it ends a little below the shoulders, above the head and beside them

They are made of upright people. Joints beyond the edge are absent. Each annotation keeps the
positions of the whole person's joints: they say how long the torso is.
"""

from collections.abc import Iterable, Iterator

import numpy as np

from cpm.data.person import Person
from cpm.data.scenes.drawing import can_be_removed, moved, zoomed
from cpm.data.scenes.folder import Scene
from cpm.skeleton import Skeleton

UPPER, HEAD = KINDS = ("upper body", "head and shoulders")
ENDS = ("head_top", "right_shoulder", "left_shoulder", "right_hip", "left_hip")
UPRIGHT = 0.8  # how far the head is above the hips, in its distance from them
# Of head and shoulders, in the same distance: room above the head, below the shoulders, and to
# either side of their middle.
ABOVE, BELOW, BESIDE = 0.15, 0.15, 0.7
LEAST_PX = 24  # of the shorter side


def truncated_scenes(people: Iterable[Person], count: int, seed: int) -> Iterator[Scene]:
    """Yields `Scene`s: the kinds in turn, of people from all over the list.

    Args:
      people: list of `Person` with pixels, some of whom `can_be_truncated`.
      count: how many scenes, at most; there is one of each kind of a person.
      seed: not used; nothing is random.
    """
    pool = [person for person in people if can_be_truncated(person)]
    both = [(person, kind) for person in pool for kind in KINDS]
    for n in np.linspace(0, len(both) - 1, min(count, len(both))).round().astype(int):
        person, kind = both[n]
        yield truncated_scene(person, kind, f"truncated-{n:05d}")


def can_be_truncated(person: Person) -> bool:
    """Whether a person is upright, alone, known from head to foot, and shown large enough."""
    if not has_ends(person.skeleton) or not can_be_removed(person):
        return False
    head, hips = _point(person, "head_top"), _point(person, "right_hip", "left_hip")
    if (hips - head)[1] < UPRIGHT * np.linalg.norm(hips - head):
        return False
    return all(min(_frame(person, kind)[1]) >= LEAST_PX for kind in KINDS)


def truncated_scene(person: Person, kind: str, name: str) -> Scene:
    """One image.

    Args:
      person: `Person` who `can_be_truncated`.
      kind: one of `KINDS`.
      name: of the scene.
    """
    (x, y), (width, height) = _frame(person, kind)
    image = zoomed(np.asarray(person.image)[y : y + height, x : x + width])
    factor = np.array(image.shape[1::-1]) / (width, height)
    joints_px = (person.pose.joints_px - (x, y) + 0.5) * factor - 0.5  # centers of pixels
    return Scene(
        name=name,
        image=image,
        poses=(moved(person.pose, joints_px, image.shape[:2]),),
        sources=(person.id,),
        shows=kind,
        behind=person.id,
        whole_px=(joints_px,),
    )


def _frame(person, kind):
    """(x, y) and (width, height) of what is left of the person's image, whole pixels."""
    height, width = np.asarray(person.image).shape[:2]
    hips = _point(person, "right_hip", "left_hip")
    low, high = np.zeros(2), np.array([width, hips[1]])
    if kind == HEAD:
        head, neck = _point(person, "head_top"), _point(person, "right_shoulder", "left_shoulder")
        unit = np.linalg.norm(hips - head)
        low = np.array([neck[0] - BESIDE * unit, head[1] - ABOVE * unit])
        high = np.array([neck[0] + BESIDE * unit, neck[1] + BELOW * unit])
    low = np.maximum(np.floor(low), 0).astype(int)
    high = np.minimum(np.ceil(high), (width, height)).astype(int)
    return low, high - low


def _point(person, *joints):
    """The mean of joints, `[2]`, image pixels."""
    return np.mean([person.pose.joints_px[person.skeleton.index(j)] for j in joints], 0)


def has_ends(skeleton: Skeleton) -> bool:
    """Whether a skeleton names the joints that say where a person is cut off."""
    return all(joint in skeleton.joints for joint in ENDS)
