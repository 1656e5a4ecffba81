"""What comes from strangers: files opened and JSON parsed within limits, text made fit to print.

A file may be a pipe that never ends, a device, a sparse file of a terabyte, or a JSON text of a
million brackets. Everything that reads a foreign file begins here: `open_regular` refuses what is
no regular file or larger than its kind can be, `read_json` adds the limits of JSON and a schema.
Names out of files are printed through `printable`, so that they cannot steer a terminal.

A schema is written as the value looks:

    {"latest": (str, None), "all": [str], "best?": {"name": str, "score": float}}

A type stands for a value of it (float takes integers too, and only finite numbers), a tuple for
alternatives, a list for a list of any length, a dict for the keys that are required; a key that
ends in `?` may be missing, and further keys are allowed.
"""

import collections
import csv
import errno
import io
import json
import math
import os
import re
import stat
from collections.abc import Collection, Iterator
from typing import Any, BinaryIO

import numpy as np

from cpm.errors import UsageError

MOST_JSON_BYTES = 400_000_000  # COCO's keypoints of its training images have 240 MB
MOST_JSON_MEMORY = 900_000_000  # that a file and its values may take; COCO's largest takes less
SMALL_JSON_BYTES = 1 << 24  # what a program writes about itself: configurations, lists, manifests
ANY_SIZE = 1 << 62  # of files that are read in small parts
MOST_DIGITS = 40  # of an integer in JSON; an id of 64 bits has 20
_SHOWN = 120  # characters of a value that a message repeats
_MOST_ROW = 1 << 20  # characters of a row of comma-separated values
# What a row and a cell take, in bytes, where they have become objects of ours.
_ROW_COST, _CELL_COST = 400, 200
# What CPython takes for an object and a list, each with the number that may be its last value; for
# a number and its place, before its comma; for a key's place, which a memory of keys has again; and
# for half a text. In bytes.
_JSON_COSTS = {b"{": 150, b"[": 120, b",": 40, b":": 80, b'"': 28}
_BEYOND_ASCII = 12  # more for half a text, where a text is not in ASCII
# What of these is not needed before a comma that no new number precedes; for a key once more.
_NUMBER_COST, _KEY_COST = 31, 90
_COUNTED_AT = 1 << 20  # bytes of a text
# Keys are looked for in that many parts of a text, each of that many bytes; at most so many keys.
_PARTS, _PART_BYTES, _MOST_KEYS = 32, 1 << 12, 64
# Classes of bytes: what may stand before a number, a digit, a comma.
_BEFORE, _DIGIT, _COMMA = 1, 2, 4
_CLASSES = np.zeros(256, np.uint8)
_CLASSES[list(b",[: \n")] |= _BEFORE
_CLASSES[list(b"0123456789")] |= _DIGIT
_CLASSES[list(b",")] |= _COMMA

# C0, DEL and C1 controls, marks that turn the direction of text, separators of lines and
# paragraphs, and halves of characters (bytes of a name that are no UTF-8).
_UNPRINTABLE = re.compile(
    "[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]"
)
_LONG_NUMBER = re.compile(rf"\d{{{MOST_DIGITS + 1},}}")


class NotRegular(OSError):
    """A path that is no regular file, or one larger than its reader takes."""


def open_regular(path: str | os.PathLike, most_bytes: int = ANY_SIZE) -> BinaryIO:
    """Opens a file to read bytes; never waits for one, never begins one that is too large.

    Args:
      path: of the file.
      most_bytes: that a file of this kind may have.

    Raises:
      NotRegular: if it is a folder, a pipe, a device or a socket, or too large.
      OSError: if it cannot be opened.
    """
    # Without O_NONBLOCK the opening of a pipe waits for somebody to write into it.
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
    try:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode):
            raise _not_regular(path, f"it is {_kind(found.st_mode)}, not a regular file")
        if found.st_size > most_bytes:
            raise _not_regular(
                path, f"it has {found.st_size:,} bytes, at most {most_bytes:,} are read"
            )
        return os.fdopen(descriptor, "rb")
    except BaseException:
        os.close(descriptor)
        raise


def _not_regular(path, reason):
    return NotRegular(errno.EINVAL, reason, os.fspath(path))


def check_regular(path: str | os.PathLike, most_bytes: int = ANY_SIZE) -> None:
    """What `open_regular` raises, for readers that open the file by its name themselves."""
    open_regular(path, most_bytes).close()


def no_file(path: str | os.PathLike) -> str:
    """What is wrong with a path that is no regular file, for the middle of a message.

    >>> no_file("/no/such/file"), no_file("/")
    ('does not exist', 'is a folder, not a regular file')
    """
    try:
        mode = os.stat(path).st_mode
    except OSError:
        return "does not exist"
    return f"is {_kind(mode)}, not a regular file"


def require_readable(path: str | os.PathLike) -> None:
    """UsageError if a file or folder may not be read: it would pass for missing or damaged."""
    try:
        mode = os.R_OK | os.X_OK if stat.S_ISDIR(os.stat(path).st_mode) else os.R_OK
        allowed = os.access(path, mode)
    except PermissionError:  # a folder above it
        allowed = False
    except OSError:  # its reader says what
        return
    if not allowed:
        raise _forbidden(path)


def _forbidden(path):
    return UsageError(
        f"{os.fspath(path)} may not be read by this user (permission denied); give permission with "
        "chmod, ask its owner, or name another"
    )


def read_json(
    path: str | os.PathLike,
    advice: str,
    *,
    schema: Any = None,
    most_bytes: int = MOST_JSON_BYTES,
    drop: Collection[str] = (),
    nan: float | None = math.nan,
) -> Any:
    """The JSON value in a file.

    Args:
      path: file.
      advice: what to do about a bad one, the end of the message.
      schema: what the value looks like, see the top of this file; None = anything.
      most_bytes: that the file may have.
      drop: keys of objects that are forgotten while reading, to save memory.
      nan: what `NaN` is read as, which is no JSON; None = null, for which tables write it.

    Raises:
      UsageError: if it is missing, no regular file, too large, no JSON, or of another shape.
    """
    try:
        # Nobody here keeps the bytes while they are parsed.
        return parse_json(_json_bytes(path, most_bytes, drop), schema, drop=drop, nan=nan)
    except PermissionError as error:
        raise _forbidden(path) from error
    except (OSError, ValueError) as error:
        raise UsageError(f"{path} cannot be read ({_reason(error)}); {advice}") from error


def read_csv(path: str | os.PathLike, most_bytes: int = MOST_JSON_BYTES) -> Iterator[list[str]]:
    """Yields the rows of a file of comma-separated values in UTF-8, one after the other.

    Args:
      path: file.
      most_bytes: that it may have.

    Raises:
      OSError: if it cannot be read, is no regular file, or too large.
      ValueError: if it is no such text, or its values would take too much memory.
    """
    memory = 0
    with open_regular(path, most_bytes) as file:
        lines = _Lines(io.TextIOWrapper(file, encoding="utf-8-sig", newline=""))
        try:
            for row in csv.reader(lines):
                lines.since_row = 0
                memory += sum(_CELL_COST + len(cell) for cell in row) + _ROW_COST * bool(row)
                if memory > MOST_JSON_MEMORY:
                    raise ValueError(
                        f"its values would take more than {MOST_JSON_MEMORY / 1e9:.1f} GB of "
                        f"memory, the first {lines.number:,} lines alone"
                    )
                yield row
        except csv.Error as error:  # a zero byte, a cell of megabytes
            raise ValueError(error) from error


class _Lines:
    """The lines of a text; ValueError for a row that takes none of the usual lengths.

    Attributes:
      number: of lines so far.
      since_row: characters since the last row ended; a row in quotes may have many lines.
    """

    def __init__(self, text):
        self._text, self.number, self.since_row = text, 0, 0

    def __iter__(self):
        return self

    def __next__(self):
        line = self._text.readline(_MOST_ROW + 1)
        self.number += 1
        self.since_row += len(line)
        if self.since_row > _MOST_ROW:
            raise ValueError(f"line {self.number} ends a row of more than {_MOST_ROW:,} characters")
        if not line:
            raise StopIteration
        return line


def json_memory(text: bytes | bytearray) -> int:
    """Bytes that a JSON text in UTF-8 and its values take at most, about, without reading it.

    Short values take thirty times their text: a file of 200 MB could fill any memory. Numbers of
    one digit take nothing but their place, since CPython has each of them once: two thirds of the
    numbers in COCO's keypoints are such.
    """
    digits, highest = 0, 0
    for start in range(0, len(text), _COUNTED_AT):
        part = np.frombuffer(text, np.uint8, offset=start)[: _COUNTED_AT + 2]
        classes = _CLASSES[part]
        digits += np.count_nonzero(
            (classes[:-2] & _BEFORE != 0) & (classes[1:-1] == _DIGIT) & (classes[2:] & _COMMA != 0)
        )
        highest = max(highest, int(part.max()))
    # Bytes that Python takes for each character, by the first byte of the highest in UTF-8.
    width = 1 if highest < 0xC4 else 2 if highest < 0xF0 else 4
    # What ends in a bracket or a quotation mark was counted there.
    counted = sum(text.count(end) for end in (b"],", b"},", b'",'))
    values = sum(cost * text.count(c) for c, cost in _JSON_COSTS.items())
    if highest > 0x7F:
        values += _BEYOND_ASCII * text.count(b'"')
    # The characters of texts are there twice.
    return 2 * width * len(text) + values - _NUMBER_COST * (digits + counted)


def _repeated_keys(text):
    """Bytes that `json_memory` counts for keys again and again, which CPython keeps once."""
    keys = set()
    for start in range(0, len(text), max(1, len(text) // _PARTS)):
        # With what stands before it: the end of a longer key would have a backslash there.
        part = text[start : start + _PART_BYTES]
        keys.update(re.findall(rb'[{,\s]"[^"\\]{1,40}":', part))
    return _KEY_COST * sum(max(0, text.count(key) - 1) for key in sorted(keys)[:_MOST_KEYS])


def parse_json(
    text: str | bytes | bytearray,
    schema: Any = None,
    where: str = "the file",
    *,
    drop: Collection[str] = (),
    nan: float | None = math.nan,
) -> Any:
    """The JSON value in a text.

    Args:
      text: str, or bytes in UTF-8 (a byte order mark in front is allowed).
      schema, drop, nan: as of `read_json`.
      where: what messages call the value.

    Raises:
      ValueError: if it is no JSON, nests too deep, has endless numbers or another shape, or has a
        key twice in an object.

    >>> parse_json('{"all": ["a"], "latest": null}', {"all": [str], "latest": (str, None)})
    {'all': ['a'], 'latest': None}
    >>> parse_json('{"all": 3}', {"all": [str]}, "the list")
    Traceback (most recent call last):
    ...
    ValueError: the list: 'all' is 3; expected a list
    """
    if not isinstance(text, str):
        text = text.decode("utf-8-sig")
    try:
        value = json.loads(
            text,
            parse_int=_integer,
            parse_constant=lambda name: nan if name == "NaN" else float(name),
            object_pairs_hook=_objects(drop),
        )
    except RecursionError:
        raise ValueError("it nests too deep") from None
    if schema is not None:
        check_schema(value, schema, where)
    return value


def check_schema(value: Any, schema: Any, where: str) -> None:
    """ValueError if a JSON value has another shape than the schema, see the top of this file."""
    _check(value, schema, where, "")


def check_percent(value: object, what: str) -> None:
    """ValueError if `value`, called `what`, is no number from 0 to 100; a mean may be rounded up.

    >>> check_percent(101.0, "the score of the nose")
    Traceback (most recent call last):
    ...
    ValueError: the score of the nose is 101.0, expected a number from 0 to 100
    """
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if not (number and 0 <= value <= 100.001):  # type: ignore[operator]
        raise ValueError(f"{what} is {shown(value)}, expected a number from 0 to 100")


def printable(text: object) -> str:
    r"""A text that changes nothing on a terminal but what is written there.

    Control characters become escapes, numbers of more than 40 digits are cut.

    >>> print(printable("a\x1b[2Jb\nc"), printable("1" * 400))
    a\x1b[2Jb\nc 111111111111…(400 digits)
    """
    text = _UNPRINTABLE.sub(_escaped, str(text))
    return _LONG_NUMBER.sub(lambda m: f"{m[0][:12]}…({len(m[0])} digits)", text)


def shown(value: object) -> str:
    """A value as a message repeats it: printable, and cut where it is long.

    >>> shown({"a": 1}), len(shown("x" * 10_000)) < 200
    ("{'a': 1}", True)
    """
    text = repr(value)
    return printable(text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…")


def _escaped(match):
    """`\\n`, `\\x1b`, `\\u202e`; a half character as the byte that it stands for."""
    code = ord(match[0])
    if 0xDC80 <= code <= 0xDCFF:
        return f"\\x{code - 0xDC00:02x}"
    return match[0].encode("unicode_escape", "surrogatepass").decode()


def _integer(digits):
    if len(digits) > MOST_DIGITS:
        raise ValueError(f"it has a number of {len(digits)} digits")
    return int(digits)


def _json_bytes(path, most_bytes, drop):
    """The text of a JSON file; ValueError if its values would take too much memory."""
    with open_regular(path, most_bytes) as file:
        text = _without_numbers(file.read(most_bytes + 1), drop)
    needed = json_memory(text)
    if needed > MOST_JSON_MEMORY:
        needed -= _repeated_keys(text)
    if needed > MOST_JSON_MEMORY:
        raise ValueError(
            f"its values would take about {needed / 1e9:.1f} GB of memory, at most "
            f"{MOST_JSON_MEMORY / 1e9:.1f} GB are taken"
        )
    return text


def _without_numbers(text, keys):
    """A JSON text in which lists of numbers below some keys are 0: COCO's outlines, most of it."""
    names = b"|".join(re.escape(key.encode()) for key in keys)
    numbers = rb'("(?:%b)"\s*:\s*)\[[-+.,\deE\s\[\]]*\]' % names
    # Not by `re.sub`, which holds the text three times.
    whole, kept, at = memoryview(text), bytearray(), 0
    for match in re.finditer(numbers, text) if keys else ():
        kept += whole[at : match.end(1)]
        kept += b"0"
        at = match.end()
    if not at:
        return text
    kept += whole[at:]
    return kept


def _objects(drop):
    """A hook that makes objects of their pairs, without some keys; ValueError for a key twice.

    Python would take the last one in silence, other readers the first.
    """

    def make(pairs):
        found = dict(pairs)
        if len(found) < len(pairs):
            ((key, _),) = collections.Counter(key for key, _ in pairs).most_common(1)
            raise ValueError(f"an object has the key {shown(key)} twice")
        for key in drop:
            found.pop(key, None)
        return found

    return make


def _check(value, schema, where, path):
    """ValueError for the first part of a value that is not as the schema says."""
    if isinstance(schema, tuple):
        _check_alternatives(value, schema, where, path)
    elif isinstance(schema, dict):
        if not isinstance(value, dict):
            raise _wrong(value, "an object", where, path)
        for key, inner in schema.items():
            name = key.removesuffix("?")
            if name in value:
                _check(value[name], inner, where, f"{path}.{name}" if path else name)
            elif name == key:
                raise ValueError(f"{where} has no {f'{path}.{name}' if path else name!r}")
    elif isinstance(schema, list):
        if not isinstance(value, list):
            raise _wrong(value, "a list", where, path)
        for n, item in enumerate(value):
            _check(item, schema[0], where, f"{path}[{n}]")
    elif not _is_a(value, schema):
        raise _wrong(value, _NAMES.get(schema, "another value"), where, path)


def _check_alternatives(value, schema, where, path):
    simple = [kind for kind in schema if kind is None or isinstance(kind, type)]
    if any(_is_a(value, kind) for kind in simple):
        return
    others = [kind for kind in schema if kind not in simple]
    if len(others) != 1:
        raise _wrong(value, " or ".join(_NAMES[kind] for kind in simple), where, path)
    _check(value, others[0], where, path)


_NAMES: dict[type | None, str] = {
    **{str: "a text", int: "a whole number", float: "a finite number", bool: "true or false"},
    **{dict: "an object", list: "a list", None: "null"},
}


def _is_a(value, kind):
    """Whether a JSON value is of a type; True is no number."""
    if kind is None:
        return value is None
    if kind in (int, float):
        numbers = (int,) if kind is int else (int, float)
        return type(value) in numbers and _is_finite(value)
    return isinstance(value, kind)


def _is_finite(value):
    try:
        return math.isfinite(value)
    except OverflowError:  # an integer beyond every float
        return False


def _wrong(value, expected, where, path):
    of = f"{path!r}" if path else "it"
    return ValueError(f"{where}: {of} is {shown(value)}; expected {expected}")


def _kind(mode):
    kinds = {
        stat.S_ISDIR: "a folder",
        stat.S_ISFIFO: "a pipe",
        stat.S_ISSOCK: "a socket",
        stat.S_ISCHR: "a device",
        stat.S_ISBLK: "a device",
    }
    return next((name for test, name in kinds.items() if test(mode)), "something else")


def _reason(error):
    """What an error says, without the path, which the message has already."""
    return (getattr(error, "strerror", None) or str(error)) if isinstance(error, OSError) else error
