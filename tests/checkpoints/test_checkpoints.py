"""Checkpoints: everything comes back, and nothing is ever silently forgotten."""

import dataclasses
import json
import os

import numpy as np
import pytest
import tensorflow as tf

from cpm import checkpoints
from cpm.checkpoints import saving
from cpm.config import NetworkConfig, OptimizerConfig, TrainConfig
from cpm.errors import UsageError
from cpm.network import ConvolutionalPoseMachine
from cpm.training import optimizers
from cpm.training.ema import ExponentialMovingAverage

CONFIG = TrainConfig(
    network=NetworkConfig(stages=2, width=0.1, skeleton="lsp14", image_size=(16, 24))
)


def make(folder, seed=0, config=CONFIG, **options):
    network = ConvolutionalPoseMachine(config.network, seed=seed)
    optimizer = optimizers.make_optimizer(config.optimizer, network)
    return checkpoints.Checkpoints(str(folder), network, optimizer, config, **options), (
        network,
        optimizer,
    )


def values(modules):
    return [v.numpy() for module in modules for v in module.variables]


@pytest.mark.parametrize("rule", ["adam", "muon", "sgd"])
def test_save_restore_round_trip(tmp_path, rule):
    config = dataclasses.replace(CONFIG, optimizer=OptimizerConfig(optimizer=rule))
    saved, modules = make(tmp_path, seed=1, config=config)
    network, optimizer = modules
    optimizer.apply([tf.ones_like(v) for v in network.trainable_variables], 0.1)
    saved.save(7)
    restored, others = make(tmp_path, seed=2, config=config)
    assert any((a != b).any() for a, b in zip(values(modules), values(others), strict=True))
    assert restored.restore() == 7
    for a, b in zip(values(modules), values(others), strict=True):
        np.testing.assert_array_equal(a, b)


def test_restore_nothing_saved(tmp_path):
    assert make(tmp_path)[0].restore() == 0


def test_restore_refuses_a_missing_checkpoint(tmp_path):
    """A run that had checkpoints must not start again at step 0."""
    saved, _ = make(tmp_path)
    saved.save(7)
    os.remove(tmp_path / "step-0000007.index")
    with pytest.raises(UsageError, match="step-0000007 is missing or incomplete"):
        make(tmp_path)[0].restore()


def test_restore_refuses_a_missing_or_damaged_list(tmp_path):
    make(tmp_path)[0].save(7)
    (tmp_path / checkpoints.LIST_NAME).write_text("{")
    with pytest.raises(UsageError, match="cannot be read"):
        make(tmp_path)[0].restore()
    os.remove(tmp_path / checkpoints.LIST_NAME)
    with pytest.raises(UsageError, match=r"is missing, but there are checkpoints.*step-0000007"):
        make(tmp_path)[0].restore()


def test_restore_refuses_damaged_data(tmp_path):
    make(tmp_path)[0].save(7)
    (tmp_path / "step-0000007.data-00000-of-00001").write_bytes(b"short")
    with pytest.raises(UsageError, match=r"does not fit|cannot be read"):
        make(tmp_path)[0].restore()


def test_restore_refuses_another_network(tmp_path):
    make(tmp_path)[0].save(7)
    other = TrainConfig(network=NetworkConfig(stages=3, width=0.1, skeleton="lsp14"))
    with pytest.raises(UsageError, match="does not fit this network"):
        make(tmp_path, config=other)[0].restore()


def test_save_keeps_the_latest_and_the_best(tmp_path):
    saved, _ = make(tmp_path, keep=2)
    for step, score in [(1, 10.0), (2, 30.0), (3, None), (4, 20.0), (5, 25.0)]:
        saved.save(step, score)
    listed = checkpoints.read_list(str(tmp_path))
    assert listed["latest"] == "step-0000005"
    assert listed["best"] == {"name": "step-0000002", "score": 30.0}
    on_disk = {f.split(".")[0] for f in os.listdir(tmp_path) if f.startswith("step-")}
    assert on_disk == {"step-0000002", "step-0000004", "step-0000005"}
    assert checkpoints.resolve(str(tmp_path)).endswith("step-0000002")


def test_threshold_stays_with_its_checkpoint(tmp_path):
    saved, _ = make(tmp_path, keep=2)
    saved.save(1, 30.0)
    saved.save(2)
    assert "threshold" not in checkpoints.load_network(str(tmp_path))[2]
    checkpoints.record_threshold(str(tmp_path / "step-0000001"), 0.25)
    assert checkpoints.load_network(str(tmp_path))[2]["threshold"] == 0.25
    assert "threshold" not in checkpoints.load_network(str(tmp_path / "step-0000002"))[2]
    saved.save(3)
    assert checkpoints.load_network(str(tmp_path))[2]["threshold"] == 0.25  # still the best
    saved.save(1, 30.0)  # trained anew: measured of other weights
    assert "threshold" not in checkpoints.load_network(str(tmp_path))[2]


def test_save_again_after_a_resume_lists_a_step_once(tmp_path):
    saved, _ = make(tmp_path)
    saved.save(3)
    saved.save(3)
    assert checkpoints.read_list(str(tmp_path))["all"] == ["step-0000003"]


def test_load_network(tmp_path):
    saved, (network, _) = make(tmp_path / "checkpoints", seed=3)
    saved.save(9)
    for ckpt in (
        tmp_path,
        tmp_path / "checkpoints",
        tmp_path / "checkpoints" / "step-0000009",
        tmp_path / "checkpoints" / "step-0000009.index",
    ):
        loaded, config, description = checkpoints.load_network(str(ckpt))
        assert config == CONFIG
        assert description["joints"][0] == "right_ankle"
        images = tf.random.stateless_uniform([2, 16, 24, 3], [1, 2], maxval=255.0)
        center = tf.zeros([2, 2])
        for a, b in zip(network(images, center), loaded(images, center), strict=True):
            np.testing.assert_array_equal(a, b)


def test_load_network_takes_the_average(tmp_path):
    network = ConvolutionalPoseMachine(CONFIG.network, seed=3)
    average = ExponentialMovingAverage(ConvolutionalPoseMachine(CONFIG.network, seed=4), 0.9)
    checkpoints.Checkpoints(str(tmp_path), network, None, CONFIG, average=average).save(9)
    loaded, _, _ = checkpoints.load_network(str(tmp_path))
    for a, b in zip(values([average.network]), values([loaded]), strict=True):
        np.testing.assert_array_equal(a, b)
    # As trained; batch norm's fresh statistics are alike, so kernels tell them apart.
    kernels = zip(network.kernels.values(), loaded.kernels.values(), strict=True)
    assert all((a.numpy() != b.numpy()).any() for a, b in kernels)


def test_restore_refuses_a_run_without_average(tmp_path):
    """A run that goes on with an average cannot begin it in the middle."""
    make(tmp_path)[0].save(7)
    network = ConvolutionalPoseMachine(CONFIG.network)
    average = ExponentialMovingAverage(network, 0.9)
    optimizer = optimizers.make_optimizer(CONFIG.optimizer, network)
    again = checkpoints.Checkpoints(str(tmp_path), network, optimizer, CONFIG, average=average)
    with pytest.raises(UsageError, match="does not fit this network"):
        again.restore()


def test_load_network_raises(tmp_path):
    with pytest.raises(UsageError, match="holds no checkpoint; train one with"):
        checkpoints.load_network(str(tmp_path))
    with pytest.raises(UsageError, match=r"missing or incomplete.*found|in its folder"):
        checkpoints.load_network(str(tmp_path / "step-1"))
    foreign = tf.train.Checkpoint(v=tf.Variable(1.0)).write(str(tmp_path / "foreign"))
    with pytest.raises(UsageError, match="not a checkpoint of this project"):
        checkpoints.load_network(foreign)
    (tmp_path / "broken.index").write_bytes(b"nonsense")
    (tmp_path / "broken.data-00000-of-00001").write_bytes(b"nonsense")
    with pytest.raises(UsageError, match="not a checkpoint of this project"):
        checkpoints.load_network(str(tmp_path / "broken"))


def test_load_network_refuses_renamed_joints(tmp_path, monkeypatch):
    saved, _ = make(tmp_path)
    honest = checkpoints.describe

    def lie(config, network):
        description = honest(config, network)
        return description | {"joints": description["joints"][::-1]}

    monkeypatch.setattr(saving, "describe", lie)
    saved.save(1)
    with pytest.raises(UsageError, match="was trained for the joints"):
        checkpoints.load_network(str(tmp_path))


def test_list_is_plain_json(tmp_path):
    make(tmp_path)[0].save(1, score=2.5)
    with open(tmp_path / checkpoints.LIST_NAME) as file:
        assert json.load(file)["best"]["score"] == 2.5
