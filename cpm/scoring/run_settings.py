"""What a run directory says of its settings, in the words of `--set`, and of its recipe's."""

import os
from collections.abc import Mapping, Sequence
from typing import Any

from cpm.config_json import from_dict
from cpm.config_keys import keys_of, spelled
from cpm.data.datasets import SYNTHETIC, is_own
from cpm.data.manifest import read_manifest
from cpm.errors import UsageError
from cpm.execution import Execution, Settings
from cpm.training.recipes import RECIPES, default_recipe, recipe
from cpm.training.run_config import read_run


def read_settings(run_dir: str) -> tuple[Settings, dict[str, Any]]:
    """The (`Settings`, config.json as a dict) of a run; see `read_run` where that is lost.

    Raises:
      UsageError: if the folder is no run.
    """
    config, record = read_run(run_dir)
    where = os.path.join(run_dir, "config.json")
    try:
        execution = from_dict(Execution, record["execution"], where)
    except ValueError as error:
        raise UsageError(f"{where} cannot be used: {error}") from error
    return Settings(config, execution), record


def written(settings: Settings) -> dict[str, str]:
    """{key: value as `--set` takes it}, of every field."""
    return {key.name: spelled(key.value) for key in keys_of(settings).values()}


def recipe_of(settings: Settings, record: Mapping[str, Any]) -> tuple[str, dict[str, str]]:
    """The name of a run's recipe and the recipe's values, `written`.

    Runs of earlier versions do not name it; then it is the one that is usual for their data.
    """
    name = record.get("recipe")
    if name not in RECIPES:
        name = default_recipe(settings.config.network.arch, **_kind(record.get("data", ())))
    return name, written(recipe(name, settings.config.network.arch))


def people_of(folders: Sequence[str]) -> dict[str, dict[str, int]]:
    """{folder: {split: people}} of those that are still there."""
    found = {}
    for folder in folders:
        try:
            manifest = read_manifest(folder)
        except UsageError:
            continue
        found[str(folder)] = {split: manifest.people(split) for split in manifest.splits}
    return found


def _kind(folders):
    """Whether data is synthetic or somebody's own, as far as it is still there."""
    there = list(people_of(folders))
    sources = {read_manifest(folder).source for folder in there}
    return {"synthetic": sources == {SYNTHETIC}, "own": bool(there) and is_own(there)}
