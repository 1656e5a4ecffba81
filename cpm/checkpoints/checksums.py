"""A checksum that a small JSON record keeps of itself: a flipped bit in it is noticed.

Records of earlier versions have none and are taken as they are.

    >>> record = stamped({"threshold": 0.5})
    >>> check(record)
    >>> check(record | {"threshold": 0.75})
    Traceback (most recent call last):
    ...
    ValueError: its checksum is another one
"""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

KEY = "checksum"


def stamped(record: Mapping[str, Any]) -> dict[str, Any]:
    """The record with its checksum."""
    return {**record, KEY: _of(record)}


def check(record: Mapping[str, Any]) -> None:
    """ValueError if a record has a checksum, and another one than it should have."""
    if KEY in record and record[KEY] != _of(record):
        raise ValueError("its checksum is another one")


def _of(record):
    rest = {key: value for key, value in record.items() if key != KEY}
    return hashlib.sha256(json.dumps(rest, sort_keys=True).encode()).hexdigest()
