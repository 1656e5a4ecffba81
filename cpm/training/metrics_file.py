"""metrics.jsonl: one JSON object a step, and one per evaluation, with "evaluation".

A kill may cut the last line short, and a power cut may leave zeros. Lines that are no records are
left out on reading; a resumed run drops those of the steps that it measures again.

References: docs/metrics.md explains every key; cpm/plots/curves.py draws them.
"""

import contextlib
import errno
import json
import os
import re
from collections.abc import Mapping
from typing import Any

from absl import logging

from cpm import files, untrusted
from cpm.errors import RunStopped

NAME = "metrics.jsonl"
_RECORD = {"step": int, "seconds?": float, "loss?": (float, None), "evaluation?": dict}
_RECORD |= {"gradient_rms?": dict}
_NUMBERS = re.compile(r"(release_)?loss_stage_\d+|peak_stage_\d+|images_per_second")
_MOST = 1e12  # steps or seconds
_MOST_LINE_BYTES = 1 << 20


class MetricsFile:
    """The records of one run, which grow by a line a step.

    Args:
      folder: the run folder.
    """

    def __init__(self, folder: str | os.PathLike) -> None:
        self.folder = folder
        self.path = os.path.join(folder, NAME)

    def append(self, record: Mapping[str, Any]) -> None:
        """Adds one line.

        Raises:
          RunStopped: if it cannot be written; earlier checkpoints are whole.
        """
        before = self._bytes()
        try:
            with open(self.path, "a", encoding="utf-8") as file:
                file.write(json.dumps(record) + "\n")
        except OSError as error:
            with contextlib.suppress(OSError):
                os.truncate(self.path, before)  # half a line
            remedy = "Make room or permission there"
            if error.errno == errno.ENOENT:  # it was moved or removed, its checkpoints too
                remedy = "Put the folder back where it was"
            raise RunStopped(
                f"{self.path} cannot be written: {error.strerror}; earlier checkpoints are "
                f"kept. {remedy}, then give the same command to go on"
            ) from error

    def _bytes(self):
        try:
            return os.path.getsize(self.path)
        except FileNotFoundError:
            return 0

    def last_step(self) -> int | None:
        """The largest step; None if the file is missing or empty, 0 if nobody knows."""
        if not os.path.exists(self.path) or not os.path.getsize(self.path):
            return None
        return max((record["step"] for record in read_metrics(self.folder)), default=0)

    def seconds_trained(self) -> float:
        """Seconds spent on the recorded steps, all parts of the run together."""
        if not os.path.exists(self.path):
            return 0.0
        return max((r.get("seconds", 0.0) for r in read_metrics(self.folder)), default=0.0)

    def forget_after(self, step: int) -> None:
        """Drops the lines of steps after `step`: a resumed run measures them again."""
        if not os.path.exists(self.path):
            return
        kept = [r for r in read_metrics(self.folder) if r["step"] <= step]
        files.write_text(self.path, "".join(json.dumps(r) + "\n" for r in kept))


def read_metrics(path: str | os.PathLike) -> list[dict[str, Any]]:
    """The lines of metrics.jsonl as dicts, each with a whole number as `step`.

    What is no such line (the end of one that a kill cut short, zeros after a power cut) is left
    out; more than one of them is said.
    """
    records, odd = read_metrics_and_odd(path)
    if odd > 1:
        name = os.path.join(path, NAME)
        logging.warning("%s: %d lines are no records and are left out", name, odd)
    return records


def metrics_so_far(path: str | os.PathLike) -> list[dict[str, Any]]:
    """`read_metrics`; none where there is no such file, since nothing was trained yet."""
    try:
        return read_metrics(path)
    except FileNotFoundError:
        return []


def read_metrics_and_odd(path: str | os.PathLike) -> tuple[list[dict[str, Any]], int]:
    """(the lines of metrics.jsonl as dicts, how many lines are no records)."""
    records, odd = [], 0
    with untrusted.open_regular(os.path.join(path, NAME)) as file:
        while line := file.readline(_MOST_LINE_BYTES):
            try:
                record = untrusted.parse_json(line, _RECORD, "the line")
                _check(record)
            except ValueError:
                odd += 1
            else:
                records.append(record)
    return records, odd


def _check(record):
    """ValueError if a line holds texts where numbers belong, or numbers that nobody can measure."""
    times = [record["step"], record.get("seconds", 0)]
    if not all(0 <= time <= _MOST for time in times):
        raise ValueError(f"step or seconds are {times}")
    for key, value in record.items():
        if _NUMBERS.fullmatch(key) and value is not None and not isinstance(value, (int, float)):
            raise ValueError(f"{key} is {untrusted.shown(value)}, expected a number")
        if key == "gradient_rms":
            untrusted.check_schema(list(value.values()), [float], key)
        if key.startswith("evaluation"):
            if not isinstance(value, dict):
                raise ValueError(f"{key} is {untrusted.shown(value)}, expected scores")
            for name, score in value.items():
                if score is not None:
                    untrusted.check_percent(score, name)
