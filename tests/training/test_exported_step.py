"""A step as a program: what is in the folder, what comes back, and what JAX computes with it."""

import importlib.util
import json
import os
import pathlib
import shutil
import subprocess
import sys

import numpy as np
import pytest

from cpm.checkpoints import Checkpoints
from cpm.config import NetworkConfig, OptimizerConfig, TrainConfig
from cpm.config_json import to_dict
from cpm.errors import UsageError
from cpm.execution import Execution
from cpm.training import exported_step
from cpm.training.exported_step import export_step, import_step
from cpm.training.step import make_step
from tests.helpers.tracing import untraced

DRIVER = pathlib.Path(__file__).parents[2] / "docs/howto/train_with_jax.py"
NETWORK = NetworkConfig(
    "mini", skeleton="mpii16", stages=2, width=0.1, norm="batch", image_size=(32, 48)
)
CONFIG = TrainConfig(
    network=NETWORK, optimizer=OptimizerConfig(optimizer="muon"), average_decay=0.9, steps=20
)


def batch(number, size=4):
    """A batch of noise, H != W."""
    rng = np.random.default_rng(number)
    return {
        "image": rng.uniform(0, 255, (size, 32, 48, 3)).astype(np.float32),
        "joints_px": rng.uniform(0, 31, (size, 2, 16, 2)).astype(np.float32),
        "state": rng.integers(0, 3, (size, 2, 16)).astype(np.int32),
        "center_px": rng.uniform(10, 20, (size, 2)).astype(np.float32),
        "valid": np.ones(size, np.float32),
    }


def begin(folder, config=CONFIG, execution=None, *, done, train=False):
    """A run folder with a checkpoint of `done` steps, computed if `train`; the step itself."""
    step = make_step(config, Execution(conv="direct"))
    with untraced():
        for number in range(done * train):
            _, gradients = step.losses_and_gradients(batch(number), number)
            step.update(gradients, 1e-3)
    saved = Checkpoints(
        os.path.join(folder, "checkpoints"),
        step.network,
        step.optimizer,
        config,
        average=step.average,
        origin={"data": ["here"]},
    )
    saved.save(done)
    record = {
        "config": to_dict(config),
        "execution": to_dict(execution or Execution()),
        "data": ["a"],
    }
    pathlib.Path(folder, "config.json").write_text(json.dumps(record))
    return step


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    """A folder with a run and its export, and the step that is in them."""
    folder = tmp_path_factory.mktemp("exported")
    (folder / "run").mkdir()
    step = begin(folder / "run", done=3, train=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            exported_step,
            "_batches",
            lambda data, config, done, count: [batch(done + n) for n in range(count)],
        )
        export_step(folder / "run", folder / "packed")
    return folder, step


@pytest.fixture
def packed(exported, tmp_path):
    """(run folder, exported folder, the step that is in it); the folders may be changed."""
    folder, step = exported
    shutil.copytree(folder, tmp_path, dirs_exist_ok=True)
    return tmp_path / "run", tmp_path / "packed", step


def test_the_folder_says_what_tensorflow_computes(packed):
    """State, and losses of its batches, are those of the run's own next steps."""
    run, out, _ = packed
    step = make_step(CONFIG, Execution(conv="direct"))
    folder = os.path.join(run, "checkpoints")
    Checkpoints(folder, step.network, step.optimizer, CONFIG, average=step.average).restore()
    plan = json.loads((out / "plan.json").read_text())
    with np.load(out / "state.npz") as state:
        values = {entry["name"]: state[f"{i:04d}"] for i, entry in enumerate(plan["state"])}
    assert set(values) == {v.name for v in step.state}
    for variable in step.state:
        np.testing.assert_array_equal(values[variable.name], variable.numpy())
    rates = np.load(out / "rates.npy")
    assert len(rates) == CONFIG.steps and plan["step"] == 3
    assert len(plan["expected"]) == 2
    for number, expected in enumerate(plan["expected"]):
        with untraced():
            measurements, gradients = step.losses_and_gradients(batch(3 + number), 3 + number)
            norm = step.update(gradients, rates[3 + number])
        found = measurements | {"gradient_norm": norm}
        for name, value in zip(plan["results"], expected, strict=True):
            np.testing.assert_allclose(value, found[name], rtol=1e-4, err_msg=name)


def test_every_variable_changes_and_the_order_is_known(packed):
    plan = json.loads((packed[1] / "plan.json").read_text())
    assert all(entry["changes"] for entry in plan["state"])
    assert [entry["name"] for entry in plan["inputs"]][-2:] == ["seed", "learning_rate"]


def test_what_comes_back_is_a_checkpoint_of_the_run(packed):
    run, out, _ = packed
    with np.load(out / "state.npz") as state:
        arrays = {key: state[key] + np.asarray(1, state[key].dtype) for key in state.files}
    np.savez(out / "trained.npz", step=np.array(9), **arrays)
    assert import_step(out, run) == 9
    step = make_step(CONFIG, Execution(conv="direct"))
    folder = os.path.join(run, "checkpoints")
    parts = folder, step.network, step.optimizer, CONFIG
    assert Checkpoints(*parts, average=step.average).restore() == 9
    plan = json.loads((out / "plan.json").read_text())
    values = {entry["name"]: arrays[f"{i:04d}"] for i, entry in enumerate(plan["state"])}
    for variable in step.state:
        np.testing.assert_array_equal(variable.numpy(), values[variable.name])
    with pytest.raises(UsageError, match="nothing of it would be new"):
        import_step(out, run)


@pytest.mark.parametrize(
    "change, message",
    [
        (lambda a: a | {"step": np.array(21)}, "the run is over"),
        (lambda a: a | {"step": np.array([9, 9])}, "step has shape .2. of int64; expected a whole"),
        (lambda a: a | {"step": np.array("nine")}, "expected a whole number"),
        (lambda a: a | {"step": np.array(np.nan)}, "expected a whole number"),
        (lambda a: {k: v for k, v in a.items() if k != "0003"}, "has not the"),
        (lambda a: a | {"0003": np.zeros(3, np.float32)}, "expected"),
        (lambda a: a | {"0000": a["0000"] * np.float32(np.nan)}, "is not finite"),
    ],
)
def test_what_is_not_of_the_run_is_refused(packed, change, message):
    run, out, _ = packed
    with np.load(out / "state.npz") as state:
        arrays = {"step": np.array(9)} | {key: state[key] for key in state.files}
    np.savez(out / "trained.npz", **change(arrays))
    with pytest.raises(UsageError, match=message):
        import_step(out, run)


def test_another_run_is_refused(packed, tmp_path):
    _, out, _ = packed
    other = tmp_path / "other"
    other.mkdir()
    begin(other, TrainConfig(network=NETWORK, steps=20), done=1)
    with pytest.raises(UsageError, match="another run"):
        import_step(out, other)


def test_runs_that_cannot_be_exported(tmp_path):
    with pytest.raises(UsageError, match=r"no config\.json"):
        export_step(tmp_path, tmp_path / "packed")
    begin(tmp_path, execution=Execution(precision="float16"), done=1)
    with pytest.raises(UsageError, match="float16"):
        export_step(tmp_path, tmp_path / "packed")
    over = tmp_path / "over"
    over.mkdir()
    begin(over, TrainConfig(network=NETWORK, steps=1), done=1)
    with pytest.raises(UsageError, match="is over"):
        export_step(over, tmp_path / "packed")
    assert not (tmp_path / "packed").exists()


@pytest.mark.thorough
def test_jax_computes_the_same(packed):
    """The documented script, in a process of its own: losses to a thousandth, and a way back."""
    if importlib.util.find_spec("jax") is None:
        pytest.skip("jax is not installed; see requirements-export.txt")
    run, out, _ = packed
    for flags in (["--check"], ["--steps=4"], ["--steps=2"]):
        done = subprocess.run(
            [sys.executable, DRIVER, out, *flags], capture_output=True, text=True, timeout=600
        )
        assert done.returncode == 0, done.stderr
    assert "9 steps are in" in done.stdout
    assert import_step(out, run) == 9
