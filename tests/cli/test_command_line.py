"""Exit statuses: what the user can mend is one sentence, a mistake of the program a traceback."""

import errno
import os
import subprocess
import sys

import pytest
import tensorflow as tf
from absl import flags

from cpm.cli import command_line, limited
from cpm.errors import RunStopped, UsageError


@pytest.mark.parametrize(
    "error, status, sentence",
    [
        (UsageError("no such folder"), 2, "error: no such folder\n"),
        (RunStopped("stopped after step 5"), 1, "stopped after step 5\n"),
        (KeyboardInterrupt(), 1, "interrupted\n"),
        (
            PermissionError(13, "Permission denied", "/out"),
            2,
            "error: '/out' cannot be used: Permission denied; make room or permission for it, or "
            "name another path\n",
        ),
        (
            FileNotFoundError(2, "No such file or directory", "metrics.jsonl"),
            2,
            "error: 'metrics.jsonl' cannot be used: No such file or directory; restore it, or make "
            "it again, or name another path\n",
        ),
        (
            OSError(28, "No space left on device", "/out\x1b[2J"),
            2,
            "error: '/out\\x1b[2J' cannot be used: No space left on device; make room there, or "
            "name another path\n",
        ),
    ],
)
def test_exit_status_preset(error, status, sentence, capsys):
    def main(_):
        raise error

    assert command_line.exit_status(main, ["bin/x.py"]) == status
    assert capsys.readouterr().err == sentence


def test_a_current_folder_that_is_gone_is_a_sentence(tmp_path, monkeypatch, capsys):
    """Names without a folder have none then: a traceback, by each of the scripts."""
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    assert command_line.exit_status(lambda _: os.path.abspath("a"), ["bin/x.py"]) == 2
    assert capsys.readouterr().err.startswith("error: the current folder is gone; change to")


_ONEDNN = "Operation received an exception:Status: 1, message: could not create a memory object"


@pytest.mark.parametrize(
    "error, words",
    [
        (MemoryError("Unable to allocate 4 TiB"), " (Unable to allocate 4 TiB)"),
        (MemoryError(), ""),
        (
            tf.errors.ResourceExhaustedError(None, None, "OOM when allocating [9,9]\n\n\tmore"),
            " (OOM when allocating [9,9])",
        ),
        (  # what a convolution's gradient said under ulimit -v
            tf.errors.AbortedError(None, None, f"{_ONEDNN}, in file mkl_conv_grad.cc:546\n"),
            f" ({_ONEDNN}, in file mkl_conv_grad.cc:546)",
        ),
        (RuntimeError("can't start new thread"), " (can't start new thread)"),
        (OSError(errno.ENOMEM, "Cannot allocate memory"), " ([Errno 12] Cannot allocate memory)"),
        (
            ImportError("libx.so: failed to map segment from shared object"),
            " (libx.so: failed to map segment from shared object)",
        ),
    ],
    ids=["Python", "no words", "TensorFlow", "oneDNN", "a thread", "a process", "a library"],
)
def test_memory_that_runs_out_is_a_sentence(error, words, capsys):
    def main(_):
        raise error

    assert command_line.exit_status(main, ["bin/x.py"]) == 1
    expected = f"error: out of memory{words}; {limited.LESS_MEMORY}\n"
    assert capsys.readouterr().err == expected


def test_a_sentence_that_repeats_a_long_value_is_cut(capsys):
    def main(_):
        raise UsageError("unknown arch " + 10**6 * "x")

    assert command_line.exit_status(main, ["eval"]) == 2
    said = capsys.readouterr().err
    assert said.endswith("x… (1,000,020 characters)\n") and len(said) < 4100


def test_exit_status_of_success_is_mains():
    assert command_line.exit_status(lambda _: None, ["bin/x.py"]) is None


def test_exit_status_refuses_stray_arguments(capsys):
    assert command_line.exit_status(lambda _: 0, ["bin/x.py", "runs/a"]) == 2
    assert "unexpected argument 'runs/a'" in capsys.readouterr().err


@pytest.fixture
def flag_values():
    """Values of two flags for paths, and the other arguments, as a script gets them."""
    flags.DEFINE_string("to_folder", None, "")
    flags.DEFINE_list("of_folders", [], "")

    def values(*arguments):
        remaining = command_line._parse(["bin/x.py", *arguments])
        return flags.FLAGS.to_folder, flags.FLAGS.of_folders, remaining[1:]

    yield values
    flags.FLAGS.remove_flag_values(["to_folder", "of_folders"])


def test_the_users_folder_is_no_folder_called_tilde(flag_values, monkeypatch):
    """A shell leaves ~ as it is behind `--out=` and in quotes."""
    monkeypatch.setenv("HOME", "/home/me")
    assert flag_values(
        "--to_folder=~/poses", "--of_folders=~/a,b~/c,~/d", "~/in/*.jpg", "./~/b"
    ) == (
        "/home/me/poses",
        ["/home/me/a", "b~/c", "/home/me/d"],
        ["/home/me/in/*.jpg", "./~/b"],
    )


def test_a_flag_without_a_value_is_not_taken_for_no_flag(flag_values, capsys):
    """`--boxes=$BOXES` without such a variable would search, `--out=$OUT` draw nothing."""
    assert flag_values("--of_folders=")[1] == []  # a list may be empty
    with pytest.raises(SystemExit, match="2"):
        flag_values("--to_folder=")
    assert "error: --to_folder= has no value; give it one" in capsys.readouterr().err


@pytest.mark.parametrize("error", [ValueError("a bug"), OSError("no file is named")])
def test_exit_status_hides_no_bugs(error):
    def main(_):
        raise error

    with pytest.raises(type(error), match=str(error)):
        command_line.exit_status(main, ["bin/x.py"])


def test_exit_status_passes_the_arguments_a_script_takes(capsys):
    given = []
    arguments = ["bin/x.py", "stages"]
    assert command_line.exit_status(given.extend, arguments, positional=1) is None
    assert given == arguments
    assert command_line.exit_status(given.extend, [*arguments, "more"], 1) == 2
    assert "unexpected argument 'more'" in capsys.readouterr().err


WARNING = """
import types
from absl import logging
from cpm.cli import command_line
script = types.ModuleType("script", "Warns.")
script.define_flags = lambda: None
script.main = lambda _: logging.warning("%s is damaged", "a\\x1b]0;title\\x07b\\nc")
command_line.run(script)
"""


def test_warnings_cannot_steer_a_terminal():
    """Of a whole script: absl writes to standard error as it was when absl was imported."""
    done = subprocess.run([sys.executable, "-c", WARNING], capture_output=True, text=True)
    (line,) = [line for line in done.stderr.splitlines() if "damaged" in line]
    assert line.startswith("W") and line.endswith("] a\\x1b]0;title\\x07b\\nc is damaged")


START = """
import sys
from cpm.cli import command_line
import tensorflow as tf
from cpm.inference import Predictor
assert "matplotlib" not in sys.modules
from cpm.training import loop
tf.function(lambda: tf.zeros([2]))()
assert "keras" not in sys.modules
import keras
assert tf.keras.layers.Dense and keras.layers.Dense
"""


@pytest.mark.slow
def test_scripts_import_tensorflow_without_keras():
    """Nor what Keras draws figures with; who wants it afterwards gets it."""
    subprocess.run([sys.executable, "-c", START], check=True)
