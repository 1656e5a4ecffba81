"""Data that a run began with; tests/training/test_loop.py: what a resumed run may change."""

import json
import os
import shutil

import pytest

from cpm import files
from cpm.data import manifest
from cpm.data.person import Pose
from cpm.data.records import Storage, write_records
from cpm.data.splits import RULES
from cpm.errors import UsageError
from cpm.training.loop import SPLITS
from cpm.training.same_run import check_data
from tests.helpers.small_runs import cats


def test_check_data_raises():
    then = [{"folder": "a", "splits": {"train": {"people": 3, "sha256": "1"}}}]
    moved = [then[0] | {"folder": "b"}]
    check_data("run", then, moved)
    other = [{"folder": "a", "splits": {"train": {"people": 4, "sha256": "2"}}}]
    with pytest.raises(UsageError, match=r"then: train 3; now: train 4"):
        check_data("run", then, other)
    with pytest.raises(UsageError, match="from 1 data folders, but this command names 2"):
        check_data("run", then, then + other)


def converted(folder, *, count=6, seed=0, moved=0.0):
    """Cats in two shards for each split, in an order by a seed, moved by some pixels."""
    people = [*cats("train", count), *cats("validation", 4)]
    for person in people:
        object.__setattr__(person, "pose", Pose(person.pose.joints_px + moved, person.pose.state))
    storage, rule = Storage(shards=2), RULES["development"]
    write_records(people, str(folder), source="coco", rule=rule, seed=seed, storage=storage)
    return folder


def edited(folder, change):
    """A converted folder after `change(its train shards in the manifest)`."""
    path = folder / manifest.NAME
    record = json.loads(path.read_text())
    change(folder, record["splits"]["train"])
    path.write_text(json.dumps(record))
    return folder


def exchange_files(folder, split):
    """Two shards of one split change their contents; the manifest is right about them."""
    one, other = split["shards"]
    a, b = folder / one["file"], folder / other["file"]
    a.rename(folder / "x"), b.rename(a), (folder / "x").rename(b)
    for shard in split["shards"]:
        path = folder / shard["file"]
        shard |= {"bytes": os.path.getsize(path), "sha256": files.sha256(path)}


CHANGES = {
    "the same": (lambda path: converted(path), True),
    "another seed": (lambda path: converted(path, seed=1), False),
    "joints moved": (lambda path: converted(path, moved=1.0), False),
    "one person more": (lambda path: converted(path, count=7), False),
    "one person fewer": (lambda path: converted(path, count=5), False),
    "shards exchanged": (lambda path: edited(converted(path), exchange_files), False),
    "shards in another order": (
        lambda path: edited(converted(path), lambda _, split: split["shards"].reverse()),
        False,
    ),
    "one shard fewer": (
        lambda path: edited(converted(path), lambda _, split: split["shards"].pop()),
        False,
    ),
}


@pytest.mark.parametrize("change, same", CHANGES.values(), ids=CHANGES)
def test_a_folder_converted_anew_is_compared(tmp_path, change, same):
    """What is the same to the bit is no change, wherever it lies; everything else is one."""
    then = manifest.fingerprints([converted(tmp_path / "then")], SPLITS)
    shutil.rmtree(tmp_path / "then")
    now = manifest.fingerprints([change(tmp_path / "now")], SPLITS)
    if same:
        check_data("run", then, now)
    else:
        with pytest.raises(UsageError, match="are not those that run began with"):
            check_data("run", then, now)
