"""VGG-19's first ten convolutions, the trunk that `vgg` is made to start from.

Its input is not ours. VGG-19 saw blue, green, red from 0 to 255 minus the data set's mean; ours is
n = (x − 128) / 256 in red, green, blue. With x = 256 n + 128 a tap k of the first layer gives

    k (x − mean) = (256 k) n + k (128 − mean)

so its kernel is multiplied by 256 (exactly: a power of two) and its bias grows by the sum over taps
of k (128 − mean): the same layer, written for our input. One thing cannot be folded. Beyond the
border VGG-19 saw zeros, its mean color, and our network sees ours, the gray 128: the outermost
pixels of the first layer differ a little, and of the layers after it what they reach.

Three kinds of file, told apart by their suffix:

    .caffemodel  layers conv1_1 …, as VGG_ILSVRC_19_layers.caffemodel of the authors
    .npz         arrays conv1_1/kernel and conv1_1/bias … (or W, weights; b, biases; or block1_conv1
                 …), kernels [kh, kw, Cin, Cout] or Caffe's [Cout, Cin, kh, kw], told apart by shape
    .h5, .hdf5   groups block1_conv1 …, each with a kernel and a bias somewhere below: the layout of
                 keras-applications, old and new

References: Simonyan & Zisserman, "Very deep convolutional networks …", ICLR 2015, configuration E.
"""

import dataclasses
import re
import zipfile
from typing import Any

import h5py
import numpy as np

from cpm.array_claims import UNREADABLE, check_numpy
from cpm.errors import UsageError
from cpm.hdf5_claims import hdf5_bytes
from cpm.interchange.caffemodel import MAX_BYTES, Stored
from cpm.untrusted import check_regular

MEAN_RGB = (123.68, 116.779, 103.939)  # of the training images, gray levels
DEPTHS = (2, 2, 4, 4, 4)  # convolutions per block
CONVOLUTIONS = tuple(f"conv{b}_{i + 1}" for b in range(1, 6) for i in range(DEPTHS[b - 1]))
TRUNK = CONVOLUTIONS[:10]  # conv1_1 … conv4_2
UNUSED = frozenset(CONVOLUTIONS[10:]) | {"fc6", "fc7", "fc8"}
SUFFIXES = (".npz", ".h5", ".hdf5")
_NAME = re.compile(r"(?:conv(\d)_|block(\d)_conv)(\d)")
_OTHERS = re.compile(
    r"fc\d?|fc_\d|predictions|flatten|input_\d+|block\d_pool|top_level_model_weights"
)
_PART = re.compile(r"(.+)[/_.](?:(kernel|weights?|W)|(bias|biases|b))(?::0)?")


def read_vgg19(path: str) -> dict[str, Stored | None]:
    """The convolutions of a `.npz` or HDF5 file, by Caffe's names.

    Args:
      path: file; its suffix is one of `SUFFIXES`.

    Returns:
      {name: `Stored`, or None for a layer after conv4_2}.

    Raises:
      UsageError: if it is damaged, or holds something that VGG-19 has not.
    """
    read = _read_npz if path.lower().endswith(".npz") else _read_hdf5
    try:
        check_regular(path)  # those of archives and of HDF5 would wait for a pipe
        found = read(path)
    except UNREADABLE as error:
        raise UsageError(
            f"{path} cannot be read ({error}); expected VGG-19's weights: download it again"
        ) from error
    return {name: _stored(path, name, parts) for name, parts in found.items()}


@dataclasses.dataclass(frozen=True)
class FoldInput:
    """Rewrites the first layer for images in RGB, normalized to (x − 128) / 256.

    Attributes:
      channel_order: `bgr` or `rgb`, of the images that the file's first layer expects.
    """

    channel_order: str = "bgr"

    @property
    def note(self) -> str:
        """For the table of what was done."""
        order = "BGR → RGB, " if self.channel_order == "bgr" else ""
        return f"{order}mean and scale folded in"

    def __call__(self, stored: Stored) -> Stored:
        """The `Stored` for our input."""
        kernel = np.asarray(stored.kernel, np.float64)  # [3, 3, 3, C]
        if self.channel_order == "bgr":
            kernel = kernel[:, :, ::-1]
        shift = 128.0 - np.array(MEAN_RGB)
        bias = stored.bias + np.einsum("abcd,c->d", kernel, shift)
        scaled = (256.0 * kernel).astype(np.float32)
        return Stored(scaled, bias.astype(np.float32), stored.shape)


def layer_name(name: str) -> str | None:
    """Caffe's name of a convolution; None for what is none.

    >>> layer_name("block1_conv2"), layer_name("conv1_2"), layer_name("fc6")
    ('conv1_2', 'conv1_2', None)
    """
    if match := _NAME.fullmatch(name):
        return f"conv{match[1] or match[2]}_{match[3]}"
    return None


def _read_npz(path):
    """{layer: [array, …]}, pickles refused."""
    if not zipfile.is_zipfile(path):
        raise ValueError("it is not the archive that numpy.savez writes")
    found: dict[str, list[Any]] = {}
    check_numpy(path, MAX_BYTES)
    with np.load(path, allow_pickle=False) as archive:
        for key in archive.files:
            part = _PART.fullmatch(key)
            name = _known(path, part[1] if part else key, key)
            if name is not None:
                wanted = name not in UNUSED
                found.setdefault(name, []).append(archive[key] if wanted else None)
    return found


def _read_hdf5(path):
    """{layer: [array, …]}; links out of the file are not followed."""
    found: dict[str, list[Any]] = {}
    left = MAX_BYTES
    with h5py.File(path, "r") as file:
        # A whole model, or its weights alone.
        root = _own(file, "model_weights") if "model_weights" in file else file
        for key in root:
            name = _known(path, key, key)
            if name in UNUSED:
                found[name] = [None, None]
            elif name is not None:
                found[name] = list(_datasets(root, key, left))
                left -= sum(array.nbytes for array in found[name])
    return found


def _datasets(group, key, left, depth=4):
    """The arrays below `group[key]`, which are two, in a group or a group of groups.

    `left`: bytes that they may take.
    """
    item = _own(group, key)
    if isinstance(item, h5py.Group):
        if depth == 0 or len(item) > 2:
            raise ValueError(f"{item.name!r} holds more than a kernel and a bias")
        for inner in item:
            yield from _datasets(item, inner, left // 2, depth - 1)
        return
    if item.dtype.hasobject:
        raise ValueError(f"{item.name!r} holds texts or references, no numbers")
    if (size := hdf5_bytes(item, left)) > left:
        raise ValueError(f"{item.name!r} is too large: it takes {size:,} bytes of memory")
    yield item[()]


def _own(group, key):
    """`group[key]`, if it lies in this very file."""
    if not isinstance(group.get(key, getlink=True), h5py.HardLink):
        raise ValueError(f"{key!r} is a link to somewhere else")
    return group[key]


def _known(path, name, key):
    """Caffe's name of a VGG-19 layer; None for one without convolution.

    Raises:
      UsageError: for anything else.
    """
    known = layer_name(name)
    if known in CONVOLUTIONS or _OTHERS.fullmatch(name):
        return known
    raise UsageError(
        f"{path} holds {key!r}, which VGG-19 has not; expected conv1_1/kernel, conv1_1/bias … or "
        "block1_conv1 …"
    )


def _stored(path, name, parts):
    """The `Stored` of a layer's arrays, whichever comes first; None for one that is not needed."""
    if name in UNUSED:
        return None
    axes = sorted((np.ndim(part), k) for k, part in enumerate(parts))
    numbers = all(np.issubdtype(np.asarray(part).dtype, np.floating) for part in parts)
    if [n for n, _ in axes] != [1, 4] or not numbers:
        shapes = ", ".join(str(np.shape(part)) for part in parts)
        raise UsageError(
            f"{path}: layer {name!r} has the arrays {shapes}; expected a kernel of four axes and a "
            "bias of one, of floating-point numbers"
        )
    bias, kernel = (np.asarray(parts[k], np.float32) for _, k in axes)
    shape = kernel.shape
    # 3 × 3 windows: Caffe's order has them at the end.
    if shape[2:] == (3, 3) and shape[:2] != (3, 3):
        kernel = kernel.transpose(2, 3, 1, 0)
    return Stored(kernel, bias, shape)
