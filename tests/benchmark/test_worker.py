"""A side's process: its own peak memory, its replies, its failures."""

import os
import sys

import numpy as np
import pytest

from cpm.benchmark import worker
from cpm.benchmark.processes import Failed, Process
from cpm.process_memory import peak_mb
from tests.helpers.scripts import ROOT

HERE = "tests.benchmark.test_worker"


class Counting(worker.Side):
    """Holds as many megabytes as it is told; results that depend on a setting."""

    def __init__(self, folder, settings):
        self.held = np.ones(settings["megabytes"] * 125_000)
        self.value, self.calls = settings["value"], 0
        print("chatter on the output must not look like an answer")

    def compute(self):
        self.calls += 1

    def outputs(self):
        yield "value", np.array([self.value])


def broken(folder, settings):
    print("what went before", file=sys.stderr)
    raise RuntimeError("no such kernel")


def dying(folder, settings):
    os._exit(3)


@pytest.fixture
def process(monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    with Process("somebody", threads=1) as started:
        yield started


def start(process, folder, megabytes=1, value=1.0):
    settings = {"megabytes": megabytes, "value": value}
    return process.start(f"{HERE}:Counting", str(folder), settings)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
def test_peak_memory_is_the_side_s_own(process, tmp_path):
    """Neither the parent's size, nor an earlier side's: 200 MB, then 50 MB, within 10 MB."""
    ballast = np.ones(300 * 125_000)
    start(process, tmp_path, megabytes=200)
    large = process.memory()
    start(process, tmp_path, megabytes=50)
    small = process.memory()
    assert abs(large["peak_mb"] - large["imported_mb"] - 200) < 10
    assert abs(small["peak_mb"] - small["imported_mb"] - 50) < 10
    assert ballast.sum() and peak_mb() > 300


def test_times_and_comparison(process, tmp_path):
    first = start(process, tmp_path, value=2.0)
    assert first["error"] is None and first["first_call_s"] >= 0
    second = start(process, tmp_path, value=2.5)
    assert second["error"] == pytest.approx(0.25) and second["error_of"] == "value"
    assert len(process.run(3, 2)) == 3


def test_a_failure_is_a_sentence_with_what_was_printed(process, tmp_path):
    with pytest.raises(Failed, match=r"somebody could not start: .*no such kernel") as e:
        process.start(f"{HERE}:broken", str(tmp_path), {})
    assert "what went before" in str(e.value)
    assert start(process, tmp_path)["error"] is None  # it goes on


def test_a_process_that_ends_is_a_sentence(process, tmp_path):
    with pytest.raises(Failed, match="its process ended"):
        process.call(f"{HERE}:dying", str(tmp_path), {})
    # Nor does the request that nobody reads any more end the benchmark when the process is left.
    with pytest.raises(Failed, match="its process ended"):
        process.call(f"{HERE}:dying", str(tmp_path), {})
    assert process.ended
