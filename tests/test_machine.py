"""Cores and memory as this process may use them, not as the machine has them."""

import os

import pytest

from cpm import machine


def test_usable_cores_follow_the_affinity():
    if not hasattr(os, "sched_setaffinity"):
        pytest.skip("this system has no affinity of processes")
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(before)})
    try:
        assert machine.usable_cores() == machine.workers() == 1
    finally:
        os.sched_setaffinity(0, before)
    assert machine.usable_cores() == len(before)


def test_workers_fit_into_memory(monkeypatch):
    monkeypatch.setattr(machine, "usable_cores", lambda: 8)
    for memory, expected in ((10**9, 2), (10**8, 1), (10**12, 8), (None, 8)):
        monkeypatch.setattr(machine, "memory_bytes", lambda memory=memory: memory)
        assert machine.workers() == expected


def test_memory_is_known_here():
    assert machine.memory_bytes() is None or machine.memory_bytes() > 10**8
