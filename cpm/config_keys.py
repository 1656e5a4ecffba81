"""Every field of a run by its dotted name: `--set optimizer.momentum=0.95`, and the table of them.

Fields of the `TrainConfig` go by their own names, those of the `Execution` by `execution.NAME`.
Values are read as the dataclass annotates them.
"""

import dataclasses
import typing
from collections.abc import Iterable, Mapping
from typing import Any

from cpm.errors import UsageError
from cpm.text_table import format_table

TRUE, FALSE = ("true", "yes", "1"), ("false", "no", "0")


class Key(typing.NamedTuple):
    """One field: its dotted name, its annotated type and its value in some settings."""

    name: str
    kind: type
    value: object


def keys_of(settings: Any) -> dict[str, Key]:
    """{dotted name: `Key`} of every field that is no part with fields of its own.

    Args:
      settings: `cpm.execution.Settings`.

    >>> from cpm.execution import Settings
    >>> keys = keys_of(Settings())
    >>> keys["optimizer.momentum"].value, keys["execution.xla"].value
    (0.9, False)
    """
    found = [*_leaves(settings.config), *_leaves(settings.execution, "execution.")]
    return {key.name: key for key in found}


def kind_and_value(settings: Any, name: str) -> tuple[type, Any]:
    """The annotated type and the value of a field or part.

    >>> from cpm.execution import Settings
    >>> kind_and_value(Settings(), "data.augment.flip")
    (<class 'float'>, 0.5)
    """
    *parts, last = name.split(".")
    value = settings if parts[:1] == ["execution"] else settings.config
    for part in parts:
        value = getattr(value, part)
    return typing.get_type_hints(type(value))[last], getattr(value, last)


def _leaves(config, prefix=""):
    for name, kind in typing.get_type_hints(type(config)).items():
        value = getattr(config, name)
        if dataclasses.is_dataclass(value):
            yield from _leaves(value, f"{prefix}{name}.")
        else:
            yield Key(prefix + name, kind, value)


def with_values(settings: Any, assignments: Iterable[str], flag: str = "set") -> Any:
    """The settings with some fields replaced.

    Args:
      settings: `cpm.execution.Settings`.
      assignments: texts `KEY=VALUE`; later ones win.
      flag: what they were given with, for the message.
    Raises:
      UsageError: for an unknown key, a value of another type or one that is not allowed.

    >>> from cpm.execution import Settings
    >>> with_values(Settings(), ["data.augment.scale=0.7,1.3"]).config.data.augment.scale
    (0.7, 1.3)
    """
    keys = keys_of(settings)
    for text in assignments:
        name, equals, value = text.partition("=")
        if not equals:
            raise UsageError(f"--{flag} is {text!r}; expected KEY=VALUE, like steps=1000")
        if name not in keys:
            raise UsageError(f"--{flag} has an unknown key {name!r}; known: {_near(name, keys)}")
        try:
            settings = settings.changed(nested({name: parse(keys[name].kind, value)}))
        except ValueError as error:
            raise UsageError(f"--{flag} {text}: {error}") from None
    return settings


def parse(kind: Any, text: str) -> Any:
    """A text as a value of an annotated type.

    Args:
      kind: bool, int, float, str, or a tuple of them, whose parts are separated by commas.
      text: e.g. `true`, `5`, `0.5`, `0.5,1.2`.
    Raises:
      ValueError: if it is none; the message says what was expected.

    >>> parse(tuple[float, ...], "0.5,1"), parse(bool, "no"), parse(tuple[float, ...], "")
    ((0.5, 1.0), False, ())
    """
    if typing.get_origin(kind) is tuple:
        return _parse_tuple(typing.get_args(kind), text)
    if kind is bool:
        if text.lower() not in TRUE + FALSE:
            raise ValueError(f"{text!r} is neither true nor false")
        return text.lower() in TRUE
    try:
        return kind(text)
    except ValueError:
        raise ValueError(f"{text!r} is no {described(kind)}") from None


def _parse_tuple(kinds, text):
    texts = text.split(",") if text else []
    if kinds[-1] is Ellipsis:
        kinds = kinds[:1] * len(texts)
    if len(texts) != len(kinds):
        raise ValueError(f"{text!r} should be {len(kinds)} numbers separated by commas")
    return tuple(parse(kind, part.strip()) for kind, part in zip(kinds, texts, strict=True))


def described(kind: Any) -> str:
    """An annotated type in words.

    >>> described(float), described(tuple[int, int]), described(tuple[float, ...])
    ('number', '2 whole numbers', 'numbers')
    """
    words = {bool: "true or false", int: "whole number", float: "number", str: "word"}
    if typing.get_origin(kind) is not tuple:
        return words[kind]
    first, *others = typing.get_args(kind)
    count = "" if Ellipsis in others else f"{1 + len(others)} "
    return f"{count}{words[first]}s"


def table(settings: Any, prefix: str = "") -> str:
    """Every field with its type and value, a line each.

    Args:
      settings: `cpm.execution.Settings` whose values are shown.
      prefix: of the names that are shown.
    """
    keys = [key for key in keys_of(settings).values() if key.name.startswith(prefix)]
    rows = [[key.name, described(key.kind), spelled(key.value)] for key in keys]
    return format_table(["key", "type", "value"], rows, left=(0, 1, 2), markdown=False)


def spelled(value: object) -> str:
    """A value as `--set` takes it.

    >>> spelled((0.5, 1.2)), spelled(True), spelled(2e-3)
    ('0.5,1.2', 'true', '0.002')
    """
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple):
        return ",".join(map(spelled, value))
    return str(value)


def nested(values: Mapping[str, Any]) -> dict[str, Any]:
    """Dotted names as dicts of dicts: the inverse of `cpm.training.same_run.flatten`.

    >>> nested({"a.b": 1, "a.c": 2, "d": 3})
    {'a': {'b': 1, 'c': 2}, 'd': 3}
    """
    result: dict[str, Any] = {}
    for name, value in values.items():
        *parts, last = name.split(".")
        inner = result
        for part in parts:
            inner = inner.setdefault(part, {})
        inner[last] = value
    return result


def _near(name, keys):
    """The known keys, only those of the same part if there is such a part."""
    part = name.rpartition(".")[0] + "."
    near = [key for key in keys if key.startswith(part)] if part != "." else []
    return ", ".join(near or keys)
