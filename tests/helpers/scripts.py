"""Scripts of bin/ run as a user does, in processes that are forked from one with TensorFlow loaded.

    status, output, error = run("describe.py", "--arch=mini")
    done = call("train.py", "--steps=2", cwd=folder)      # done.returncode, .stdout, .stderr

Starting Python and importing TensorFlow takes longer than most of what is tested. One process per
test worker does it once; each call is a fork of it with its own arguments, folder, environment and
streams. What is imported, and when, is tested with processes of their own (tests/test_package.py).
"""

import atexit
import importlib
import json
import os
import runpy
import signal
import subprocess
import sys
import tempfile
import threading
import traceback
from pathlib import Path

ROOT = Path(__file__).parents[2]  # of the repository
# What most scripts import. No thread of TensorFlow runs before something is computed.
LOADED = (
    "cpm.cli.command_line",
    "cpm.scoring.evaluate",
    "cpm.training.loop",
    "matplotlib.figure",
    "scipy.io",
    "imageio.v3",
)


def run(script, *arguments, timeout=120):
    """Exit status, standard output and standard error of a script of bin/.

    Args:
      script: its name.
      arguments: of the command line.
      timeout: seconds.
    """
    done = call(script, *arguments, timeout=timeout)
    return done.returncode, done.stdout, done.stderr


def call(script, *arguments, cwd=ROOT, env=None, timeout=300, server=None):
    """The finished process of a script of bin/, as of `subprocess.run`.

    Args:
      script: its name, or the path of a program elsewhere.
      arguments: of the command line.
      cwd: folder to run it in.
      env: what its environment has besides ours.
      timeout: seconds.
      server: `Server` that forks it; None = the usual one.

    Raises:
      subprocess.TimeoutExpired: if it takes longer; it is killed with all that it started.
    """
    arguments = list(map(str, arguments))
    with tempfile.TemporaryDirectory() as folder:
        streams = [os.path.join(folder, name) for name in ("stdout", "stderr")]
        task = {"script": str(ROOT / "bin" / script), "arguments": arguments, "cwd": str(cwd)}
        task |= {"env": os.environ | dict(env or {}), "streams": streams, "timeout": timeout}
        status = (server or _server()).ask(task)
        texts = [Path(stream).read_text(encoding="utf-8") for stream in streams]
    if status is None:
        raise subprocess.TimeoutExpired([script, *arguments], timeout, *texts)
    return subprocess.CompletedProcess([script, *arguments], status, *texts)


def check_sentence(status, error, *words):
    """Bad use: status 2, a last line that names all `words`, and no traceback."""
    assert status == 2, error
    assert "Traceback" not in error
    (line,) = [line for line in error.splitlines() if line.startswith("error: ")]
    for word in words:
        assert word in line


class Server:
    """The process that is forked, and the conversation with it: a line of JSON each way.

    Args:
      env: what its environment has besides ours from its start on, as LD_PRELOAD.
    """

    def __init__(self, env=None):
        self._process = subprocess.Popen(
            [sys.executable, __file__],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
            env=os.environ | dict(env or {}) | {"PYTHONPATH": str(ROOT)},
        )
        atexit.register(self._process.kill)
        self._lock = threading.Lock()

    def ask(self, task):
        """The exit status of a task; None if its time was over."""
        with self._lock:
            self._process.stdin.write(json.dumps(task) + "\n")
            self._process.stdin.flush()
            return json.loads(self._process.stdout.readline())


_SERVERS = []


def _server():
    if not _SERVERS:
        _SERVERS.append(Server())
    return _SERVERS[0]


def _serve():
    """Forks for every line of standard input; answers with an exit status."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    for module in LOADED:
        importlib.import_module(module)
    for line in sys.stdin:
        task = json.loads(line)
        child = os.fork()
        if not child:
            answers.close()
            _be_script(task)
        answers.write(json.dumps(_status(child, task["timeout"])) + "\n")
        answers.flush()


def _status(child, timeout):
    """Exit status of a child, as of `subprocess`; None if it was killed after `timeout` seconds."""
    late = threading.Event()

    def kill():
        late.set()
        os.killpg(child, signal.SIGKILL)

    clock = threading.Timer(timeout, kill)
    clock.start()
    _, status = os.waitpid(child, 0)
    clock.cancel()
    return None if late.is_set() else os.waitstatus_to_exitcode(status)


def _be_script(task):
    """Runs a script in this process, which is a fork, and ends the process."""
    os.setsid()
    for descriptor, path in zip((1, 2), task["streams"], strict=True):
        os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), descriptor)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    # As Python finds them at a start: stdout is a file, stderr comes out at once.
    sys.stdin = open(0, closefd=False)
    sys.stdout = open(1, "w", encoding="utf-8", closefd=False)
    sys.stderr = open(2, "w", encoding="utf-8", buffering=1, closefd=False)
    os.environ.clear()
    os.environ.update(task["env"])
    os.chdir(task["cwd"])
    sys.argv = [task["script"], *task["arguments"]]
    sys.path[0] = os.path.dirname(task["script"])
    status = 1
    try:
        runpy.run_path(task["script"], run_name="__main__")
        status = 0
    except SystemExit as stop:
        status = stop.code or 0
        if not isinstance(status, int):
            print(status, file=sys.stderr)
            status = 1
    except BaseException:
        traceback.print_exc()
    finally:
        atexit._run_exitfuncs()
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


if __name__ == "__main__":
    _serve()
