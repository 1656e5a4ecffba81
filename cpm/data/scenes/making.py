"""From the people of converted folders to a folder of scenes."""

import dataclasses
import os
import shlex
from collections.abc import Sequence

import numpy as np
from tqdm import tqdm

from cpm import files
from cpm.data import augmentation
from cpm.data.person import Person
from cpm.data.records import Storage, write_records
from cpm.data.scenes.collages import collage_scenes
from cpm.data.scenes.drawing import as_image, can_be_pasted, can_be_removed
from cpm.data.scenes.folder import write_scenes
from cpm.data.scenes.groups import MOST, group_scenes
from cpm.data.scenes.neighbors import with_neighbors
from cpm.data.scenes.nobody import nobody_scenes
from cpm.data.scenes.truncated import can_be_truncated, has_ends, truncated_scenes
from cpm.data.splits import VALIDATION, SplitRule
from cpm.data.stored_people import read_people
from cpm.errors import UsageError

PEOPLE = ("gray", "neighbors", "alone")  # kinds that become a converted folder
# Kinds that become images, and how many.
IMAGES = {"groups": 100, "collages": 60, "nobody": 300, "truncated": 200}
KINDS = (*PEOPLE, *IMAGES)
SOURCES = "sources.json"  # beside a converted folder's manifest: who was pasted in, and how
RULE = SplitRule("scenes", "Everybody: validation.", lambda person_id: VALIDATION)


def make_scenes(
    kind: str,
    folders: Sequence[str | os.PathLike],
    out_dir: str | os.PathLike,
    *,
    split: str = VALIDATION,
    count: int | None = None,
    seed: int = 0,
) -> tuple[int, int]:
    """Makes a folder of scenes.

    Args:
      kind: one of `KINDS`.
      folders: list of converted folders whose people are shown.
      out_dir: folder to make; a converted one for the kinds in `PEOPLE`, else of COCO's layout.
      split: of the folders.
      count: how many people or images; None = everybody, or as `IMAGES` says.
      seed: of the scenes.

    Returns:
      (how many images, how many people whose joints are known in them).

    Raises:
      UsageError: if a folder is no data folder, has too few people for this kind, or `out_dir`
        holds something else, or is one of `folders`.
    """
    if os.path.realpath(out_dir) in map(os.path.realpath, folders):
        raise UsageError(
            f"--out={out_dir} is a folder of --data, whose people would be lost; name another"
        )
    people = read_people(folders, split)
    remake = (
        f"python bin/make_scenes.py --data={shlex.quote(','.join(map(str, folders)))} "
        f"--kind={kind} --out={shlex.quote(str(out_dir))} --split={split} --seed={seed}"
        + (f" --count={count}" if count else "")
    )
    _check(kind, people)
    if kind in PEOPLE:
        return _write_people(kind, people, out_dir, count, seed, remake)
    count = count or IMAGES[kind]
    draw = {
        "groups": group_scenes,
        "collages": collage_scenes,
        "nobody": nobody_scenes,
        "truncated": truncated_scenes,
    }[kind]
    # disable=None: no bar where the output is not a terminal.
    scenes = tqdm(draw(people, count, seed), total=count, unit=" images", desc=kind, disable=None)
    return write_scenes(out_dir, kind, scenes, people[0].skeleton, seed=seed, remake=remake)


def gray(person: Person) -> Person:
    """The person in an image without colors."""
    luma = as_image(np.asarray(person.image) @ np.array(augmentation.LUMA))
    return dataclasses.replace(person, image=np.repeat(luma[..., np.newaxis], 3, -1))


def _check(kind, people):
    """UsageError if scenes of this kind cannot be made of these people."""
    pasted = {"neighbors": 2, "alone": 2, "groups": MOST, "collages": MOST}.get(kind, 0)
    removed = {"groups": 1, "nobody": 1}.get(kind, 0)
    for enough, usable, labels in (
        (pasted, can_be_pasted, "four in five joints"),
        (removed, can_be_removed, "all joints"),
    ):
        found = sum(map(usable, people)) if enough else 0
        if found < enough:
            raise UsageError(
                f"--kind={kind} needs {enough} or more people who are alone in their images, with "
                f"{labels} labeled; {found} of {len(people)} are; name more folders with --data"
            )
    if kind == "truncated" and not any(map(can_be_truncated, people)):
        if not has_ends(people[0].skeleton):
            raise UsageError(
                f"--kind=truncated cuts people off by their head top, shoulders and hips, and the "
                f"skeleton {people[0].skeleton.name!r} lacks some; name data that have them"
            )
        raise UsageError(
            "--kind=truncated needs people who stand upright and alone, with all joints labeled; "
            f"none of {len(people)} does; name more folders with --data"
        )
    if kind == "groups" and not people[0].skeleton.limbs:
        raise UsageError(
            f"--kind=groups cuts people out along their limbs, and the skeleton "
            f"{people[0].skeleton.name!r} has none; name data whose skeleton has"
        )


def _write_people(kind, people, out_dir, count, seed, remake):
    """Writes a converted folder; see `make_scenes`."""
    chosen = _spread(people, count)
    pasted = {}

    def scenes():
        if kind == "gray":
            yield from map(gray, chosen)
            return
        for scene, how in with_neighbors(chosen, people, seed, paste=kind == "neighbors"):
            pasted[scene.id] = how
            yield scene

    # No image is cut: how large the person is in it is part of the scene.
    manifest = write_records(
        scenes(),
        out_dir,
        source=kind,
        rule=RULE,
        seed=seed,
        storage=Storage(longest_side_px=0),
        remake=remake,
    )
    if pasted:
        files.write_json(os.path.join(out_dir, SOURCES), pasted)
    written = manifest.people(VALIDATION)
    return written, written * (2 if kind == "neighbors" else 1)


def _spread(people, count):
    """So many of the people, from all over the list."""
    count = min(count or len(people), len(people))
    return [people[n] for n in np.linspace(0, len(people) - 1, count).round().astype(int)]
