"""Standard streams that cannot end a script: closed, full, of another encoding."""

import codecs
import importlib
import io
import os
import pkgutil
import signal
import subprocess
import sys
import time

import pytest
from absl import flags

import cpm.cli
from cpm.cli import command_line, terminal
from tests.helpers.scripts import ROOT

SCRIPTS = sorted(
    name
    for _, name, _ in pkgutil.iter_modules(cpm.cli.__path__)
    if hasattr(importlib.import_module(f"cpm.cli.{name}"), "define_flags")
)


@pytest.fixture(autouse=True)
def handler():
    codecs.register_error(terminal.HANDLER, terminal._plain)


def written(text, encoding, **options):
    """What reaches a terminal of an encoding."""
    buffer = io.BytesIO()
    stream = terminal.Stream(io.TextIOWrapper(buffer, encoding=encoding), **options)
    stream.write(text)
    stream.flush()
    return buffer.getvalue()


def test_a_plain_terminal_gets_plain_characters():
    assert written("σ 6 × 8 … → ü 骨", "ascii") == b"sigma 6 x 8 ... -> \\xfc \\u9aa8"
    assert written("σ × ü", "latin-1") == b"sigma \xd7 \xfc"
    assert written("σ × ü", "utf-8") == "σ × ü".encode()
    # A file name that is no UTF-8, as os.listdir gives it.
    assert written(os.fsdecode(b"M\xfcller"), "utf-8") == b"M\\xfcller"


def test_names_cannot_steer_a_terminal():
    text = "a\x1b[2J\x1b]0;title\x07b\r\tc\n\u202egpj.exe"
    expected = "a\\x1b[2J\\x1b]0;title\\x07b\r\tc\n\\u202egpj.exe"
    assert written(text, "utf-8", escapes=True) == expected.encode()


def test_a_closed_pipe_is_silence(capfd):
    reader, writer = os.pipe()
    os.close(reader)
    with open(writer, "w") as pipe:
        stream = terminal.Stream(pipe)
        for _ in range(3):
            assert stream.write("x" * 10_000) == 10_000
            stream.flush()
        assert isinstance(stream.failed, BrokenPipeError)


def test_a_full_device_is_said_once_and_makes_a_success_a_failure(monkeypatch, capsys):
    if not os.path.exists("/dev/full"):
        pytest.skip("this system has no /dev/full")
    with open("/dev/full", "w") as full:
        monkeypatch.setattr(sys, "stdout", terminal.Stream(full))
        print("numbers")
        assert terminal.finish(0) == 1
        assert terminal.finish(2) == 2
    assert "No space left on device" in capsys.readouterr().err


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
@pytest.mark.parametrize("name", SCRIPTS)
def test_help_on_a_plain_terminal(name, encoding, monkeypatch):
    """Of every script, to its end, although its text has characters that the encoding lacks."""
    script, buffer = importlib.import_module(f"cpm.cli.{name}"), io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(buffer, encoding=encoding))
    monkeypatch.setattr(sys, "stderr", sys.stderr)
    monkeypatch.setattr(sys, "argv", [f"bin/{name}.py", "--help"])
    monkeypatch.setattr(sys.modules["__main__"], "__doc__", None)
    monkeypatch.setattr(command_line, "_hear_the_end", lambda: None)
    before = {*flags.FLAGS}
    try:
        with pytest.raises(SystemExit) as stopped:
            command_line.run(script)
        own = {*flags.FLAGS} - before
    finally:
        flags.FLAGS.remove_flag_values([flag for flag in flags.FLAGS if flag not in before])
    said = buffer.getvalue().decode(encoding)
    assert stopped.value.code == 0
    assert script.__doc__.splitlines()[0] in said or encoding == "ascii"
    assert any(f"--{flag}" in said or f"--[no]{flag}" in said for flag in own)
    assert "\\" not in said.replace("\\\n", "")  # nothing had to become an escape


@pytest.mark.slow
def test_a_script_survives_its_streams():
    """Closed streams and an ASCII terminal: the whole way, imports included."""
    command = f"{sys.executable} bin/describe.py"
    environment = os.environ | {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    for redirection in ("0<&- >&- 2>&-", "| head -n 1"):
        done = subprocess.run(
            ["bash", "-o", "pipefail", "-c", f"{command} {redirection}"],
            cwd=ROOT,
            env=environment,
            capture_output=True,
        )
        assert done.returncode == 0 and b"Traceback" not in done.stderr, done.stderr
    assert b"crop 128x128" in done.stdout


def test_too_few_addresses_are_a_sentence():
    """Where TensorFlow's libraries would end the process: before they are loaded."""
    limited = (
        "import resource as r; r.setrlimit(r.RLIMIT_AS, (1 << 30, r.getrlimit(r.RLIMIT_AS)[1]))"
    )
    program = f"{limited}; import cpm.cli"
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert line.startswith("error: this process may use 1.1 GB of addresses (ulimit -v)")
    assert line.endswith("allow more with: ulimit -v unlimited")


WAITING = """
import os, signal, time
os.kill(os.getpid(), int(os.environ["STOP"]))
time.sleep(60)
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_while_libraries_are_imported(number, tmp_path):
    """It ends the script at once, without a traceback: in a module that is named as TensorFlow."""
    (tmp_path / "tensorflow.py").write_text(WAITING)
    environment = {"PYTHONPATH": f"{tmp_path}{os.pathsep}{ROOT}", "STOP": str(int(number))}
    command = [sys.executable, "bin/train.py", f"--run_dir={tmp_path / 'run'}"]
    process = subprocess.Popen(
        command, cwd=ROOT, env=os.environ | environment, stderr=subprocess.PIPE, text=True
    )
    assert process.communicate(timeout=50)[1] == (
        "interrupted\n" if number == signal.SIGINT else ""
    )
    assert process.returncode == -number
    assert not (tmp_path / "run").exists()


def test_ctrl_c_while_a_library_begins(capsys):
    """It then says "initialization failed"; other failures of libraries keep their traceback."""
    seen = []
    hook = terminal._quiet_interrupt(lambda *of: seen.append(of))
    failed = ImportError("initialization failed")
    hook(ImportError, failed, None)
    assert seen == [(ImportError, failed, None)] and not capsys.readouterr().err
    failed.__cause__ = KeyboardInterrupt()
    hook(ImportError, failed, None)
    assert len(seen) == 1 and capsys.readouterr().err == "interrupted\n"


@pytest.mark.thorough
def test_ctrl_c_at_twelve_instants_of_a_start(tmp_path):
    """While Python, NumPy and TensorFlow are loaded: a word, never a page of a traceback."""
    command = [sys.executable, "bin/train.py", "--help"]
    began = time.monotonic()
    subprocess.run(command, cwd=ROOT, capture_output=True, check=True)
    seconds = time.monotonic() - began
    for n in range(1, 13):
        process = subprocess.Popen(
            command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
        )
        time.sleep(seconds * n / 13)
        process.send_signal(signal.SIGINT)
        said = process.communicate(timeout=120)[1]
        # Before the first line of ours runs, Python itself says where it was; later it is a word.
        ours = "cpm/" in said
        assert not ours or "Traceback" not in said, (n, said)
        assert process.returncode in (0, 1, -signal.SIGINT), (n, said)
