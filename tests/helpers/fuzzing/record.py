"""What was fuzzed so far: the table of docs/reliability.md, which every turn of the fuzzer adds to.

The table is the record. Each row has a reader, its executions, its seconds by the clock, and a note
of what went wrong, which is written by hand.
"""

import re
import typing
from pathlib import Path

from cpm import files

DOCUMENT = Path(__file__).parents[3] / "docs" / "reliability.md"
BEGIN, END = "<!-- fuzzed: python -m tests.fuzz --record -->", "<!-- end of fuzzed -->"
HEADER = "| reader | executions | seconds | what went wrong, and is mended |\n|---|---:|---:|---|"


class Row(typing.NamedTuple):
    """What one reader had: executions, seconds, and a note."""

    executions: int = 0
    seconds: int = 0
    note: str = "-"


def read(document=DOCUMENT):
    """{reader: `Row`} of the table, in its order."""
    rows = re.findall(r"^\| ([\w-]+) \| ([\d,]+) \| ([\d,]+) \| (.*) \|$", _table(document), re.M)
    return {
        name: Row(int(executions.replace(",", "")), int(seconds.replace(",", "")), note)
        for name, executions, seconds, note in rows
    }


def add(reader, executions, seconds, document=DOCUMENT):
    """Adds a turn to the row of a reader, or a row; the rest of the document stays as it is."""
    rows = read(document)
    row = rows.get(reader, Row())
    rows[reader] = row._replace(
        executions=row.executions + executions, seconds=row.seconds + round(seconds)
    )
    head, rest = document.read_text(encoding="utf-8").split(BEGIN)
    tail = rest.split(END)[1]
    files.write_text(document, f"{head}{BEGIN}\n\n{text(rows)}\n\n{END}{tail}")


def text(rows):
    """The table in Markdown, below its sums."""
    read_files = sum(row.executions for row in rows.values())
    hours = sum(row.seconds for row in rows.values()) / 3600
    least = min((row.seconds for row in rows.values()), default=0)
    lines = [
        f"So far {read_files:,} files were read in {hours:.1f} hours by the clock, by each reader",
        f"for at least {least:,} seconds.\n",
        HEADER,
        *(f"| {name} | {n:,} | {s:,} | {note} |" for name, (n, s, note) in rows.items()),
    ]
    return "\n".join(lines)


def turns(names, seconds, most, document=DOCUMENT):
    """Yields (reader, seconds): whoever had the least time, until each has had enough in all.

    The table is read again before every turn, so a run that was cut goes on where it was.

    Args:
      names: list of the readers.
      seconds: that each is to have, earlier runs included.
      most: of a turn.
    """
    while True:
        rows = read(document)
        name = min(names, key=lambda name: rows.get(name, Row()).seconds)
        left = seconds - rows.get(name, Row()).seconds
        if left <= 0:
            return
        yield name, min(max(left, 5), most)  # in less than 5 s a process does not begin


def _table(document):
    whole = document.read_text(encoding="utf-8")
    if whole.count(BEGIN) != 1 or END not in whole.split(BEGIN)[1]:
        raise ValueError(f"{document} has no place for the table: expected {BEGIN} and {END}")
    return whole.split(BEGIN)[1].split(END)[0]
