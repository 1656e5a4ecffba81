"""A run on disk: what was asked for, what was measured, what can be resumed.

    config.json      what is learned and how it is computed; command, commit, versions, seed
    metrics.jsonl    one JSON object a step (and one per evaluation, with "evaluation")
    checkpoints/     cpm/checkpoints/saving.py
    eval/            tables and pictures
    report.html      all of it on one page (cpm/report)
    events.out.*     the same numbers for TensorBoard

References: cpm/training/loop.py writes it; cpm/plots/curves.py draws it.
"""

import json
import os

from cpm import files
from cpm.config import TrainConfig
from cpm.config_json import from_dict, to_dict
from cpm.config_upgrade import upgraded
from cpm.errors import UsageError
from cpm.execution import Execution
from cpm.provenance import provenance


class RunFolder:
    """Paths and files of one run.

    Args:
      path: the folder; made when it is missing.
    """

    def __init__(self, path):
        self.path = path = os.fspath(path)
        self.config_path = os.path.join(path, "config.json")
        self.metrics_path = os.path.join(path, "metrics.jsonl")
        self.checkpoints = os.path.join(path, "checkpoints")
        self.evaluation = os.path.join(path, "eval")
        os.makedirs(path, exist_ok=True)

    def claim(self, config, execution, data, init_from=None, recipe=None):
        """Writes config.json, or checks that a resumed run learns the same thing.

        How it is computed may differ between the parts of a run; config.json keeps the latest. A
        folder in which no step was recorded yet is claimed anew.

        Args:
          config: `TrainConfig`.
          execution: `Execution`.
          data: list of data folders, kept so that bin/eval.py finds them again.
          init_from: where the first weights came from, or None.
          recipe: name of the recipe that `config` began as, or None.

        Returns:
          {field of the `Execution` that differs from the run's last part: (value then, value now)}.

        Raises:
          UsageError: if the folder holds a run with another configuration.
        """
        if os.path.exists(self.config_path) and os.path.exists(self.metrics_path):
            return self._go_on(config, execution, data, init_from)
        record = {"config": to_dict(config), "execution": to_dict(execution), "data": list(data)}
        record |= {"init_from": str(init_from) if init_from else None, "recipe": recipe}
        files.write_json(self.config_path, record | provenance(config.seed))
        return {}

    def _go_on(self, config, execution, data, init_from):
        earlier, record = read_config(self.path)
        self._check_same(earlier, record, config, data, init_from)
        then = to_dict(from_dict(Execution, record["execution"], self.config_path))
        now = to_dict(execution)
        changes = {key: (then[key], now[key]) for key in now if then[key] != now[key]}
        if changes:
            files.write_json(self.config_path, record | {"execution": now})
        return changes

    def _check_same(self, earlier, record, config, data, init_from):
        earlier = flatten(to_dict(earlier)) | {
            "data": _normal(record["data"]),
            "init_from": record.get("init_from"),
        }
        now = flatten(to_dict(config)) | {
            "data": _normal(data),
            "init_from": str(init_from) if init_from else None,
        }
        changed = [k for k in now if now[k] != earlier.get(k)]
        if changed:
            key = changed[0]
            raise UsageError(
                f"{self.path} holds a run with {key} = {earlier.get(key)!r}, but this command "
                f"asks for {now[key]!r}; give the same flags to resume it, or another --run_dir"
            )

    def append(self, record):
        """Adds one line to metrics.jsonl."""
        with open(self.metrics_path, "a", encoding="utf-8") as file:
            file.write(json.dumps(record) + "\n")

    def seconds_trained(self):
        """Seconds spent on the recorded steps, all parts of the run together."""
        if not os.path.exists(self.metrics_path):
            return 0.0
        return max((r.get("seconds", 0.0) for r in read_metrics(self.path)), default=0.0)

    def forget_after(self, step):
        """Drops the lines of steps after `step`: a resumed run measures them again."""
        if not os.path.exists(self.metrics_path):
            return
        kept = [r for r in read_metrics(self.path) if r["step"] <= step]
        files.write_text(self.metrics_path, "".join(json.dumps(r) + "\n" for r in kept))


def read_config(path):
    """The configuration of a run folder.

    Returns:
      (`TrainConfig`, the whole of config.json as a dict, in this version's words).

    Raises:
      UsageError: if the folder is not a run or the file was changed into nonsense.
    """
    file_path = os.path.join(path, "config.json")
    try:
        with open(file_path, encoding="utf-8") as file:
            record = upgraded(json.load(file))
        return from_dict(TrainConfig, record["config"], file_path), record
    except FileNotFoundError as error:
        raise UsageError(
            f"{path} is not a run folder (no config.json); "
            f"train one with: python bin/train.py --run_dir={path}"
        ) from error
    except (ValueError, KeyError, TypeError) as error:
        raise UsageError(f"{file_path} cannot be used: {error}") from error


def run_of(prefix):
    """The run folder that a checkpoint lies in, or None if it was taken out of its run."""
    folder = os.path.normpath(os.path.join(os.path.dirname(prefix), os.pardir))
    return folder if os.path.isfile(os.path.join(folder, "config.json")) else None


def read_metrics(path):
    """The lines of metrics.jsonl as dicts; a half-written last line is left out."""
    records = []
    with open(os.path.join(path, "metrics.jsonl"), encoding="utf-8") as file:
        for line in file:
            try:
                records.append(json.loads(line))
            except json.JSONDecodeError:  # the line that a kill cut short
                break
    return records


def _normal(paths):
    """Folders in one spelling: `data/lsp/` is `data/lsp`."""
    return [os.path.normpath(path) for path in paths]


def flatten(values, prefix=""):
    """Nested dicts as one, keys joined by dots.

    >>> flatten({"a": {"b": 1}, "c": 2})
    {'a.b': 1, 'c': 2}
    """
    flat = {}
    for key, value in values.items():
        if isinstance(value, dict):
            flat |= flatten(value, f"{prefix}{key}.")
        else:
            flat[prefix + key] = value
    return flat
