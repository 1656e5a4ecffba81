"""The fuzzer's readers: whole files are read; what once went wrong ends in a sentence.

Each file of tests/helpers/fuzzing/found was found by `python -m tests.fuzz`, or by reading the code
for one of that kind, and is named after what is wrong with it.
"""

import random
import resource
import subprocess
import sys
import time
from pathlib import Path

import pytest

from cpm.errors import UsageError
from tests.helpers.fuzzing import mutations, record, worker
from tests.helpers.fuzzing.readers import READERS
from tests.helpers.scripts import ROOT

FOUND = sorted((Path(worker.__file__).parent / "found").glob("*/*"))
# Their seeds are refused, some of them.
REFUSED = {"annotated-image", "checkpoints", "lite-image", "manifest", "seal"}


@pytest.mark.parametrize("name", READERS)
def test_whole_files_are_read(name, tmp_path):
    """A reader that refused its seeds would be fuzzed in vain."""
    trial, read = worker.Trial(READERS[name], tmp_path), 0
    for content in READERS[name].seeds():
        trial.path.write_bytes(content)
        try:
            READERS[name].read(str(trial.path))
            read += 1
        except UsageError:
            assert name in REFUSED
    assert read or name in REFUSED


@pytest.mark.parametrize("path", FOUND, ids=lambda path: f"{path.parent.name}-{path.name}")
def test_what_went_wrong_once_is_a_sentence(path, tmp_path):
    reader = READERS[path.parent.name]
    trial = worker.Trial(reader, tmp_path)
    trial.path.write_bytes(path.read_bytes())
    memory, start = peak_bytes(), time.monotonic()
    try:
        reader.read(str(trial.path))
    except UsageError as error:
        assert str(error)
    assert time.monotonic() - start < worker.MOST_SECONDS
    assert peak_bytes() - memory < worker.MOST_BYTES


def peak_bytes():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss << 10


@pytest.mark.parametrize("name", ["coco", "metrics", "people", "boxes-csv"])
def test_mutations_change_files_and_are_reproducible(name, tmp_path):
    reader = READERS[name]
    (seed, *_) = reader.seeds()

    def flip(content):
        return content[:-1] + bytes([content[-1] ^ 1]) if content else b"x"

    changed = [reader.mutate(seed, random.Random(n), flip) for n in range(30)]
    assert changed == [reader.mutate(seed, random.Random(n), flip) for n in range(30)]
    assert len({*changed} - {seed}) > 10


def test_archives_stay_archives():
    (seed,) = READERS["people"].seeds()
    changed = [mutations.as_archive(seed, random.Random(n), lambda _: b"") for n in range(20)]
    assert sum(content.startswith(b"PK") for content in changed) > 10


def test_the_command_names_its_readers():
    done = subprocess.run(
        [sys.executable, "-m", "tests.fuzz", "--help"], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0 and "--minutes" in done.stdout


TABLE = f"""before
{record.BEGIN}
{record.HEADER}
| coco | 1,200 | 50 | limbs, of no list |
| lsp | 7 | 130 | - |
{record.END}
after
"""


@pytest.fixture
def document(tmp_path):
    """A document with a table of two readers."""
    path = tmp_path / "reliability.md"
    path.write_text(TABLE)
    return path


def test_turns_add_up_over_runs(document):
    """Whoever had the least time comes first, and a run that was cut goes on."""
    names, done = ["coco", "lsp", "new"], []
    for _ in range(4):  # runs, each cut in its second turn
        turns = record.turns(names, 200, 100, document)
        name, seconds = next(turns)
        done.append((name, seconds))
        record.add(name, 10, seconds, document)
        next(turns, None)
    assert done == [("new", 100), ("coco", 100), ("new", 100), ("lsp", 70)]
    assert [*record.turns(names, 140, 100, document)] == []
    rows = record.read(document)
    assert rows == {
        "coco": (1210, 150, "limbs, of no list"),
        "lsp": (17, 200, "-"),
        "new": (20, 200, "-"),
    }
    text = document.read_text()
    assert text.startswith(f"before\n{record.BEGIN}") and text.endswith(f"{record.END}\nafter\n")
    assert "1,247 files were read in 0.2 hours" in text and "at least 150 seconds" in text


def test_a_last_turn_is_long_enough_to_begin(document):
    assert next(record.turns(["coco"], 51, 100, document)) == ("coco", 5)


def test_the_documented_table_has_every_reader():
    """A reader that nobody fuzzed is missing there."""
    rows = record.read()
    assert {*rows} == {*READERS} and min(row.executions for row in rows.values()) > 0
    assert record.text(rows) in record.DOCUMENT.read_text(encoding="utf-8")
