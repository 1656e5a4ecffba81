"""Makes the files of exchange.py for the `Settings` of a run: layers, weights, images, ideal maps.

Random weights, but of healthy size: He's scale for hidden kernels, one over the fan-in for the last
of each stage, so that beliefs are of order 1. With the release's N(0, 0.01) a deep trunk without
norms answers 1e-12, and two programs that both answer nothing would agree. Biases, norms and
moving averages are random too, so that a forgotten one shows.

Dropout is left out on all sides: two libraries cannot draw the same mask, and the two layers of
`paper` that have it are 1×1. Points are random, one joint in ten is absent and masked.
"""

from typing import Any

import numpy as np
import tensorflow as tf

from cpm.benchmark import exchange
from cpm.config import TrainConfig
from cpm.config_json import to_dict
from cpm.execution import Settings
from cpm.geometry import REFERENCE_CROP_PX
from cpm.network import ConvolutionalPoseMachine, architecture
from cpm.network.architectures import NORMALIZATIONS
from cpm.network.model import CENTER_SIGMA_PX, center_map
from cpm.skeleton import ABSENT, VISIBLE
from cpm.training.targets import make_targets

SHARE_ABSENT = 0.1


def write_workload(folder: str, settings: Settings) -> None:
    """Writes plan, weights and inputs.

    Args:
      folder: where.
      settings: `Settings`; of the `TrainConfig` its `network`, `target`, `optimizer`,
        `data.batch_size` and `seed` count.
    """
    config = settings.config
    network = ConvolutionalPoseMachine(config.network, seed=config.seed)
    rng = np.random.default_rng(config.seed)
    inputs = draw_inputs(network, config, rng)
    exchange.write_plan(
        folder,
        architecture(config.network),
        to_dict(settings)
        | {
            "normalization": NORMALIZATIONS[config.network.normalization],
            "batch_norm": _norm_settings(network),
        },
    )
    exchange.write_arrays(folder, exchange.WEIGHTS, draw_weights(network, rng))
    exchange.write_arrays(folder, exchange.INPUTS, inputs)


def draw_weights(
    network: ConvolutionalPoseMachine, rng: np.random.Generator
) -> dict[str, np.ndarray]:
    """{layer/variable: array} for every variable of the network, moving averages included."""
    last = {head.kernels[-1].ref() for head in (network.stage_1, *network.stages)}
    weights = {}
    for variable in network.variables:
        key = key_of(variable)
        normal = rng.standard_normal(variable.shape).astype(np.float32)
        kind = key.split("/")[-1]
        if kind == "kernel":
            fan_in = np.prod(variable.shape[:-1])
            gain = 1.0 if variable.ref() in last else 2.0
            weights[key] = normal * np.float32(np.sqrt(gain / fan_in))
        elif kind in ("scale", "moving_variance"):
            weights[key] = np.exp(0.1 * normal)
        else:
            weights[key] = np.float32(0.1) * normal
    return weights


def key_of(variable: tf.Variable) -> str:
    """`layer/variable` of a variable of the network.

    >>> key_of(tf.Variable(0.0, name="cpm/trunk/conv1_1/kernel"))
    'conv1_1/kernel'
    """
    return "/".join(variable.name.split(":")[0].split("/")[-2:])


def draw_inputs(
    network: ConvolutionalPoseMachine, config: TrainConfig, rng: np.random.Generator
) -> dict[str, Any]:
    """A batch as cpm/data/pipeline.py makes it, and what peers are given ready: maps.

    Returns:
      {name: array}: `image`, `joints_px`, `state`, `center_px`, `valid`; `center_map`
      `[B, h, w, 1]` if the network has one; `first`, `later` `[B, h, w, C]` and `mask` `[B, C]`,
      see `cpm.training.targets.Targets`.
    """
    height, width = config.network.image_size
    batch, people = config.data.batch_size, config.data.max_people
    shape = (batch, people, len(network.skeleton))
    size = np.array([width, height], np.float32)
    absent = rng.random(shape) < SHARE_ABSENT
    inputs = {
        "image": rng.uniform(0, 255, (batch, height, width, 3)).astype(np.float32),
        "joints_px": (rng.random((*shape, 2)) * size).astype(np.float32),
        "state": np.where(absent, ABSENT, VISIBLE).astype(np.int32),
        "center_px": (rng.uniform(0.4, 0.6, (batch, 2)) * size).astype(np.float32),
        "valid": np.ones(batch, np.float32),
    }
    tensors = {key: tf.constant(value) for key, value in inputs.items()}
    ideal = make_targets(
        tensors,
        config.target,
        stride=network.stride,
        background=config.network.background,
        origin_px=network.origin_px,
    )
    inputs |= {key: value.numpy() for key, value in ideal._asdict().items()}
    if config.network.center_map:
        inputs["center_map"] = center_map(
            tensors["center_px"],
            height=height,
            width=width,
            stride=network.stride,
            sigma_px=CENTER_SIGMA_PX * min(height, width) / REFERENCE_CROP_PX,
        ).numpy()
    return inputs


def _norm_settings(network):
    """Epsilon and momentum of the norms, or None where there is none."""
    for module in network.submodules:
        if hasattr(module, "moving_mean"):
            return {"epsilon": module.epsilon, "momentum": module.momentum}
    return None
