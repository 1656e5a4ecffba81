"""Measuring memory: the mark rises with what is kept, and the script says it in a line."""

import dataclasses

import numpy as np
import pytest

from cpm.config import DataConfig, NetworkConfig, TrainConfig
from cpm.execution import Execution
from cpm.experiments import memory
from tests.helpers.scripts import call

pytestmark = pytest.mark.slow

CONFIG = TrainConfig(
    network=NetworkConfig(stages=2, width=0.1, skeleton="lsp14", image_size=(24, 40)),
    data=DataConfig(batch_size=3, max_people=2),
    steps=2,
)


def test_noise_batch_is_what_a_step_takes():
    batch = memory.noise_batch(CONFIG)
    assert batch["image"].shape == [3, 24, 40, 3]
    assert batch["joints_px"].shape == [3, 2, 14, 2]
    assert batch["state"].shape == [3, 2, 14] and (batch["state"].numpy() == 2).all()


@pytest.mark.parametrize("precision", ["float32", "float16"])
def test_measure_trains(precision):
    found = memory.measure(CONFIG, Execution(precision=precision, recompute=True))
    assert np.isfinite(found["losses"]).all() and len(found["losses"]) == 2
    assert found["peak_mib"] >= found["before_mib"] > 0


@pytest.mark.parametrize("after, expected", [(99.0, 100.0), (150.0, 150.0)])
def test_the_mark_is_the_highest_reading(monkeypatch, after, expected):
    readings = iter([100.0, after])
    monkeypatch.setattr(memory, "peak_mb", lambda: next(readings))
    small = dataclasses.replace(CONFIG.network, stages=1, width=0.02)
    config = dataclasses.replace(CONFIG, steps=1, network=small)
    found = memory.measure(config, Execution(conv="direct"))
    assert found["before_mib"] * memory.MB_PER_MIB == pytest.approx(100)
    assert found["peak_mib"] * memory.MB_PER_MIB == pytest.approx(expected)


def test_script_says_what_it_measured():
    flags = ["--stages=2", "--batch_size=4", "--recompute", "--precision=bfloat16"]
    process = call("memory.py", *flags, "--width=0.1", "--image_size=48x64")
    assert process.returncode == 0, process.stderr
    assert "mini, 2 stages, norm batch, 48 x 64 px, batch of 4" in process.stdout
    assert "bfloat16, recompute: " in process.stdout and "MiB" in process.stdout
