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
from tests.helpers.small_runs import write_unsaved_run


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
