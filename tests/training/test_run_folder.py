"""The run folder: what is recorded, what a resumed run may change."""

import dataclasses
import os
import re
import shutil
from pathlib import Path

import pytest
import tensorflow as tf

from cpm.config import OptimizerConfig, TrainConfig
from cpm.errors import UsageError
from cpm.execution import Execution
from cpm.training import run_folder
from cpm.training.metrics_file import read_metrics
from cpm.training.run_config import read_config
from cpm.training.run_folder import RunFolder
from cpm.training.run_place import check_run_dir
from cpm.training.run_traces import traces_of_training
from tests.helpers.small_runs import CONFIG as TINY
from tests.helpers.small_runs import write_run, write_unsaved_run


def test_claim_records_configuration_and_provenance(tmp_path):
    config = TrainConfig(seed=5, steps=7)
    RunFolder(tmp_path / "run").claim(config, Execution(xla=True), ["data/lsp"])
    found, record = read_config(tmp_path / "run")
    assert found == config
    assert record["data"] == ["data/lsp"] and record["seed"] == 5
    assert record["execution"] == dataclasses.asdict(Execution(xla=True))
    assert {"command", "commit", "tensorflow", "hardware"} <= set(record)


def test_claim_refuses_another_configuration(tmp_path):
    folder = RunFolder(tmp_path)
    config, execution = TrainConfig(), Execution()
    folder.claim(TrainConfig(steps=1), execution, ["z"])  # nothing was trained: no harm in another
    folder.claim(config, execution, ["a"])
    folder.metrics.append({"step": 1})
    folder.claim(config, execution, ["a/"])
    other = dataclasses.replace(config, optimizer=OptimizerConfig(learning_rate=0.5))
    with pytest.raises(UsageError, match=r"optimizer.learning_rate = 0.002.*0.5"):
        folder.claim(other, execution, ["a"])
    with pytest.raises(UsageError, match="data"):
        folder.claim(config, execution, ["b"])
    assert read_config(tmp_path)[0] == config


def test_claim_allows_another_execution_and_keeps_the_latest(tmp_path):
    folder = RunFolder(tmp_path)
    config, first = TrainConfig(), Execution()
    assert folder.claim(config, first, ["a"]) == {}
    folder.metrics.append({"step": 1})
    other = Execution(precision="bfloat16", replicas=2, save_every=3)
    changes = {"precision": ("float32", "bfloat16"), "replicas": (1, 2), "save_every": (350, 3)}
    assert folder.claim(config, other, ["a"]) == changes
    assert folder.claim(config, other, ["a"]) == {}
    found, record = read_config(tmp_path)
    assert found == config and record["execution"] == dataclasses.asdict(other)
    assert "command" in record and record["data"] == ["a"]


EXECUTION = Execution(save_every=10, eval_every=100)


def events(path, records):
    """An event file of TensorBoard with this many records."""
    with tf.io.TFRecordWriter(str(path / "events.out.tfevents.1")) as writer:
        for _ in range(records):
            writer.write(b"x" * 40)


LOST = {
    "checkpoints/ gone": lambda path: shutil.rmtree(path / "checkpoints"),
    "list gone": lambda path: os.remove(path / "checkpoints" / "checkpoints.json"),
    "config.json gone": lambda path: os.remove(path / "config.json"),
    "config.json damaged": lambda path: (path / "config.json").write_text("["),
    "metrics go beyond a save": lambda path: write_unsaved_run(path, 11),
    "metrics are no records": lambda path: (
        (path / "metrics.jsonl").write_bytes(b"\0" * 99),
        shutil.rmtree(path / "checkpoints"),
    ),
    "only events": lambda path: (os.remove(path / "metrics.jsonl"), events(path, 2)),
    "only results": lambda path: (
        os.remove(path / "metrics.jsonl"),
        (path / "eval").mkdir(),
        (path / "eval" / "validation.json").write_text("{}"),
    ),
    "only pieces of checkpoints": lambda path: (
        os.remove(path / "metrics.jsonl"),
        (path / "checkpoints" / "step-0000010.data-00000-of-00001").write_text("x"),
    ),
}


@pytest.mark.parametrize("lose", LOST.values(), ids=LOST)
def test_traces_of_training_never_start_at_0(tmp_path, lose):
    """Until it is asked for: then what is there is put aside, not deleted."""
    write_unsaved_run(tmp_path, 8)
    lose(tmp_path)
    before = {p.name for p in tmp_path.iterdir()} - {"lock"}
    folder = RunFolder(tmp_path)
    with pytest.raises(UsageError, match="--restart"):
        folder.claim(TrainConfig(), EXECUTION, ["a"])
    aside = folder.restart()
    assert {p.name for p in Path(aside).iterdir()} == before
    assert folder.claim(TrainConfig(seed=9), EXECUTION, ["b"]) == {}
    assert folder.found.prefix is None and folder.restart() != aside


@pytest.mark.parametrize(
    "name", ["config.json", "metrics.jsonl", "checkpoints/checkpoints.json", "report.html"]
)
@pytest.mark.parametrize("linked", [False, True])
def test_no_file_of_somebody_else_is_overwritten(tmp_path, name, linked):
    """Names that other programs use, too: refused, and with --restart put aside as they are."""
    place, text = tmp_path / "run" / name, '{"my": "own settings"}'
    place.parent.mkdir(parents=True)
    written = tmp_path / "precious" if linked else place
    written.write_text(text)
    if linked:
        os.symlink(written, place)
    folder = RunFolder(tmp_path / "run")
    with pytest.raises(UsageError, match=r"another --run_dir.*--restart"):
        folder.claim(TINY, EXECUTION, ["data"])
    assert written.read_text() == text and place.is_symlink() == linked
    aside = Path(folder.restart())
    assert folder.claim(TINY, EXECUTION, ["data"]) == {}
    assert (aside / name).read_text() == text and not place.is_symlink()
    assert not linked or written.read_text() == text


def test_a_run_before_its_first_save_starts_again(tmp_path):
    """Killed there, the same command goes on: at 0, said. So does one that never made a step."""
    write_unsaved_run(tmp_path, 10)
    assert RunFolder(tmp_path).claim(TrainConfig(), EXECUTION, ["a"]) == {}
    with pytest.raises(UsageError, match="seed"):
        RunFolder(tmp_path).claim(TrainConfig(seed=1), EXECUTION, ["a"])
    os.remove(tmp_path / "metrics.jsonl")
    events(tmp_path, 1)
    assert RunFolder(tmp_path).claim(TrainConfig(seed=1), EXECUTION, ["a"]) == {}


@pytest.mark.parametrize("name", ["metrics.jsonl", "config.json", "lock"])
def test_what_is_no_regular_file_in_a_run_is_refused_at_once(tmp_path, name):
    """A pipe would be waited for, a device be read without end."""
    write_unsaved_run(tmp_path, 2)
    for make in (os.mkfifo, lambda path: os.symlink("/dev/zero", path)):
        os.remove(tmp_path / name)
        make(tmp_path / name)
        with pytest.raises(UsageError, match=rf"{name} is no regular file"):
            check_run_dir(str(tmp_path))
    if name == "metrics.jsonl":
        with pytest.raises(OSError, match="is a device, not a regular file"):
            read_metrics(tmp_path)


def test_a_pipe_among_the_events_is_no_trace(tmp_path):
    os.mkfifo(tmp_path / "events.out.tfevents.1")
    assert traces_of_training(tmp_path) == []


EVENTS = "events.out.tfevents.1"
OTHERS = {
    "missing": lambda path: shutil.rmtree(path) if path.is_dir() else os.remove(path),
    "empty": lambda path: emptied(path),
    "cut short": lambda path: os.truncate(a_file(path), a_file(path).stat().st_size // 2),
    "a bit flipped": lambda path: flipped(a_file(path)),
    "text": lambda path: a_file(path).write_text("something else"),
    "a file for a folder, a folder for a file": lambda path: exchanged(path),
}


def a_file(path):
    """The file itself, or one in the folder."""
    return path / "validation.json" if path.is_dir() else path


def emptied(path):
    if path.is_dir():
        shutil.rmtree(path)
        path.mkdir()
    else:
        os.truncate(path, 0)


def flipped(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 8
    path.write_bytes(content)


def exchanged(path):
    if path.is_dir():
        shutil.rmtree(path)
        path.write_text("x")
    else:
        os.remove(path)
        path.mkdir()


@pytest.fixture(scope="module")
def saved_run(tmp_path_factory):
    """A run of one checkpoint with events, results and a page, which nothing is resumed from."""
    path = tmp_path_factory.mktemp("saved") / "run"
    write_run(path, "data", config=TINY)
    events(path, 3)
    (path / "eval").mkdir()
    (path / "eval" / "validation.json").write_text('{"metrics": {}}')
    (path / "report.html").write_text("<p>a page</p>")
    return path


@pytest.mark.parametrize("damage", OTHERS.values(), ids=OTHERS)
@pytest.mark.parametrize("name", [EVENTS, "eval", "report.html"])
def test_what_a_run_does_not_need_may_be_damaged(saved_run, tmp_path, name, damage):
    """It goes on from its checkpoint, and --restart puts what is there aside."""
    run = Path(shutil.copytree(saved_run, tmp_path / "run"))
    damage(run / name)
    if name == "eval" and not run.joinpath(name).is_dir() and run.joinpath(name).exists():
        with pytest.raises(UsageError, match="eval is no folder"):
            RunFolder(run)
        return
    folder = RunFolder(run)
    folder.claim(TINY, EXECUTION, ["data"])
    assert folder.found.prefix.endswith("step-0000004") and folder.metrics.last_step() == 2
    assert folder.restart() is not None and not (run / name).exists()


@pytest.mark.parametrize("damage", OTHERS.values(), ids=OTHERS)
@pytest.mark.parametrize("name", [EVENTS, "eval", "report.html"])
def test_without_a_checkpoint_they_are_traces_or_none(saved_run, tmp_path, name, damage):
    """Damaged as they may be: refused, or nothing is left to tell of a training. No traceback."""
    run = tmp_path / "run"
    run.mkdir()
    copy = shutil.copytree if (saved_run / name).is_dir() else shutil.copy
    copy(saved_run / name, run / name)
    damage(run / name)
    if traces_of_training(run) or ((run / name).is_file() and name == "eval"):
        with pytest.raises(UsageError, match=r"--restart|eval is no folder"):
            RunFolder(run).claim(TINY, EXECUTION, ["data"])
    else:
        assert RunFolder(run).claim(TINY, EXECUTION, ["data"]) == {}


def test_empty_metrics_beside_a_checkpoint_cost_no_step(saved_run, tmp_path):
    run = Path(shutil.copytree(saved_run, tmp_path / "run"))
    os.truncate(run / "metrics.jsonl", 0)
    folder = RunFolder(run)
    folder.claim(TINY, EXECUTION, ["data"])
    assert folder.found.prefix.endswith("step-0000004") and folder.metrics.last_step() is None
    assert read_metrics(run) == [] and folder.metrics.seconds_trained() == 0.0
    other = dataclasses.replace(TINY, seed=TINY.seed + 1)
    with pytest.raises(UsageError, match="seed"):
        RunFolder(run).claim(other, EXECUTION, ["data"])


def test_a_clock_that_was_set_back_changes_nothing(tmp_path, monkeypatch):
    """Which checkpoint is the newest and what was measured when, no clock decides."""
    folder = write_unsaved_run(tmp_path, 3)
    folder.metrics.append({"step": 4, "seconds": 9.5})
    monkeypatch.setattr("time.time", lambda: 0.0)
    for path in tmp_path.rglob("*"):
        os.utime(path, (4e9, 4e9))  # in 2096
    later = RunFolder(tmp_path)
    later.claim(TrainConfig(), EXECUTION, ["a"])
    assert later.metrics.last_step() == 4 and later.metrics.seconds_trained() == 9.5
    root = Path(run_folder.__file__).parents[1]
    for package in ("training", "checkpoints", "data"):
        for path in (root / package).rglob("*.py"):
            assert not re.search(r"time\.time\(|getmtime|st_mtime|datetime", path.read_text())
