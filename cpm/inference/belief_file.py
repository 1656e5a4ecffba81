"""Belief maps of one person as a `.npz` file: to compare networks, or with other programs.

    stage_1 … stage_T  [h, w, P(+1)] float32, in the crop's frame
    maps               names of the channels, the background last
    stride             crop pixels per cell; cell g lies at g·stride + (stride − 1) / 2
    crop               [H, W, 3] uint8, RGB, what the network saw
    crop_to_image      [2, 3], crop pixels → image pixels
    box                x, y, width, height in image pixels

np.load reads it without unpickling anything.
"""

import os
from typing import Any

import numpy as np

from cpm import files
from cpm.errors import UsageError
from cpm.inference.person_pose import PersonPose


def check_name(path: str) -> None:
    """Raises UsageError for a name that NumPy would not keep."""
    if not path.endswith(".npz"):
        raise UsageError(f"--belief_maps={path} should end in .npz; name another file")


def write_beliefs(path: str | os.PathLike, person: PersonPose) -> None:
    """Writes the maps of every stage.

    Args:
      path: file to make or replace; ends in `.npz`.
      person: `PersonPose` that was predicted with `maps=True`.

    Raises:
      UsageError: if the person has no maps.
    """
    joints, maps = list(person.skeleton.joints), person.maps
    if maps is None:
        raise UsageError("this person has kept no belief maps; predict with maps=True")
    background = ["background"] * (maps.beliefs[-1].shape[-1] - len(joints))
    stages: dict[str, Any] = {f"stage_{t}": b_t for t, b_t in enumerate(maps.beliefs, 1)}
    with files.replacing(path) as temporary:
        np.savez_compressed(
            temporary,
            **stages,
            maps=np.array(joints + background),
            stride=maps.stride,
            crop=maps.crop,
            crop_to_image=maps.crop_to_image,
            box=np.array(person.box),
        )
