"""Caffe's binary weights, `.caffemodel`, as arrays by layer name.

The file is one protocol buffer message. Only what carries weights is described here; protobuf skips
the rest, as it would skip fields newer than the program:

    Net    layers = 2 (files up to 2014, "V1"), layer = 100 (since): one entry per layer
    V1     name = 4, blobs = 6          Layer  name = 1, blobs = 7
    Blob   data = 5, double_data = 8, shape = 7; before it had a shape: num, channels, height,
           width = 1 … 4

Files come from strangers. Layers and blobs are declared as bytes, which look the same in the file:
each level is counted before a message is made of anything in it, the layers nobody asks for are
never decoded (VGG-19's last ones hold 120 million numbers), and an array is made only after its
shape was found to hold exactly the numbers that are there.

References: Caffe's caffe.proto (the field numbers); protobuf.dev/programming-guides/encoding.
"""

import dataclasses
import functools
import math
import os
from collections.abc import Collection

import numpy as np
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.message import DecodeError

from cpm.errors import UsageError

MAX_BYTES = 2**30  # VGG-19, the largest of them, has 0.58e9
MAX_LAYERS = 4096  # a six-stage network with its data and loss layers has about 150
MAX_AXES = 4
_KIND = descriptor_pb2.FieldDescriptorProto
_REPEATED = {"layers", "layer", "blobs", "data", "double_data", "dim"}
_MESSAGES = {
    "Net": {"layers": (2, _KIND.TYPE_BYTES), "layer": (100, _KIND.TYPE_BYTES)},
    "V1": {"name": (4, _KIND.TYPE_BYTES), "blobs": (6, _KIND.TYPE_BYTES)},
    "Layer": {"name": (1, _KIND.TYPE_BYTES), "blobs": (7, _KIND.TYPE_BYTES)},
    "Shape": {"dim": (1, _KIND.TYPE_INT64)},
    "Blob": {
        "num": (1, _KIND.TYPE_INT32),
        "channels": (2, _KIND.TYPE_INT32),
        "height": (3, _KIND.TYPE_INT32),
        "width": (4, _KIND.TYPE_INT32),
        "data": (5, _KIND.TYPE_FLOAT),
        "shape": (7, _KIND.TYPE_MESSAGE),
        "double_data": (8, _KIND.TYPE_DOUBLE),
    },
}


@dataclasses.dataclass(frozen=True)
class Stored:
    """The weights of one convolution as a file has them.

    Attributes:
      kernel: `[kh, kw, Cin, Cout]` float32, whatever the order in the file.
      bias: `[Cout]` float32.
      shape: of the kernel in the file.
    """

    kernel: np.ndarray
    bias: np.ndarray
    shape: tuple[int, ...]


def read_caffemodel(
    path: str, *, unread: Collection[str] = frozenset()
) -> dict[str, Stored | None]:
    """The layers of a `.caffemodel` that have weights.

    Args:
      path: file.
      unread: names of layers that are not wanted; they are listed, not decoded.

    Returns:
      {name: `Stored`, or None for one of `unread`}, in the order of the file.

    Raises:
      UsageError: if it is none, is cut short, or contradicts itself.
    """
    layers: dict[str, Stored | None] = {}
    for name, blobs in _layers(path):
        if name in layers:
            raise UsageError(f"{path} has two layers {name!r} with weights; expected one")
        layers[name] = None if name in unread else _convolution(path, name, blobs)
    if not layers:
        raise UsageError(f"{path} holds no layer with weights; expected a trained .caffemodel")
    return layers


def _layers(path):
    """(name, serialized blobs) of each layer with weights."""
    net = _parse(path, "Net", _contents(path))
    old, new = len(net.layers), len(net.layer)
    if (old and new) or old + new > MAX_LAYERS:
        raise UsageError(
            f"{path} has {new} layers and {old} of the old kind; expected at most {MAX_LAYERS}, "
            "all of one kind"
        )
    kind = "V1" if old else "Layer"
    for serialized in net.layers if old else net.layer:
        layer = _parse(path, kind, serialized)
        if len(layer.blobs):
            yield layer.name.decode("utf-8", "replace"), layer.blobs


def _convolution(path, name, blobs):
    """The `Stored` of a layer's two blobs: kernel `[Cout, Cin, kh, kw]` and bias."""
    if len(blobs) != 2:
        raise UsageError(
            f"{path}: layer {name!r} has {len(blobs)} arrays; expected a kernel and a bias"
        )
    where = f"{path}: layer {name!r}"
    kernel, bias = (_array(where, _parse(path, "Blob", blob)) for blob in blobs)
    # Files without `shape` write a bias as 1 × 1 × 1 × Cout.
    if kernel.ndim != 4 or bias.size != max(bias.shape, default=0):
        raise UsageError(
            f"{where} has arrays {kernel.shape} and {bias.shape}; expected a kernel of four axes "
            "and a bias of one"
        )
    return Stored(kernel.transpose(2, 3, 1, 0), bias.reshape(-1), kernel.shape)


def _array(where, blob):
    """A blob's numbers as a float32 array, if its shape holds exactly so many."""
    shape = tuple(blob.shape.dim)
    if not blob.HasField("shape"):
        shape = (blob.num, blob.channels, blob.height, blob.width)
    count = len(blob.data) + len(blob.double_data)
    fits = len(shape) <= MAX_AXES and min(shape, default=0) > 0
    if not fits or math.prod(shape) != count or (blob.data and blob.double_data):
        raise UsageError(
            f"{where} has {count} numbers for an array of shape {shape[: MAX_AXES + 1]}; "
            "expected one for each place: download the file again"
        )
    return np.array(blob.data or blob.double_data, np.float32).reshape(shape)


def _contents(path):
    """The bytes of the file, if they can be a `.caffemodel`."""
    if not os.path.isfile(path):
        raise UsageError(f"{path} is not a file; name a .caffemodel with --src")
    if os.path.getsize(path) > MAX_BYTES:
        raise UsageError(
            f"{path} has {os.path.getsize(path)} bytes; expected a .caffemodel, at most {MAX_BYTES}"
        )
    with open(path, "rb") as file:
        contents = file.read()
    if contents.startswith(b"\x89HDF"):
        raise UsageError(
            f"{path} is an HDF5 file; expected a binary .caffemodel (VGG-19 from .h5 needs that "
            "suffix)"
        )
    head = contents[:4096]
    if b"{" in head and b":" in head and all(c in b"\t\n\r" or 32 <= c for c in head):
        raise UsageError(
            f"{path} is text, like the .prototxt that describes a network; its weights are in the "
            ".caffemodel beside it"
        )
    return contents


def _parse(path, kind, serialized):
    """The message of that kind; protobuf never reads beyond what it was given."""
    message = _classes()[kind]()
    try:
        message.ParseFromString(serialized)
    except DecodeError as error:
        raise UsageError(
            f"{path} is no .caffemodel or was cut short ({error}); download it again"
        ) from error
    return message


@functools.cache
def _classes():
    """A message class for each of `_MESSAGES`, made without a generated file."""
    file = descriptor_pb2.FileDescriptorProto(
        name="cpm/caffemodel.proto", package="cpm.caffemodel", syntax="proto2"
    )
    for message, fields in _MESSAGES.items():
        descriptor = file.message_type.add(name=message)
        for name, (number, kind) in fields.items():
            field = descriptor.field.add(name=name, number=number, type=kind)
            repeated = name in _REPEATED
            field.label = _KIND.LABEL_REPEATED if repeated else _KIND.LABEL_OPTIONAL
            if kind == _KIND.TYPE_MESSAGE:
                field.type_name = ".cpm.caffemodel.Shape"
    pool = descriptor_pool.DescriptorPool()
    pool.AddSerializedFile(file.SerializeToString())
    return {
        name: message_factory.GetMessageClass(pool.FindMessageTypeByName(f"cpm.caffemodel.{name}"))
        for name in _MESSAGES
    }
