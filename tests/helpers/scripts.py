"""Scripts of bin/ run as a user does."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]  # of the repository


def run(script, *arguments, timeout=120):
    """Exit status, standard output and standard error of a script of bin/.

    Args:
      script: its name.
      arguments: of the command line.
      timeout: seconds.
    """
    done = subprocess.run(
        [sys.executable, ROOT / "bin" / script, *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=timeout,
        cwd=ROOT,
    )
    return done.returncode, done.stdout, done.stderr


def check_sentence(status, error, *words):
    """Bad use: status 2, a last line that names all `words`, and no traceback."""
    assert status == 2, error
    assert "Traceback" not in error
    (line,) = [line for line in error.splitlines() if line.startswith("error: ")]
    for word in words:
        assert word in line
