"""Configurations as JSON values and back.

Unknown keys are errors: a misspelt option must not silently become a default. Missing keys take
their defaults. What earlier versions wrote goes through cpm/config_upgrade.py first, so that an old
checkpoint still says what it is.
"""

import dataclasses
import json
import typing
from collections.abc import Mapping
from typing import Any

from cpm.config import Config, Dataclass


def to_dict(config: Dataclass) -> dict[str, Any]:
    """The configuration as plain JSON values.

    >>> from cpm.config import AugmentConfig
    >>> to_dict(AugmentConfig(flip=0.5))["flip"]
    0.5
    """
    return json.loads(json.dumps(dataclasses.asdict(config)))


def from_dict(cls: type[Config], values: Mapping[str, Any], where: str = "configuration") -> Config:
    """The inverse of `to_dict`.

    Args:
      cls: a configuration dataclass.
      values: dict, as read from JSON; missing keys take their defaults.
      where: how messages call it.
    Raises:
      ValueError: for an unknown key or a value of the wrong type; the message names it.

    >>> from cpm.config import DecodingConfig
    >>> from_dict(DecodingConfig, {"scales": [0.9, 1]}).scales
    (0.9, 1.0)
    >>> from_dict(DecodingConfig, {"flipp": True})
    Traceback (most recent call last):
    ...
    ValueError: configuration has an unknown key 'flipp'; known: flip, refinement, scales, sigma_px
    """
    fields = {field.name: field for field in dataclasses.fields(cls)}
    for key in values:
        if key not in fields:
            raise ValueError(
                f"{where} has an unknown key {key!r}; known: {', '.join(sorted(fields))}"
            )
    types = typing.get_type_hints(cls)
    arguments = {
        key: _from_json(types[key], value, f"{where}.{key}") for key, value in values.items()
    }
    return cls(**arguments)


def _from_json(kind, value, where):
    """One JSON value as the annotated type `kind`."""
    if isinstance(kind, type) and dataclasses.is_dataclass(kind):
        return from_dict(kind, value, where)
    if typing.get_origin(kind) is tuple:
        kinds = typing.get_args(kind)
        if not isinstance(value, (list, tuple)):
            raise ValueError(f"{where} should be a list, not {value!r}")
        if kinds[-1] is Ellipsis:  # tuple[float, ...]: any number of them
            kinds = kinds[:1] * len(value)
        if len(value) != len(kinds):
            raise ValueError(f"{where} should hold {len(kinds)} numbers, not {value!r}")
        return tuple(_from_json(k, v, where) for k, v in zip(kinds, value, strict=True))
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        raise ValueError(f"{where} should be of type {kind.__name__}, not {value!r}")
    return value
