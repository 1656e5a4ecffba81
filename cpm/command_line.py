"""What every script of bin/ shares: exit statuses, quiet start-up, the record of a command."""

import contextlib
import glob
import os
import platform
import shlex
import subprocess
import sys
import tempfile


@contextlib.contextmanager
def _silent_start():
    """Keeps what TensorFlow's libraries print on start-up off the screen, unless it fails.

    They write to the file descriptor before any log level applies: seven lines about instruction
    sets and GPUs that a machine without one does not have. Where there is a GPU they are shown,
    because they say why it is not used.
    """
    if glob.glob("/dev/nvidia*"):
        yield
        return
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    sys.stderr.flush()
    kept = os.dup(2)
    with tempfile.TemporaryFile() as chatter:
        os.dup2(chatter.fileno(), 2)
        try:
            yield
        except BaseException:
            chatter.seek(0)
            os.write(kept, chatter.read())
            raise
        finally:
            os.dup2(kept, 2)
            os.close(kept)


@contextlib.contextmanager
def _imported_alone():
    """Lets TensorFlow believe that Keras is not installed, while it is imported.

    It would import all of it, and with it Matplotlib and whatever else is there to draw pictures
    with: a second and 60 to 95 MB, for nothing that is used here. Later imports find it as ever.
    """
    kept_out = {"keras": None}
    if not kept_out.keys() & sys.modules.keys():
        sys.modules |= kept_out
    try:
        yield
    finally:
        for name in kept_out:
            if sys.modules.get(name, name) is None:
                del sys.modules[name]


with _silent_start(), _imported_alone():
    import tensorflow as tf

    tf.config.list_physical_devices()  # the rest of the chatter comes with the devices

import numpy as np  # noqa: E402
from absl import app, flags, logging  # noqa: E402

from cpm.errors import RunStopped, UsageError  # noqa: E402

HELP = ("--help", "-help", "-h", "--helpshort", "-?")


def run(main, *, positional=0):
    """Calls `main(arguments)` under absl with the project's exit statuses.

    Args:
      main: function of the arguments that absl left over, the script's name first.
      positional: how many of them the script takes.

    0 on success, 2 on bad use (one sentence on stderr, no traceback), 1 otherwise.
    """
    if any(argument in HELP for argument in sys.argv[1:]):
        # absl's own --help prints the same but exits with status 1, as if it had failed.
        app.usage(shorthelp=True, writeto_stdout=True)
        sys.exit(0)
    app.run(lambda arguments: exit_status(main, arguments, positional), flags_parser=_parse)


def exit_status(main, arguments, positional=0):
    """Calls `main(arguments)`; what the user can mend ends in a sentence and a status.

    Args:
      main, positional: as in `run`.
      arguments: list of str.

    Returns:
      What `main` returns, 1 or 2. A mistake of the program itself keeps its traceback.
    """
    # TensorFlow tells at INFO, absl's default, how long its checkpoints took to shard.
    logging.set_verbosity(logging.WARNING)
    try:
        if len(arguments) > 1 + positional:
            raise UsageError(
                f"unexpected argument {arguments[1 + positional]!r}: options are written --name=value; "
                f"see {arguments[0]} --help"
            )
        return main(arguments)
    except UsageError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except RunStopped as stopped:
        print(stopped, file=sys.stderr)
        return 1
    except OSError as error:
        if error.filename is None:  # not about a file that somebody named
            raise
        print(
            f"error: {error.filename!r} cannot be used: {error.strerror}; name another path, or "
            "make room or permission for this one",
            file=sys.stderr,
        )
        return 2
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 1


def _parse(arguments):
    """absl's flag parser, but with exit status 2 for a wrong flag."""
    try:
        remaining = flags.FLAGS(arguments)
    except flags.Error as error:
        print(f"error: {error}; see {arguments[0]} --help", file=sys.stderr)
        sys.exit(2)
    return remaining


def provenance(seed=None):
    """Command, commit, versions and hardware of this process, as plain JSON values."""
    return {
        "command": shlex.join(["python", *sys.argv]),
        "commit": _commit(),
        "seed": seed,
        "python": platform.python_version(),
        "tensorflow": tf.__version__,
        "numpy": np.__version__,
        "hardware": f"{os.cpu_count()} CPU cores, {platform.machine()}",
        "accelerators": [d.name for d in tf.config.list_physical_devices("GPU")],
    }


def multiplies_bfloat16(description="/proc/cpuinfo"):
    """Whether this processor has instructions for sums of bfloat16 products; False if nobody knows.

    Args:
      description: file with a line of the processor's features, as Linux has it (x86 and Arm).
    """
    try:
        with open(description, encoding="utf-8", errors="replace") as file:
            words = set(file.read().split())
    except OSError:
        return False
    return not words.isdisjoint(("avx512_bf16", "amx_bf16", "bf16"))


def _commit():
    """Hash of the checked-out commit, with `-dirty` for local changes; `unknown` without git."""
    folder = os.path.dirname(os.path.abspath(__file__))
    try:
        return subprocess.run(
            ["git", "describe", "--always", "--dirty", "--abbrev=12"],
            cwd=folder,
            check=True,
            capture_output=True,
            text=True,
        ).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
