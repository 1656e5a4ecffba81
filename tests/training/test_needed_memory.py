"""Trainings that no memory holds are refused with what to change; the others are not."""

import dataclasses

import pytest

from cpm.config import DataConfig, NetworkConfig, TrainConfig, changed
from cpm.errors import UsageError
from cpm.execution import Execution
from cpm.training import needed_memory

CONFIG = TrainConfig(
    network=NetworkConfig(stages=2, width=0.1, skeleton="lsp14", image_size=(32, 40)),
    data=DataConfig(batch_size=4),
)
EXECUTION = Execution()


def test_a_network_that_no_memory_holds_is_refused(monkeypatch):
    monkeypatch.setattr(needed_memory, "memory_bytes", lambda: 1 << 10)
    with pytest.raises(
        UsageError, match=r"parameters, which take .* may have 0.0 GB: choose a sma"
    ):
        needed_memory.require_memory(CONFIG, EXECUTION)


def test_a_batch_that_no_memory_holds_is_refused(monkeypatch):
    """The maps of 4,096 crops: too much at once, unless they are computed again or in parts."""
    monkeypatch.setattr(needed_memory, "memory_bytes", lambda: 10**9)
    config = changed(CONFIG, {"data": {"batch_size": 4096}, "network": {"image_size": (128, 96)}})
    words = r"a batch of 4096 crops of 96 x 128 pixels takes at least 1\.0 GB .*--batch_size"
    with pytest.raises(UsageError, match=words):
        needed_memory.require_memory(config, EXECUTION)
    for other in ({"recompute": True}, {"replicas": 64}):
        needed_memory.require_memory(config, dataclasses.replace(EXECUTION, **other))
    needed_memory.require_memory(config, EXECUTION, devices=64)


def test_a_cache_that_no_memory_holds_is_refused(monkeypatch):
    monkeypatch.setattr(needed_memory, "memory_bytes", lambda: 10**9)
    needed_memory.require_memory(CONFIG, dataclasses.replace(EXECUTION, cache_gb=0.9))
    with pytest.raises(UsageError, match=r"--cache=1\.5 asks for more memory than the 1\.0 GB"):
        needed_memory.require_memory(CONFIG, dataclasses.replace(EXECUTION, cache_gb=1.5))
