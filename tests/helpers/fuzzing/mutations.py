"""How the fuzzer changes a file: by what it holds, so that a change comes behind the first check.

A random byte in a JSON text or a zip archive ends in the parser, and nothing of ours is reached. So
JSON is changed as a value, an archive of arrays as arrays with right checksums; every fifth time
the bytes are changed as they are.

A mutation is a function (bytes, random.Random, change) → bytes. `change(bytes)` changes bytes as
they are; the fuzzer's own, which knows the constants that were compared.
"""

import copy
import io
import json
import struct
import zipfile

import numpy as np

HOSTILE = [
    *(None, True, False, 0, -1, 1, 2, 17, 2**31, 2**63, -(2**63) - 1, 10**39, 10**400),
    *(0.5, -0.0, 1e-320, 1e30, 1e38, 1e300, float("nan"), float("inf"), -float("inf")),
    *("", " ", "0", "nan", "1e999", "../../x", "/etc/passwd", "a\0b", "\x1b[2J", "\ud800", "é"),
    *("x" * 300, "9" * 400, [], {}, [[]], [{}], {"": None}, [0] * 100, [[[[[]]]]]),
]
_RAW = 0.2  # of the changes are of bytes
_SHAPES = [(), (0,), (1,), (3,), (2, 0), (-1,), (2**40,), (2**62, 2**62), (1,) * 33, (3, 14, 1)]
_KINDS = ["<f8", "<f4", "<f2", ">f8", "<i8", "|u1", "|b1", "<U3", "|S3", "|O", "<c16", "<M8[s]"]


def as_bytes(data, random, change):
    """Changes bytes."""
    return change(data)


def as_json(data, random, change):
    """Changes a part of a JSON value: another value, one more, one less, one from elsewhere."""
    try:
        value = json.loads(data)
    except (ValueError, RecursionError):
        return change(data)
    if random.random() < _RAW:
        return change(data)
    for _ in range(random.choice((1, 1, 1, 2, 4))):
        value = _changed(value, random)
    return json.dumps(value).encode("utf-8", "surrogatepass")


def as_lines(data, random, change):
    """Changes a line of a JSON Lines file, or a cell of a table."""
    lines = data.split(b"\n")
    number = random.randrange(len(lines))
    if lines[number].startswith(b"{"):
        lines[number] = as_json(lines[number], random, change)
    elif random.random() < 0.5 and b"," in lines[number]:
        cells = lines[number].split(b",")
        cells[random.randrange(len(cells))] = _cell(random)
        lines[number] = b",".join(cells)
    elif random.random() < 0.3:
        lines[number:number] = [random.choice(lines)]
    else:
        return change(data)
    return b"\n".join(lines)


def as_archive(data, random, change):
    """Changes an array of a .npz archive: its bytes, its header, its name; the rest stays whole."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            # What unpacks to much is not for this mutation.
            if sum(member.file_size for member in archive.infolist()) > 1 << 22:
                return change(data)
            members = {name: archive.read(name) for name in archive.namelist()}
    except Exception:  # any damage at all
        return change(data)
    if random.random() < _RAW or not members:
        return change(data)
    name = random.choice(sorted(members))
    kind = random.random()
    if kind < 0.1:
        del members[name]
    elif kind < 0.2:
        members[random.choice(sorted(members))] = members[name]
    elif kind < 0.25:
        members[random.choice(("x.npy", "../x.npy", "/x.npy", "é.npy", "x"))] = members.pop(name)
    else:
        members[name] = _changed_array(members[name], random, change)
    result = io.BytesIO()
    with zipfile.ZipFile(result, "w") as archive:
        for name, content in members.items():
            archive.writestr(zipfile.ZipInfo(name), content)
    return result.getvalue()


def as_array(data, random, change):
    """Changes a .npy file: its bytes, its header, its values."""
    return change(data) if random.random() < _RAW else _changed_array(data, random, change)


def _changed_array(content, random, change):
    """A .npy file with another header, or other values behind a whole header."""
    try:
        array = np.load(io.BytesIO(content), allow_pickle=False)
    except Exception:  # changed before
        return change(content)
    if array.dtype == np.uint8 and array.tobytes().startswith(b"{"):  # a JSON description
        array = np.frombuffer(as_json(array.tobytes(), random, change), np.uint8)
    elif random.random() < 0.4:
        shape = random.choice((array.shape, *_SHAPES))
        return _header(random.choice((array.dtype.str, *_KINDS)), shape) + array.tobytes()
    elif array.size and array.dtype.kind == "f" and random.random() < 0.7:
        array = array.copy()
        hostile = (np.nan, np.inf, -1e30, 1e38, -1, 0)
        array.flat[random.randrange(array.size)] = random.choice(hostile)
    elif array.ndim:
        axis = random.randrange(array.ndim)
        repeats = random.choice((0, 1, 2))
        array = np.concatenate([array] * repeats, axis) if repeats else array[..., :0]
    written = io.BytesIO()
    np.save(written, array, allow_pickle=False)
    return written.getvalue()


def _header(kind, shape):
    """The header of a .npy file that claims to be of a type and a shape."""
    text = f"{{'descr': {kind!r}, 'fortran_order': False, 'shape': {shape!r}, }}".encode()
    text = text.ljust(117) + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text


def _cell(random):
    value = random.choice(HOSTILE)
    return str(value if not isinstance(value, int | str) else f"{value}"[:500]).encode(
        "utf-8", "replace"
    )


def _changed(value, random):
    """A JSON value with one part changed."""
    places = list(_places(value, []))
    path = random.choice(places)
    if not path:
        return random.choice(HOSTILE) if random.random() < 0.1 else value
    inner = value
    for key in path[:-1]:
        inner = inner[key]
    key, kind = path[-1], random.random()
    if kind < 0.55:
        inner[key] = copy.deepcopy(random.choice(HOSTILE))
    elif kind < 0.7:
        del inner[key]
    elif kind < 0.8:
        inner[key] = [inner[key]]
    elif kind < 0.9:
        other = value
        for step in random.choice(places):
            other = other[step]
        inner[key] = copy.deepcopy(other)
    elif isinstance(inner, list):
        inner.insert(key, copy.deepcopy(inner[key]))
    else:
        inner[str(random.choice(HOSTILE))[:50]] = inner.pop(key)
    return value


def _places(value, path):
    """Yields the paths of all parts of a JSON value."""
    yield path
    if len(path) > 20:
        return
    if isinstance(value, list):
        for n, item in enumerate(value[:50]):
            yield from _places(item, [*path, n])
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from _places(item, [*path, key])
