"""What every script of bin/ shares: exit statuses, quiet start-up, the record of a command."""

import os
import platform
import shlex
import subprocess
import sys

# Before TensorFlow is imported: its start-up chatter hides the one line that matters.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

from absl import app, flags  # noqa: E402

from cpm.errors import UsageError  # noqa: E402


def run(main):
    """Calls `main(arguments)` under absl with the project's exit statuses.

    0 on success, 2 on bad use (one sentence on stderr, no traceback), 1 otherwise.
    """

    def guarded(arguments):
        try:
            if len(arguments) > 1:
                raise UsageError(
                    f"unexpected argument {arguments[1]!r}: options are written --name=value; "
                    f"see {arguments[0]} --help"
                )
            return main(arguments)
        except UsageError as error:
            print(f"error: {error}", file=sys.stderr)
            return 2
        except KeyboardInterrupt:
            print("interrupted", file=sys.stderr)
            return 1

    app.run(guarded, flags_parser=_parse)


def _parse(arguments):
    """absl's flag parser, but with exit status 2 for a wrong flag and help on `--help`."""
    try:
        remaining = flags.FLAGS(arguments)
    except flags.Error as error:
        print(f"error: {error}; see {arguments[0]} --help", file=sys.stderr)
        sys.exit(2)
    return remaining


def provenance(seed=None):
    """Command, commit, versions and hardware of this process, as plain JSON values."""
    import numpy
    import tensorflow

    return {
        "command": shlex.join(["python", *sys.argv]),
        "commit": _commit(),
        "seed": seed,
        "python": platform.python_version(),
        "tensorflow": tensorflow.__version__,
        "numpy": numpy.__version__,
        "hardware": f"{os.cpu_count()} CPU cores, {platform.machine()}",
        "accelerators": [
            d.name for d in tensorflow.config.list_physical_devices("GPU")
        ],
    }


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
