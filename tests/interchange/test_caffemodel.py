"""Reading `.caffemodel`: every way weights are written, and files that lie or are cut short."""

import numpy as np
import pytest

from cpm.errors import UsageError
from cpm.interchange import caffemodel as under_test
from cpm.interchange.caffemodel import read_caffemodel
from tests.helpers.caffe_files import blob, caffemodel, field, integer, layer, varint

WEIGHTS = {
    "conv1": (
        np.arange(2 * 3 * 3 * 3, dtype=np.float32).reshape(2, 3, 3, 3),
        np.array([0.5, -1.25], np.float32),
    ),
    "conv2": (np.full([4, 2, 1, 1], 7.0, np.float32), np.ones(4, np.float32)),
}
KERNEL, BIAS = WEIGHTS["conv1"]


def write(folder, data):
    path = folder / "net.caffemodel"
    path.write_bytes(data)
    return str(path)


def one(*blobs, name="conv1"):
    """A network of one layer whose blobs are already serialized."""
    return field(100, layer(name, blobs))


@pytest.mark.parametrize("old", [False, True])
@pytest.mark.parametrize("legacy", [False, True])
@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("double", [False, True])
def test_read_caffemodel_preset(tmp_path, old, legacy, packed, double):
    """Both generations, both ways to write a shape, packed or not, floats or doubles."""
    form = dict(legacy=legacy, packed=packed, double=double)
    layers = read_caffemodel(write(tmp_path, caffemodel(WEIGHTS, old=old, **form)))
    assert list(layers) == ["conv1", "conv2"]  # and not the layer without weights
    for name, (kernel, bias) in WEIGHTS.items():
        stored = layers[name]
        assert stored.shape == kernel.shape
        assert stored.kernel.dtype == stored.bias.dtype == np.float32
        # Caffe's [out, in, row, column] → ours [row, column, in, out].
        np.testing.assert_array_equal(
            stored.kernel, np.moveaxis(kernel, (2, 3), (0, 1)).swapaxes(2, 3)
        )
        np.testing.assert_array_equal(stored.bias, bias)
    assert layers["conv1"].kernel[1, 2, 0, 1] == KERNEL[1, 0, 1, 2]


def test_read_caffemodel_unread_layers_are_not_decoded(tmp_path):
    data = caffemodel(WEIGHTS) + one(b"\xff\xff", name="fc6")
    layers = read_caffemodel(write(tmp_path, data), unread={"fc6"})
    assert layers["fc6"] is None and layers["conv2"] is not None
    with pytest.raises(UsageError, match=r"fc6|cut short"):
        read_caffemodel(write(tmp_path, data))


def test_read_caffemodel_skips_unknown_fields(tmp_path):
    data = field(14, b"\x01\x02") + integer(999, 2**40) + caffemodel(WEIGHTS)
    assert len(read_caffemodel(write(tmp_path, data))) == 2


@pytest.mark.parametrize("kept", [0.1, 0.5, 0.9, 0.999])
def test_read_caffemodel_raises_truncated(tmp_path, kept):
    data = caffemodel(WEIGHTS)
    with pytest.raises(UsageError, match=r"cut short.*download it again"):
        read_caffemodel(write(tmp_path, data[: int(kept * len(data))]))


HUGE = field(7, field(1, varint(2**40) * 4))
BAD = {
    "declared length beyond the end": (
        varint(100 << 3 | 2) + varint(2**31) + b"abc",
        "cut short",
    ),
    "length that does not end": (varint(100 << 3 | 2) + b"\xff" * 11, "cut short"),
    "no protobuf": (bytes(range(256)) * 4, "no .caffemodel or was cut short"),
    "empty": (b"", "no layer with weights"),
    "layers without weights": (field(100, layer("relu", [])), "no layer with weights"),
    "huge shape": (
        one(HUGE + field(5, b"\0" * 8), blob(BIAS)),
        r"2 numbers for an array of shape \(1099511627776",
    ),
    "negative shape": (
        one(field(7, field(1, varint(2**64 - 1) * 2)) + field(5, b"\0" * 4), blob(BIAS)),
        "1 numbers for an array of shape",
    ),
    "product that wraps around": (
        one(field(7, field(1, varint(2**33) * 2)) + field(5, b""), blob(BIAS)),
        "0 numbers for an array",
    ),
    "too many axes": (
        one(field(7, field(1, varint(1) * 1000)) + field(5, b"\0" * 4), blob(BIAS)),
        r"1 numbers for an array of shape \(1, 1, 1, 1, 1\)",
    ),
    "too few numbers": (
        one(field(7, field(1, b"\2\3\3\3")) + field(5, b"\0" * 212), blob(BIAS)),
        "53 numbers for an array",
    ),
    "numbers twice": (
        one(blob(KERNEL) + field(8, b"\0" * 8 * KERNEL.size), blob(BIAS)),
        "108 numbers",
    ),
    "no numbers": (one(field(7, field(1, b"\2\3\3\3")), blob(BIAS)), "0 numbers"),
    "kernel alone": (one(blob(KERNEL)), "has 1 arrays; expected a kernel and a bias"),
    "three arrays": (one(blob(BIAS), blob(BIAS), blob(BIAS)), "has 3 arrays"),
    "many arrays": (one(*[b""] * 100_000), "has 100000 arrays"),
    "bias of two axes": (
        one(blob(KERNEL), blob(np.ones([2, 2]))),
        r"arrays \(2, 3, 3, 3\) and \(2, 2\)",
    ),
    "the other way round": (one(blob(BIAS), blob(KERNEL)), "expected a kernel of four"),
    "the same name twice": (
        caffemodel(WEIGHTS) + caffemodel(WEIGHTS),
        "two layers 'conv1'",
    ),
    "both generations": (
        caffemodel(WEIGHTS) + caffemodel(WEIGHTS, old=True),
        "all of one kind",
    ),
    "many layers": (field(100, b"") * 5000, "5000 layers"),
    "description": (b'name: "vgg"\nlayer { name: "conv1_1" }\n', "prototxt"),
    "HDF5": (b"\x89HDF\r\n\x1a\n" + bytes(100), "is an HDF5 file"),
}


@pytest.mark.parametrize("case", BAD)
def test_read_caffemodel_raises(tmp_path, case):
    data, message = BAD[case]
    with pytest.raises(UsageError, match=message):
        read_caffemodel(write(tmp_path, data))


def test_read_caffemodel_raises_for_other_things(tmp_path, monkeypatch):
    with pytest.raises(UsageError, match="is not a file"):
        read_caffemodel(str(tmp_path))
    with pytest.raises(UsageError, match="is not a file"):
        read_caffemodel(str(tmp_path / "missing.caffemodel"))
    monkeypatch.setattr(under_test, "MAX_BYTES", 10)
    with pytest.raises(UsageError, match="at most 10"):
        read_caffemodel(write(tmp_path, caffemodel(WEIGHTS)))


def test_read_caffemodel_random_damage_never_escapes(tmp_path, seeded):
    """Any byte changed or lost: read, or refused with a sentence."""
    generator, data = seeded(3), caffemodel(WEIGHTS)
    for _ in range(300):
        damaged = bytearray(data)
        damaged[generator.integers(len(data))] = generator.integers(256)
        del damaged[generator.integers(len(data)) :]
        try:
            read_caffemodel(write(tmp_path, bytes(damaged)))
        except UsageError:
            pass
