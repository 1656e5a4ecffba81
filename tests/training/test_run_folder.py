"""The run folder: what is recorded, what a resumed run may change."""

import dataclasses
import json

import pytest

from cpm.config import OptimizerConfig, TrainConfig
from cpm.errors import UsageError
from cpm.execution import Execution
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
    with pytest.raises(UsageError, match="cannot be used"):
        read_config(tmp_path)
