"""Tables of pages, made from JSON files that bin/benchmark.py and bin/export.py wrote.

A page names the file of each table, relative to itself. What stands between the two comments is
made from it, with the command and the commit that measured it:

    <!-- table: records/vgg.json -->
    <!-- end of table -->

`memory:` instead of `table:` shows the peak memory alone: of a file whose times do not count, since
other work ran beside it. A file of `--case=scaling` may be followed by the numbers of GPUs to show:
`records/a.json 1,8,256`. A file of bin/export.py gives its table of deviations.
"""

import dataclasses
import os
import re
import textwrap

from cpm import files
from cpm.benchmark import report
from cpm.benchmark.machine import Limits
from cpm.benchmark.scaling import DEVICES, Machines, Work, format_model, format_ways
from cpm.errors import UsageError
from cpm.interchange import deviations
from cpm.untrusted import SMALL_JSON_BYTES, check_schema, open_regular

BLOCK = re.compile(
    r"(<!-- (table|memory): (\S+)(?: ([\d,]+))? -->\n).*?(<!-- end of table -->)", re.DOTALL
)
WIDTH = 100
# Python multiplies a text by a number of operations, too.
_OF_MODEL = {
    "work": {"people": int, "flop": float, "exchanged_bytes": float},
    "assumed": {f"{field.name}?": float for field in dataclasses.fields(Machines)},
    "batch_size": int,
}


def write(path: str) -> None:
    """Makes the tables of a page anew.

    Raises:
      UsageError: if the page names no table, or a file that is missing or has no results.
    """
    try:
        with open_regular(path, SMALL_JSON_BYTES) as file:
            text = file.read().decode()
    except ValueError as error:  # no UTF-8
        raise UsageError(f"{path} cannot be read ({error}); name a page in Markdown") from error
    if not BLOCK.search(text):
        raise UsageError(
            f"{path} has no table to make; expected a line <!-- table: FILE.json --> and a line "
            "<!-- end of table -->"
        )
    files.write_text(path, rendered(text, os.path.dirname(path)))


def rendered(text: str, folder: str) -> str:
    """A page with the tables of its files.

    Args:
      text: of the page.
      folder: that the names of files are relative to.
    """

    def block(match):
        start, kind, name, devices, end = match.groups()
        path = os.path.join(folder, name)
        content = memory(path) if kind == "memory" else table(path, devices)
        return f"{start}{content}\n{end}"

    return BLOCK.sub(block, text)


def table(path: str, devices: str | None = None) -> str:
    """What one file says, as Markdown: its command, and a table for every item.

    Args:
      path: file that `--json` wrote.
      devices: numbers of GPUs as text, like `1,8`, of the model of `--case=scaling`; None = all.
    """
    return _shown(path, lambda record: _measured(record, devices))


def memory(path: str) -> str:
    """The memory of what one file measured, as Markdown: its command, a table for every item.

    Args:
      path: file that `--json` wrote.
    """
    return _shown(path, lambda record: (_where(record), report.format_memory(record["cases"])))


def _shown(path, content):
    """The command of a file, its commit and machine; below them what `content(record)` says."""
    record = files.read_json(path, "name files that --json wrote with --page")
    try:
        where, tables = content(record)
        said = f"`{record['command']}`, commit {record['commit']}{where}:"
    except (LookupError, TypeError, ValueError, AttributeError, ArithmeticError):
        raise UsageError(
            f"{path} has no results of bin/benchmark.py --json or bin/export.py --json; name a "
            "file that one of them wrote"
        ) from None
    lines = textwrap.wrap(said, WIDTH, break_long_words=False, break_on_hyphens=False)
    return "\n".join([*lines, "", tables])


def _where(record):
    return f", {record['hardware']}, {record['threads']} threads"


def _exported_with(record):
    """The machine, the day and the packages of exported files."""
    packages = {"TensorFlow": record["tensorflow"], **record["versions"]}
    named = ", ".join(f"{name} {version}" for name, version in packages.items())
    return f", {record['hardware']}, {record['date']}, {named}"


def _measured(record, devices):
    """(machine, tables) of a file of times, of the model of many GPUs, or of exported files."""
    if "predicted" in record:
        return "", _model(record, devices)
    if "left_out" in record:
        return _exported_with(record), deviations.table(record["rows"])
    limits = report.format_limits(Limits(**record["limits"]))
    return _where(record), f"{limits}\n\n{report.format_entries(record['cases'])}"


def _model(record, devices):
    """What was measured on one machine, if anything; the model of many GPUs and its predictions."""
    check_schema(record, _OF_MODEL, "it")
    work, machines = Work(**record["work"]), Machines(**record["assumed"])
    counts = [int(n) for n in devices.split(",")] if devices else DEVICES
    said = (
        f"{work.people} people a GPU, {work.exchanged_bytes / 1e6:.1f} MB summed in a step, "
        f"{machines.network_gb_s:g} GB/s between hosts."
    )
    model = f"{said}\n\n{format_model(work, machines, counts)}"
    if not record["ways"]:
        return model
    return f"{format_ways(record['ways'], record['batch_size'])}\n\n{model}"
