"""Fuzzes the readers of foreign bytes: damaged and hostile files end in a sentence, or are read.

    pip install -r requirements-fuzz.txt
    python -m tests.fuzz --reader=coco --minutes=2
    python -m tests.fuzz --minutes=60                  every reader for an hour, one after the other

Nothing but `cpm.errors.UsageError` may leave a reader, no input may take over 10 s or 1 GB. What is
found is written to OUT/READER/found: the input, and beside it the traceback. The exit status is 1
if there is anything. A run goes on from the inputs of the one before (OUT/READER/corpus).

The readers and the files to begin with are in tests/helpers/fuzzing/readers.py; the way files are
changed in mutations.py. Inputs that went wrong once are tests: tests/test_fuzz.py.
"""

import argparse
import importlib
import os
import struct
import sys
import tempfile
import time
import traceback
from pathlib import Path

from tests.helpers.fuzzing import worker

OUT = Path(tempfile.gettempdir()) / "cpm-fuzz"


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
        os.waitpid(child, 0)
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
    anything = False
    print("| reader | executions | seconds | found |\n|---|---:|---:|---|", flush=True)
    for name in names:
        folder = Path(options.out) / name
        executions, seconds, found = fuzz(readers[name], 60 * options.minutes, options.seed, folder)
        print(
            f"| {name} | {executions:,} | {seconds:.0f} | {', '.join(found) or '-'} |", flush=True
        )
        anything = anything or bool(found)
    return 1 if anything else 0


if __name__ == "__main__":
    sys.exit(main())
