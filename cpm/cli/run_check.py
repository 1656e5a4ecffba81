"""Whether a run directory is whole: every part of it checked, a line for each.

    config.json            read, and compared with what the newest whole checkpoint says
    checkpoints.json       read, and compared with the folder
    each checkpoint        sizes and checksums of its files
    metrics.jsonl          its last step
    each data folder       checksums of all shards, and whether it is what the run began with

Nothing is changed. `bin/describe.py RUN` prints it.
"""

import os
import typing
from collections.abc import Iterable

from cpm import checkpoints, untrusted
from cpm.checkpoints import seals
from cpm.checkpoints.listing import NOTHING, Search
from cpm.config_json import to_dict
from cpm.data import verification
from cpm.data.manifest import fingerprints
from cpm.errors import UsageError
from cpm.text_table import format_table
from cpm.training.loop import SPLITS
from cpm.training.metrics_file import read_metrics_and_odd
from cpm.training.run_config import read_config
from cpm.training.run_folder import lost_checkpoints
from cpm.training.same_run import check_data
from cpm.untrusted import printable


class Row(typing.NamedTuple):
    """One part of a run directory: its name, whether it is whole, what is to be said of it."""

    part: str
    whole: bool
    note: str


def check_run(path: str) -> list[Row]:
    """The `Row`s of a run directory.

    Args:
      path: of the run.

    Raises:
      UsageError: if there is no such folder, or nothing of a run in it.
    """
    untrusted.require_readable(path)
    if not os.path.isdir(path):
        raise UsageError(f"{path} is no folder; name a run directory, like runs/mini")
    folder = os.path.join(path, "checkpoints")
    search = _search(folder)
    if search.is_new and not os.path.exists(os.path.join(path, "config.json")):
        raise UsageError(f"{path} is no run directory: it has neither checkpoints nor config.json")
    config, record = _of_config(path, search)
    metrics, steps = _of_metrics(path)
    rows = [config, _of_list(path, search, record, steps)]
    rows += [_of_checkpoint(folder, name) for name in search.listed["all"]]
    return [*rows, metrics, *_of_data(search)]


def format_rows(rows: Iterable[Row]) -> str:
    """The table of some `Row`s."""
    cells = [
        (printable(r.part), "whole" if r.whole else "NOT WHOLE", printable(r.note)) for r in rows
    ]
    return format_table(("part", "", ""), cells, left=range(3), markdown=False)


def _search(folder):
    """`find_whole`; where the folder cannot be read, the note says so."""
    try:
        return checkpoints.find_whole(folder)
    except OSError as error:
        return Search(None, NOTHING, {}, f"{folder} {_unread(error)}", is_new=False)


def _unread(error):
    return f"cannot be read: {error.strerror}"


def _of_config(path, search):
    """(its row, what it says or None)."""
    name = "config.json"
    if not os.path.lexists(os.path.join(path, name)):
        return Row(name, False, "is missing"), None
    try:
        config, record = read_config(path)
    except UsageError as error:
        return Row(name, False, str(error)), None
    if search.prefix and to_dict(config) != to_dict(checkpoints.read_description(search.prefix)[0]):
        note = f"says something else than {os.path.basename(search.prefix)}"
        return Row(name, False, note), record
    note = f"{config.network.arch}, {config.steps} steps, seed {config.seed}"
    return Row(name, True, note), record


def _of_list(path, search, record, steps):
    """Its row. `record` and `steps`: what config.json and the metrics say, or None."""
    if search.note:
        return Row(checkpoints.LIST_NAME, False, search.note)
    latest, best = search.listed["latest"], search.listed["best"]
    if latest is None:
        lost = lost_checkpoints(path, record, steps)
        return Row(checkpoints.LIST_NAME, not lost, lost or "nothing saved yet")
    note = f"latest {latest}" + (f", best {best['name']} ({best['score']:.2f})" if best else "")
    return Row(checkpoints.LIST_NAME, True, note)


def _of_checkpoint(folder, name):
    prefix = os.path.join(folder, name)
    if problem := seals.problem_of(prefix):
        return Row(name, False, problem)
    sealed = seals.read_seal(prefix) is not None
    return Row(name, True, "by its seal" if sealed else "every tensor was read; it has no seal")


def _of_metrics(path):
    """(its row, the last step or None)."""
    name = "metrics.jsonl"
    if not os.path.exists(os.path.join(path, name)):
        return Row(name, False, "is missing"), None
    try:
        records, odd = read_metrics_and_odd(path)
    except OSError as error:
        return Row(name, False, _unread(error)), None
    last = max((record["step"] for record in records), default=0 if odd else None)
    # The end of a line that a kill cut short is no damage: it is dropped when the run goes on.
    note = f"{len(records)} records to step {last or 0}" + (
        f"; {odd} lines are none" if odd else ""
    )
    return Row(name, odd <= 1, note), last


def _of_data(search):
    """A row for each data folder that the checkpoint names."""
    if search.prefix is None:
        return []
    _, description = checkpoints.read_description(search.prefix)
    rows = []
    for then in description.get("learned_from", {}).get("data", []):
        try:
            (now,) = fingerprints([then["folder"]], SPLITS)
            check_data("the run", [then], [now])
            verification.verify([then["folder"]], SPLITS)
            rows.append(Row(then["folder"], True, "the data that the run began with"))
        except UsageError as error:
            rows.append(Row(then["folder"], False, str(error)))
        except OSError as error:
            rows.append(Row(then["folder"], False, f"{error.filename} {_unread(error)}"))
    return rows
