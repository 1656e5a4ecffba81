"""Standard streams that cannot end a script: closed, full, of another encoding."""

import codecs
import io
import os
import subprocess
import sys

import pytest

from cpm.cli import terminal
from tests.helpers.scripts import ROOT


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
