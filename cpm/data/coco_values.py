"""JSON values of a COCO file, as tools write them: lists of objects, ids, integers, numbers."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from cpm.untrusted import shown

LARGEST = float(np.finfo(np.float32).max)


def list_of(record: object, key: str) -> list[dict[str, Any]]:
    """The list of objects under a key of the file."""
    items = record.get(key) if isinstance(record, dict) else None
    if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
        raise ValueError(f"{key!r} is missing or no list of objects; expected a COCO keypoint file")
    return items


def id_of(item: Mapping[str, Any], key: str, what: str) -> str:
    """An id as text: numbers, and text as some tools write it."""
    if key not in item:
        raise ValueError(f"{what} has no {key!r}; expected a COCO keypoint file")
    value = item[key]
    if not is_integer(value) and not (isinstance(value, str) and value.strip()):
        raise ValueError(f"{what} has {shown(value)} as {key!r}; expected an integer or a text")
    return value.strip() if isinstance(value, str) else str(int(value))


def is_crowd(item: Mapping[str, Any], what: str) -> bool:
    """`iscrowd` of an annotation, which may be missing; some tools write it as text."""
    value = item.get("iscrowd")
    value = value.strip().lower() if isinstance(value, str) else value
    if value in (None, False, "0", "", "false"):  # also 0 and 0.0
        return False
    if value in (True, "1", "true"):
        return True
    raise ValueError(f"{what} has {shown(value)} as iscrowd; expected 0 or 1")


def is_list(value: object, length: int) -> bool:
    """Whether a JSON value is a list of this length."""
    return isinstance(value, list) and len(value) == length


def is_integer(value: Any) -> bool:
    """Also 2.0, which some tools write; not True."""
    return type(value) is int or (type(value) is float and value.is_integer())


def is_number(value: Any) -> bool:
    """Whether a JSON value is a number that is finite as float32, which is what is stored."""
    return type(value) in (int, float) and -LARGEST <= value <= LARGEST
