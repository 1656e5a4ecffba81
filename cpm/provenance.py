"""Where a result comes from: the command, the commit, the versions, the machine."""

import os
import platform
import shlex
import subprocess
import sys
from typing import Any

import numpy as np


def provenance(seed: int | None = None) -> dict[str, Any]:
    """Command, commit, versions and hardware of this process, as plain JSON values."""
    import tensorflow as tf  # here: whoever only wants the rest need not wait for it

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
