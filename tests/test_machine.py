"""Cores, memory and instructions as this process may use them, not as the machine has them."""

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
    monkeypatch.setattr(machine, "core_quota", lambda: None)
    for memory, expected in ((10**9, 2), (10**8, 1), (10**12, 8), (None, 8)):
        monkeypatch.setattr(machine, "memory_bytes", lambda memory=memory: memory)
        assert machine.workers() == expected


def test_memory_is_known_here():
    assert machine.memory_bytes() is None or machine.memory_bytes() > 10**8


@pytest.mark.parametrize(
    "features, expected",
    [
        ("flags\t\t: fpu sse2 avx512f avx512_bf16 clzero", True),
        ("flags : fpu amx_tile amx_bf16", True),
        ("Features\t: fp asimd bf16 i8mm", True),
        ("flags\t\t: fpu avx2 avx512f avx512_vnni", False),
        ("model name : not avx512_bf16-like", False),
        (None, None),
    ],
)
def test_multiplies_bfloat16(features, expected, tmp_path):
    path = tmp_path / "cpuinfo"
    if features:
        path.write_text(f"processor\t: 0\n{features}\nbogomips : 1\n")
    assert machine.multiplies_bfloat16(str(path)) is expected


def groups(monkeypatch, folder, membership, contents):
    """This process in control groups of ours: {path of a file: its text}."""
    for name, text in {"membership": membership, **contents}.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    monkeypatch.setattr(machine, "GROUPS", str(folder))
    monkeypatch.setattr(machine, "MEMBERSHIP", str(folder / "membership"))
    monkeypatch.setattr(machine, "usable_cores", lambda: 8)


def test_the_least_limit_of_nested_groups_holds(monkeypatch, tmp_path):
    """As Slurm does: the job's group is limited, the step's inside it is not."""
    groups(
        monkeypatch,
        tmp_path,
        "0::/slurm/job_7/step_0\n",
        {
            "slurm/job_7/step_0/memory.max": "max\n",
            "slurm/job_7/memory.max": "900000000\n",
            "slurm/memory.max": "64000000000\n",
            "slurm/job_7/step_0/cpu.max": "max 100000\n",
            "slurm/job_7/cpu.max": "300000 100000\n",
        },
    )
    assert machine.memory_bytes() == 900_000_000
    assert machine.core_quota() == 3
    assert machine.workers() == 2  # which fit into the memory


@pytest.mark.parametrize("quota, cores", [("150000", 2), ("50000", 1), ("-1", 8)])
def test_a_quota_of_version_1(monkeypatch, tmp_path, quota, cores):
    """As `docker --cpus=1.5` sets it; the container does not see the group of this name."""
    groups(
        monkeypatch,
        tmp_path,
        "4:memory:/docker/f00\n3:cpu,cpuacct:/docker/f00\n1:name=systemd:/docker/f00\n",
        {"cpu,cpuacct/cpu.cfs_quota_us": quota, "cpu,cpuacct/cpu.cfs_period_us": "100000"},
    )
    monkeypatch.setattr(machine, "memory_bytes", lambda: None)
    assert machine.workers() == cores


def test_without_control_groups_nothing_is_limited(monkeypatch, tmp_path):
    monkeypatch.setattr(machine, "MEMBERSHIP", str(tmp_path / "none"))
    assert machine.core_quota() is None
