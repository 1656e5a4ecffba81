"""The start of a training from trained weights: what another network can use of a file.

Belief maps belong to joints, and joints go by their names. So a file of other joints fills the
trunk and the hidden layers of the stages; the maps of joints that it knows go where the network has
those joints; the maps of all other joints keep the values that the network was made with.

A map has weights in two places: in the last layer of its stage, which draws it, and in the first
layer of the next stage, which reads it.

Residual blocks that only the new network has start as the identity (architectures.py), so a trained
network can be given a deeper trunk and goes on from the same belief maps.
"""

import dataclasses

import numpy as np

from cpm.checkpoints.loading import read_description, read_network_variables
from cpm.config import NetworkConfig, TrainConfig
from cpm.errors import UsageError
from cpm.network import ConvolutionalPoseMachine, architecture
from cpm.skeleton import get_skeleton
from cpm.text_table import listed

# Fields that decide which layers there are and how many channels they have.
SHAPES = ("arch", "norm", "width", "stage_width", "stage_kernel")
FRESH = -1  # a channel that the file does not have
NAMED = 6  # joints that a message names


@dataclasses.dataclass(frozen=True)
class Start:
    """What a network took of a file of weights.

    Attributes:
      stages: how many stages have their hidden layers from it.
      new_stages: how many later ones start afresh.
      new_blocks: how many residual blocks of the trunk start as the identity.
      known, fresh: names of the joints whose maps come from it, and of those that start afresh.
    """

    stages: int
    new_stages: int
    known: tuple[str, ...]
    fresh: tuple[str, ...]
    new_blocks: int = 0

    def text(self) -> str:
        """What was taken, in words.

        >>> Start(2, 1, ("nose",), ("tail", "left_ear")).text()
        'trunk and stages 1 to 2; stage 3 starts fresh; map of nose; fresh: tail, left_ear'
        """
        parts = [f"trunk and stage{_numbers(1, self.stages)}"]
        if self.new_stages:
            numbers = _numbers(self.stages + 1, self.stages + self.new_stages)
            parts.append(f"stage{numbers} start{'s' * (self.new_stages == 1)} fresh")
        if self.new_blocks:
            blocks = f"{self.new_blocks} new block{'s' * (self.new_blocks > 1)} of the trunk"
            parts.append(f"{blocks} start{'s' * (self.new_blocks == 1)} as the identity")
        if not self.fresh:
            return "; ".join([*parts, "the maps of all joints"])
        if self.known:
            parts.append(f"map{'s' * (len(self.known) > 1)} of {listed(self.known, NAMED)}")
        return "; ".join([*parts, f"fresh: {listed(self.fresh, NAMED)}"])


def check_start(config: NetworkConfig, prefix: str) -> TrainConfig:
    """The `TrainConfig` stored at `prefix`, whose layers have the shapes of a network's.

    Args:
      config: `NetworkConfig` of the network that is to start from it.
      prefix: of `cpm.checkpoints.resolve`.

    Raises:
      UsageError: if it cannot be read, or its layers are others; the message names the field.
    """
    stored, _ = read_description(prefix)
    for field in SHAPES:
        theirs, ours = getattr(stored.network, field), getattr(config, field)
        if theirs != ours:
            raise UsageError(
                f"the weights of {prefix} are of a network with {field} {theirs}, this run's has "
                f"{field} {ours}; leave network.{field} open to take it from the weights, or "
                "leave out --init_from"
            )
    theirs, ours = stored.network.trunk_blocks, config.trunk_blocks
    if theirs > ours:
        raise UsageError(
            f"the weights of {prefix} are of a network with {theirs} trunk_blocks, this run's has "
            f"{ours}; give at least --set=network.trunk_blocks={theirs}, or leave out --init_from"
        )
    return stored


def start_from(network: ConvolutionalPoseMachine, prefix: str) -> Start:
    """Fills a network with all that it can use of a checkpoint or a file of weights.

    Args:
      network: a `ConvolutionalPoseMachine`, as it was made.
      prefix: of `cpm.checkpoints.resolve`.

    Returns:
      `Start`.

    Raises:
      UsageError: as `check_start`, or if the file is damaged.
    """
    stored = check_start(network.config, prefix).network
    source = ConvolutionalPoseMachine(stored)
    read_network_variables(source, prefix)
    remapped = _remapped(network, source)
    values = {variable.name: variable.numpy() for variable in source.variables}
    for variable in network.variables:
        if variable.ref() in remapped:
            axis, channels = remapped[variable.ref()]
            variable.assign(_merged(variable.numpy(), values.get(variable.name), axis, channels))
        elif variable.name in values:
            variable.assign(values[variable.name])
    joints = network.skeleton.joints
    known = network.skeleton.channels_from(source.skeleton) >= 0
    stages = min(stored.stages, network.config.stages)
    return Start(
        stages=stages,
        new_stages=network.config.stages - stages,
        known=tuple(joint for joint, is_known in zip(joints, known, strict=True) if is_known),
        fresh=tuple(joint for joint, is_known in zip(joints, known, strict=True) if not is_known),
        new_blocks=network.config.trunk_blocks - stored.trunk_blocks,
    )


def _remapped(network, source):
    """{variable with an axis of maps: (axis, source channel or FRESH of each channel)}."""
    maps = _map_channels(network.config, source.config)
    found = {}
    for head in (network.stage_1, *network.stages):
        last = head.layers[-1]
        found[last.kernel.ref()] = (3, maps)
        found[last.bias.ref()] = (0, maps)
    for features, head in zip(network.features, network.stages, strict=True):
        inputs = _input_channels(network.config, source.config, features.out_channels, maps)
        found[head.layers[0].kernel.ref()] = (2, inputs)
    return found


def _map_channels(config, source):
    """For each belief map its channel in the source, by the joint's name."""
    skeleton = get_skeleton(source.skeleton)
    channels = get_skeleton(config.skeleton).channels_from(skeleton)
    if config.background:
        background = len(skeleton) if source.background else FRESH
        channels = np.append(channels, background)
    return channels


def _input_channels(config, source, features, maps):
    """The same of what a stage t ≥ 2 sees: features, maps and the center map, as they stand."""
    ours, theirs = architecture(config), architecture(source)
    widths = {"features": features, "beliefs": theirs.maps, "center": 1}
    begins, position = {}, 0
    for name in theirs.concat:
        begins[name] = position
        position += widths[name]
    parts = {"features": np.arange(features), "beliefs": maps, "center": np.zeros(1, int)}
    return np.concatenate(
        [
            np.where(parts[name] < 0, FRESH, parts[name] + begins[name])
            if name in begins
            else np.full(len(parts[name]), FRESH)
            for name in ours.concat
        ]
    )


def _merged(own, theirs, axis, channels):
    """`own` with the channels of `theirs` along an axis; as it is where `theirs` is None."""
    if theirs is None:
        return own
    merged = np.moveaxis(own.copy(), axis, 0)
    known = channels >= 0
    merged[known] = np.moveaxis(theirs, axis, 0)[channels[known]]
    return np.moveaxis(merged, 0, axis)


def _numbers(first, last):
    """` 3`, or `s 1 to 6`."""
    return f" {last}" if first == last else f"s {first} to {last}"
