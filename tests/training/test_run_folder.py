"""The run folder: what is recorded, what a resumed run may change."""

import dataclasses
import json
import os
import re
import shutil
from pathlib import Path

import pytest
import tensorflow as tf

from cpm.config import OptimizerConfig, TrainConfig
from cpm.errors import RunStopped, UsageError
from cpm.execution import Execution
from cpm.training import run_folder
from cpm.training.run_folder import RunFolder, read_config, read_metrics


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
    folder.append({"step": 1})
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
    folder.append({"step": 1})
    other = Execution(precision="bfloat16", replicas=2, save_every=3)
    changes = {"precision": ("float32", "bfloat16"), "replicas": (1, 2), "save_every": (350, 3)}
    assert folder.claim(config, other, ["a"]) == changes
    assert folder.claim(config, other, ["a"]) == {}
    found, record = read_config(tmp_path)
    assert found == config and record["execution"] == dataclasses.asdict(other)
    assert "command" in record and record["data"] == ["a"]


def test_forget_after_drops_later_and_half_written_lines(tmp_path):
    folder = RunFolder(tmp_path)
    for step in (1, 2, 3):
        folder.append({"step": step, "loss": step / 2})
    with open(folder.metrics_path, "a") as file:
        file.write('{"step": 4, "lo')  # killed here
    assert [r["step"] for r in read_metrics(tmp_path)] == [1, 2, 3]
    folder.forget_after(2)
    assert [r["step"] for r in read_metrics(tmp_path)] == [1, 2]
    folder.append({"step": 3})
    assert [r["step"] for r in read_metrics(tmp_path)] == [1, 2, 3]


def test_read_config_raises(tmp_path):
    with pytest.raises(UsageError, match=r"not a run folder.*bin/train.py"):
        read_config(tmp_path)
    (tmp_path / "config.json").write_text(json.dumps({"config": {"stepz": 1}}))
    with pytest.raises(UsageError, match="unknown key 'stepz'"):
        read_config(tmp_path)
    (tmp_path / "config.json").write_text("{")
    with pytest.raises(UsageError, match=r"cannot be read .*restore it"):
        read_config(tmp_path)


EXECUTION = Execution(save_every=10, eval_every=100)


def trained(path, steps):
    """A run of some recorded steps that saved nothing."""
    folder = RunFolder(path)
    folder.claim(TrainConfig(), EXECUTION, ["a"])
    for step in range(1, steps + 1):
        folder.append({"step": step})
    return folder


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
    "metrics go beyond a save": lambda path: trained(path, 11),
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
    trained(tmp_path, 8)
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
    trained(tmp_path, 10)
    assert RunFolder(tmp_path).claim(TrainConfig(), EXECUTION, ["a"]) == {}
    with pytest.raises(UsageError, match="seed"):
        RunFolder(tmp_path).claim(TrainConfig(seed=1), EXECUTION, ["a"])
    os.remove(tmp_path / "metrics.jsonl")
    events(tmp_path, 1)
    assert RunFolder(tmp_path).claim(TrainConfig(seed=1), EXECUTION, ["a"]) == {}


@pytest.mark.parametrize(
    "line",
    [
        *(b"garbage", b"\xff\xfe\0", b"5", b"{}", b"[" * 100_000, b"\0" * 4096),
        *(b'{"step": "x"}', b'{"step": 4, "loss": "x"}', b'{"step": 4, "evaluation": 5}'),
    ],
)
def test_lines_that_are_no_records_are_left_out(tmp_path, line):
    folder = trained(tmp_path, 3)
    with open(folder.metrics_path, "ab") as file:
        file.write(line + b"\n")
    folder.append({"step": 4})
    assert [record["step"] for record in read_metrics(tmp_path)] == [1, 2, 3, 4]
    folder.forget_after(3)
    assert line not in (tmp_path / "metrics.jsonl").read_bytes()


def test_check_run_dir_raises(tmp_path, monkeypatch):
    for name in ("", "gs://bucket/run", "ram://x"):
        with pytest.raises(UsageError, match="no folder of this machine"):
            run_folder.check_run_dir(name)
    with pytest.raises(UsageError, match="is no UTF-8"):
        run_folder.check_run_dir("runs/M\udcfcller")
    with pytest.raises(UsageError, match="has 3999 bytes; at most 3936 leave room"):
        run_folder.check_run_dir("/".join(["d" * 99] * 40))
    (tmp_path / "file").write_text("")
    for name in ("file", "file/run"):
        with pytest.raises(UsageError, match="is no folder"):
            run_folder.check_run_dir(str(tmp_path / name))
    run_folder.check_run_dir(str(tmp_path / "a" / "b"))
    monkeypatch.setattr(os, "access", lambda path, mode: "metrics" not in str(path))
    trained(tmp_path / "run", 1)
    with pytest.raises(UsageError, match=r"metrics.jsonl cannot be read and written"):
        RunFolder(tmp_path / "run")


@pytest.mark.parametrize("name", ["metrics.jsonl", "config.json", "lock"])
def test_what_is_no_regular_file_in_a_run_is_refused_at_once(tmp_path, name):
    """A pipe would be waited for, a device be read without end."""
    trained(tmp_path, 2)
    for make in (os.mkfifo, lambda path: os.symlink("/dev/zero", path)):
        os.remove(tmp_path / name)
        make(tmp_path / name)
        with pytest.raises(UsageError, match=rf"{name} is no regular file"):
            run_folder.check_run_dir(str(tmp_path))
    if name == "metrics.jsonl":
        with pytest.raises(OSError, match="is a device, not a regular file"):
            read_metrics(tmp_path)


def test_a_pipe_among_the_events_is_no_trace(tmp_path):
    os.mkfifo(tmp_path / "events.out.tfevents.1")
    assert run_folder.traces_of_training(tmp_path) == []


def test_a_clock_that_was_set_back_changes_nothing(tmp_path, monkeypatch):
    """Which checkpoint is the newest and what was measured when, no clock decides."""
    folder = trained(tmp_path, 3)
    folder.append({"step": 4, "seconds": 9.5})
    monkeypatch.setattr("time.time", lambda: 0.0)
    for path in tmp_path.rglob("*"):
        os.utime(path, (4e9, 4e9))  # in 2096
    later = RunFolder(tmp_path)
    later.claim(TrainConfig(), EXECUTION, ["a"])
    assert later.last_recorded_step() == 4 and later.seconds_trained() == 9.5
    root = Path(run_folder.__file__).parents[1]
    for package in ("training", "checkpoints", "data"):
        for path in (root / package).rglob("*.py"):
            assert not re.search(r"time\.time\(|getmtime|st_mtime|datetime", path.read_text())


def test_check_data_raises():
    then = [{"folder": "a", "splits": {"train": {"people": 3, "sha256": "1"}}}]
    moved = [then[0] | {"folder": "b"}]
    run_folder.check_data("run", then, moved)
    other = [{"folder": "a", "splits": {"train": {"people": 4, "sha256": "2"}}}]
    with pytest.raises(UsageError, match=r"people then: train 3; now: train 4"):
        run_folder.check_data("run", then, other)
    with pytest.raises(UsageError, match="from 1 data folders, but this command names 2"):
        run_folder.check_data("run", then, then + other)


@pytest.mark.parametrize(
    "key, value",
    [
        *(("recipe", []), ("accelerators", 5), ("command", {}), ("seed", "x"), ("data", "x")),
        *(("config", {"network": {"arch": "x"}}), ("config", {"network": {"stages": 10**9}})),
    ],
)
def test_other_values_in_config_are_a_sentence(tmp_path, key, value):
    """Of any field that a page or a table of the run shows."""
    trained(tmp_path, 1)
    record = json.loads((tmp_path / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps(record | {key: value}))
    with pytest.raises(UsageError, match=r"config\.json cannot be (read|used)"):
        read_config(tmp_path)


def test_half_a_line_is_taken_back(tmp_path):
    """What a full disk leaves of a line would be one that is no record."""
    folder = trained(tmp_path, 2)
    whole = (tmp_path / "metrics.jsonl").read_bytes()
    resource = pytest.importorskip("resource")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (len(whole) + 5, limits[1]))
    try:
        with pytest.raises(RunStopped, match="File too large"):
            folder.append({"step": 3})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert (tmp_path / "metrics.jsonl").read_bytes() == whole


def test_a_full_disk_is_a_sentence(tmp_path):
    folder = trained(tmp_path, 1)
    folder.metrics_path = "/dev/full"
    with pytest.raises(RunStopped, match=r"cannot be written: No space left.*same command"):
        folder.append({"step": 2})
