"""A file of weights → a checkpoint of this project, every tensor used exactly once on both sides.

    released networks  every layer of the network comes from the file, and every layer of the file
                       goes into the network
    VGG-19             the trunk up to conv4_2 comes from the file, the rest keeps its fresh start;
                       of the file only VGG-19's own later layers may be left over

What is missing, left over or of another shape is named, and nothing is written.

References: cpm/checkpoints/saving.py (the format), cpm/network/architectures.py (names, shapes).
"""

import dataclasses
import os
from collections.abc import Collection, Sequence
from typing import Any

import numpy as np

from cpm.checkpoints import Checkpoints, read_list
from cpm.config import NetworkConfig
from cpm.errors import UsageError
from cpm.interchange import released, vgg19
from cpm.interchange.caffemodel import read_caffemodel
from cpm.network import ConvolutionalPoseMachine, architecture
from cpm.network.layers import Conv2D
from cpm.text_table import format_table, listed
from cpm.training.recipes import recipe

# How the released networks were trained: what crops they want, and how to go on training.
RECIPES = {"paper": "paper", "vgg": "release"}


@dataclasses.dataclass(frozen=True)
class Row:
    """What became of one layer.

    Attributes:
      layer: name, there and here.
      stored: shape of the kernel in the file; None for a fresh layer.
      kernel: shape of the kernel here; bias: its number of channels.
      note: what was changed.
    """

    layer: str
    stored: tuple[int, ...] | None
    kernel: tuple[int, ...]
    bias: int
    note: str


def import_weights(
    config: NetworkConfig,
    src: str,
    out: str,
    *,
    given: Collection[str] = (),
    channel_order: str = "bgr",
    seed: int = 0,
) -> tuple[NetworkConfig, list[Row]]:
    """Makes a checkpoint of a file of weights.

    Args:
      config: `NetworkConfig` of the network to fill.
      src: `.caffemodel` of a released network or of VGG-19; `.npz` or HDF5 file of VGG-19.
      out: folder to make; `bin/train.py --init_from`, `bin/eval.py` and `bin/predict.py` take it.
      given: names of fields of `config` that were asked for; a released file decides the others.
      channel_order: of the images that VGG-19's first layer saw, `bgr` or `rgb`.
      seed: of the layers that the file has not.

    Returns:
      `NetworkConfig` of what was made, list of `Row`s.

    Raises:
      UsageError: if the file cannot be used in full, or `out` holds a run already.
    """
    _check_config(config)
    folder = os.path.join(out, "checkpoints")
    if read_list(folder)["latest"] is not None:
        raise UsageError(f"{out} holds checkpoints already; name another --out")
    layers = read_file(os.fspath(src))
    if vgg19.TRUNK[0] in layers and not released.draws_beliefs(layers):
        network, rows = _from_vgg19(config, src, layers, channel_order, seed)
    else:
        network, rows = _from_release(config, src, layers, given)
    training = recipe(RECIPES[config.arch], config.arch).config
    training = dataclasses.replace(training, network=network.config, seed=seed)
    Checkpoints(folder, network, None, training).save(0)
    return network.config, rows


def read_file(path: str) -> dict[str, Any]:
    """The layers of any weight file: {name: `Stored`, or None for one that is never needed}.

    Raises:
      UsageError: see `vgg19.read_vgg19` and `caffemodel.read_caffemodel`.
    """
    if path.lower().endswith(vgg19.SUFFIXES):
        return vgg19.read_vgg19(path)
    return read_caffemodel(path, unread=vgg19.UNUSED)


def format_rows(rows: Sequence[Row]) -> str:
    """The table of what became of each layer."""
    header = ("layer", "in the file", "here", "bias", "")
    cells = [
        (
            row.layer,
            "×".join(map(str, row.stored)) if row.stored else "-",
            "×".join(map(str, row.kernel)),
            str(row.bias),
            row.note,
        )
        for row in rows
    ]
    return format_table(header, cells, left=range(len(header)), markdown=False)


def _from_release(config, src, layers, given):
    """A network filled with a released file."""
    joints = released.joints_of(config.arch, layers)
    asked = config.skeleton if "skeleton" in given else None
    skeleton = released.skeleton_of(joints, asked)
    if not (config.background and config.center_map):
        raise UsageError(
            "the released networks have a background map and a center map; leave out "
            "--nobackground and --nocenter_map"
        )
    stages = config.stages if "stages" in given else released.stages_of(layers)
    config = dataclasses.replace(config, skeleton=skeleton.name, stages=stages)
    changes = released.reorders(architecture(config), joints, skeleton)
    network = ConvolutionalPoseMachine(config)
    _check_names(src, layers, [layer.name for layer in _convolutions(network)])
    return network, _fill(network, src, layers, changes)


def _from_vgg19(config, src, layers, channel_order, seed):
    """A network with VGG-19's trunk."""
    if config.arch != "vgg":
        raise UsageError(f"{src} holds VGG-19, which fits --arch=vgg only, not {config.arch}")
    used = {name: stored for name, stored in layers.items() if stored is not None}
    _check_names(src, used, vgg19.TRUNK)

    changes = {vgg19.TRUNK[0]: vgg19.FoldInput(channel_order)}
    network = ConvolutionalPoseMachine(config, seed=seed)
    return network, _fill(network, src, used, changes, seed)


def _fill(network, src, layers, changes, seed=None):
    """Assigns the layers; returns the `Row`s. Nothing is assigned before all has been checked."""
    rows, values = [], []
    for layer in _convolutions(network):
        kernel = tuple(layer.kernel.shape)
        stored = layers.get(layer.name)
        if stored is None:
            note = f"fresh, seed {seed}"
            rows.append(Row(layer.name, None, kernel, kernel[-1], note))
            continue
        _check_layer(src, layer.name, stored, kernel)
        change = changes.get(layer.name, released.Reorder())
        values.append((layer, change(stored)))
        rows.append(Row(layer.name, stored.shape, kernel, kernel[-1], change.note))
    for layer, stored in values:
        layer.kernel.assign(stored.kernel)
        layer.bias.assign(stored.bias)
    return rows


def _check_config(config):
    """Raises UsageError for a network that no file can fill."""
    if config.arch not in released.ARCHITECTURES:
        raise UsageError(
            f"no published weights fit --arch={config.arch}; name one of "
            + ", ".join(released.ARCHITECTURES)
        )
    if config.norm != "none":
        raise UsageError(
            f"published weights have biases and no norms, but --norm={config.norm}; leave it out"
        )


def _check_names(src, layers, wanted):
    """Both sides have the same layers, or the difference is named."""
    missing = [name for name in wanted if name not in layers]
    left_over = [name for name in layers if name not in set(wanted)]
    if missing or left_over:
        raise UsageError(
            f"{src} does not have exactly the layers of this network: missing {_some(missing)}; "
            f"left over {_some(left_over)}; look at --arch and --stages"
        )


def _check_layer(src, name, stored, kernel):
    """Shapes as expected, all numbers finite."""
    if stored.kernel.shape != kernel or stored.bias.shape != kernel[-1:]:
        there = stored.kernel.shape
        raise UsageError(
            f"{src}: layer {name!r} has a kernel of {there[0]}×{there[1]}, {there[2]} → {there[3]} "
            f"channels and {stored.bias.size} biases; this network's has {kernel[0]}×{kernel[1]}, "
            f"{kernel[2]} → {kernel[3]}: look at --arch and --width"
        )
    if not (np.isfinite(stored.kernel).all() and np.isfinite(stored.bias).all()):
        raise UsageError(
            f"{src}: layer {name!r} holds values that are no numbers; the file is damaged or its "
            "training diverged"
        )


def _convolutions(network):
    """The convolutions in the order of computation."""
    blocks = [network.trunk, network.stage_1, network.second_trunk]
    for features, head in zip(network.features, network.stages, strict=True):
        blocks += [features, head]
    return [
        layer
        for block in blocks
        if block is not None
        for layer in block.layers
        if isinstance(layer, Conv2D)
    ]


def _some(names):
    """The first few names, and how many more."""
    return listed([repr(name[:40]) for name in names], 6) or "nothing"
