"""A run on disk: what was asked for, what was measured, what can be resumed.

    config.json      what is learned and how it is computed; command, commit, versions, seed
    metrics.jsonl    one JSON object a step (and one per evaluation, with "evaluation")
    checkpoints/     cpm/checkpoints/saving.py
    eval/            tables and figures
    report.html      all of it on one page (cpm/report)
    events.out.*     the same numbers for TensorBoard
    lock             held by the process that trains, cpm/training/run_lock.py

What a run learns is in its checkpoints as well, and they decide: config.json is for people, and
for a run that has saved nothing yet. A directory with any trace of training never starts again at
step 0 unless it is told to.

References: cpm/training/loop.py writes it; cpm/plots/curves.py draws it.
"""

import contextlib
import json
import os
import re
import shutil
import struct
from collections.abc import Mapping, Sequence
from typing import Any

from absl import logging

from cpm import checkpoints, files, untrusted
from cpm.checkpoints.listing import Search
from cpm.config import TrainConfig
from cpm.config_json import from_dict, to_dict
from cpm.config_upgrade import upgraded
from cpm.errors import RunStopped, UsageError
from cpm.execution import Execution
from cpm.network.architectures import architecture
from cpm.provenance import provenance
from cpm.training import run_lock
from cpm.untrusted import shown

LAYOUT = 2  # of 2 on, checkpoints/ has its list before config.json is written
_CONFIG = {
    **{"config": dict, "execution?": dict, "data?": [str], "init_from?": (str, None)},
    **{"recipe?": (str, None), "layout?": int, "seed?": (int, None), "accelerators?": [str]},
    **{"command?": str, "commit?": str, "hardware?": str},
    **{"python?": str, "tensorflow?": str, "numpy?": str},
}
_RECORD = {"step": int, "seconds?": float, "loss?": (float, None), "evaluation?": dict}
_MOST_LINE_BYTES = 1 << 20
_MOST_PATH_BYTES = 4096 - 160  # Linux takes 4096; checkpoints under way have names of 130
_TRACES = re.compile(r"metrics\.jsonl|checkpoints|eval|events\.out\..*|non_finite_.*|report\.html")


class RunFolder:
    """Paths and files of one run.

    Attributes:
      found: the `listing.Search` for the checkpoint to go on from; None before `claim`.

    Args:
      path: the folder; made when it is missing, and locked against other processes.

    Raises:
      UsageError: if it is no folder of this machine, cannot be written, or is in use.
    """

    def __init__(self, path: str | os.PathLike) -> None:
        self.path = path = os.fspath(path)
        self.config_path = os.path.join(path, "config.json")
        self.metrics_path = os.path.join(path, "metrics.jsonl")
        self.checkpoints = os.path.join(path, "checkpoints")
        self.evaluation = os.path.join(path, "eval")
        self.found: Search | None = None
        check_run_dir(path)
        os.makedirs(path, exist_ok=True)
        run_lock.hold(path)

    def restart(self) -> str | None:
        """Puts every trace of an earlier training aside, into a folder beside it.

        Returns:
          Path of that folder, or None if there was nothing.
        """
        found = [name for name in os.listdir(self.path) if _TRACES.fullmatch(name)]
        found += ["config.json"] if os.path.exists(self.config_path) else []
        if not found:
            return None
        number = 1
        while os.path.exists(aside := os.path.join(self.path, f"before-restart-{number}")):
            number += 1
        os.makedirs(aside)
        for name in found:
            shutil.move(os.path.join(self.path, name), os.path.join(aside, name))
        return aside

    def claim(
        self,
        config: TrainConfig,
        execution: Execution,
        data: Sequence[str],
        init_from: str | os.PathLike | None = None,
        recipe: str | None = None,
        *,
        origin: Mapping[str, Any] | None = None,
    ) -> dict[str, tuple[Any, Any]]:
        """Writes config.json, or checks that a resumed run learns the same thing.

        How it is computed may differ between the parts of a run; config.json keeps the latest. A
        folder in which no step was recorded yet is claimed anew.

        Args:
          config: `TrainConfig`.
          execution: `Execution`.
          data: list of data folders, kept so that bin/eval.py finds them again.
          init_from: where the first weights came from, or None.
          recipe: name of the recipe that `config` began as, or None.
          origin: what a checkpoint says beside its configuration, see `loop.Run`.

        Returns:
          {field of the `Execution` that differs from the run's last part: (value then, value now)};
          the checkpoint to go on from is in `found` then.

        Raises:
          UsageError: if the folder holds a run with another configuration, or one whose checkpoints
            are lost.
        """
        found = self.found = checkpoints.require_whole(self.checkpoints)
        record, problem = self._record()
        steps = self.last_recorded_step()
        if found.prefix is not None:
            self._check_checkpoint(found.prefix, config, data, init_from, origin or {}, record)
            if problem:
                logging.warning("%s; it is written anew by what the checkpoint says", problem)
        elif steps is None:
            self._require_no_trace(problem)
            record = None
        else:
            self._require_no_save(record, problem, steps)
            check_same(self.path, record, config, data, init_from)
            logging.warning("%s had not come to its first save; step 0 again", self.path)
        if record is None:
            checkpoints.begin(self.checkpoints)
            self._write_config(config, execution, data, init_from, recipe)
            return {}
        then, now = (
            to_dict(from_dict(Execution, record["execution"], self.config_path)),
            to_dict(execution),
        )
        changed = record | {"config": to_dict(config), "execution": now, "data": list(data)}
        if changed != record:
            files.write_json(self.config_path, changed)
        return {key: (then[key], now[key]) for key in now if then[key] != now[key]}

    def _write_config(self, config, execution, data, init_from, recipe):
        record = {
            "config": to_dict(config),
            "execution": to_dict(execution),
            "data": list(data),
            "init_from": str(init_from) if init_from else None,
            "recipe": recipe,
            "layout": LAYOUT,
        }
        files.write_json(self.config_path, record | provenance(config.seed))

    def _record(self):
        """(config.json as a dict or None, what is wrong with it or None)."""
        if not os.path.lexists(self.config_path):
            return None, f"{self.config_path} is missing"
        try:
            return read_config(self.path)[1], None
        except UsageError as error:
            return None, str(error)

    def _require_no_trace(self, problem):
        """UsageError if the folder shows any trace of training, although no step is recorded."""
        if traces := traces_of_training(self.path):
            what = f", and {problem}" if problem else ""
            raise UsageError(
                f"{self.path} shows traces of training ({', '.join(traces)}), but holds neither "
                f"metrics nor a checkpoint{what}; {RESTORE}"
            )

    def _require_no_save(self, record, problem, steps):
        """UsageError if a run of some recorded steps has lost its checkpoints.

        Without a checkpoint it may only be a run that never came to its first save.
        """
        lost = problem
        if record is not None:
            execution = from_dict(Execution, record["execution"], self.config_path)
            listed = os.path.exists(os.path.join(self.checkpoints, checkpoints.LIST_NAME))
            if record.get("layout", 1) >= LAYOUT and not listed:
                lost = "its folder checkpoints/, or the list in it, is gone"
            elif not steps:
                lost = "no line of its metrics can be read, and no checkpoint is there"
            elif steps > min(execution.save_every, execution.eval_every):
                lost = f"its metrics reach step {steps}, yet no checkpoint is there"
        if lost:
            raise UsageError(f"{self.path} holds a run, but {lost}; {RESTORE}")

    def _check_checkpoint(self, prefix, config, data, init_from, origin, record):
        """A resumed run learns what its checkpoint says; config.json is only compared."""
        stored, description = checkpoints.read_description(prefix)
        if "learned_from" in description:
            then = description["learned_from"]
            check_data(self.path, then["data"], origin.get("data"))
            place = {"init_from": then["init_from"]}
        else:
            logging.warning(
                "%s is of an earlier version and does not say what its data were; that they are "
                "the same is not checked",
                prefix,
            )
            place = {key: record[key] for key in ("data", "init_from") if record and key in record}
        then = {"config": to_dict(stored)} | place
        check_same(self.path, then, config, data, init_from)
        if record and flatten(record["config"]) != flatten(to_dict(stored)):
            from_file = to_dict(from_dict(TrainConfig, record["config"], self.config_path))
            if from_file != to_dict(stored):
                logging.warning(
                    "%s says something else than the checkpoint %s; the checkpoint decides",
                    self.config_path,
                    os.path.basename(prefix),
                )

    def append(self, record: Mapping[str, Any]) -> None:
        """Adds one line to metrics.jsonl.

        Raises:
          RunStopped: if it cannot be written; earlier checkpoints are whole.
        """
        before = self._metrics_bytes()
        try:
            with open(self.metrics_path, "a", encoding="utf-8") as file:
                file.write(json.dumps(record) + "\n")
        except OSError as error:
            with contextlib.suppress(OSError):
                os.truncate(self.metrics_path, before)  # half a line
            raise RunStopped(
                f"{self.metrics_path} cannot be written: {error.strerror}; earlier checkpoints are "
                "kept. Make room or permission there, then give the same command to go on"
            ) from error

    def _metrics_bytes(self):
        try:
            return os.path.getsize(self.metrics_path)
        except FileNotFoundError:
            return 0

    def last_recorded_step(self) -> int | None:
        """The largest step in metrics.jsonl; None if it is missing or empty, 0 if nobody knows."""
        if not os.path.exists(self.metrics_path) or not os.path.getsize(self.metrics_path):
            return None
        return max((record["step"] for record in read_metrics(self.path)), default=0)

    def seconds_trained(self) -> float:
        """Seconds spent on the recorded steps, all parts of the run together."""
        if not os.path.exists(self.metrics_path):
            return 0.0
        return max((r.get("seconds", 0.0) for r in read_metrics(self.path)), default=0.0)

    def forget_after(self, step: int) -> None:
        """Drops the lines of steps after `step`: a resumed run measures them again."""
        if not os.path.exists(self.metrics_path):
            return
        kept = [r for r in read_metrics(self.path) if r["step"] <= step]
        files.write_text(self.metrics_path, "".join(json.dumps(r) + "\n" for r in kept))


RESTORE = (
    "restore it from a copy, name another --run_dir, or train again from step 0 with --restart, "
    "which puts what is there aside"
)


def check_run_dir(path: str) -> None:
    """UsageError if a run cannot be written at `path`: before data are drawn or anything is made.

    Args:
      path: of the run directory, which may be missing.
    """
    if not path or "://" in path:
        raise UsageError(f"--run_dir={path} is no folder of this machine; name one")
    files.require_utf_8(path)
    if (length := len(os.fsencode(path))) > _MOST_PATH_BYTES:
        raise UsageError(
            f"--run_dir={shown(path)} has {length} bytes; at most {_MOST_PATH_BYTES} leave room "
            "for the names of its files: name a shorter one"
        )
    folder = os.path.abspath(path)
    while not os.path.lexists(folder):
        folder = os.path.dirname(folder)
    inner = [os.path.join(path, name) for name in ("checkpoints", "eval")]
    for place in (folder, *filter(os.path.lexists, inner)):
        if not os.path.isdir(place):
            raise UsageError(f"--run_dir={path} cannot be made: {place} is no folder; name another")
        if not os.access(place, os.R_OK | os.W_OK | os.X_OK):
            raise UsageError(_no_permission(path, place))
    for name in ("config.json", "metrics.jsonl", run_lock.NAME):
        place = os.path.join(path, name)
        if not os.path.lexists(place):
            continue
        if not os.access(place, os.R_OK | os.W_OK):
            raise UsageError(_no_permission(path, place))
        if not os.path.isfile(place):  # a pipe would be waited for, a device has no end
            raise UsageError(
                f"--run_dir={path} cannot be used: {place} is no regular file; remove it, or name "
                "another --run_dir"
            )


def _no_permission(path, place):
    return (
        f"--run_dir={path} cannot be used: {place} cannot be read and written; give permission, or "
        "name another --run_dir"
    )


def traces_of_training(path: str | os.PathLike) -> list[str]:
    """Names of what a training left in a folder: recorded steps, checkpoints, results."""
    found = []
    for name in sorted(os.listdir(path)):
        place = os.path.join(path, name)
        if name == "metrics.jsonl" and os.path.getsize(place):
            found.append(name)
        elif name.startswith("events.out.") and os.path.isfile(place) and _has_summaries(place):
            found.append(name)
        elif name.startswith("non_finite_") or name == "report.html":
            found.append(name)
        elif name in ("eval", "checkpoints") and os.path.isdir(place):
            if {*os.listdir(place)} - {checkpoints.LIST_NAME}:
                found.append(f"{name}/")
    return found


def _has_summaries(path):
    """Whether an event file holds more than its first record, which names its version."""
    with untrusted.open_regular(path) as file:
        header = file.read(8)
        if len(header) < 8:
            return False
        # A record of TensorFlow: length, its checksum (4 bytes), the bytes, their checksum.
        first = 12 + struct.unpack("<Q", header)[0] + 4
    return os.path.getsize(path) > first


def check_same(
    path: str | os.PathLike,
    then: Mapping[str, Any],
    config: TrainConfig,
    data: Sequence[str],
    init_from: str | os.PathLike | None,
) -> None:
    """UsageError if a run that goes on would learn something else.

    Args:
      path: the run folder.
      then: dict with `config` as `to_dict` gives it, and perhaps `data` and `init_from`.
      config, data, init_from: of now.
    """
    earlier = flatten(to_dict(from_dict(TrainConfig, then["config"], str(path))))
    now = flatten(to_dict(config))
    if "data" in then:
        earlier["data"], now["data"] = _normal(then["data"]), _normal(data)
    if "init_from" in then:
        earlier["init_from"], now["init_from"] = then["init_from"], init_from and str(init_from)
    changed = [k for k in now if now[k] != earlier.get(k)]
    if changed:
        key = changed[0]
        raise UsageError(
            f"{path} holds a run with {key} = {earlier.get(key)!r}, but this command "
            f"asks for {now[key]!r}; give the same flags to resume it, or another --run_dir"
        )


def check_data(
    path: str | os.PathLike,
    then: Sequence[Mapping[str, Any]],
    now: Sequence[Mapping[str, Any]] | None,
) -> None:
    """UsageError if the data of a run are no longer those that it began with.

    Args:
      path: the run folder.
      then, now: of `cpm.data.manifest.fingerprints`: a dict for each folder, in order. Folders may
        have moved.
    """
    if now is None:
        return
    if len(then) != len(now):
        raise UsageError(
            f"{path} learns from {len(then)} data folders, but this command names {len(now)}; "
            "name the same with --data, or another --run_dir"
        )
    for before, after in zip(then, now, strict=True):
        if before["splits"] != after["splits"]:
            counts = [
                ", ".join(f"{name} {split['people']}" for name, split in side["splits"].items())
                for side in (before, after)
            ]
            raise UsageError(
                f"the data in {after['folder']} are not those that {path} began with (people then: "
                f"{counts[0]}; now: {counts[1]}): other people, or another order; convert them as "
                "before, or start another --run_dir"
            )


def read_config(path: str | os.PathLike) -> tuple[TrainConfig, dict[str, Any]]:
    """The configuration of a run folder.

    Returns:
      (`TrainConfig`, the whole of config.json as a dict, in this version's words).

    Raises:
      UsageError: if the folder is not a run or the file was changed into nonsense.
    """
    file_path = os.path.join(path, "config.json")
    if not os.path.lexists(file_path):
        raise UsageError(
            f"{path} is not a run folder (no config.json); "
            f"train one with: python bin/train.py --run_dir={path}"
        )
    advice = "restore it from a copy, or name another run"
    most = untrusted.SMALL_JSON_BYTES
    record = untrusted.read_json(file_path, advice, schema=_CONFIG, most_bytes=most)
    try:
        record = {"data": [], "init_from": None} | upgraded(record)
        from_dict(Execution, record["execution"], file_path)
        config = from_dict(TrainConfig, record["config"], file_path)
        architecture(config.network)  # ValueError if there is none of that name, or of that size
        return config, record
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise UsageError(f"{file_path} cannot be used: {error}") from error


def run_of(prefix: str) -> str | None:
    """The run folder that a checkpoint lies in, or None if it was taken out of its run."""
    folder = os.path.normpath(os.path.join(os.path.dirname(prefix), os.pardir))
    return folder if os.path.isfile(os.path.join(folder, "config.json")) else None


def read_metrics(path: str | os.PathLike) -> list[dict[str, Any]]:
    """The lines of metrics.jsonl as dicts, each with a whole number as `step`.

    What is no such line (the end of one that a kill cut short, zeros after a power cut) is left
    out; more than one of them is said.
    """
    records, odd = read_metrics_and_odd(path)
    if odd > 1:
        name = os.path.join(path, "metrics.jsonl")
        logging.warning("%s: %d lines are no records and are left out", name, odd)
    return records


def read_metrics_and_odd(path: str | os.PathLike) -> tuple[list[dict[str, Any]], int]:
    """(the lines of metrics.jsonl as dicts, how many lines are no records)."""
    records, odd = [], 0
    with untrusted.open_regular(os.path.join(path, "metrics.jsonl")) as file:
        while line := file.readline(_MOST_LINE_BYTES):
            try:
                record = untrusted.parse_json(line, _RECORD, "the line")
            except ValueError:
                odd += 1
            else:
                records.append(record)
    return records, odd


def _normal(paths):
    """Folders in one spelling: `data/lsp/` is `data/lsp`."""
    return [os.path.normpath(path) for path in paths]


def flatten(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested dicts as one, keys joined by dots.

    >>> flatten({"a": {"b": 1}, "c": 2})
    {'a.b': 1, 'c': 2}
    """
    flat: dict[str, Any] = {}
    for key, value in values.items():
        if isinstance(value, dict):
            flat |= flatten(value, f"{prefix}{key}.")
        else:
            flat[prefix + key] = value
    return flat
