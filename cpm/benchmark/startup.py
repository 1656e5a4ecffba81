"""bin/train.py from its launch to the end of its first step: what a user waits for.

The script itself is run, in an empty folder of its own, and ended as soon as it reports the first
step. So the time holds starting Python, importing TensorFlow, opening the data, building and
compiling the network.
"""

import dataclasses
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from typing import Any

from cpm.benchmark.ours import VARIANTS
from cpm.benchmark.processes import Failed
from cpm.benchmark.timing import summarize
from cpm.process_memory import peak_mb

FIRST_STEP = "first step after"  # what cpm/training/loop.py prints
SCRIPT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "bin", "train.py")


def measure_startup(
    name: str,
    flags: Sequence[str],
    variants: Sequence[str],
    rounds: int,
    say: Callable[[str], object] = print,
) -> list[dict[str, Any]]:
    """Times the script with the flags of every variant, in turn.

    Args:
      name: of the item.
      flags: of bin/train.py, all but --run_dir, --xla and --conv.
      variants: keys of `ours.VARIANTS`.
      rounds: how often each.
      say: where a line of progress goes.

    Returns:
      Entries as of `measure.measure`, without peers.
    """
    found: dict[str, list[tuple[float, float]]] = {variant: [] for variant in variants}
    for _ in range(rounds):
        for variant in variants:
            found[variant].append(first_step([*flags, *flags_of(variant)]))
            say(f"  {variant}: {found[variant][-1][0]:.1f} s")
    return [
        {
            "name": f"{name}, {variant}",
            "case": "startup",
            "item": name,
            "variant": variant,
            "flop": 0,
            "ours": dataclasses.asdict(summarize([seconds for seconds, _ in runs]))
            | {"peak_mb": max(peak for _, peak in runs)},
            "peers": {},
            "ratio": {},
        }
        for variant, runs in found.items()
    ]


def flags_of(variant: str) -> list[str]:
    """A variant of ours as flags of bin/train.py or bin/predict.py.

    >>> flags_of("graph"), flags_of("fast"), flags_of("recompute")
    (['--noxla'], ['--xla', '--conv=fast'], ['--noxla', '--recompute'])
    """
    changes = dict(VARIANTS[variant])
    first = "--xla" if changes.pop("xla") else "--noxla"
    given = (f"--{k}" if v is True else f"--{k}={v}" for k, v in changes.items())
    return [first, *given]


def first_step(flags: Sequence[str]) -> tuple[float, float]:
    """Runs the script once.

    Args:
      flags: of bin/train.py, all but --run_dir.

    Returns:
      (seconds from launch to the first step, peak memory until then, MB).

    Raises:
      Failed: if it ends before.
    """
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryFile() as errors:
        start = time.perf_counter()
        process = subprocess.Popen(
            [sys.executable, SCRIPT, *flags, f"--run_dir={folder}/run"],
            stdout=subprocess.PIPE,
            stderr=errors,
            stdin=subprocess.DEVNULL,
            text=True,
        )
        assert process.stdout, "a pipe was asked for"
        try:
            for line in process.stdout:
                if FIRST_STEP in line:
                    return time.perf_counter() - start, peak_mb(process.pid)
        finally:
            process.kill()  # what it would do next is not asked for
            process.wait()
            process.stdout.close()
        errors.seek(0)
        tail = errors.read().decode(errors="replace").strip().splitlines()[-3:]
        raise Failed("bin/train.py made no first step\n" + "\n".join(tail))
