"""One process of the fuzzer: one reader, guided by the coverage of cpm, until its time is over.

It works in a folder:

    corpus/      inputs that reached new code, the seeds first; a later run goes on from them
    found/       inputs that led to something else than a UsageError, and what it was, as text
    progress     executions so far, 8 bytes

libFuzzer ends the process for an input that takes over `MOST_SECONDS` or `MOST_BYTES` more than
the process had at its start, and writes it into found/; the command begins another one.
"""

import mmap
import os
import random
import resource
import struct
import tempfile
import traceback
import warnings
from hashlib import sha256
from pathlib import Path

from absl import logging

from cpm.errors import UsageError

MOST_SECONDS = 10
MOST_BYTES = 1 << 30
# Of addresses, which are cheaper: what is asked for but never touched ends there.
MOST_ADDRESSES = 8 << 30
MOST_INPUT = 1 << 17


class Trial:
    """What is done with each input.

    Args:
      reader: `Reader`.
      folder: of the results.
    """

    def __init__(self, reader, folder):
        self._reader, self._found = reader, Path(folder) / "found"
        self._found.mkdir(parents=True, exist_ok=True)
        self._place = tempfile.TemporaryDirectory(
            dir="/dev/shm" if os.path.isdir("/dev/shm") else None
        )
        self.path = Path(self._place.name) / reader.file
        self.path.parent.mkdir(parents=True, exist_ok=True)
        if reader.around:
            reader.around(self._place.name)
        self._executions = _counter(Path(folder) / "progress")

    def __call__(self, data):
        """Reads one input; keeps it if anything but the project's own error comes out."""
        (count,) = struct.unpack("<Q", self._executions[:8])
        self._executions[:8] = struct.pack("<Q", count + 1)
        self.path.write_bytes(data)
        try:
            self._reader.read(str(self.path))
        except UsageError:
            pass
        except Exception as error:
            self._keep(data, error)

    def _keep(self, data, error):
        """Writes an input and its traceback, one for each place where it goes wrong."""
        frames = [f for f in traceback.extract_tb(error.__traceback__) if "/cpm/" in f.filename]
        place = (
            f"{type(error).__name__} {frames[-1].filename}:{frames[-1].lineno}" if frames else ""
        )
        name = self._found / sha256(place.encode()).hexdigest()[:12]
        if not name.with_suffix(".txt").exists():
            name.write_bytes(data)
            name.with_suffix(".txt").write_text(
                "".join(traceback.format_exception(error)), errors="backslashreplace"
            )


def _counter(path):
    """Eight bytes that outlive the process, however it ends."""
    if not path.exists():
        path.write_bytes(bytes(8))
    with open(path, "r+b") as file:
        return mmap.mmap(file.fileno(), 8)


def _now(what):
    """Bytes of this process by /proc, `VmRSS` or `VmSize`."""
    (line,) = [x for x in Path("/proc/self/status").read_text().splitlines() if x.startswith(what)]
    return int(line.split()[1]) << 10


def fuzz(reader, folder, seconds, seed):
    """Fuzzes one reader; ends this process.

    Args:
      reader: `Reader`, of a module that was imported under `atheris.instrument_imports`.
      folder: of the results; exists.
      seconds: whole number.
      seed: of libFuzzer's random numbers.
    """
    import atheris

    logging.set_verbosity(logging.FATAL)
    warnings.simplefilter("ignore")
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    trial = Trial(reader, folder)
    corpus = Path(folder) / "corpus"
    corpus.mkdir(exist_ok=True)
    for content in reader.seeds():
        (corpus / sha256(content).hexdigest()[:12]).write_bytes(content)
        trial(content)

    def mutate(data, most_bytes, number):
        change = lambda content: atheris.Mutate(content, max(1, len(content) + 64))  # noqa: E731
        return reader.mutate(data, random.Random(number), change)[:most_bytes]

    resource.setrlimit(resource.RLIMIT_AS, (_now("VmSize") + MOST_ADDRESSES,) * 2)
    options = {
        **{"max_total_time": seconds, "seed": seed, "max_len": MOST_INPUT, "len_control": 0},
        **{"timeout": MOST_SECONDS, "rss_limit_mb": (_now("VmRSS") + MOST_BYTES) >> 20},
        **{"artifact_prefix": f"{folder}/found/", "print_final_stats": 1},
    }
    arguments = ["fuzz", *(f"-{key}={value}" for key, value in options.items()), str(corpus)]
    atheris.Setup(arguments, trial, custom_mutator=mutate)
    atheris.Fuzz()
