"""What earlier versions wrote, as this version spells it: the one place that knows old keys.

Reading stays strict (cpm/config_json.py): a key that is neither known nor listed here is an error.
"""

from typing import Any

# How a run is computed stood beside what it learns; now it is an `Execution` of its own.
MOVED = (
    *("xla", "conv", "precision", "recompute"),
    *("eval_every", "save_every", "log_every", "gradients_every"),
)
# Whether batches lay in slices, as many as the process had cores. `replicas` says the number now,
# and earlier runs do not know theirs.
DROPPED = ("side_by_side",)
# Values of fields that a file does not name, where the default was another one then.
EARLIER_DEFAULTS: dict[str, dict[str, Any]] = {
    "network": {"stages": 6},
    "target": {"sigma_px": 7.0, "foreground_weight": 0.0},
    "data": {
        "margin": 1.25,
        "batch_size": 8,
        "augment": {
            "scale": [0.8, 1.25],
            "rotation_deg": 40.0,
            "flip": 0.5,
            "shift": 0.05,
            "brightness": 0.2,
            "contrast": 0.2,
            "saturation": 0.3,
            "hue": 0.02,
        },
    },
    "optimizer": {"optimizer": "adam"},
}


def upgraded(record: dict[str, Any]) -> dict[str, Any]:
    """A record with its `config` and its `execution` as this version has them.

    Args:
      record: dict of JSON values with `config`, of this or an earlier version; is not changed.

    Returns:
      dict with `config` and `execution`, all else as in `record`.

    Raises:
      KeyError, TypeError: if it has no `config`, or one that is, or holds, something else.

    >>> new = upgraded({"config": {"seed": 3, "xla": True, "side_by_side": True}, "data": []})
    >>> new["config"]["seed"], new["execution"], new["data"], "xla" in new["config"]
    (3, {'xla': True}, [], False)
    """
    config = {} | record["config"]
    execution = {key: config.pop(key) for key in MOVED if key in config}
    for key in DROPPED:
        config.pop(key, None)
    for part, defaults in EARLIER_DEFAULTS.items():
        config[part] = defaults | config.get(part, {})  # TypeError for a list: it is no part
    return record | {"config": config, "execution": execution | record.get("execution", {})}
