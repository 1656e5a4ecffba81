"""The people of converted folders as `Person`, with their pixels: what records were made of."""

import collections
import functools
import os
from collections.abc import Iterator, Sequence

import tensorflow as tf

from cpm.data.examples import parse_example
from cpm.data.manifest import read_manifest
from cpm.data.person import Person, Pose
from cpm.data.records import decoded
from cpm.errors import UsageError


def read_people(folders: Sequence[str | os.PathLike], split: str) -> list[Person]:
    """Everybody in one split of some converted folders, in the order of their records.

    Args:
      folders: list of folders that bin/convert.py made.
      split: `train`, `validation` or `test`.

    Returns:
      List of `Person`; `image` is `[H, W, 3]` uint8, all positions are in its pixels.

    Raises:
      UsageError: if a folder is no data folder, nobody is in the split, somebody is in it twice, or
        the folders differ in their joints.
    """
    people: list[Person] = []
    first = None
    for folder in folders:
        manifest = read_manifest(folder)
        first = first or (folder, manifest.skeleton)
        if manifest.skeleton != first[1]:
            raise UsageError(
                f"{folder} has the joints of {manifest.skeleton.name}, {first[0]} those of "
                f"{first[1].name}; name folders of the same joints, or one at a time"
            )
        people.extend(each_person(folder, split))
    if not people:
        raise UsageError(
            f"nobody is in the split {split!r} of {', '.join(map(str, folders))}; "
            "name another with --split"
        )
    twice = [id for id, n in collections.Counter(person.id for person in people).items() if n > 1]
    if twice:  # the folder itself, or images of the same names in two folders
        raise UsageError(
            f"{twice[0]!r} is twice in {', '.join(map(str, folders))}; name each folder once, or "
            "one at a time"
        )
    return people


def each_person(folder: str | os.PathLike, split: str) -> Iterator[Person]:
    """Yields what `read_people` returns of one folder: only one image is in memory at a time.

    Raises:
      UsageError: if the folder is no data folder, or a record is damaged.
    """
    manifest = read_manifest(folder)
    decode = functools.partial(_person, skeleton=manifest.skeleton)
    for shard in manifest.splits.get(split, ()):
        yield from decoded(os.path.join(folder, shard.file), decode)


def _person(record, skeleton):
    """The `Person` in a record."""
    fields = {key: value.numpy() for key, value in parse_example(record, len(skeleton)).items()}
    # The accurate DCT is the one that the pipeline decodes with.
    image = tf.io.decode_jpeg(fields["picture"], channels=3, dct_method="INTEGER_ACCURATE").numpy()
    own, *others = (
        Pose(joints_px, state)
        for joints_px, state in zip(fields["joints_px"], fields["state"], strict=True)
    )
    center_px = fields["center_px"].tolist()
    return Person(
        id=fields["id"].decode(),
        image=image,
        skeleton=skeleton,
        pose=own,
        others=tuple(others),
        center_px=(center_px[0], center_px[1]) if center_px else None,
        scale=_first(fields["scale"]),
        head_size_px=_first(fields["head_size_px"]),
    )


def _first(values):
    """The number in an array of one or none; None in the latter case."""
    return float(values[0]) if len(values) else None
