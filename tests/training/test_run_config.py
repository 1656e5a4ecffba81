"""config.json of a run: what is no configuration is refused in a sentence."""

import json
import os
import shutil

import pytest

from cpm import checkpoints
from cpm.cli.run_check import check_run
from cpm.config import TrainConfig
from cpm.errors import UsageError
from cpm.execution import Execution
from cpm.training.run_config import read_config, read_run, run_of, write_config
from tests.helpers.permissions import forbid
from tests.helpers.small_runs import CONFIG, write_run


def test_read_config_raises(tmp_path):
    with pytest.raises(UsageError, match=r"not a run folder.*bin/train.py"):
        read_config(tmp_path)
    (tmp_path / "config.json").write_text(json.dumps({"config": {"stepz": 1}}))
    with pytest.raises(UsageError, match="unknown key 'stepz'"):
        read_config(tmp_path)
    (tmp_path / "config.json").write_text("{")
    with pytest.raises(UsageError, match=r"cannot be read .*restore it"):
        read_config(tmp_path)


@pytest.mark.parametrize("text", [None, "{", '{"my": "own"}'])
def test_read_run_asks_the_checkpoint_where_config_is_lost(tmp_path, caplog, text):
    path, network = write_run(tmp_path / "run", "data")
    config, record = read_run(path)
    assert (config, record["data"], record["recipe"]) == (CONFIG, ["data"], "own")
    os.remove(tmp_path / "run" / "config.json")
    if text:
        (tmp_path / "run" / "config.json").write_text(text)
    assert read_run(path)[0] == CONFIG and read_run(path)[1]["data"] == []  # an old checkpoint
    origin = {"data": [{"folder": "data/lsp", "splits": {}}], "init_from": "w.npz"}
    inner = os.path.join(path, "checkpoints")
    checkpoints.Checkpoints(inner, network, None, CONFIG, origin=origin).save(7)
    config, record = read_run(path)
    assert (config, record["data"], record["init_from"]) == (CONFIG, ["data/lsp"], "w.npz")
    assert "checkpoint step-0000007 says" in caplog.text
    read_run(path)
    assert caplog.text.count("checkpoint step-0000007 says") == 1  # of several questions
    assert run_of(os.path.join(inner, "step-0000007")) == path
    shutil.rmtree(inner)
    with pytest.raises(UsageError, match=r"config\.json"):
        read_run(path)


def test_a_run_of_somebody_else_is_still_a_run(tmp_path, monkeypatch):
    path, _ = write_run(tmp_path / "run", "data")
    forbid(monkeypatch, path)
    for read in (read_config, read_run, checkpoints.resolve, check_run):
        with pytest.raises(UsageError, match=r"run may not be read by this user"):
            read(path)


def test_run_of_a_checkpoint_taken_out_of_its_run(tmp_path):
    write_run(tmp_path / "run", "data")
    shutil.copytree(tmp_path / "run" / "checkpoints", tmp_path / "kept" / "lsp")
    assert run_of(str(tmp_path / "kept" / "lsp" / "step-0000004")) is None


@pytest.mark.parametrize(
    "key, value",
    [
        *(("recipe", []), ("accelerators", 5), ("command", {}), ("seed", "x"), ("data", "x")),
        *(("config", {"network": {"arch": "x"}}), ("config", {"network": {"stages": 10**9}})),
    ],
)
def test_other_values_in_config_are_a_sentence(tmp_path, key, value):
    """Of any field that a page or a table of the run shows."""
    write_config(tmp_path, TrainConfig(), Execution(), ["a"], None, None)
    record = json.loads((tmp_path / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps(record | {key: value}))
    with pytest.raises(UsageError, match=r"config\.json cannot be (read|used)"):
        read_config(tmp_path)
