"""Exports of one network, one after the other; each is a row of a table that a cut run keeps.

The table is a JSON file, written anew after every row:

    rows        {"litert int8": row of cpm/interchange/deviations.py}, with --data `pck`, `ours_pck`
    left_out    {"openvino int8": why}
    to_do       names of what was asked for and is not done; empty at the end
    checkpoint  as --ckpt named it
    weights     SHA-256 of the network's variables (cpm/checkpoints/weights_file.py)
    data        that was scored, or null
    versions, date, command, commit, …: where it comes from
"""

import datetime
import os
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from cpm import files
from cpm.checkpoints.weights_file import digest
from cpm.config import TrainConfig
from cpm.errors import UsageError
from cpm.inference.beliefs import Network
from cpm.interchange import deviations
from cpm.interchange.exporting import Exporter, Target, paths_of, versions
from cpm.runtimes import load_exported

# PCK@0.2 of a network, in percent.
Score = Callable[[Network, TrainConfig], float]


class Rows:
    """The table of one network's exports, in its file from the first row on.

    Args:
      path: of the JSON file.
      names: of all that is to be done, in order.
      head: what the file says beside the rows.

    Attributes:
      rows: {name: row}.
      left_out: {name: why}.
      to_do: the names that are not done.
    """

    def __init__(self, path: str, names: Sequence[str], head: dict[str, Any]) -> None:
        self.path, self._head = path, head
        self.rows: dict[str, dict[str, Any]] = {}
        self.left_out: dict[str, str] = {}
        self.to_do = [*names]

    def leave_out(self, name: str, reason: str) -> None:
        """One will not be there, and why; said at once."""
        self.left_out[name] = reason
        self._done(name)
        print(f"left out: {name}: {reason}", flush=True)

    def add(self, name: str, row: dict[str, Any]) -> None:
        """One is there."""
        self.rows[name] = row
        self._done(name)

    def _done(self, name):
        """A file without a row would take the place of an earlier one that has some."""
        self.to_do.remove(name)
        if self.rows:
            done = {"rows": self.rows, "left_out": self.left_out, "to_do": self.to_do}
            files.write_json(self.path, done | self._head)


def head_of(exporter: Exporter, ckpt: str, data: str | None, origin: dict) -> dict[str, Any]:
    """What the file of a table says beside the rows.

    Args:
      exporter: of the network.
      ckpt, data: as the flags named them.
      origin: `cpm.provenance.provenance`, of the beginning of the command.
    """
    return {
        "checkpoint": ckpt,
        "weights": digest(exporter.network),
        "data": data,
        "versions": versions(),
        "date": datetime.date.today().isoformat(),
        **origin,
    }


def export_each(
    exporter: Exporter,
    targets: Sequence[Target],
    images: Sequence[np.ndarray],
    table: Rows,
    score: Score,
    own_score: float | None = None,
) -> None:
    """Writes one target after the other, and says of each what became of it, and the time left.

    What has no packages or no such precision is said before anything is written. A single target
    that fails is an error; of several it is left out.

    Args:
      exporter: of the network.
      targets: at least one.
      images: list of `[H, W, 3]` uint8 to compare on.
      table: `Rows` whose names are those of `name_of`.
      score: of an exported network.
      own_score: the same of this project's network; None = none is scored.

    Raises:
      UsageError: if a single target fails, or all of several.
    """
    several = len(targets) > 1
    possible = [target for target in targets if _can_be_written(target, table, several)]
    began = time.monotonic()
    for done, target in enumerate(possible):
        name = name_of(target)
        if several:
            print(
                f"{name}, {done + 1} of {len(possible)}{_left(began, done, possible)}", flush=True
            )
        row = None
        try:
            row = exporter.export(target, images)
            if own_score is not None and "crops" in target.functions:
                other, config = load_exported(target.path)[:2]
                row |= {"pck": score(other, config), "ours_pck": own_score}
        except UsageError as error:
            if not several:
                raise
            earlier = row is None and os.path.exists(target.path)
            note = f"; {target.path} is of an earlier export" if earlier else ""
            table.leave_out(name, f"{error}{note}")
            continue
        table.add(name, row)
        print(f"wrote {', '.join(paths_of(target))}: {deviations.said(row)}", flush=True)
    if not table.rows:
        raise UsageError("nothing was written; see above for what is missing")


def name_of(target: Target) -> str:
    """Its row's name, as `litert int8`."""
    return f"{target.name} {target.precision}"


def _can_be_written(target, table, several):
    """Whether the packages and the precision are there; says why not."""
    try:
        target.writer()
    except UsageError as error:
        if not several:
            raise
        table.leave_out(name_of(target), str(error))
        return False
    return True


def _left(began, done, possible):
    """How long the rest will take if it is as slow as what is done; nothing at the beginning."""
    if not done:
        return ""
    seconds = (time.monotonic() - began) / done * (len(possible) - done)
    return (
        f", about {seconds / 60:.0f} min left" if seconds > 90 else f", about {seconds:.0f} s left"
    )
