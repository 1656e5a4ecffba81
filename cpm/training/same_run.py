"""Whether a run that goes on learns the same thing from the same data as before.

What a run learns is in its checkpoints, and they decide. config.json is compared as well: it
decides for a run that has saved nothing yet.
"""

import os
from collections.abc import Mapping, Sequence
from typing import Any

from absl import logging

from cpm import checkpoints
from cpm.config import TrainConfig
from cpm.config_json import from_dict, to_dict
from cpm.errors import UsageError
from cpm.training import run_config


def check_checkpoint(
    path: str | os.PathLike,
    prefix: str,
    config: TrainConfig,
    data: Sequence[str],
    init_from: str | os.PathLike | None,
    *,
    origin: Mapping[str, Any],
    record: Mapping[str, Any] | None,
) -> None:
    """UsageError if a run would learn something else than its checkpoint says.

    Args:
      path: the run folder.
      prefix: of the checkpoint that it goes on from.
      config, data, init_from: of now.
      origin: what a checkpoint says beside its configuration, see `loop.Run`.
      record: config.json, which is only compared; None if it cannot be read.
    """
    config_path = os.path.join(path, run_config.NAME)
    stored, description = checkpoints.read_description(prefix)
    if "learned_from" in description:
        then = description["learned_from"]
        check_data(path, then["data"], origin.get("data"))
        place = {"init_from": then["init_from"]}
    else:
        logging.warning(
            "%s is of an earlier version and does not say what its data were; that they are "
            "the same is not checked",
            prefix,
        )
        place = {key: record[key] for key in ("data", "init_from") if record and key in record}
    then = {"config": to_dict(stored)} | place
    check_same(path, then, config, data, init_from)
    if record and flatten(record["config"]) != flatten(to_dict(stored)):
        from_file = to_dict(from_dict(TrainConfig, record["config"], config_path))
        if from_file != to_dict(stored):
            logging.warning(
                "%s says something else than the checkpoint %s; the checkpoint decides",
                config_path,
                os.path.basename(prefix),
            )


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
                f"the data in {after['folder']} are not those that {path} began with (then: "
                f"{counts[0]}; now: {counts[1]}): others, or in another order; convert them as "
                "before, or start another --run_dir"
            )


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
