"""config.json of a run: what is no configuration is refused in a sentence."""

import json

import pytest

from cpm.config import TrainConfig
from cpm.errors import UsageError
from cpm.execution import Execution
from cpm.training.run_config import read_config, write_config


def test_read_config_raises(tmp_path):
    with pytest.raises(UsageError, match=r"not a run folder.*bin/train.py"):
        read_config(tmp_path)
    (tmp_path / "config.json").write_text(json.dumps({"config": {"stepz": 1}}))
    with pytest.raises(UsageError, match="unknown key 'stepz'"):
        read_config(tmp_path)
    (tmp_path / "config.json").write_text("{")
    with pytest.raises(UsageError, match=r"cannot be read .*restore it"):
        read_config(tmp_path)


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
