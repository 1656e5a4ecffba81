"""Collages: two to six whole photographs side by side, in one row or two, each of one person.

Nothing is cut out, painted over or pasted, unlike in groups (groups.py): every person keeps its own
surroundings, and the only traces of the making are the straight edges between photographs.
"""

from collections.abc import Iterator, Sequence

import numpy as np
from PIL import Image

from cpm.data.person import Person, Pose
from cpm.data.scenes.drawing import can_be_pasted, generator, moved
from cpm.data.scenes.folder import Scene
from cpm.data.scenes.groups import FEWEST, MOST

HEIGHT_PX = 200  # mean height of the photographs of a collage: about that of LSP's and LSPet's
ONE_ROW = 3  # photographs; more of them take two rows


def collage_scenes(people: Sequence[Person], count: int, seed: int) -> Iterator[Scene]:
    """Yields `Scene`s of collages.

    Args:
      people: list of `Person` with pixels, of one skeleton; `MOST` or more of them
        `can_be_pasted`.
      count: how many scenes; each depends on the seed and its number alone.
      seed: of the scenes.
    """
    pool = [person for person in people if can_be_pasted(person)]
    for number in range(count):
        rng = generator(seed, "collages", number)
        size = rng.integers(FEWEST, MOST + 1)
        members = [pool[n] for n in rng.choice(len(pool), size, replace=False)]
        yield collage_scene(members, f"collage-{number:05d}")


def collage_scene(members: Sequence[Person], name: str) -> Scene:
    """One collage.

    All photographs of a row are equally high, and all rows equally wide. So the people of a
    collage differ in size as they do in their photographs, and by their row.

    Args:
      members: list of `Person` with pixels, from left to right, the upper row first.
      name: of the scene.
    """
    half = -(-len(members) // 2)
    rows = [members] if len(members) <= ONE_ROW else [members[:half], members[half:]]
    shapes = [np.array([np.asarray(p.image).shape[1] / len(p.image) for p in row]) for row in rows]
    # Of rows w wide, with photographs w / sum(width / height) high.
    width = round(HEIGHT_PX * len(rows) / sum(1 / shape.sum() for shape in shapes))
    strips: list[np.ndarray] = []
    poses: list[Pose] = []
    for row, shape in zip(rows, shapes, strict=True):
        edges = np.rint(width * np.cumsum([0.0, *shape]) / shape.sum()).astype(int)
        height, top = round(width / shape.sum()), sum(map(len, strips))
        parts = []
        for person, left, right in zip(row, edges[:-1], edges[1:], strict=True):
            part, pose = _photograph(person, (height, right - left), (left, top))
            parts.append(part)
            poses.append(pose)
        strips.append(np.concatenate(parts, axis=1))
    return Scene(
        name=name,
        image=np.concatenate(strips),
        poses=tuple(poses),
        sources=tuple(person.id for person in members),
        shows=f"{len(members)} people",
        behind="",
    )


def _photograph(person, size, corner):
    """A person's image of size (height, width), and its pose where it lies in the collage."""
    before = np.array(np.asarray(person.image).shape[1::-1])
    photograph = Image.fromarray(np.asarray(person.image))
    image = np.array(photograph.resize(size[::-1], Image.Resampling.BICUBIC))
    joints_px = (person.pose.joints_px + 0.5) * (size[::-1] / before) - 0.5  # centers of pixels
    pose = moved(person.pose, joints_px, size)  # a joint beyond it would lie in another photograph
    return image, Pose(pose.joints_px + corner, pose.state)
