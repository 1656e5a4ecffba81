"""What earlier versions wrote is read: configurations, run folders, checkpoints, weights files."""

import json
import pathlib

import numpy as np
import pytest
import tensorflow as tf

from cpm import checkpoints
from cpm.checkpoints import saving, weights_file
from cpm.config import AUGMENTATIONS, NetworkConfig, TrainConfig
from cpm.config_json import from_dict, to_dict
from cpm.config_upgrade import upgraded
from cpm.errors import UsageError
from cpm.execution import Execution, Settings
from cpm.network import ConvolutionalPoseMachine
from cpm.training.recipes import RECIPES, recipe
from cpm.training.run_config import read_config
from cpm.training.run_folder import RunFolder

OLD_WEIGHTS = pathlib.Path(__file__).parent / "checkpoints" / "old_weights.json"
# Beside what is learned in config.json and in every checkpoint, until the two were split.
HOW = {
    "xla": True,
    "conv": "direct",
    "precision": "bfloat16",
    "recompute": True,
    "side_by_side": True,
    "eval_every": 70,
    "save_every": 35,
    "log_every": 7,
    "gradients_every": 9,
}
NETWORK = NetworkConfig(stages=2, width=0.1, skeleton="lsp14", image_size=(16, 24))


def old_record(config):
    """A record as it was written before the split."""
    return {"config": to_dict(config) | HOW, "data": ["data/lsp"], "seed": 0}


def read(record):
    new = upgraded(record)
    return from_dict(Settings, {key: new[key] for key in ("config", "execution")})


def test_fields_of_the_computation_are_moved_and_others_kept():
    config = TrainConfig(network=NETWORK, seed=5, average_decay=0.9)
    record = old_record(config)
    settings = read(record)
    assert settings.config == config
    moved = {key: value for key, value in HOW.items() if key != "side_by_side"}
    assert settings.execution == Execution(**moved)
    assert "xla" in record["config"] and upgraded(record)["data"] == ["data/lsp"]


@pytest.mark.parametrize("name", RECIPES)
def test_a_record_of_today_is_left_as_it_is(name):
    settings = recipe(name)
    record = to_dict(settings)
    assert upgraded(record) == record and read(record) == settings


def test_fields_that_a_file_does_not_name_have_the_defaults_of_their_time():
    """Not those of today: the network and its targets are what they were."""
    settings = read({"config": {"network": {"arch": "mini"}, "steps": 7}})
    config = settings.config
    assert (config.network.stages, config.optimizer.optimizer) == (6, "adam")
    assert (config.target.sigma_px, config.target.foreground_weight) == (7.0, 0.0)
    assert (config.data.margin, config.data.batch_size) == (1.25, 8)
    assert config.data.augment == AUGMENTATIONS["strong"] and config.steps == 7
    assert settings.execution == Execution()


@pytest.mark.parametrize("key", ["xlaa", "execution", "slices"])
def test_unknown_keys_are_still_errors(key):
    with pytest.raises(ValueError, match=f"unknown key '{key}'"):
        read({"config": {key: 1}})
    with pytest.raises(ValueError, match=f"unknown key '{key}'"):
        read({"config": {}, "execution": {key: 1}})


@pytest.mark.parametrize(
    "record",
    [  # a list of nothing, or of pairs, makes a dict
        *({"config": {"network": []}}, {"config": []}, {"config": {}, "execution": []}),
        {"config": {"data": [["batch_size", 3]]}},
    ],
    ids=str,
)
def test_lists_are_no_part_of_a_configuration(tmp_path, record):
    with pytest.raises(TypeError):
        upgraded(record)
    (tmp_path / "config.json").write_text(json.dumps(record))
    with pytest.raises(UsageError, match=r"config\.json cannot be (read|used)"):
        read_config(tmp_path)


def test_an_old_run_folder_is_read_and_resumed(tmp_path):
    config = TrainConfig(network=NETWORK)
    (tmp_path / "config.json").write_text(json.dumps(old_record(config) | {"init_from": None}))
    (tmp_path / "metrics.jsonl").write_text('{"step": 1}\n')
    found, record = read_config(tmp_path)
    assert found == config and record["execution"]["precision"] == "bfloat16"
    same = Execution(**{key: value for key, value in HOW.items() if key != "side_by_side"})
    assert RunFolder(tmp_path).claim(config, same, ["data/lsp"]) == {}
    changes = RunFolder(tmp_path).claim(config, Execution(), ["data/lsp"])
    assert changes["precision"] == ("bfloat16", "float32") and len(changes) == 8
    with pytest.raises(UsageError, match="seed = 0"):
        RunFolder(tmp_path).claim(TrainConfig(network=NETWORK, seed=1), same, ["data/lsp"])


def test_an_old_checkpoint_is_loaded(tmp_path, monkeypatch):
    config = TrainConfig(network=NETWORK)
    network = ConvolutionalPoseMachine(NETWORK, seed=3)
    today = saving.describe

    def old(config, network):
        return today(config, network) | {"config": old_record(config)["config"]}

    monkeypatch.setattr(saving, "describe", old)
    checkpoints.Checkpoints(str(tmp_path), network, None, config).save(9)
    stored = tf.train.load_checkpoint(checkpoints.resolve(str(tmp_path)))
    assert b"side_by_side" in stored.get_tensor("description/.ATTRIBUTES/VARIABLE_VALUE")
    loaded, found, _ = checkpoints.load_network(str(tmp_path))
    assert found == config
    for a, b in zip(network.variables, loaded.variables, strict=True):
        assert (a.numpy() == b.numpy()).all()


def test_the_first_weights_of_the_project_are_read(tmp_path):
    """Their description, as it was in the file of commit b9db024, over a slim network."""
    description = json.loads(OLD_WEIGHTS.read_text(encoding="utf-8"))
    assert "xla" in description["config"]
    description["config"]["network"]["width"] = 0.1
    network = ConvolutionalPoseMachine(
        from_dict(TrainConfig, upgraded(description)["config"], "old").network, seed=5
    )
    path = str(tmp_path / "weights.npz")
    weights_file.write_weights(path, network, description)
    loaded, config, _ = checkpoints.load_network(path)
    assert config.network.stages == 6 and config.data.augment == AUGMENTATIONS["wild"]
    assert config.optimizer.optimizer == "muon" and config.average_decay == 0.999
    for a, b in zip(network.variables, loaded.variables, strict=True):
        np.testing.assert_allclose(a.numpy(), b.numpy(), rtol=1e-3, atol=1e-6)
