"""Named arrays out of whatever file they lie in: MATLAB 5, MATLAB 7.3, HDF5, NumPy.

The kind of a file is read from its first bytes, not from its suffix; nothing in a file is ever run
(no pickled objects, no MATLAB code).

  MATLAB 5 … 7.2   SciPy; scalars are 1 × 1, texts may be arrays of characters
  MATLAB 7.3       HDF5 inside, and all axes in the opposite order: turned round here
                   (cells and structs of both: matlab_structs.py)
  HDF5             h5py; `part`, `preds` and the like of the Torch codes
  .npz, .npy       NumPy; the only array of a .npy file is called `array`

References: MathWorks, "MAT-File Versions"; the HDF5 and .npy format specifications.
"""

import os

import h5py
import numpy as np
import scipy.io

from cpm.errors import UsageError
from cpm.prediction_files.matlab_structs import unfold

MATLAB, HDF5, NUMPY, JSON = "MATLAB", "HDF5", "NumPy", "JSON"


def kind_of(path):
    """`MATLAB`, `HDF5`, `NUMPY` or `JSON`, by the first bytes; MATLAB 7.3 counts as MATLAB.

    Raises:
      UsageError: if the file is missing.
    """
    if not os.path.isfile(path):
        raise UsageError(f"{path} does not exist; expected a .mat, .h5, .npz or .json file")
    with open(path, "rb") as file:
        start = file.read(128)
    if start.startswith(b"MATLAB"):
        return MATLAB
    if start.startswith((b"PK", b"\x93NUMPY")):
        return NUMPY
    if h5py.is_hdf5(path):
        return HDF5
    return JSON if _begins_json(start) else MATLAB  # MATLAB 4 has no signature


def load_arrays(path):
    """Everything in a file that is an array of numbers or texts.

    Args:
      path: of a file that is no JSON.

    Returns:
      {name: array}; members of HDF5 groups are called `group/name`.

    Raises:
      UsageError: if the file is missing or broken.
    """
    kind = kind_of(path)
    reader = {MATLAB: _matlab, HDF5: _hdf5, NUMPY: _numpy}.get(kind)
    if reader is None:
        raise UsageError(f"{path} is JSON; expected arrays in a .mat, .h5 or .npz file; see --help")
    try:
        return reader(path)
    except Exception as error:  # the libraries raise whatever the broken byte leads to
        raise UsageError(
            f"{path} cannot be read as a {kind} file ({error}); expected a .mat, .h5, .npz or "
            ".json file: download or write it again"
        ) from error


def contents(arrays):
    """What was found, for a message: every array's name and shape.

    >>> contents({"preds": np.zeros([5, 14, 2]), "n": np.zeros([1, 1])})
    'preds [5, 14, 2], n [1, 1]'
    """
    found = [f"{name} {list(np.shape(value))}" for name, value in arrays.items()]
    return ", ".join(found) or "no array"


def texts(array):
    """The texts in an array of any of these files as a tuple of str, or None if it holds none.

    >>> texts(np.array([b"neck", b"head_top"])), texts(np.array(["neck "])), texts(np.ones(2))
    (('neck', 'head_top'), ('neck',), None)
    """
    found = []
    for item in np.ravel(array):
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
    content = scipy.io.loadmat(path, appendmat=False)
    return unfold({k: v for k, v in content.items() if not k.startswith("__")})


def _hdf5(path, matlab=False):
    found = {}

    def keep(name, node):
        # "#refs#" is where MATLAB 7.3 hides the elements of its cell arrays.
        if isinstance(node, h5py.Dataset) and not name.startswith("#"):
            found[name] = _matlab_value(file, node) if matlab else np.asarray(node[()])

    with h5py.File(path, "r") as file:
        file.visititems(keep)
    return found


def _matlab_value(file, node):
    """A variable of a MATLAB 7.3 file: axes turned round, texts as texts, cells one level deep."""
    value = np.transpose(node[()])
    if node.attrs.get("MATLAB_class") == b"char":
        return np.array("".join(map(chr, np.ravel(value))))
    if not h5py.check_ref_dtype(node.dtype):
        return value
    cell = np.empty(value.size, object)
    for n, reference in enumerate(np.ravel(value)):
        item = file[reference]
        if not isinstance(item, h5py.Dataset) or h5py.check_ref_dtype(item.dtype):
            return value  # a struct or a cell in a cell: nobody was seen to publish that
        cell[n] = _matlab_value(file, item)
    return cell


def _numpy(path):
    loaded = np.load(path, allow_pickle=False)
    if isinstance(loaded, np.ndarray):
        return {"array": loaded}
    with loaded:
        return {name: loaded[name] for name in loaded.files}


def _begins_json(start):
    """Whether these bytes open an object or a list, white space and a byte order mark aside."""
    return start.removeprefix(b"\xef\xbb\xbf").lstrip()[:1] in (b"{", b"[")
