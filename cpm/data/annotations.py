"""The people of a converted folder without their images: what predictions are scored against.

Positions are in pixels of the stored image, which may be a cut and shrunk part of the original;
`to_source` leads back. Predictions of others are in pixels of the original.
"""

import dataclasses
import functools
import os

import numpy as np

from cpm.config import DataConfig
from cpm.data.examples import parse_example, parse_origin
from cpm.data.manifest import read_manifest
from cpm.data.person import Origin
from cpm.data.records import decoded
from cpm.data.regions import region
from cpm.errors import UsageError
from cpm.skeleton import Skeleton


@dataclasses.dataclass(frozen=True)
class Annotations:
    """The annotated people of one split of a converted folder.

    Attributes:
      skeleton: names of the P joints.
      ids: N ids.
      origins: N `Origin`s.
      joints_px: `[N, P, 2]` float64, pixels of the stored images; 0 where absent.
      state: `[N, P]` int, 0 absent, 1 occluded, 2 visible.
      head_size_px: `[N]`, pixels of the stored images; 0 = unknown.
      to_source: `[N, 2, 3]` float64, from the stored images to the original ones.
      crop_side_px: `[N]`, side of the crop around the person's joints, pixels of the stored images.
    """

    skeleton: Skeleton
    ids: tuple[str, ...]
    origins: tuple[Origin, ...]
    joints_px: np.ndarray
    state: np.ndarray
    head_size_px: np.ndarray
    to_source: np.ndarray
    crop_side_px: np.ndarray


def read_annotations(folder: str | os.PathLike, split: str) -> Annotations:
    """Everybody in one split of a converted folder, in the order of the records.

    Args:
      folder: that bin/convert.py made.
      split: `train`, `validation` or `test`.

    Returns:
      `Annotations`.

    Raises:
      UsageError: if the folder is no data folder, or has nobody in the split.
    """
    manifest = read_manifest(folder)
    if not manifest.people(split):
        inhabited = [name for name in manifest.splits if manifest.people(name)]
        raise UsageError(
            f"{folder} has nothing in its split {split!r}; choose another with --split: "
            + ", ".join(inhabited)
        )
    decode = functools.partial(_without_image, joints=len(manifest.skeleton))
    people = [
        person
        for shard in manifest.splits[split]
        for person in decoded(os.path.join(folder, shard.file), decode)
    ]
    if len(people) != manifest.people(split):
        raise UsageError(
            f"{folder} holds {len(people)} records in its split {split!r}, its manifest says "
            f"{manifest.people(split)}; make it again with: {manifest.remake}"
        )
    return Annotations(
        skeleton=manifest.skeleton,
        ids=tuple(person["id"] for person in people),
        origins=tuple(person["origin"] for person in people),
        # Pose 0 is the person's own, the others are neighbors in the image.
        joints_px=np.stack([p["joints_px"][0] for p in people]).astype(np.float64),
        state=np.stack([p["state"][0] for p in people]),
        head_size_px=np.array([sum(p["head_size_px"]) for p in people], np.float64),
        to_source=np.stack([p["to_source"] for p in people]).astype(np.float64),
        crop_side_px=np.array([person["crop_side_px"] for person in people]),
    )


def _without_image(record, joints):
    """The fields of `parse_example` as NumPy arrays, and the `origin`."""
    fields = parse_example(record, joints).items()
    found = {key: value.numpy() for key, value in fields if key != "picture"}
    if not np.isin(found["state"], (0, 1, 2)).all() or not np.isfinite(found["joints_px"]).all():
        raise ValueError("its joints have no states or no positions")
    points = found["joints_px"][0][found["state"][0] > 0]
    box = found | {"box_px": np.stack([points.min(0), points.max(0)])}
    _, side_px = region(box, "joints", DataConfig().margin)
    id = found["id"].decode()
    return found | {"id": id, "origin": parse_origin(record), "crop_side_px": float(side_px)}
