"""Named arrays out of whatever file they lie in: MATLAB 5, MATLAB 7.3, HDF5, NumPy.

The kind of a file is read from its first bytes, not from its suffix; nothing in a file is ever run
(no pickled objects, no MATLAB code). What a file claims to hold is checked before it is believed,
and nothing outside of it is read: HDF5 can point into other files, by external storage or virtual
data sets, and such arrays are refused.

  MATLAB 5 … 7.2   SciPy; scalars are 1 × 1, texts may be arrays of characters
  MATLAB 7.3       HDF5 inside, and all axes in the opposite order: turned round here
                   (cells and structs of both: matlab_structs.py)
  HDF5             h5py; `part`, `preds` and the like of the Torch codes
  .npz, .npy       NumPy; the only array of a .npy file is called `array`

References: MathWorks, "MAT-File Versions"; the HDF5 and .npy format specifications.
"""

import math
import os
from collections.abc import Mapping

import h5py
import numpy as np
import scipy.io

from cpm import array_claims, hdf5_claims
from cpm.errors import UsageError
from cpm.prediction_files.matlab_structs import unfold
from cpm.untrusted import no_file

MATLAB, HDF5, NUMPY, JSON = "MATLAB", "HDF5", "NumPy", "JSON"
# 100,000 people of 17 joints take 40 MB; a file that asks for more is no prediction file.
MOST_BYTES = 1 << 28
MOST_ARRAYS = 10_000
DEEPEST = 32  # of groups in groups
MOST_TEXTS = 1 << 18  # 100,000 people have as many ids
MOST_CHARACTERS = 1 << 20  # of one text of MATLAB 7.3
_OBJECT_BYTES = 100  # that Python takes for a text or a reference beside its own bytes, about


def kind_of(path: str) -> str:
    """`MATLAB`, `HDF5`, `NUMPY` or `JSON`, by the first bytes; MATLAB 7.3 counts as MATLAB.

    Raises:
      UsageError: if the file is missing.
    """
    if not os.path.isfile(path):
        raise UsageError(f"{path} {no_file(path)}; expected a .mat, .h5, .npz or .json file")
    with open(path, "rb") as file:
        start = file.read(128)
    if start.startswith(b"MATLAB"):
        return MATLAB
    if start.startswith((b"PK", b"\x93NUMPY")):
        return NUMPY
    if h5py.is_hdf5(path):
        return HDF5
    return JSON if _begins_json(start) else MATLAB  # MATLAB 4 has no signature


def load_arrays(path: str) -> dict[str, np.ndarray]:
    """Everything in a file that is an array of numbers or texts.

    Args:
      path: of a file that is no JSON.

    Returns:
      {name: array}; members of HDF5 groups are called `group/name`.

    Raises:
      UsageError: if the file is missing or broken.
    """
    kind = kind_of(path)
    if os.path.getsize(path) > MOST_BYTES:
        raise UsageError(
            f"{path} has {os.path.getsize(path):,} bytes; expected predictions, at most "
            f"{MOST_BYTES:,}: write fewer people into a file"
        )
    reader = {MATLAB: _matlab, HDF5: _hdf5, NUMPY: _numpy}.get(kind)
    if reader is None:
        raise UsageError(f"{path} is JSON; expected arrays in a .mat, .h5 or .npz file; see --help")
    try:
        return reader(path)
    except Exception as error:  # the libraries raise whatever the broken byte leads to
        raise UsageError(
            f"{path} cannot be read as a {kind} file ({_first(error)}); expected a .mat, .h5, .npz "
            "or .json file: download or write it again"
        ) from error


def _first(error):
    """The first line of what a library says, at most 300 characters of it."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:300]


def contents(arrays: Mapping[str, np.ndarray]) -> str:
    """What was found, for a message: names and shapes, and types other than real numbers.

    >>> contents({"preds": np.zeros([5, 14, 2]), "n": np.zeros([1, 1]), "z": np.zeros(3, complex)})
    'preds [5, 14, 2], n [1, 1], z [3] of complex128'
    """
    found = [f"{name} {list(np.shape(value))}{_type_of(value)}" for name, value in arrays.items()]
    return ", ".join(found) or "no array"


def _type_of(array):
    """` of complex128`; nothing for real numbers."""
    kind = np.asarray(array).dtype
    return "" if kind.kind in "fiu" else " of texts" if kind.kind in "SU" else f" of {kind.name}"


def texts(array: np.ndarray) -> tuple[str, ...] | None:
    """The texts in an array of any of these files as a tuple of str, or None if it holds none.

    Raises:
      UsageError: if there are more than any prediction file has.

    >>> texts(np.array([b"neck", b"head_top"])), texts(np.array(["neck "])), texts(np.ones(2))
    (('neck', 'head_top'), ('neck',), None)
    """
    found: list[str] = []
    for item in np.ravel(array):
        if len(found) == MOST_TEXTS:
            raise UsageError(
                f"an array holds {np.size(array):,} texts, at most {MOST_TEXTS:,} are read; write "
                "fewer people into a file"
            )
        while isinstance(item, np.ndarray) and item.size == 1:
            item = item.ravel()[0]
        item = item.decode("utf-8", "replace") if isinstance(item, bytes) else item
        if not isinstance(item, str):
            return None
        found.append(item.rstrip())
    return tuple(found)


def _matlab(path):
    if h5py.is_hdf5(path):
        return unfold(_hdf5(path, matlab=True))
    array_claims.check_matlab(path, MOST_BYTES)
    content = scipy.io.loadmat(path, appendmat=False)
    return unfold({k: v for k, v in content.items() if not k.startswith("__")})


class _Budget:
    """Bytes that may still be read from a file, one array after the other.

    Attributes:
      longest: bytes of the longest text that the file can hold.

    Args:
      path: of the file.
    """

    def __init__(self, path):
        self._left, self._arrays = MOST_BYTES, MOST_ARRAYS
        self.longest = max(1, os.path.getsize(path))

    def take(self, size):
        """ValueError if the arrays of a file take more bytes, or are more, than its kind needs."""
        self._left -= size
        self._arrays -= 1
        if self._left < 0 or self._arrays < 0:
            raise ValueError(
                f"its arrays are more than {MOST_ARRAYS:,} or take more than {MOST_BYTES:,} bytes"
            )

    def take_texts(self, size, count=0):
        """The same for texts, of which an array may have any number."""
        self._arrays += 1
        self.take(size + count * _OBJECT_BYTES)

    def texts_at_once(self):
        """How many texts fit into what is left, each as long as it can be; at least one."""
        return max(1, self._left // self.longest)


def _hdf5(path, matlab=False):
    found: dict[str, np.ndarray] = {}
    budget = _Budget(path)
    with h5py.File(path, "r", **hdf5_claims.CACHE) as file:
        for name, node in _datasets(file, DEEPEST, set()):
            value = _values(node, budget)
            found[name] = _matlab_value(file, node, value, budget) if matlab else value
    return found


def _datasets(group, depth, seen):
    """Yields the (name, data set) below a group, each once, however many links lead there.

    Not by `visititems`, whose time grows with the square of the depth.
    """
    if not depth:
        raise ValueError(f"its groups nest deeper than {DEEPEST}")
    for key in group:
        # "#refs#" is where MATLAB 7.3 hides the elements of its cell arrays.
        if key.startswith("#") or not isinstance(group.get(key, getlink=True), h5py.HardLink):
            continue
        node = group[key]
        if node.id in seen:
            continue
        seen.add(node.id)
        if len(seen) > MOST_ARRAYS:
            raise ValueError(f"its groups and arrays are more than {MOST_ARRAYS:,}")
        if isinstance(node, h5py.Dataset):
            yield key, node
        elif isinstance(node, h5py.Group):
            for name, inner in _datasets(node, depth - 1, seen):
                yield f"{key}/{name}", inner


def _values(node, budget):
    """The values of a data set that lie in this file; ValueError for any others, or too many."""
    budget.take(hdf5_claims.hdf5_bytes(node, MOST_BYTES))
    if not node.dtype.hasobject:
        return np.asarray(node[()])
    if h5py.check_ref_dtype(node.dtype):
        budget.take_texts(0, node.size)
        return np.asarray(node[()])
    if node.dtype.names or node.dtype.subdtype:
        return np.empty(0)  # texts in records: no prediction file has them
    return _texts(node, budget)


def _texts(node, budget):
    """Texts, or lists, of a data set: one at a time where they may be long.

    One that is stored once may stand for many, so that only reading shows what they take.
    """
    budget.take_texts(0, node.size)
    if node.size > MOST_TEXTS:
        raise ValueError(f"{node.name} has {node.size:,} texts, at most {MOST_TEXTS:,} are read")
    found, start = np.empty(node.shape, object), 0
    while start < node.size:
        block = _block(node.shape, start, budget.texts_at_once())
        part = node[block]
        budget.take_texts(sum(map(_bytes_of, part.flat if block else [part])))
        found[block] = part
        start += part.size if block else 1
    return found


def _block(shape, start, most):
    """The index of at most `most` values in a row, the first of which is number `start`.

    >>> _block((9, 2), 4, 6), _block((9, 2), 4, 1)
    ((slice(2, 5, None),), (2, slice(0, 1, None)))
    """
    place = tuple(map(int, np.unravel_index(start, shape)))
    for axis, length in enumerate(shape):
        row = math.prod(shape[axis + 1 :])
        if row <= most:
            stop = min(length, place[axis] + most // row)
            return (*place[:axis], slice(place[axis], stop))
    return ()


def _bytes_of(text):
    return text.nbytes if isinstance(text, np.ndarray) else len(text)


def _matlab_value(file, node, value, budget):
    """A variable of a MATLAB 7.3 file: axes turned round, texts as texts, cells one level deep."""
    value = np.transpose(value)
    if _is_text(node):
        if value.size > MOST_CHARACTERS:
            raise ValueError(f"{node.name} is a text of {value.size:,} characters")
        return np.array("".join(map(chr, np.ravel(value))))
    if not h5py.check_ref_dtype(node.dtype):
        return value
    cell = np.empty(value.size, object)
    for n, reference in enumerate(np.ravel(value)):
        item = file[reference]
        if not isinstance(item, h5py.Dataset) or h5py.check_ref_dtype(item.dtype):
            return value  # a struct or a cell in a cell: nobody was seen to publish that
        cell[n] = _matlab_value(file, item, _values(item, budget), budget)
    return cell


def _is_text(node):
    """Whether MATLAB says that numbers are characters; an attribute may be of any size, too."""
    if "MATLAB_class" not in node.attrs:
        return False
    found = node.attrs.get_id("MATLAB_class")
    small = found.shape == () and not found.dtype.hasobject and found.dtype.itemsize <= 64
    return small and node.attrs["MATLAB_class"] == b"char"


def _numpy(path):
    array_claims.check_numpy(path, MOST_BYTES)
    loaded = np.load(path, allow_pickle=False)
    if isinstance(loaded, np.ndarray):
        return {"array": array_claims.check_texts(loaded)}
    with loaded:
        return {name: array_claims.check_texts(loaded[name]) for name in loaded.files}


def _begins_json(start):
    """Whether these bytes open an object or a list, white space and a byte order mark aside."""
    return start.removeprefix(b"\xef\xbb\xbf").lstrip()[:1] in (b"{", b"[")
