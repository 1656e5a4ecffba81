"""Writing people to TFRecord shards: same people, rule and seed, same bytes.

    <split>-00000-of-00002.tfrecord ...   serialized people, cpm/data/examples.py
    manifest.json                         written last, cpm/data/manifest.py

The order inside a split is that of a hash of (seed, id): a shuffle that depends on nothing else,
not even on the order in which the reader found the people. Everything is written under temporary
names and renamed; a conversion that was killed leaves no manifest and is refused by the pipeline.
"""

import contextlib
import dataclasses
import fcntl
import functools
import hashlib
import itertools
import math
import os
import re
import typing
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np
import PIL
import tensorflow as tf
from google.protobuf.message import DecodeError
from tqdm import tqdm

from cpm import files
from cpm.data import examples, images
from cpm.data.manifest import (
    MARKER,
    NAME,
    Manifest,
    Shard,
    is_ours,
    sha256,
    write_manifest,
)
from cpm.data.person import Person
from cpm.data.report import MISSING, Report
from cpm.data.splits import TRAIN, SplitRule, reason_to_leave_out
from cpm.errors import UsageError

_SHARD = re.compile(r"\w+-\d{5}-of-\d{5}\.tfrecord")
# What a record raises that is damaged, or that somebody made up.
DAMAGE = (tf.errors.OpError, DecodeError, ValueError, KeyError, IndexError, TypeError)
PEOPLE_PER_SHARD = 512  # small, so that permuting the shards already shuffles


@dataclasses.dataclass(frozen=True)
class Storage:
    """How people are stored.

    Attributes:
      shards: files per split; 0 = one for every `PEOPLE_PER_SHARD`.
      longest_side_px: larger images are cut and shrunk to it, see `examples.encode_person`; 0 =
        never.
      max_pixels: images of more are left out.
    """

    shards: int = 0
    longest_side_px: int = images.LONGEST_SIDE_PX
    max_pixels: int = images.MAX_PIXELS


USUAL = Storage()


def write_records(
    people: Iterable[Person],
    out_dir: str | os.PathLike,
    *,
    source: str,
    rule: SplitRule,
    seed: int = 0,
    storage: Storage = USUAL,
    leave_out: Callable[[Person], str | None] = reason_to_leave_out,
    remake: str = "bin/convert.py",
    report: Report | None = None,
) -> Manifest:
    """Writes people as shards and a manifest.

    Args:
      people: iterable of `Person`, all of one skeleton.
      out_dir: folder; made if missing. Must be empty or an earlier conversion, which is replaced.
      source: name of the data set, for the manifest.
      rule: `cpm.data.splits.SplitRule`.
      seed: of the order inside the splits.
      storage: `Storage`.
      leave_out: function of a `Person`: why this one is left out of training, or None. (It may
        still validate: what resembles a test image spoils a score only by having been learnt, and
        who is hard to learn from is no less worth finding.)
      remake: command that makes the folder again, named where it is found to be broken.
      report: `Report` that the reader of the people has begun; None = a new one.

    Returns:
      `Manifest`.

    Raises:
      UsageError: if `out_dir` holds something else, or if nobody is left to be written.
    """
    report = report or Report()
    encode = functools.partial(
        examples.encode_person,
        longest_side_px=storage.longest_side_px,
        max_pixels=storage.max_pixels,
    )
    with files.naming(out_dir), _claimed(out_dir), contextlib.ExitStack() as stack:
        spools = {}
        # disable=None: no bar where the output is not a terminal.
        progress = tqdm(people, desc=source, unit=" records", mininterval=1.0, disable=None)
        for person in _consistent(progress):
            split = rule.assign(person.origin)
            serialized = _encode(person, split, leave_out, encode, report)
            if split is None or serialized is None:
                continue
            if split not in spools:
                spools[split] = stack.enter_context(_Spool(out_dir, split))
            spools[split].append(_position(seed, person.id), serialized)
        if not spools:
            raise UsageError(f"nothing of {source} could be converted: " + _why(report))
        report.finish(source)
        _remove_old(out_dir)
        manifest = Manifest(
            source=source,
            skeleton=person.skeleton,
            split_rule={"name": rule.name, "text": rule.text},
            seed=seed,
            splits={
                split: tuple(_write_shards(out_dir, split, spool, storage.shards))
                for split, spool in sorted(spools.items())
            },
            remake=remake,
            report=report.to_json(),
            versions={
                "tensorflow": tf.__version__,
                "numpy": np.__version__,
                "pillow": PIL.__version__,
            },
        )
        write_manifest(out_dir, manifest)
    return manifest


def read_shard(path: str | os.PathLike) -> Iterator[bytes]:
    """Yields the serialized people of one shard."""
    for record in tf.data.TFRecordDataset(path):
        yield record.numpy()


def decoded(path: str | os.PathLike, decode: Callable[[bytes], Any]) -> Iterator[Any]:
    """Yields `decode(record)` for each record of a shard.

    Raises:
      UsageError: for a record that is damaged, or none of ours; it names the shard and the record.
    """
    number, records = 1, iter(read_shard(path))
    try:
        while (record := next(records, None)) is not None:
            yield decode(record)
            number += 1
    except DAMAGE as error:
        raise UsageError(
            f"{os.fspath(path)!r}: record {number} cannot be read ({reason(error)}); make the "
            "folder again with bin/convert.py"
        ) from error


def reason(error: BaseException) -> str:
    """What an error of `DAMAGE` says, in one line, without the names of TensorFlow's operations.

    >>> reason(ValueError("{{function_node __Next}} corrupted record at 7 [Op:Next] name:"))
    'corrupted record at 7'
    """
    first = str(error).strip().partition("\n")[0]
    return re.sub(r"\{\{[^}]*\}\} | \[Op:\w+\]( name:\s*)?$", "", first)


def _encode(person, split, leave_out, encode, report):
    """The serialized person, or None after noting in the report why not."""
    if person.excluded:
        report.leave_out(person.id, person.excluded)
    elif split is None:
        report.leave_out(person.id, "in no split of this rule")
    elif split == TRAIN and (reason := leave_out(person)):
        report.leave_out(person.id, reason)
    elif isinstance(person.image, str) and not os.path.isfile(person.image):
        report.leave_out(person.id, MISSING)
        report.sought = report.sought or person.image
    elif not person.pose.present.any():
        report.leave_out(person.id, "without any joint")
    else:
        try:
            serialized, size = encode(person)
        except images.SizeError as error:
            report.leave_out(f"{person.id} ({error})", "images of another size")
            return None
        except images.ImageError as error:
            report.leave_out(f"{person.id} ({error})", "images unreadable")
            return None
        report.add(split, person, size)
        if person.origin.source == "coco" and isinstance(person.image, str):
            if images.is_turned_unsaid(person.image, size, person.annotated_size):
                report.turned.append(person.id)
        return serialized
    return None


def _consistent(people):
    """Yields the people; ValueError if one repeats an id or has another skeleton."""
    skeleton, ids = None, set()
    for person in people:
        skeleton = skeleton or person.skeleton
        if person.skeleton != skeleton:
            raise ValueError(
                f"person {person.id!r} has skeleton {person.skeleton.name!r}, "
                f"the people before it have {skeleton.name!r}"
            )
        if person.id in ids:
            raise ValueError(f"the id {person.id!r} comes twice")
        ids.add(person.id)
        yield person


def _position(seed, person_id):
    """Sort key that shuffles: the same for the same seed and id, on every machine."""
    return hashlib.sha256(f"{seed}/{person_id}".encode()).digest(), person_id


def _why(report):
    """Why nobody is left, in words."""
    if not report.left_out:
        return "the source is empty"
    counts = "; ".join(f"{len(ids)} {reason}" for reason, ids in report.left_out.items())
    if MISSING in report.left_out:
        return f"{counts}; the first was looked for at {report.sought!r}"
    first = next(ids[0] for ids in report.left_out.values())
    # What looks wrong may be why, such as positions of joints with v = 0.
    wrong = [note for note in report.notes if note.startswith("warning: ")]
    return "; ".join([f"{counts}; the first is {first}", *wrong])


@contextlib.contextmanager
def _claimed(out_dir):
    """Marks the folder as being written, so that what a kill leaves behind is known to be ours."""
    files.require_utf_8(out_dir)
    if not is_ours(out_dir):
        raise UsageError(
            f"{str(out_dir)!r} holds files that are not a conversion; "
            "nothing was changed: name an empty or new folder with --out"
        )
    os.makedirs(out_dir, exist_ok=True)
    marker = os.path.join(out_dir, MARKER)
    with open(marker, "a", encoding="utf-8") as file:
        try:  # the lock ends with the process, however that ends
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise UsageError(
                f"{str(out_dir)!r} is being written by another process; wait until it is done, "
                "or name another folder with --out"
            ) from error
        try:
            yield
        finally:
            complete = os.path.exists(os.path.join(out_dir, NAME))
            if complete or os.listdir(out_dir) == [MARKER]:
                os.remove(marker)


def _remove_old(out_dir):
    """Removes an earlier conversion, its manifest first: a folder without one is incomplete."""
    with contextlib.suppress(FileNotFoundError):
        os.remove(os.path.join(out_dir, NAME))
    for name in os.listdir(out_dir):
        if _SHARD.fullmatch(name) or name.startswith(".partial-"):
            os.remove(os.path.join(out_dir, name))


def _write_shards(out_dir, split, spool, shards):
    """Writes one split in its final order; yields a `Shard` for every file."""
    people = len(spool.entries)
    shards = min(shards or math.ceil(people / PEOPLE_PER_SHARD), people)
    bounds = [people * i // shards for i in range(shards + 1)]
    serialized = spool.sorted()
    for i, (start, stop) in enumerate(itertools.pairwise(bounds)):
        name = f"{split}-{i:05d}-of-{shards:05d}.tfrecord"
        path = os.path.join(out_dir, name)
        with files.replacing(path) as temporary:
            with tf.io.TFRecordWriter(temporary) as writer:
                for record in itertools.islice(serialized, stop - start):
                    writer.write(record)
        yield Shard(name, stop - start, os.path.getsize(path), sha256(path))


class _Spool:
    """Serialized people of one split on disk, in order of arrival; memory holds only positions."""

    class Entry(typing.NamedTuple):
        key: tuple
        offset: int
        length: int

    def __init__(self, out_dir, split):
        self.path = os.path.join(out_dir, f"{split}.spool")
        self.entries = []

    def __enter__(self):
        self.file = open(self.path, "w+b")
        return self

    def __exit__(self, *_):
        try:
            self.file.close()  # writes what is left, for which a full disk has no room
        finally:
            os.remove(self.path)

    def append(self, key, serialized):
        self.entries.append(self.Entry(key, self.file.tell(), len(serialized)))
        self.file.write(serialized)

    def sorted(self):
        """Yields the serialized people in the order of their keys."""
        for entry in sorted(self.entries):
            self.file.seek(entry.offset)
            yield self.file.read(entry.length)
