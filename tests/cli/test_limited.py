"""A script under `ulimit -v`: its child may end as it likes, what is said last is a sentence."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from cpm.cli import limited
from tests.helpers.scripts import ROOT

# The module alone: its package would import TensorFlow.
BEGIN = f"""
import ctypes, importlib.util, os, signal, sys, time
spec = importlib.util.spec_from_file_location("limited", {limited.__file__!r})
limited = importlib.util.module_from_spec(spec)
spec.loader.exec_module(limited)
limited.run_in_child(3 << 30)
"""
STACK = "os.write(2, b'LLVM ERROR: pthread_create failed\\n' + 50 * b'@ 0x7f0b frame\\n')"


def run(program):
    return subprocess.run(
        [sys.executable, "-c", BEGIN + program], cwd=ROOT, capture_output=True, text=True
    )


@pytest.mark.parametrize(
    "end, cause",
    [
        (f"{STACK}; os.abort()", "LLVM ERROR: pthread_create failed"),
        ("os.kill(os.getpid(), signal.SIGSEGV)", "SIGSEGV"),
        ("os._exit(127)", "127"),
    ],
    ids=["stacks", "a segmentation fault", "the C library"],
)
def test_a_crash_is_one_sentence(end, cause):
    done = run(f"print('step 1', file=sys.stderr); {end}")
    assert done.returncode == 1
    first, sentence = done.stderr.splitlines()
    assert first == "step 1"
    assert sentence == (
        f"error: out of memory ({cause}): this process may use 3.2 GB of addresses (ulimit -v); "
        f"allow more with ulimit -v unlimited, or {limited.LESS_MEMORY}"
    )


@pytest.mark.parametrize("status", [0, 1, 2])
def test_other_ends_are_the_childs(status):
    """What libraries said is shown then."""
    done = run(f"print('result'); os.write(2, b'a warning'); sys.exit({status})")
    assert (done.returncode, done.stdout, done.stderr) == (status, "result\n", "a warning")


def begin(program):
    """A process whose child runs the program and has printed its own number; that number."""
    process = subprocess.Popen(
        [sys.executable, "-c", f"{BEGIN}{program}"], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    return process, int(process.stdout.readline())


def state(number):
    """A letter of proc(5): T stopped, Z ended but not waited for; X = there is no such process."""
    try:
        return Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return "X"


def comes_true(condition):
    until = time.monotonic() + 30
    while time.monotonic() < until and not condition():
        time.sleep(0.02)
    return condition()


WAITING = "print(os.getpid(), flush=True); time.sleep(60)"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1])
def test_signals_reach_the_child_once(number):
    hear = "heard = []\nsignal.signal({0}, lambda *_: heard.append(1))\n"
    wait = "print(os.getpid(), flush=True)\ntime.sleep(60)\n"
    # A handler that returns does not end a sleep: the alarm does.
    program = hear + "signal.signal(signal.SIGALRM, lambda *_: sys.exit(40 + len(heard)))\n"
    program += "signal.setitimer(signal.ITIMER_REAL, 1)\n" + wait
    process, _ = begin(program.format(int(number)))
    process.send_signal(number)
    assert process.wait(30) == 41


def test_a_signal_that_ends_the_child_ends_the_parent():
    process, child = begin(WAITING)
    os.kill(child, signal.SIGTERM)
    assert process.wait(30) == -signal.SIGTERM


@pytest.mark.skipif(sys.platform != "linux", reason="prctl(2) is Linux's")
def test_no_child_outlives_its_parent():
    process, child = begin(WAITING)
    process.kill()
    process.wait()
    assert comes_true(lambda: state(child) in "ZX")


@pytest.mark.skipif(sys.platform != "linux", reason="/proc is Linux's")
def test_a_stopped_parent_stops_its_child():
    process, child = begin(WAITING)
    process.send_signal(signal.SIGTSTP)
    assert comes_true(lambda: (state(process.pid), state(child)) == ("T", "T"))
    process.send_signal(signal.SIGCONT)
    assert comes_true(lambda: (state(process.pid), state(child)) == ("S", "S"))
    process.kill()
    process.wait()


def test_scripts_alone_have_a_child(monkeypatch):
    assert not limited.is_script()
    monkeypatch.setattr(sys, "argv", [str(ROOT / "bin" / "train.py")])
    assert limited.is_script()
