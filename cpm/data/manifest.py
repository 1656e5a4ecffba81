"""manifest.json: what a converted folder holds, written last, so its presence means "complete".

{"format": "cpm-records", "version": 1, "source": "lsp",
 "skeleton": {"name": "lsp14", "joints": [...]},
 "split_rule": {"name": ..., "text": ...}, "seed": 0,
 "splits": {"train": {"people": 888, "shards": [{"file", "people", "bytes", "sha256"}]}, ...},
 "remake": "python bin/convert.py ...", "picture": ..., "report": {...}, "versions": {...}}
"""

import collections
import dataclasses
import hashlib
import json
import os
import shlex
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from cpm import files, untrusted
from cpm.data.images import leads_out
from cpm.data.remaking import own_command
from cpm.errors import UsageError
from cpm.files import sha256
from cpm.skeleton import Skeleton, get_skeleton

NAME = "manifest.json"
MARKER = "conversion-under-way"  # empty file; stays behind where a conversion was killed
FORMAT, VERSION = "cpm-records", 1
_SHARD = {"file": str, "people": int, "bytes": int, "sha256": str}
_SCHEMA = {
    **{"format": str, "version": int, "source": str, "seed": int, "remake": str},
    **{"skeleton": {"name": str, "joints": [str]}, "split_rule": {"name": str, "text": str}},
    **{"splits": dict, "report": {"splits": dict}, "versions": dict},
}
_REPORT = {"scaled?": int}  # of a split; people with an annotated scale


@dataclasses.dataclass(frozen=True)
class Shard:
    """One TFRecord file: its name in the folder, people in it, size, SHA-256."""

    file: str
    people: int
    bytes: int
    sha256: str


@dataclasses.dataclass(frozen=True)
class Manifest:
    """The contents of manifest.json.

    Attributes:
      source: name of the data set.
      skeleton: `Skeleton` of the joints in the records.
      split_rule: dict with `name` and `text`.
      seed: of the order inside the splits (and of synthetic people).
      splits: split name -> tuple of `Shard`, in order.
      remake: command that makes the folder again.
      report: counts of the conversion, plain JSON values.
      versions: of the tools that wrote the images and the records.
    """

    source: str
    skeleton: Skeleton
    split_rule: dict[str, str]
    seed: int
    splits: dict[str, tuple[Shard, ...]]
    remake: str
    report: dict[str, Any]
    versions: dict[str, str]

    def people(self, split: str) -> int:
        """How many people the split holds; 0 if there is no such split."""
        return sum(shard.people for shard in self.splits.get(split, ()))


def write_manifest(folder: str | os.PathLike, manifest: Manifest) -> None:
    """Writes manifest.json, atomically."""
    record = {
        "format": FORMAT,
        "version": VERSION,
        "source": manifest.source,
        "skeleton": {
            "name": manifest.skeleton.name,
            "joints": list(manifest.skeleton.joints),
        },
        "split_rule": manifest.split_rule,
        "seed": manifest.seed,
        "picture": "JPEG",
        "splits": {
            split: {
                "people": sum(shard.people for shard in shards),
                "shards": [dataclasses.asdict(shard) for shard in shards],
            }
            for split, shards in manifest.splits.items()
        },
        "remake": manifest.remake,
        "report": manifest.report,
        "versions": manifest.versions,
    }
    files.write_json(os.path.join(folder, NAME), record)


def read_manifest(folder: str | os.PathLike, verify: bool = False) -> Manifest:
    """Reads manifest.json and checks that the shards beside it are the ones it lists.

    Args:
      folder: a converted data folder.
      verify: also compare the SHA-256 of every shard (reads all of the data).

    Raises:
      UsageError: if the folder is missing, incomplete or changed; names the command to remake it.
    """
    files.require_utf_8(folder)
    path = os.path.join(folder, NAME)
    untrusted.require_readable(folder)
    if not os.path.isfile(path):
        found = "is not a complete data folder" if os.path.isdir(folder) else "is missing"
        raise UsageError(
            f"{str(folder)!r} {found} (no {NAME}); make it with: "
            f"python bin/convert.py --dataset=NAME --src=DIR --out={shlex.quote(str(folder))}"
        )
    manifest = _parse(path)
    for shards in manifest.splits.values():
        for shard in shards:
            _check_shard(folder, shard, verify, manifest.remake)
    return manifest


def is_ours(folder: str | os.PathLike) -> bool:
    """Whether a conversion may be written there.

    True for a folder that is absent or empty, or that holds an earlier conversion: one with our
    manifest, or with the marker of one that did not come to its end.
    """
    if not os.path.lexists(folder):
        return True
    if not os.path.isdir(folder):
        return False
    names = os.listdir(folder)
    if not names or MARKER in names:
        return True
    try:
        record = untrusted.read_json(os.path.join(folder, NAME), "")
        return record["format"] == FORMAT
    except (UsageError, KeyError, TypeError):
        return False


def fingerprints(
    folders: Iterable[str | os.PathLike], splits: Sequence[str]
) -> list[dict[str, Any]]:
    """What says that data are the same people in the same order, for each folder.

    Args:
      folders: list of converted folders.
      splits: names of the splits that count.

    Returns:
      List of dicts: `folder` and `splits`, {name: {"people", "sha256" of its shards' checksums}}.
    """
    found = []
    for folder in folders:
        manifest = read_manifest(folder)
        parts = {}
        for split in splits:
            shards = manifest.splits.get(split, ())
            text = json.dumps([manifest.skeleton.name, [shard.sha256 for shard in shards]])
            digest = hashlib.sha256(text.encode()).hexdigest()
            parts[split] = {"people": manifest.people(split), "sha256": digest}
        found.append({"folder": str(folder), "splits": parts})
    return found


def changed_since(then: Iterable[Mapping[str, Any]]) -> str | None:
    """The first folder that holds other people than before, or that is being written; else None.

    A folder that is gone holds no others.

    Args:
      then: of `fingerprints`.
    """
    for part in then:
        folder = part["folder"]
        if not any(os.path.lexists(os.path.join(folder, name)) for name in (NAME, MARKER)):
            continue
        try:
            (now,) = fingerprints([folder], part["splits"])
        except UsageError:
            return folder
        if now["splits"] != part["splits"]:
            return folder
    return None


def _parse(path):
    """The manifest in a file; UsageError if it is not one of ours or another skeleton's."""
    advice, most = "make the folder again with bin/convert.py", untrusted.SMALL_JSON_BYTES
    record = untrusted.read_json(path, advice, schema=_SCHEMA, most_bytes=most)
    try:
        if (record["format"], record["version"]) != (FORMAT, VERSION):
            raise ValueError(
                f"format {record['format']!r} version {record['version']!r}, "
                f"expected {FORMAT!r} version {VERSION}"
            )
        skeleton = get_skeleton(record["skeleton"]["name"])
        if list(skeleton.joints) != record["skeleton"]["joints"]:
            raise ValueError(f"other joints under the name {skeleton.name!r}")
        splits = {
            split: tuple(_shard(shard) for shard in value["shards"])
            for split, value in record["splits"].items()
        }
        _check_once(splits)
        for split, counts in record["report"]["splits"].items():
            untrusted.check_schema(counts, _REPORT, f"the report of {untrusted.shown(split)}")
        return Manifest(
            source=record["source"],
            skeleton=skeleton,
            split_rule=record["split_rule"],
            seed=record["seed"],
            splits=splits,
            remake=own_command(record["remake"]),
            report=record["report"],
            versions=record["versions"],
        )
    except (ValueError, KeyError, TypeError, AttributeError, UsageError) as error:
        raise UsageError(
            f"{path!r} is not a manifest of this version ({error}); {advice}"
        ) from error


def _shard(record):
    """The `Shard` in a record; ValueError if it names a file that is not in the folder."""
    untrusted.check_schema(record, _SHARD, "a shard")
    name = record["file"]
    # What is not printable, no system may take: zeros, halves of characters.
    if os.path.basename(name) != name or name in ("", ".", "..") or not name.isprintable():
        raise ValueError(f"a shard is called {untrusted.shown(name)}")
    if record["people"] < 1 or record["bytes"] < 1:
        raise ValueError(f"a shard has {record['people']} people in {record['bytes']} bytes")
    return Shard(**record)


def _check_once(splits):
    """ValueError if a file is listed twice: people would be weighed double, or be in two splits."""
    named = collections.Counter(shard.file for shards in splits.values() for shard in shards)
    for name, count in named.most_common(1):
        if count > 1:
            raise ValueError(f"the shard {untrusted.shown(name)} is listed {count} times")


def _check_shard(folder, shard, verify, remake):
    path = os.path.join(folder, shard.file)
    untrusted.require_readable(path)
    found = os.path.getsize(path) if os.path.isfile(path) else None
    if found is None:
        problem = "is missing"
    elif leads_out(path, folder):
        problem = "is a link that leads out of the folder"
    elif found != shard.bytes:
        problem = f"has {found} bytes, expected {shard.bytes}"
    elif verify and sha256(path) != shard.sha256:
        problem = "has another SHA-256 than the manifest says"
    else:
        return
    raise UsageError(f"{path!r} {problem}; make the folder again with: {remake}")
