"""Every kind of file gives the same arrays, told apart by its bytes."""

import contextlib
import struct
import time
import tracemalloc
import zlib

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


def test_load_arrays_preset_links_in_hdf5(tmp_path):
    """Each array once: links may lead round in a circle."""
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["group/inner"] = ARRAY
        file["group/loop"] = file["group"]
        file["second"] = file["group/inner"]
        file["soft"] = h5py.SoftLink("/group")
        file["type"] = np.dtype("f8")
    assert list(containers.load_arrays(tmp_path / "a.h5")) == ["group/inner"]


def test_load_arrays_raises_for_groups_without_end(tmp_path, monkeypatch):
    with h5py.File(tmp_path / "deep.h5", "w") as file:
        file["a/" * 31 + "a"] = ARRAY
    assert len(containers.load_arrays(tmp_path / "deep.h5")) == 1
    with h5py.File(tmp_path / "deep.h5", "w") as file:
        file["a/" * 32 + "a"] = ARRAY
    refused(tmp_path / "deep.h5", monkeypatch, "nest deeper than 32")
    with h5py.File(tmp_path / "wide.h5", "w") as file:
        for n in range(40):
            file.create_group(str(n))
    monkeypatch.setattr(containers, "MOST_ARRAYS", 39)
    refused(tmp_path / "wide.h5", monkeypatch, "groups and arrays are more than 39")


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
    with pytest.raises(UsageError, match=r"/dev/zero is a device, not a regular file; expected"):
        containers.load_arrays("/dev/zero")
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


LIMIT = 1 << 20  # of the files below; the real one is 256 MB


def refused(path, monkeypatch, *words):
    """The file is refused with these words before it takes memory."""
    monkeypatch.setattr(containers, "MOST_BYTES", LIMIT)
    tracemalloc.start()
    try:
        with pytest.raises(UsageError) as caught:
            containers.load_arrays(path)
        assert tracemalloc.get_traced_memory()[1] < 8 * LIMIT
    finally:
        tracemalloc.stop()
    for word in words:
        assert word in str(caught.value)
    assert len(str(caught.value)) < 700


def test_load_arrays_raises_before_a_bomb_goes_off(tmp_path, monkeypatch):
    """Small files that ask for much: zeros compress a thousandfold."""
    zeros = np.zeros([50, 14, 10_000])
    np.savez_compressed(tmp_path / "a.npz", preds=zeros)
    refused(tmp_path / "a.npz", monkeypatch, "unpacks to")
    scipy.io.savemat(tmp_path / "a.mat", {"preds": zeros}, do_compression=True)
    refused(tmp_path / "a.mat", monkeypatch, "unpacks to more")
    cells = np.empty(50, object)
    cells[:] = [np.zeros([14, 1000])] * 50
    scipy.io.savemat(tmp_path / "b.mat", {"preds": {"inner": cells}}, do_compression=True)
    refused(tmp_path / "b.mat", monkeypatch, "unpacks to more")
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file.create_dataset("preds", data=zeros, compression="gzip")
    refused(tmp_path / "a.h5", monkeypatch, "take more than")
    with open(tmp_path / "sparse.npy", "wb") as file:
        np.lib.format.write_array_header_1_0(
            file, {"descr": "<f8", "fortran_order": False, "shape": (1 << 29,)}
        )
        file.truncate(1 << 32)
    refused(tmp_path / "sparse.npy", monkeypatch, "bytes; expected predictions")


def test_load_arrays_raises_for_claims_that_nothing_backs(tmp_path, monkeypatch):
    with h5py.File(tmp_path / "never.h5", "w") as file:
        file.create_dataset("preds", [100, 14, 2], chunks=True)
    refused(tmp_path / "never.h5", monkeypatch, "never written")
    header = {"descr": "<f8", "fortran_order": False, "shape": (1 << 40, 14, 2)}
    with open(tmp_path / "a.npy", "wb") as file:
        np.lib.format.write_array_header_1_0(file, header)
        file.write(bytes(100))
    refused(tmp_path / "a.npy", monkeypatch, "claims")
    scipy.io.savemat(tmp_path / "a.mat", {"preds": np.full([1, 7], 1.0).astype(object)})
    content = (tmp_path / "a.mat").read_bytes()
    claim = struct.pack("<2i", 1, 7), struct.pack("<2i", 1, 1 << 30)
    assert content.count(claim[0]) == 1
    (tmp_path / "a.mat").write_bytes(content.replace(*claim))
    refused(tmp_path / "a.mat", monkeypatch, "claims 1,073,741,824 cells")


def test_load_arrays_raises_for_chunks_that_take_more_than_their_values(tmp_path, monkeypatch):
    """A kilobyte in chunks of a byte takes megabytes to read; a chunk is unpacked as a whole."""
    with h5py.File(tmp_path / "many.h5", "w") as file:
        file.create_dataset("preds", [32, 16, 2], "u1", chunks=(1, 1, 1))[0, 0, 0] = 1
    refused(tmp_path / "many.h5", monkeypatch, "take more than")
    with h5py.File(tmp_path / "large.h5", "w") as file:
        growing = {"maxshape": [None], "chunks": (LIMIT,), "compression": "gzip"}
        file.create_dataset("preds", [1], "f8", **growing)[0] = 1
    refused(tmp_path / "large.h5", monkeypatch, "chunks of 8,388,608 bytes, at most 1,048,576")


def chunked(path, shape, chunks, dtype="u1", packed=1, maxshape=None):
    """A data set of an open file whose chunks are packed by gzip so many times."""
    properties = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    properties.set_chunk(chunks)
    for _ in range(packed):
        properties.set_deflate(9)
    space = h5py.h5s.create_simple(shape, maxshape or shape)
    kind = h5py.h5t.py_create(np.dtype(dtype))
    return h5py.Dataset(h5py.h5d.create(path.id, b"preds", kind, space, properties))


def test_load_arrays_raises_for_chunks_that_unpack_to_more(tmp_path, monkeypatch):
    """gzip yields what its stream holds, however many values the chunk has."""
    with h5py.File(tmp_path / "a.h5", "w") as file:
        bomb = zlib.compress(bytes(1 << 24))
        chunked(file, (5, 14, 64), (5, 14, 64)).id.write_direct_chunk((0, 0, 0), bomb)
    refused(tmp_path / "a.h5", monkeypatch, "has a chunk of 16,3", "for 4,480 bytes of values")
    with h5py.File(tmp_path / "b.h5", "w") as file:
        chunked(file, (5, 100, 200), (5, 100, 200)).id.write_direct_chunk((0, 0, 0), bomb)
    refused(tmp_path / "b.h5", monkeypatch, "unpacks to more than the 100,000 bytes")
    with h5py.File(tmp_path / "twice.h5", "w") as file:
        chunked(file, (5, 14, 2), (5, 14, 2), packed=2)[...] = 1
    refused(tmp_path / "twice.h5", monkeypatch, "packed 2 times")
    with h5py.File(tmp_path / "wide.h5", "w") as file:  # each chunk holds one value
        growing = (h5py.h5s.UNLIMITED, 20)
        chunked(file, (1, 20), (LIMIT // 2, 1), maxshape=growing)[...] = 1
    refused(tmp_path / "wide.h5", monkeypatch, "unpack to 10,485,760 bytes, at most 4,194,304")


@pytest.mark.parametrize("packed", ["gzip", "lzf", None])
def test_load_arrays_preset_chunks_of_any_filter(tmp_path, packed):
    """Noise, which no filter can pack, and texts."""
    values = np.random.default_rng(0).uniform(size=[300, 14, 2])
    with h5py.File(tmp_path / "a.h5", "w") as file:
        options = {"chunks": True, "compression": packed, "fletcher32": True, "shuffle": True}
        file.create_dataset("preds", data=values, **options)
        ids = np.array([f"person {n}" for n in range(300)], object)
        texts = {"dtype": h5py.string_dtype(), "chunks": (300,), "compression": packed}
        file.create_dataset("ids", data=ids, **texts)
    found = containers.load_arrays(tmp_path / "a.h5")
    np.testing.assert_array_equal(found["preds"], values)
    assert containers.texts(found["ids"]) == tuple(ids)


@pytest.mark.parametrize("shape", [(260_000,), (260_000, 1)])
def test_load_arrays_unpacks_a_chunk_of_texts_once(tmp_path, shape):
    """Not once for every few texts, which took a minute, and in two axes half an hour."""
    with h5py.File(tmp_path / "a.h5", "w") as file:
        packed = {"chunks": shape, "compression": "gzip"}
        file.create_dataset("ids", shape, h5py.string_dtype(), **packed)[...] = "a"
    begin = time.process_time()
    assert containers.load_arrays(tmp_path / "a.h5")["ids"].shape == shape
    assert time.process_time() - begin < 10  # 0.7 s were measured


def test_load_arrays_raises_for_texts_in_chunks_of_millions(tmp_path):
    with h5py.File(tmp_path / "b.h5", "w") as file:
        growing = {"maxshape": [None], "chunks": (1 << 22,), "compression": "gzip"}
        file.create_dataset("ids", [2], h5py.string_dtype(), **growing)[...] = "a"
    with pytest.raises(UsageError, match="unpack to 67,108,864 bytes, at most 33,554,432"):
        containers.load_arrays(tmp_path / "b.h5")


def test_load_arrays_preset_chunks(tmp_path):
    """A chunk for each person, as who writes one after the other has them."""
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file.create_dataset("preds", data=np.ones([5000, 16, 2]), chunks=(1, 16, 2))
    assert containers.load_arrays(tmp_path / "a.h5")["preds"].sum() == 5000 * 32


@pytest.mark.parametrize("kind", ["|S0", "<U0", "|V0"])
def test_load_arrays_raises_for_values_without_a_byte(tmp_path, monkeypatch, kind):
    """Any number of them fits into a file of a hundred bytes; as texts they would take minutes."""
    header = {"descr": kind, "fortran_order": False, "shape": (200_000_000,)}
    with open(tmp_path / "a.npy", "wb") as file:
        np.lib.format.write_array_header_1_0(file, header)
    refused(tmp_path / "a.npy", monkeypatch, "claims [200000000] values, 200,000,000 bytes")


def test_texts_raises_for_more_than_people(monkeypatch):
    monkeypatch.setattr(containers, "MOST_TEXTS", 3)
    assert containers.texts(np.array(["a"] * 3)) == ("a",) * 3
    with pytest.raises(UsageError, match="an array holds 4 texts, at most 3 are read"):
        containers.texts(np.array(["a"] * 4))
    assert containers.texts(np.ones(4)) is None


def save_one_text_for_many(path, shape, size=LIMIT // 2, dtype=None):
    """An array of texts, each of which is the same one in the file."""
    dtype = dtype or h5py.string_dtype()
    with h5py.File(path, "w") as file:
        one = file.create_dataset("one", [1], dtype)
        one[0] = b"x" * size if h5py.check_string_dtype(dtype) else np.zeros(size // 8)
        many = file.create_dataset("many", shape, dtype)
        many[...] = b"" if h5py.check_string_dtype(dtype) else np.zeros(0)
        places = one.id.get_offset(), many.id.get_offset(), many.size
    content = bytearray(path.read_bytes())
    source, target, count = places
    content[target : target + 16 * count] = content[source : source + 16] * count
    path.write_bytes(content)


@pytest.mark.parametrize("shape", [[900], [30, 30], [9, 10, 10]])
@pytest.mark.parametrize("dtype", [None, h5py.vlen_dtype(np.float64)], ids=["texts", "lists"])
def test_load_arrays_raises_for_one_text_that_stands_for_many(tmp_path, monkeypatch, shape, dtype):
    """900 times half a megabyte, in a file of half a megabyte."""
    save_one_text_for_many(tmp_path / "a.h5", shape, dtype=dtype)
    refused(tmp_path / "a.h5", monkeypatch, "take more than")


def test_load_arrays_raises_for_more_texts_than_people(tmp_path, monkeypatch):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file.create_dataset("ids", [LIMIT], h5py.string_dtype(), chunks=True, compression="gzip")
        file["ids"][:3] = b"a"
    refused(tmp_path / "a.h5", monkeypatch, "take more than")


def test_load_arrays_preset_texts_of_any_shape(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        for name, shape in {"one": (), "row": (4,), "grid": (2, 2), "none": (0,)}.items():
            texts = np.full(shape, "é" * 3, object)
            file.create_dataset(name, data=texts, dtype=h5py.string_dtype())
        file["fixed"] = np.full([2, 600], b"ab")
    found = containers.load_arrays(tmp_path / "a.h5")
    assert {name: array.shape for name, array in found.items()} == {
        **{"one": (), "row": (4,), "grid": (2, 2), "none": (0,), "fixed": (2, 600)},
    }
    assert containers.texts(found["grid"]) == ("ééé",) * 4 and containers.texts(found["none"]) == ()
    assert set(containers.texts(found["fixed"])) == {"ab"}


def test_load_arrays_raises_for_long_texts_of_matlab_73(tmp_path, monkeypatch):
    """And an attribute that stands for many texts is not read."""
    with h5py.File(tmp_path / "a.mat", "w", userblock_size=512) as file:
        file["a"] = np.full([1 << 10, 1], ord("a"), np.uint16)
        file["a"].attrs["MATLAB_class"] = np.bytes_("char")
        file["b"] = ARRAY
        file["b"].attrs["MATLAB_class"] = ["char"] * 3
    with open(tmp_path / "a.mat", "r+b") as file:
        file.write(b"MATLAB 7.3 MAT-file".ljust(124))
    assert containers.load_arrays(tmp_path / "a.mat")["a"] == "a" * (1 << 10)
    monkeypatch.setattr(containers, "MOST_CHARACTERS", 1000)
    refused(tmp_path / "a.mat", monkeypatch, "a text of 1,024 characters")


def test_load_arrays_raises_for_many_references_to_one_array(tmp_path, monkeypatch):
    with h5py.File(tmp_path / "a.mat", "w", userblock_size=512) as file:
        file["#refs#/a"] = np.zeros([2, 1000])
        references = [[file["#refs#/a"].ref]] * 500
        file.create_dataset("preds", data=references, dtype=h5py.ref_dtype)
    with open(tmp_path / "a.mat", "r+b") as file:
        file.write(b"MATLAB 7.3 MAT-file".ljust(124))
    refused(tmp_path / "a.mat", monkeypatch, "take more than")


def test_load_arrays_raises_for_arrays_in_other_files(tmp_path, monkeypatch):
    """Neither the truth beside it nor a file of the system is read by a prediction file."""
    secret = tmp_path / "secret"
    secret.write_bytes(ARRAY.tobytes())
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file.create_dataset(
            "preds", ARRAY.shape, ARRAY.dtype, external=[(str(secret), 0, ARRAY.nbytes)]
        )
    refused(tmp_path / "a.h5", monkeypatch, "lies in another file")
    with h5py.File(tmp_path / "truth.h5", "w") as file:
        file["part"] = ARRAY
    layout = h5py.VirtualLayout(ARRAY.shape, ARRAY.dtype)
    layout[:] = h5py.VirtualSource(str(tmp_path / "truth.h5"), "part", ARRAY.shape)
    with h5py.File(tmp_path / "b.h5", "w") as file:
        file.create_virtual_dataset("preds", layout)
    refused(tmp_path / "b.h5", monkeypatch, "lies in another file")
    with h5py.File(tmp_path / "c.h5", "w") as file:
        file["preds"] = h5py.ExternalLink(str(tmp_path / "truth.h5"), "part")
        file["own"] = ARRAY
    assert list(containers.load_arrays(tmp_path / "c.h5")) == ["own"]


@pytest.mark.parametrize("level", ["4", "5"])
def test_load_arrays_raises_for_cut_and_forged_matlab(tmp_path, level, seeded):
    """Nothing but a sentence, wherever a byte is lost or changed."""
    path = tmp_path / "a.mat"
    scipy.io.savemat(path, {"preds": ARRAY[0], "n": np.eye(3)}, format=level)
    whole, rng = path.read_bytes(), seeded(5)
    for _ in range(60):
        content = bytearray(whole[: rng.integers(1, len(whole) + 1)])
        content[rng.integers(len(content))] = rng.integers(256)
        path.write_bytes(content)
        with contextlib.suppress(UsageError):
            containers.load_arrays(path)
