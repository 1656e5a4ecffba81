"""Fuzzes the readers of foreign bytes: damaged and hostile files end in a sentence, or are read.

    pip install -r requirements-fuzz.txt
    python -m tests.fuzz --reader=coco --minutes=2
    python -m tests.fuzz --minutes=60                  every reader for an hour, one after the other
    nice -n 19 python -m tests.fuzz --record --minutes=60    until each has had an hour in all

With --record the readers take turns of five minutes, whoever had the least time first, and every
turn is added to the table of docs/reliability.md. Such a run may be stopped at any instant. The
next one goes on, and the time of all runs counts.

Nothing but `cpm.errors.UsageError` may leave a reader, no input may take over 10 s or 1 GB. What is
found is written to OUT/READER/found: the input, and beside it the traceback. The exit status is 1
if there is anything. A run goes on from the inputs of the one before (OUT/READER/corpus).

The readers and the files to begin with are in tests/helpers/fuzzing/readers.py; the way files are
changed in mutations.py. Inputs that went wrong once are tests: tests/test_fuzz.py.
"""

import argparse
import importlib
import os
import signal
import struct
import sys
import tempfile
import time
import traceback
from pathlib import Path

from tests.helpers.fuzzing import record, worker

OUT = Path(tempfile.gettempdir()) / "cpm-fuzz"
TURN_SECONDS = 300  # of --record; a turn that is cut is not counted


def fuzz(reader, seconds, seed, folder):
    """Fuzzes one reader; returns (executions, seconds, names of what was found).

    It runs in forks of this process, the next one where libFuzzer ended one.
    """
    folder.mkdir(parents=True, exist_ok=True)
    before, start = _executions(folder), time.monotonic()
    while (left := seconds - (time.monotonic() - start)) > 1:
        child = os.fork()
        if not child:
            log = os.open(folder / "log.txt", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
            for stream in (1, 2):
                os.dup2(log, stream)
            try:
                worker.fuzz(reader, folder, int(left), seed)
            except BaseException:
                traceback.print_exc()
            os._exit(1)
        try:
            os.waitpid(child, 0)
        except BaseException:  # this program is stopped: nothing stays behind
            os.kill(child, signal.SIGKILL)
            raise
        seed += 1
        if _executions(folder) == before:
            sys.exit(f"{folder.name} does not run; see {folder / 'log.txt'}")
    found = sorted(p.name for p in (folder / "found").iterdir() if p.suffix != ".txt")
    return _executions(folder) - before, time.monotonic() - start, found


def _executions(folder):
    path = folder / "progress"
    return struct.unpack("<Q", path.read_bytes())[0] if path.exists() else 0


def main():
    """Prints a row for each reader; 1 if anything was found."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--reader", default="all", help="Names, separated by commas. Default: %(default)s.")
    add("--minutes", type=float, default=1.0, help="Minutes for each reader. Default: %(default)s.")
    add("--seed", type=int, default=1, help="Seed of the fuzzer. Default: %(default)s.")
    add("--out", default=str(OUT), help="Folder of corpora and findings. Default: %(default)s.")
    add(
        "--record",
        action="store_true",
        help="Whether the minutes of all runs are counted. Default: no.",
    )
    options = parser.parse_args()
    try:
        import atheris
    except ImportError:
        sys.exit("atheris is not installed; install it with: pip install -r requirements-fuzz.txt")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    with atheris.instrument_imports(include=["cpm"]):
        readers = importlib.import_module("tests.helpers.fuzzing.readers").READERS
    names = list(readers) if options.reader == "all" else options.reader.split(",")
    if unknown := [name for name in names if name not in readers]:
        parser.error(f"no reader is called {unknown[0]!r}; known: {', '.join(readers)}")
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    seconds = 60 * options.minutes
    turns = ((name, seconds) for name in names)
    if options.record:
        turns = record.turns(names, seconds, TURN_SECONDS)
    anything = False
    print("| reader | executions | seconds | found |\n|---|---:|---:|---|", flush=True)
    for name, seconds in turns:
        folder = Path(options.out) / name
        seed = options.seed + _executions(folder)  # another one in every turn
        executions, seconds, found = fuzz(readers[name], seconds, seed, folder)
        if options.record:
            record.add(name, executions, seconds)
        print(
            f"| {name} | {executions:,} | {seconds:.0f} | {', '.join(found) or '-'} |", flush=True
        )
        anything = anything or bool(found)
    return 1 if anything else 0


if __name__ == "__main__":
    sys.exit(main())
