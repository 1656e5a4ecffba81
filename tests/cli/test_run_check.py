"""bin/describe.py with a run directory: each damage is named, and the exit status says it."""

import errno
import json
import os
import shutil
from pathlib import Path

import pytest

from cpm.cli import describe
from cpm import checkpoints, untrusted
from cpm.data.manifest import fingerprints
from cpm.training.loop import SPLITS
from cpm.training.run_folder import RunFolder
from tests.helpers import small_runs
from tests.helpers.in_process import caller

NEWEST = "step-0000007"


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A run of two checkpoints, and its data folder."""
    folder = tmp_path_factory.mktemp("whole")
    data = small_runs.write_data(folder / "data", train=2, validation=1)
    path, network = small_runs.write_run(folder / "run", data)
    origin = {"data": fingerprints([data], SPLITS), "init_from": None}
    saved = checkpoints.Checkpoints(
        RunFolder(path).checkpoints, network, None, small_runs.CONFIG, origin=origin
    )
    saved.save(7, score=3.0)
    return folder


@pytest.fixture
def run(tmp_path, whole):
    """A copy of the run to be damaged."""
    return Path(shutil.copytree(whole / "run", tmp_path / "run"))


@pytest.fixture
def check(capfd):
    """A function of a path → (exit status, {part: its line}, errors)."""
    call = caller(describe, capfd)

    def checked(path):
        status, out, error = call(path)
        return status, {line.split()[0]: line for line in out.splitlines() if line.strip()}, error

    return checked


def not_whole(lines):
    return [part for part, line in lines.items() if "NOT WHOLE" in line]


def test_a_whole_run(run, whole, check):
    before = sorted(os.listdir(run / "checkpoints"))
    status, lines, error = check(run)
    assert status == 0 and not error and not not_whole(lines)
    for part in ("config.json", "checkpoints.json", NEWEST, "metrics.jsonl", str(whole / "data")):
        assert " whole" in lines[part]
    assert "to step 2" in lines["metrics.jsonl"]
    assert sorted(os.listdir(run / "checkpoints")) == before


def _flip(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 8
    path.write_bytes(content)


def _change_config(run):
    record = json.loads((run / "config.json").read_text())
    record["config"]["steps"] += 1
    (run / "config.json").write_text(json.dumps(record))


DATA = f"checkpoints/{NEWEST}.data-00000-of-00001"
LIST = "checkpoints/checkpoints.json"
DAMAGES = {
    "bit of the newest": (NEWEST, lambda run: _flip(run / DATA)),
    "newest cut": (NEWEST, lambda run: os.truncate(run / DATA, 100)),
    "list missing": ("checkpoints.json", lambda run: os.remove(run / LIST)),
    "list no JSON": ("checkpoints.json", lambda run: (run / LIST).write_text("{")),
    "config missing": ("config.json", lambda run: os.remove(run / "config.json")),
    "config a pipe": (
        "config.json",
        lambda run: (os.remove(run / "config.json"), os.mkfifo(run / "config.json")),
    ),
    "config changed": ("config.json", _change_config),
    "metrics missing": ("metrics.jsonl", lambda run: os.remove(run / "metrics.jsonl")),
    "metrics of zeros": (
        "metrics.jsonl",
        lambda run: (run / "metrics.jsonl").write_bytes(b"\0\n\0\n"),
    ),
    "metrics a folder": (
        "metrics.jsonl",
        lambda run: (os.remove(run / "metrics.jsonl"), (run / "metrics.jsonl").mkdir()),
    ),
    "metrics a pipe": (
        "metrics.jsonl",
        lambda run: (os.remove(run / "metrics.jsonl"), os.mkfifo(run / "metrics.jsonl")),
    ),
}


@pytest.mark.parametrize("flag", ["--arch=paper", "--set=network.width=2"])
def test_flags_of_a_network_are_not_of_a_run(run, capfd, flag):
    """They were ignored, as if the run had such a network."""
    status, text, error = caller(describe, capfd)(flag, run)
    assert status == 2 and not text and f"{flag.split('=')[0]} is of a network that is not" in error


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damage_is_named(run, check, damage):
    """That part alone, and exit status 1: nothing is changed, and no traceback."""
    part, make = DAMAGES[damage]
    make(run)
    status, lines, error = check(run)
    assert status == 1 and not error and not_whole(lines) == [part]


@pytest.mark.parametrize(
    "name, parts",
    [
        ("metrics.jsonl", ["metrics.jsonl"]),
        ("checkpoints", ["checkpoints.json"]),
        ("train-00000-of-00001.tfrecord", ["data"]),
    ],
)
def test_a_part_without_permission_is_a_row(run, whole, check, monkeypatch, name, parts):
    """The other parts are checked all the same."""

    def refusing(call):
        def checked(path, *arguments, **keywords):
            if os.path.basename(path) == name:
                raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))
            return call(path, *arguments, **keywords)

        return checked

    monkeypatch.setattr(os, "listdir", refusing(os.listdir))
    monkeypatch.setattr(untrusted, "open_regular", refusing(untrusted.open_regular))
    status, lines, error = check(run)
    assert status == 1 and not error
    assert [os.path.basename(part) for part in not_whole(lines)] == parts
    assert "Permission denied" in "".join(lines.values())


def _pipe_for_checkpoints(run):
    shutil.rmtree(run / "checkpoints")
    os.mkfifo(run / "checkpoints")


def _empty_checkpoints(run):
    shutil.rmtree(run / "checkpoints")
    (run / "checkpoints").mkdir()


def _only_the_list(run):
    _empty_checkpoints(run)
    checkpoints.begin(run / "checkpoints")


@pytest.mark.parametrize("begun", [True, False], ids=["whole metrics", "no metrics"])
@pytest.mark.parametrize(
    "lose",
    [lambda run: shutil.rmtree(run / "checkpoints"), _empty_checkpoints, _pipe_for_checkpoints],
)
def test_lost_checkpoints_are_named(run, check, lose, begun):
    """As a training that goes on refuses them: config.json is written after the first list."""
    lose(run)
    if not begun:
        os.truncate(run / "metrics.jsonl", 0)
    status, lines, error = check(run)
    assert status == 1 and not error and not_whole(lines) == ["checkpoints.json"]
    assert "is gone" in lines["checkpoints.json"]


def test_metrics_beyond_a_save_without_a_checkpoint_are_a_loss(run, check):
    _only_the_list(run)
    status, lines, _ = check(run)
    assert status == 0 and "nothing saved yet" in lines["checkpoints.json"]
    with open(run / "metrics.jsonl", "a") as file:
        file.write('{"step": 351}\n')  # a save is every 350
    status, lines, _ = check(run)
    assert status == 1 and not_whole(lines) == ["checkpoints.json"]
    assert "reach step 351" in lines["checkpoints.json"]


def test_other_data_are_named(run, check, whole, tmp_path):
    """A shard that is damaged, and other people in the folder."""
    data = tmp_path / "moved"
    shutil.copytree(whole / "data", data)
    shard = next((whole / "data").glob("train*"))
    try:
        _flip(shard)
        status, lines, _ = check(run)
        assert status == 1 and not_whole(lines) == [str(whole / "data")]
        assert "changed" in lines[str(whole / "data")] or "damaged" in lines[str(whole / "data")]
    finally:
        shutil.copytree(data, whole / "data", dirs_exist_ok=True)


@pytest.mark.parametrize("make", [lambda path: None, os.mkdir], ids=["nothing", "an empty folder"])
def test_what_is_no_run_is_a_sentence(tmp_path, check, make):
    make(tmp_path / "run")
    status, lines, error = check(tmp_path / "run")
    assert status == 2 and not lines and error.count("error:") == 1 and "run" in error
