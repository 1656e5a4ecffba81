"""MATLAB files as MATLAB itself writes them, for the tests of their readers."""

import h5py
import numpy as np

EMPTY = np.zeros((0, 0))  # MATLAB's []


def struct_array(records):
    """A 1 x N structure array, as MATLAB makes it: all have all fields, `[]` where unset."""
    names = list(dict.fromkeys(name for record in records for name in record))
    array = np.empty((1, len(records)), [(name, object) for name in names])
    for element, record in zip(array[0], records, strict=True):
        for name in names:
            element[name] = record.get(name, EMPTY)
    return array


def save_matlab_73(path, **arrays):
    """As MATLAB does: HDF5 behind a header of 512 bytes, all axes in the opposite order."""
    with h5py.File(path, "w", userblock_size=512) as file:
        for name, array in arrays.items():
            file[name] = np.transpose(array)
        file["#refs#/a"] = np.zeros(3)
    with open(path, "r+b") as file:
        file.write(b"MATLAB 7.3 MAT-file, Platform: GLNXA64".ljust(124))
