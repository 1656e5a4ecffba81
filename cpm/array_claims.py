"""What files of arrays claim to hold, checked before a library believes them.

A few bytes can ask for gigabytes: an array header with large numbers in it, a compressed stream of
zeros, a cell array of a billion empty cells. NumPy and SciPy allocate what a header says. The
functions here read the headers alone, add up what the file would become in memory, and refuse it
above a limit that its kind never needs.

References: NumPy, "NEP 1" (.npy); MathWorks, "MAT-File Format" (levels 4 and 5).
HDF5: hdf5_claims.py.
"""

import io
import math
import os
import struct
import sys
import tokenize
import zipfile
import zlib

import numpy as np

from cpm import untrusted


def _lzma_errors() -> tuple[type[Exception], ...]:
    """What a damaged LZMA stream raises; nothing where Python was built without LZMA."""
    try:
        from lzma import LZMAError
    except ImportError:
        return ()
    return (LZMAError,)


MOST_BYTES = 1 << 29  # 512 MB in memory; MPII's annotations, the largest of them, take half of it
# What NumPy raises for archives that are short, forged or something else.
UNREADABLE: tuple[type[Exception], ...] = (
    *(zipfile.BadZipFile, zlib.error, tokenize.TokenError, OSError, ValueError, KeyError),
    *(TypeError, AttributeError, EOFError, MemoryError, NotImplementedError, RuntimeError),
    SyntaxError,  # of a data type such as ",|O"
    *_lzma_errors(),
)
_HEADER_BYTES = 1 << 16  # of one array; NumPy refuses longer ones too
_CHUNK = 1 << 20

# MATLAB 5: types of data elements, and classes of arrays.
_INT32, _UINT32, _MATRIX, _COMPRESSED = 5, 6, 14, 15
_PLAIN = frozenset((1, 2, 3, 4, _INT32, _UINT32, 7, 9, 12, 13, 16, 17, 18))  # numbers and texts
_CELL, _STRUCT, _OBJECT, _CHAR, _SPARSE = 1, 2, 3, 4, 5
_WIDTHS = {_CHAR: 4, 6: 8, 7: 4, 8: 1, 9: 1, 10: 2, 11: 2, 12: 4, 13: 4, 14: 8, 15: 8}
_WIDTHS_4 = {0: 8, 1: 4, 2: 4, 3: 2, 4: 2, 5: 1}  # MATLAB 4: bytes by the digit P of its type
_COMPLEX = 0x0800  # a flag: imaginary parts follow the real ones
_DEEPEST = 32  # of cells in structs in cells


def check_numpy(path: str | os.PathLike, most_bytes: int = MOST_BYTES) -> None:
    """ValueError if a .npy or .npz file claims more than `most_bytes`, or more than it holds.

    OSError if it is no regular file.
    """
    with untrusted.open_regular(path, most_bytes) as file:
        if not zipfile.is_zipfile(file):
            file.seek(0)
            _check_npy(file, os.path.getsize(path), path, most_bytes)
            return
        with zipfile.ZipFile(file) as archive:
            members = archive.infolist()
            total = sum(member.file_size for member in members)
            if total > most_bytes:
                raise ValueError(f"it unpacks to {total:,} bytes, at most {most_bytes:,} are read")
            if len({member.filename for member in members}) < len(members):
                raise ValueError("it holds several arrays of one name")
            for member in members:
                with archive.open(member) as content:
                    _check_npy(content, member.file_size, member.filename, most_bytes)


def check_texts(array: np.ndarray) -> np.ndarray:
    """The array; ValueError if it holds texts with characters that do not exist.

    NumPy takes any 32 bits as a character, and the first use as a text ends in a SystemError.

    >>> check_texts(np.array(["neck", "é"])).tolist()
    ['neck', 'é']
    >>> check_texts(np.array([0x110000], ">u4").view(">U1"))
    Traceback (most recent call last):
    ValueError: it holds texts with a character 0x110000, which is none
    """
    if array.dtype.kind == "U" and array.size and array.dtype.itemsize:
        codes = np.ravel(array).view(np.dtype(np.uint32).newbyteorder(array.dtype.byteorder))
        if codes.max() > sys.maxunicode:
            raise ValueError(f"it holds texts with a character {codes.max():#x}, which is none")
    return array


def check_matlab(path: str | os.PathLike, most_bytes: int = MOST_BYTES) -> None:
    """ValueError if a MATLAB 4 or 5 file claims more than `most_bytes`, or more than it holds.

    OSError if it is no regular file. MATLAB 7.3 is HDF5 and is checked where HDF5 is read.
    """
    with untrusted.open_regular(path, most_bytes) as file:
        size = os.fstat(file.fileno()).st_size
        header = file.read(128)
        if not header.startswith(b"MATLAB"):
            file.seek(0)
            _check_matlab_4(file, size)
            return
        order = {b"IM": "<", b"MI": ">"}.get(header[126:128])
        if order is None:
            raise ValueError("it does not say its byte order")
        left = most_bytes
        while len(tag := file.read(8)) == 8:
            kind, length = struct.unpack(f"{order}II", tag)
            if length > size:
                raise ValueError(f"a variable claims {length:,} bytes, the file has {size:,}")
            content = file.read(length)
            if kind == _COMPRESSED:
                content = _inflated(content, left)
                kind, _ = struct.unpack(f"{order}II", content[:8].ljust(8, b"\0"))
                content = content[8:]
            if kind == _MATRIX:
                left -= _matrix_bytes(memoryview(content), order, left, _DEEPEST)


def _check_matlab_4(file, size):
    """ValueError if a variable of a level 4 file claims more than the file has."""
    while len(header := file.read(20)) == 20:
        little = struct.unpack("<I", header[:4])[0] < 5000  # MOPT: digits M, 0, P, T
        kind, rows, columns, imaginary, name = struct.unpack("<5i" if little else ">5i", header)
        width = _WIDTHS_4.get(kind // 10 % 10, 8)
        length = rows * columns * width * (2 if imaginary else 1) + name
        if min(rows, columns, name) < 0 or length > size:
            raise ValueError(f"a variable claims {rows} × {columns} values, more than the file has")
        file.seek(length, os.SEEK_CUR)


def _check_npy(file, size, name, most_bytes):
    """ValueError if the header of one array claims more than its file of `size` bytes holds."""
    head = io.BytesIO(file.read(_HEADER_BYTES))
    version = np.lib.format.read_magic(head)
    read = np.lib.format.read_array_header_1_0
    if version > (1, 0):
        read = np.lib.format.read_array_header_2_0
    shape, _, kind = read(head)
    if kind.hasobject:
        raise ValueError(f"{name} holds Python objects, which are never read")
    claimed = math.prod(shape) * max(1, kind.itemsize)  # of texts without a character, too
    if claimed > min(size, most_bytes) or len(shape) > 32:
        raise ValueError(
            f"{name} claims {untrusted.shown(list(shape))} values, {claimed:,} bytes; "
            f"its file has {size:,}"
        )


def _inflated(content, left):
    """The unpacked bytes of a compressed element; ValueError beyond `left`."""
    unpacker, parts = zlib.decompressobj(), []
    while content:
        part = unpacker.decompress(content, _CHUNK)
        parts.append(part)
        left -= len(part)
        if left < 0:
            raise ValueError("it unpacks to more than is ever needed")
        content = unpacker.unconsumed_tail
        if unpacker.eof:
            break
    parts.append(unpacker.decompress(b"", _CHUNK))  # what it had read, but not given yet
    return b"".join(parts)


def _elements(content, order):
    """(type, bytes) of the data elements in a matrix; small ones lie in their tag."""
    at = 0
    while at + 8 <= len(content):
        kind, size = struct.unpack_from(f"{order}II", content, at)
        if kind >> 16:  # small: the size is in the upper half
            yield kind & 0xFFFF, content[at + 4 : at + 4 + min(kind >> 16, 4)]
            at += 8
            continue
        if size > len(content) - at - 8:
            raise ValueError(f"an element claims {size:,} bytes, {len(content) - at - 8:,} follow")
        yield kind, content[at + 8 : at + 8 + size]
        at += 8 + size + (-size % 8)


def _matrix_bytes(content, order, left, depth):
    """What one array and all in it take in memory; ValueError if that is more than `left`."""
    if not depth:
        raise ValueError("its cells nest too deep")
    if not content:
        return 0  # an empty cell
    elements = list(_elements(content, order))
    # SciPy believes the header to be where it should be, and a type to be one of the known ones.
    if odd := {kind for kind, _ in elements} - _PLAIN - {_MATRIX}:
        raise ValueError(f"an element is of type {min(odd)}, which is none of MATLAB's")
    kind, flags = elements[0]
    if kind != _UINT32 or len(flags) != 8:
        raise ValueError("an array does not begin with its class")
    class_flags = struct.unpack_from(f"{order}I", flags)[0]
    matrix_class = class_flags & 0xFF
    if matrix_class > 15:  # functions and objects of newer MATLABs: SciPy hands them on unread
        return len(content)
    if len(elements) < 3 or elements[1][0] != _INT32:
        raise ValueError("an array has no sizes")
    dimensions = elements[1][1]
    if len(dimensions) % 4:
        raise ValueError(f"the sizes of an array take {len(dimensions)} bytes, not four each")
    sizes = struct.unpack(f"{order}{len(dimensions) // 4}i", dimensions)
    # SciPy's own code ends the process for a struct array without sizes.
    if min(sizes, default=-1) < 0 or len(sizes) > 32:
        raise ValueError(f"an array claims the sizes {untrusted.shown(list(sizes))}")
    count = math.prod(sizes)
    inner = [part for kind, part in elements[2:] if kind == _MATRIX]
    if matrix_class in (_CELL, _STRUCT, _OBJECT):
        fields = 0 if matrix_class == _CELL else _fields(elements, matrix_class, order)
        if matrix_class == _CELL and count > len(inner):
            raise ValueError(f"a cell array claims {count:,} cells, {len(inner):,} follow")
        if matrix_class != _CELL and (count > max(1, len(inner)) or count * fields > len(inner)):
            raise ValueError(
                f"a struct array claims {count:,} structs of {fields} fields, {len(inner):,} "
                "values follow"
            )
        total = 8 * count
        for part in inner:
            total += 100 + _matrix_bytes(part, order, left - total, depth - 1)
    else:
        if inner:
            raise ValueError("an array of numbers holds arrays")
        # SciPy takes what follows the array for values that are missing.
        parts = (6 if matrix_class == _SPARSE else 4) + bool(class_flags & _COMPLEX)
        if len(elements) < parts:
            raise ValueError("an array has no values")
        # A sparse array takes what it stores; any other all of its values.
        total = len(content) if matrix_class == _SPARSE else count * _WIDTHS.get(matrix_class, 8)
    if total > left:
        raise ValueError(f"it takes more than {MOST_BYTES:,} bytes of memory")
    return total


def _fields(elements, matrix_class, order):
    """Fields of each struct in an array; ValueError if it does not say."""
    at = 4 if matrix_class == _OBJECT else 3  # behind its class, sizes and name
    if len(elements) < at + 2 or elements[at][0] != _INT32 or len(elements[at][1]) != 4:
        raise ValueError("a struct array does not name its fields")
    (length,) = struct.unpack(f"{order}i", elements[at][1])
    names = elements[at + 1][1]
    if length < 1 or len(names) % length:
        raise ValueError(f"names of fields take {len(names)} bytes, not {length} each")
    return len(names) // length
