"""kill -9, at every operation on a file of a save and at 24 instants: the same end to the bit.

A library that is loaded before all others (tests/helpers/kill_at.c) sees also what TensorFlow's own
code writes. Where two kills leave the same files with the same bytes, the run is resumed once.
"""

import hashlib
import itertools
import shutil
import signal
import subprocess

import pytest

from tests.helpers.scripts import ROOT, Server, call

pytestmark = pytest.mark.thorough

PROGRAM = "../tests/helpers/tiny_training.py"
STEPS = 4
CUT = 3  # the step whose save is cut: it removes an earlier checkpoint, too


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """A process that every kill and every resumed run is a fork of."""
    compiler = shutil.which("gcc") or shutil.which("cc")
    if compiler is None:
        pytest.skip("needs a C compiler, gcc or cc, for the library that kills")
    library = tmp_path_factory.mktemp("library") / "kill_at.so"
    source = ROOT / "tests" / "helpers" / "kill_at.c"
    subprocess.run([compiler, "-shared", "-fPIC", "-o", library, source, "-ldl"], check=True)
    return Server({"LD_PRELOAD": str(library)})


@pytest.fixture(scope="module")
def train(server, data, tmp_path_factory):
    """`train(folder, last=None, **options of call)`: the finished process of a training there."""
    batches = tmp_path_factory.mktemp("batches") / "batches.npz"

    def run(folder, *last, **options):
        return call(PROGRAM, data[0], folder, batches, STEPS, *last, server=server, **options)

    return run


@pytest.fixture(scope="module")
def whole(train, tmp_path_factory):
    """(what a training prints that was never cut, its seconds of processor time)."""
    folder = tmp_path_factory.mktemp("whole")
    train(folder / "first")  # makes the batches
    done = train(folder / "second")
    assert done.returncode == 0, done.stderr
    assert result(done).split()[1:] == [str(n) for n in range(1, STEPS + 1)]
    return result(done), float(done.stdout.splitlines()[-2].split()[0])


def result(done):
    """What a training prints last: the checksum of all it holds, and the steps it recorded."""
    return done.stdout.splitlines()[-1] if done.returncode == 0 else None


def content(folder):
    """What the files of a folder hold; temporary names are drawn by chance and left out."""
    return frozenset(
        (
            ".partial" if path.name.startswith(".partial-") else str(path.relative_to(folder)),
            hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else "",
        )
        for path in folder.rglob("*")
    )


def test_a_save_is_killed_at_every_operation(train, whole, tmp_path):
    """Before each, and in the middle of each write: resumed, the run ends as if never cut."""
    before, run = tmp_path / "before", tmp_path / "run"
    assert train(before, CUT - 1).returncode == 0
    operations, states, kills = tmp_path / "operations", {}, 0
    environment = {"KILL_FOLDER": str(run / "checkpoints")}

    def killed_at(number, **more):
        shutil.rmtree(run, ignore_errors=True)
        shutil.copytree(before, run)
        env = environment | {"KILL_AT": str(number)} | more
        done = train(run, CUT, env=env)
        assert done.returncode in (0, -signal.SIGKILL), done.stderr
        return done.returncode != 0

    assert not killed_at(0, KILL_LOG=str(operations))
    kinds = [line.partition(" ")[0] for line in operations.read_text().splitlines()]
    print(len(kinds), "operations:", *kinds)
    assert {"fopen", "fwrite", "open", "write", "fsync", "rename", "unlink"} <= {*kinds}
    for number in itertools.count(1):
        half = number <= len(kinds) and kinds[number - 1].endswith("write")
        for more in ({}, {"KILL_HALF": "1"}) if half else ({},):
            if not killed_at(number, **more):
                break
            kills += 1
            state = content(run / "checkpoints")
            if state not in states:
                done = train(run)
                assert (number, more, result(done)) == (number, more, whole[0]), done.stderr
            states[state] = number
        else:
            continue
        break
    print(f"{kills} kills left {len(states)} states")
    assert number == len(kinds) + 1 and kills >= number and len(states) > 10


def test_a_training_is_killed_at_24_instants(train, whole, tmp_path):
    """Evenly spread over its time; resumed, it ends as if never cut."""
    expected, seconds = whole
    kills = 0
    for n in range(1, 25):
        run = tmp_path / f"run-{n}"
        cut = train(run, env={"KILL_AFTER": str(seconds * n / 25)})
        assert cut.returncode in (0, -signal.SIGKILL), cut.stderr
        kills += cut.returncode != 0
        done = train(run)
        assert (n, result(done)) == (n, expected), done.stderr
    print(f"{kills} of 24 came before the end")
    assert kills > 12
