"""Whether converted folders hold what their manifests say: before a training, not hours into it.

    verify         sizes, checksums and counts of all shards; reads every byte once, a second a GB
    find_damage    after a failure: the first record that cannot be decoded, by name
    whole_batches  batches that end with that name where a record cannot be read

A shard is a TFRecord file: for each record its length, the length's checksum, the bytes, theirs.
"""

import hashlib
import os
import struct
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import tensorflow as tf

from cpm import untrusted
from cpm.data.decoding import decode
from cpm.data.examples import parse_example
from cpm.data.manifest import read_manifest
from cpm.data.records import DAMAGE, read_shard, reason
from cpm.errors import UsageError

_HEADER = struct.Struct("<QI")  # length of a record and the checksum of that
_TRAILER = 4  # checksum of the record


class DamagedRecord(UsageError):
    """A record that cannot be read; the message names its file, its number and its person."""


def verify(folders: Iterable[str | os.PathLike], splits: Sequence[str]) -> None:
    """Reads all shards of some splits once.

    Args:
      folders: list of converted folders.
      splits: names of their splits.

    Raises:
      UsageError: for a shard that is missing, damaged or has another number of people; it names
        the file and the command that makes the folder again.
    """
    for folder in folders:
        manifest = read_manifest(folder)
        for split in splits:
            for shard in manifest.splits.get(split, ()):
                path = os.path.join(folder, shard.file)
                if problem := _problem(path, shard):
                    raise UsageError(
                        f"{path!r} {problem}; make the folder again with: {manifest.remake}"
                    )


def find_damage(folders: Iterable[str | os.PathLike], splits: Sequence[str]) -> str | None:
    """The first record of some splits that cannot be read, in words; None if all can."""
    for folder in folders:
        manifest = read_manifest(folder)
        joints = len(manifest.skeleton)
        for split in splits:
            for shard in manifest.splits.get(split, ()):
                path = os.path.join(folder, shard.file)
                if found := _bad_record(path, joints):
                    return f"{path!r}: {found}; make the folder again with: {manifest.remake}"
    return None


def whole_batches(
    batches: Iterable[Any], folders: Sequence[str | os.PathLike], split: str
) -> Iterator[Any]:
    """Yields the batches of a split. TensorFlow's error for a record in them names no file.

    Args:
      batches: of cpm/data/pipeline.py.
      folders: list of the converted folders that they are read from.
      split: name of the split.

    Raises:
      DamagedRecord: if a record cannot be read.
    """
    try:
        yield from batches
    except tf.errors.OpError as error:
        if damage := find_damage(folders, [split]):
            raise DamagedRecord(damage) from error
        raise


def _problem(path, shard):
    """What is wrong with a shard, or None."""
    digest, records = hashlib.sha256(), 0
    with untrusted.open_regular(path) as file:
        while header := file.read(_HEADER.size):
            digest.update(header)
            if len(header) < _HEADER.size:
                return "ends within a record"
            rest = _HEADER.unpack(header)[0] + _TRAILER
            if rest > shard.bytes:
                return "is damaged: a record claims more bytes than the file has"
            content = file.read(rest)
            digest.update(content)
            if len(content) < rest:
                return "ends within a record"
            records += 1
    if records != shard.people:
        return f"holds {records} records, the manifest says {shard.people}"
    if digest.hexdigest() != shard.sha256:
        return "is damaged: it has another SHA-256 than the manifest says"
    return None


def _bad_record(path, joints):
    """The first record of a shard that cannot be decoded, or None."""
    records, number = iter(read_shard(path)), 0
    while True:
        number, name = number + 1, "its name is unreadable"
        try:
            if (record := next(records, None)) is None:
                return None
            fields = parse_example(record, joints)
            name = fields["id"].numpy().decode("utf-8", "replace")
            decode(fields["picture"])
        except DAMAGE as error:
            return f"record {number} ({name}) cannot be decoded ({reason(error)})"
