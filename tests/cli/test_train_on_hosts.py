"""bin/train.py as two hosts of this machine: the results of one, and faults that end in a sentence.

Every run has the same 80 steps on 16 synthetic people, without norms; what differs is who takes
them, and what happens on the way.
"""

import json
import os
import resource
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from cpm import checkpoints
from cpm.training.metrics_file import read_metrics
from tests.helpers.hosts import cable, finish, hosts
from tests.helpers.scripts import ROOT

pytestmark = pytest.mark.thorough

SCRIPT = ROOT / "bin" / "train.py"
FLAGS = [
    *("--stages=1", "--width=0.1", "--norm=none", "--image_size=32x40", "--batch_size=4"),
    *("--optimizer=sgd", "--learning_rate=1e-4", "--average_decay=0.9", "--synthetic_people=16"),
    *("--steps=80", "--save_every=5", "--eval_every=1000", "--replicas=1"),
]
HOSTS = [SCRIPT, *FLAGS, "--distribute=multiworker"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Where everybody starts the script, so that the people are drawn once."""
    return tmp_path_factory.mktemp("hosts")


@pytest.fixture(scope="module")
def unbroken(folder):
    """The run of one device."""
    alone(folder, "unbroken")
    return folder / "unbroken"


def alone(folder, run, *flags):
    command = [sys.executable, SCRIPT, *FLAGS, f"--run_dir={run}", *flags]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=200)
    assert done.returncode == 0, done.stderr
    return done.stdout


def losses(run):
    """The loss of every recorded step; each step is there once."""
    records = [r for r in read_metrics(run) if "loss" in r]
    assert [r["step"] for r in records] == list(range(1, len(records) + 1))
    return [r["loss"] for r in records]


def assert_same(run, unbroken):
    """Losses, score and averaged weights, but for the rounding of 80 steps."""
    np.testing.assert_allclose(losses(run), losses(unbroken), rtol=1e-5)
    found, expected = (
        json.loads((path / "eval" / "validation.json").read_text())["metrics"]
        for path in (run, unbroken)
    )
    assert found["pckh@0.5"] == expected["pckh@0.5"]
    one, other = (checkpoints.load_network(str(path))[0] for path in (run, unbroken))
    for a, b in zip(one.variables, other.variables, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)


def wait_for_step(run, step, running):
    """Until the chief has recorded a step."""
    path, end = run / "metrics.jsonl", time.monotonic() + 200
    while time.monotonic() < end:
        if path.exists() and path.read_text().count('"loss"') >= step:
            return
        assert all(process.poll() is None for process in running), finish(running)
        time.sleep(0.01)
    raise AssertionError(f"no step {step}")


def test_two_hosts_end_as_one(folder, unbroken):
    run = folder / "two"
    with hosts(2, *HOSTS, f"--run_dir={run}", cwd=folder) as running:
        chief, other = finish(running)
    assert chief[0] == other[0] == 0, chief[2] + other[2]
    assert "pckh@0.5" in chief[1]
    assert other[1] == "host 1 of 2: the chief says how it goes\n"
    assert_same(run, unbroken)


def test_a_signal_to_one_stops_all_and_one_device_goes_on(folder, unbroken):
    run = folder / "signal"
    with hosts(2, *HOSTS, f"--run_dir={run}", cwd=folder) as running:
        wait_for_step(run, 3, running)
        running[1].send_signal(signal.SIGTERM)
        ended = finish(running)
    stopped = len(losses(run))
    assert 3 <= stopped < 80
    for status, _, errors in ended:
        assert status == 1 and f"stopped after step {stopped} of 80, which is saved" in errors
    output = alone(folder, run)
    assert f"after step {stopped}, computed in another way: distribute" in output
    assert_same(run, unbroken)


@pytest.mark.parametrize("killed", [1, 0], ids=["a host", "the chief"])
def test_a_killed_host_ends_the_others_and_the_command_goes_on(folder, unbroken, killed):
    run = folder / f"killed{killed}"
    with hosts(2, *HOSTS, f"--run_dir={run}", cwd=folder) as running:
        wait_for_step(run, 12, running)
        running[killed].kill()
        killed_at = time.monotonic()
        status, _, errors = finish(running[1 - killed : 2 - killed], timeout=90)[0]
    seconds = time.monotonic() - killed_at
    print(f"the other ended after {seconds:.1f} s")
    assert status == 1 and seconds < 60, errors
    assert f"host {1 - killed} of 2 stops: another host" in errors
    assert "Traceback" not in errors
    with hosts(2, *HOSTS, f"--run_dir={run}", cwd=folder) as running:
        again = finish(running)
    assert [status for status, _, _ in again] == [0, 0], again[0][2]
    assert "resuming" in again[0][1]
    assert_same(run, unbroken)


def test_a_slow_host_is_waited_for(folder, unbroken):
    """A host that stands still for a while delays the others and changes nothing."""
    run = folder / "slow"
    with hosts(2, *HOSTS, f"--run_dir={run}", cwd=folder) as running:
        wait_for_step(run, 12, running)
        running[1].send_signal(signal.SIGSTOP)
        time.sleep(2)
        before = len(losses(run))
        time.sleep(3)
        assert len(losses(run)) <= before + 1  # nobody goes on alone
        running[1].send_signal(signal.SIGCONT)
        ended = finish(running)
    assert [status for status, _, _ in ended] == [0, 0], ended
    assert_same(run, unbroken)


def test_a_cut_network_ends_both_sides_and_the_command_goes_on(folder, unbroken):
    run = folder / "cut"
    command = [*HOSTS, f"--run_dir={run}"]
    with cable() as between:
        with hosts(2, *command, cwd=folder, known=between.addresses) as running:
            wait_for_step(run, 12, running)
            between.cut()
            cut_at = time.monotonic()
            ended = finish(running, timeout=120)
        seconds = time.monotonic() - cut_at
    print(f"both ended after {seconds:.1f} s")
    for status, _, errors in ended:
        assert status == 1 and "another host" in errors and "Traceback" not in errors, errors
    assert seconds < 60
    with hosts(2, *command, cwd=folder) as running:
        again = finish(running)
    assert [status for status, _, _ in again] == [0, 0], again[0][2]
    assert_same(run, unbroken)


def test_a_host_that_comes_late_is_waited_for(folder, unbroken):
    run = folder / "late"
    late = {"before": lambda host: time.sleep(10 * host)}
    with hosts(2, *HOSTS, f"--run_dir={run}", cwd=folder, **late) as running:
        ended = finish(running)
    assert [status for status, _, _ in ended] == [0, 0], ended
    assert_same(run, unbroken)


def test_a_full_disk_of_the_chief_ends_all_in_a_sentence(folder, unbroken):
    """The limit lets the first lines of a run be written, and no checkpoint."""
    run = folder / "full"

    def limit(host):
        if host == 0:
            resource.setrlimit(resource.RLIMIT_FSIZE, (40_000, resource.RLIM_INFINITY))

    command = [*HOSTS, f"--run_dir={run}"]
    with hosts(2, *command, cwd=folder, before=limit) as running:
        chief, other = finish(running)
    assert chief[0] in (1, 2) and "Traceback" not in chief[2], chief[2]
    assert "too large" in chief[2] or "space" in chief[2], chief[2]
    assert other[0] == 1 and "another host" in other[2] and "Traceback" not in other[2], other[2]
    with hosts(2, *command, cwd=folder) as running:
        again = finish(running)
    assert [status for status, _, _ in again] == [0, 0], again[0][2]
    assert_same(run, unbroken)


def test_hosts_with_other_data_end_in_a_sentence(folder):
    people = {"of_host": lambda host: (f"--synthetic_people={16 + 8 * host}",)}
    with hosts(2, *HOSTS, f"--run_dir={folder / 'other'}", cwd=folder, **people) as running:
        for status, _, errors in finish(running):
            assert status == 2 and "host 1 has other" in errors and "Traceback" not in errors
    assert not os.path.exists(folder / "other")


def test_hosts_with_other_flags_end_in_a_sentence(folder):
    momenta = {"of_host": lambda host: (f"--set=optimizer.momentum=0.{8 + host}",)}
    with hosts(2, *HOSTS, f"--run_dir={folder / 'flags'}", cwd=folder, **momenta) as running:
        for status, _, errors in finish(running):
            assert status == 2 and "host 1 has other settings" in errors
            assert "Traceback" not in errors
    assert not os.path.exists(folder / "flags")


@pytest.mark.parametrize(
    "flags, sentence",
    [
        (["--distribute=multiworker"], "TF_CONFIG is not set"),
        (["--distribute=mirrored", "--devices=3"], "does not divide among 3 devices"),
        (["--devices=2"], "--devices=2 is of --distribute=mirrored"),
        (["--sync_batch_norm", "--replicas=2"], "--replicas=1"),
    ],
)
def test_bad_use_is_a_sentence(folder, flags, sentence):
    command = [sys.executable, SCRIPT, *FLAGS, "--run_dir=bad", *flags]
    environment = {k: v for k, v in os.environ.items() if k != "TF_CONFIG"}
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, env=environment)
    assert done.returncode == 2 and sentence in done.stderr and "Traceback" not in done.stderr
