"""One training at a time in a run directory, and no lock that outlives its process."""

import subprocess
import sys

import pytest

from cpm.errors import UsageError
from cpm.training import run_lock
from tests.helpers.scripts import ROOT

HOLDER = """
import sys
from cpm.training import run_lock
run_lock.hold(sys.argv[1])
print("held", flush=True)
sys.stdin.read()
"""


def test_a_second_process_is_refused_until_the_first_is_gone(tmp_path):
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER, tmp_path],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout.readline() == "held\n"
        with pytest.raises(UsageError, match=rf"another process \(process {process.pid} on .*\)"):
            run_lock.hold(tmp_path)
    finally:
        process.kill()  # as abruptly as it gets
        process.communicate()
    run_lock.hold(tmp_path)
    run_lock.hold(tmp_path)  # this process has it already


def test_a_file_that_stays_behind_means_nothing(tmp_path):
    (tmp_path / run_lock.NAME).write_text("process 1 on another machine\n")
    run_lock.hold(tmp_path)
    assert "process 1 on" not in (tmp_path / run_lock.NAME).read_text()


def test_a_file_system_without_locks_is_said(tmp_path, monkeypatch, caplog):
    def unsupported(file, operation):
        raise OSError(37, "No locks available")

    monkeypatch.setattr(run_lock.fcntl, "lockf", unsupported)
    with caplog.at_level("WARNING"):
        run_lock.hold(tmp_path)
    assert "has no locks" in caplog.text
