"""What a fuzzed reader is, and ways to write the whole files that it begins with."""

import io
import json
import os
import tempfile
import typing
from pathlib import Path

import h5py
import numpy as np
import scipy.io

from cpm.errors import UsageError
from tests.helpers.fuzzing.mutations import as_bytes


class Reader(typing.NamedTuple):
    """One reader.

    Attributes:
      file: path of the fuzzed file in a folder of its own.
      seeds: function without arguments → list of bytes, whole files.
      read: function of the file's path.
      mutate: of mutations.py.
      around: function of the folder that makes what the reader needs beside the file, or None.
    """

    file: str
    seeds: typing.Callable
    read: typing.Callable
    mutate: typing.Callable = as_bytes
    around: typing.Callable | None = None


def json_values(*values):
    """Seeds: JSON texts."""
    return lambda: [json.dumps(value).encode() for value in values]


def written(*writers, suffix=""):
    """Seeds that need a path to be written."""

    def seeds():
        found = []
        with tempfile.TemporaryDirectory() as folder:
            for n, write in enumerate(writers):
                path = os.path.join(folder, f"{n}{suffix}")
                write(path)
                found.append(Path(path).read_bytes())
        return found

    return seeds


def npz(**arrays):
    """Seeds: one archive of arrays."""

    def seeds():
        file = io.BytesIO()
        np.savez(file, **arrays)
        return [file.getvalue()]

    return seeds


def npy(*arrays):
    """Seeds: a file for each array."""

    def seeds():
        found = []
        for array in arrays:
            file = io.BytesIO()
            np.save(file, array)
            found.append(file.getvalue())
        return found

    return seeds


def mat(**arrays):
    """Seeds: a MATLAB file."""
    # Not compressed: a changed byte is a changed value, not a broken stream.
    return written(lambda path: scipy.io.savemat(path, arrays, appendmat=False))


def h5(arrays):
    """Seeds: an HDF5 file of {name: array}."""

    def write(path):
        with h5py.File(path, "w") as file:
            for name, array in arrays.items():
                file[name] = array

    return written(write)


def above(count=1):
    """A function of a file's path: its folder, or one above it."""
    return lambda path: str(Path(path).parents[count - 1])


def each(*reads):
    """A function of a path that calls several, each whatever the ones before said."""

    def read(path):
        refused = None
        for one in reads:
            try:
                one(path)
            except UsageError as error:
                refused = error
        if refused:
            raise refused

    return read
