"""A run folder of the version before the packages were moved: loaded, resumed, written alike.

old_run/ is a run of two steps: two narrow stages, Muon, float16 with its loss scale, an average.
Its `expected.npz` has, by that version: belief maps of the loaded network on one image, and the
sums of |values| of every variable of the network, the average and the optimizer.
"""

from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from cpm.checkpoints import Checkpoints, load_network, read_list
from cpm.config_json import from_dict
from cpm.execution import Execution
from cpm.training.metrics_file import read_metrics
from cpm.training.run_config import read_config
from cpm.training.step import make_step

OLD = Path(__file__).with_name("old_run")
IMAGE = np.random.default_rng(1).integers(0, 256, (1, 16, 24, 3)).astype(np.float32)


@pytest.fixture(scope="module")
def expected():
    with np.load(OLD / "expected.npz") as arrays:
        return dict(arrays)


def checkpoints(folder):
    """(`TrainStep` of the old run's configuration, its `Checkpoints` in a folder)."""
    config, record = read_config(OLD)
    step = make_step(config, from_dict(Execution, record["execution"]))
    return step, Checkpoints(
        str(folder),
        step.network,
        step.optimizer,
        config,
        average=step.average,
        loss_scale=step.loss_scale,
    )


def test_old_run_folder_is_read():
    config, record = read_config(OLD)
    assert config.network.stages == 2 and record["data"] == ["noise"]
    assert [line["step"] for line in read_metrics(OLD)] == [1, 2, 2]
    assert read_list(str(OLD / "checkpoints"))["latest"] == "step-0000002"


def test_old_network_draws_the_same_belief_maps(expected):
    """float32 products in the order of another version's kernels: 1e-4 of the largest."""
    network, config, description = load_network(str(OLD))
    assert config == read_config(OLD)[0] and description["prefix"].endswith("step-0000002")
    beliefs = np.stack(network(tf.constant(IMAGE), tf.constant([[11.5, 7.5]])))
    scale = np.abs(expected["beliefs"]).max()
    np.testing.assert_allclose(beliefs, expected["beliefs"], atol=1e-4 * scale)


def test_old_run_goes_on(expected):
    """Network, average, optimizer's slots and loss scale, all of them, as they were saved."""
    step, saved = checkpoints(OLD / "checkpoints")
    assert saved.restore() == 2
    assert float(step.loss_scale.scale) == 8.0
    parts = {
        "sums": [step.network, step.average.network],
        "slots": [step.optimizer],
    }
    for name, modules in parts.items():
        found = [[np.abs(v.numpy().astype(np.float64)).sum() for v in m.variables] for m in modules]
        # The same numbers, added up in the same order.
        np.testing.assert_allclose(np.squeeze(found), expected[name], rtol=1e-12)


def test_a_checkpoint_of_today_has_the_same_names(tmp_path):
    """The names of the object graph are the format: no module's or class's name is in them."""
    _, now = checkpoints(tmp_path)
    now.save(2)
    old, new = (
        {name: shape for name, shape in tf.train.list_variables(str(folder / "step-0000002"))}
        for folder in (OLD / "checkpoints", tmp_path)
    )
    assert new == old
    assert {name.split("/")[0] for name in old} >= {
        *("network", "optimizer", "average", "loss_scale", "step", "description"),
    }
