"""config.json of a run: what is learned, how it is computed, and where that comes from.

It holds command, commit, versions and seed beside the configuration. It is for people and for a
run that has saved nothing yet; otherwise the checkpoints decide (cpm/training/same_run.py).
"""

import functools
import os
from collections.abc import Mapping, Sequence
from typing import Any

from absl import logging

from cpm import checkpoints, files, untrusted
from cpm.config import TrainConfig
from cpm.config_json import from_dict, to_dict
from cpm.config_upgrade import upgraded
from cpm.errors import UsageError
from cpm.execution import Execution
from cpm.network.architectures import architecture
from cpm.provenance import provenance

NAME = "config.json"
LAYOUT = 2  # of 2 on, checkpoints/ has its list before config.json is written
_CONFIG = {
    **{"config": dict, "execution?": dict, "data?": [str], "init_from?": (str, None)},
    **{"recipe?": (str, None), "layout?": int, "seed?": (int, None), "accelerators?": [str]},
    **{"command?": str, "commit?": str, "hardware?": str},
    **{"python?": str, "tensorflow?": str, "numpy?": str},
}


def read_config(path: str | os.PathLike) -> tuple[TrainConfig, dict[str, Any]]:
    """The configuration of a run folder.

    Returns:
      (`TrainConfig`, the whole of config.json as a dict, in this version's words).

    Raises:
      UsageError: if the folder is not a run or the file was changed into nonsense.
    """
    file_path = os.path.join(path, NAME)
    untrusted.require_readable(path)
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


def read_run(path: str | os.PathLike) -> tuple[TrainConfig, dict[str, Any]]:
    """`read_config`, or what the newest whole checkpoint says where config.json is lost or damaged.

    How the run was computed is not known then: `execution` has the usual values.

    Raises:
      UsageError: if there is no such checkpoint either.
    """
    untrusted.require_readable(path)
    try:
        return read_config(path)
    except UsageError:
        prefix = checkpoints.find_whole(os.path.join(path, "checkpoints")).prefix
        if prefix is None:
            raise
    _say_lost(str(path), os.path.basename(prefix))
    config, description = checkpoints.read_description(prefix)
    record = {"config": to_dict(config), "execution": to_dict(Execution()), "init_from": None}
    if "learned_from" in description:
        record["init_from"] = description["learned_from"]["init_from"]
    return config, record | {"data": data_of(description)}


@functools.cache
def _say_lost(path, checkpoint):
    """Warns once of each run: a script asks for its configuration several times."""
    logging.warning(
        "%s of %s is lost or cannot be read; its checkpoint %s says what it learned",
        *(NAME, path, checkpoint),
    )


def data_of(description: Mapping[str, Any]) -> list[str]:
    """The data folders that the description of a checkpoint or a file of weights names."""
    if "learned_from" in description:
        return [part["folder"] for part in description["learned_from"]["data"]]
    return description.get("data") or []


def write_config(
    path: str | os.PathLike,
    config: TrainConfig,
    execution: Execution,
    data: Sequence[str],
    init_from: str | os.PathLike | None,
    recipe: str | None,
) -> None:
    """Writes config.json of a run that begins, see `RunFolder.claim`."""
    record = {
        "config": to_dict(config),
        "execution": to_dict(execution),
        "data": list(data),
        "init_from": str(init_from) if init_from else None,
        "recipe": recipe,
        "layout": LAYOUT,
    }
    files.write_json(os.path.join(path, NAME), record | provenance(config.seed))


def run_of(prefix: str) -> str | None:
    """The run folder that a checkpoint lies in, or None if it was taken out of its run."""
    inner = os.path.dirname(prefix)
    folder = os.path.normpath(os.path.join(inner, os.pardir))
    known = os.path.isfile(os.path.join(folder, NAME))
    if os.path.basename(inner) == "checkpoints":  # config.json may be lost
        known = known or os.path.isfile(os.path.join(inner, checkpoints.LIST_NAME))
    return folder if known else None
