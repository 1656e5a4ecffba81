"""One training at a time in a run directory, and no lock that outlives its process."""

import errno
import os
import subprocess
import sys

import pytest

from cpm.errors import UsageError
from cpm.training import run_lock
from cpm.training.run_place import check_run_dir
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


@pytest.mark.parametrize("text", ["mine\n", "a process 1 on vm\n"])
def test_a_lock_of_somebody_else_is_refused_and_kept(tmp_path, text):
    lock = tmp_path / run_lock.NAME
    lock.write_text(text)
    for refused in (run_lock.hold, run_lock.check, check_run_dir):
        with pytest.raises(UsageError, match=r"lock is not the lock of a training.*--run_dir"):
            refused(str(tmp_path))
    assert lock.read_text() == text


@pytest.mark.parametrize("text", ["mine\n", "process 1 on vm\n", None])
def test_a_link_is_refused_and_not_followed(tmp_path, text):
    """Not even to a text like ours, nor to a file that is not there yet."""
    (tmp_path / "run").mkdir()
    target = tmp_path / "precious"
    if text is not None:
        target.write_text(text)
    os.symlink(target, tmp_path / "run" / run_lock.NAME)
    for refused in (run_lock.hold, run_lock.check, check_run_dir):
        with pytest.raises(UsageError, match=r"lock (is a link|cannot be read)"):
            refused(str(tmp_path / "run"))
    assert (target.read_text() if target.exists() else None) == text


def test_checking_does_not_release_a_lock(tmp_path):
    """POSIX drops a lock when the process closes any descriptor of its file."""
    run_lock.hold(tmp_path)
    check_run_dir(str(tmp_path))
    second = subprocess.run(
        [sys.executable, "-c", HOLDER, tmp_path], cwd=ROOT, capture_output=True, text=True, input=""
    )
    assert "is being trained by another process" in second.stderr and not second.stdout


def test_a_full_disk_names_the_lock(tmp_path, monkeypatch):
    class Full:
        """An open file that takes no more."""

        def __init__(self, file):
            self._file = file

        def __getattr__(self, name):
            return getattr(self._file, name)

        def flush(self):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    usual = open
    monkeypatch.setattr(run_lock, "open", lambda *a, **k: Full(usual(*a, **k)), raising=False)
    with pytest.raises(OSError, match="No space left") as caught:
        run_lock.hold(tmp_path)
    assert caught.value.filename == str(tmp_path / "lock")


def test_a_file_system_without_locks_is_said(tmp_path, monkeypatch, caplog):
    def unsupported(file, operation):
        raise OSError(37, "No locks available")

    monkeypatch.setattr(run_lock.fcntl, "lockf", unsupported)
    with caplog.at_level("WARNING"):
        run_lock.hold(tmp_path)
    assert "has no locks" in caplog.text
