"""Every kind of file gives the same arrays, told apart by its bytes."""

import h5py
import numpy as np
import pytest
import scipy.io

from cpm.errors import UsageError
from cpm.prediction_files import containers
from tests.helpers.array_files import ARRAY, save_as


@pytest.mark.parametrize(
    "kind, expected",
    [
        ("mat", containers.MATLAB),
        ("mat73", containers.MATLAB),
        ("h5", containers.HDF5),
        ("npz", containers.NUMPY),
    ],
)
def test_load_arrays_preset(tmp_path, kind, expected):
    path = tmp_path / "no-suffix"
    save_as(kind, path)
    assert containers.kind_of(path) == expected
    (name,) = (arrays := containers.load_arrays(path))
    assert name == "preds"
    np.testing.assert_array_equal(arrays["preds"], ARRAY)


def test_load_arrays_preset_groups_and_single_arrays(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["group/inner"] = ARRAY
    assert list(containers.load_arrays(tmp_path / "a.h5")) == ["group/inner"]
    np.save(tmp_path / "a.npy", ARRAY)
    assert list(containers.load_arrays(tmp_path / "a.npy")) == ["array"]


def test_kind_of_preset_json(tmp_path):
    (tmp_path / "a").write_bytes(b'\xef\xbb\xbf \n{"people": []}')
    assert containers.kind_of(tmp_path / "a") == containers.JSON
    with pytest.raises(UsageError, match="is JSON; expected arrays"):
        containers.load_arrays(tmp_path / "a")


def test_texts_preset(tmp_path):
    names = ["neck", "head_top"]
    cells = np.array(names, object)
    scipy.io.savemat(tmp_path / "a.mat", {"cells": cells, "chars": np.array(names)})
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["names"] = names
    found = containers.load_arrays(tmp_path / "a.mat")
    assert containers.texts(found["cells"]) == tuple(names)
    assert containers.texts(found["chars"]) == tuple(names)  # padded to one length
    found = containers.load_arrays(tmp_path / "a.h5")
    assert containers.texts(found["names"]) == tuple(names)
    assert containers.texts(ARRAY) is None


def test_load_arrays_raises(tmp_path):
    with pytest.raises(UsageError, match=r"does not exist; expected a .mat"):
        containers.load_arrays(tmp_path / "none.mat")
    for start in (b"junk", b"PK\x03\x04", b"\x93NUMPY", b"\x89HDF\r\n\x1a\n", b""):
        (tmp_path / "junk").write_bytes(start * 100)
        with pytest.raises(UsageError, match=r"cannot be read as a .* file"):
            containers.load_arrays(tmp_path / "junk")


def test_load_arrays_raises_instead_of_unpickling(tmp_path):
    array = np.array([{"a": 1}], object)
    np.savez(tmp_path / "a.npz", preds=array)
    with pytest.raises(UsageError, match="cannot be read as a NumPy file"):
        containers.load_arrays(tmp_path / "a.npz")


def test_load_arrays_preset_cells_and_texts_of_matlab_73(tmp_path):
    """Cells are references into #refs#, texts numbers of characters; both as MATLAB marks them."""
    with h5py.File(tmp_path / "a.mat", "w", userblock_size=512) as file:
        for n in range(3):
            file[f"#refs#/p{n}"] = ARRAY[0].T + n
        for n, name in enumerate(["neck", "head_top"]):
            file[f"#refs#/n{n}"] = np.array([[ord(c)] for c in name], np.uint16)
            file[f"#refs#/n{n}"].attrs["MATLAB_class"] = np.bytes_("char")
        for name, count in (("p", 3), ("n", 2)):
            references = [[file[f"#refs#/{name}{n}"].ref] for n in range(count)]
            file.create_dataset(name, data=references, dtype=h5py.ref_dtype)
    with open(tmp_path / "a.mat", "r+b") as file:
        file.write(b"MATLAB 7.3 MAT-file".ljust(124))
    found = containers.load_arrays(tmp_path / "a.mat")
    np.testing.assert_array_equal(found["p"], [ARRAY[0] + n for n in range(3)])
    assert containers.texts(found["n"]) == ("neck", "head_top")
