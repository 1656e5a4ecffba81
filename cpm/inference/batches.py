"""Batches of crops through a network: joints of every stage, in crop pixels."""

import functools
from collections.abc import Mapping
from typing import Any

import numpy as np
import tensorflow as tf

import ops
from cpm.config import DecodingConfig
from cpm.errors import MapsNotFinite
from cpm.execution.use import Executed
from cpm.inference.beliefs import Network, batch_beliefs, decoded_grid

PLAIN = DecodingConfig()
# Beliefs below are noise: training's targets are cut at 0.01. It is the smallest normal number of
# 16 bits, so that an exported network that computes in 16 bits decodes its maps as it does here.
LEAST_BELIEF = 2.0**-14


def predict_batch(
    network: Network, batch: Mapping[str, Any], decoding: DecodingConfig = PLAIN
) -> tuple[tf.Tensor, tf.Tensor]:
    """Joints of every stage for one batch, in crop pixels.

    Compiled on the first call for each network, batch shape and option.

    Args:
      network: a `ConvolutionalPoseMachine`, an `Executed`, which says how it is computed, or an
        `ExportedNetwork`.
      batch: dict with `image` `[B, H, W, 3]`, `center_px` `[B, 2]` and, for several scales,
        `pyramid` (cpm/inference/beliefs.py).
      decoding: `DecodingConfig`.

    Returns:
      joints `[T, B, P, 2]` in crop pixels, confidence `[T, B, P]`.
    """
    return predict_with_beliefs(network, batch, decoding)[1:]


def predict_with_beliefs(
    network: Network, batch: Mapping[str, Any], decoding: DecodingConfig = PLAIN
) -> tuple[tuple[tf.Tensor, ...], tf.Tensor, tf.Tensor]:
    """As `predict_batch`, with the belief maps that the joints were read from.

    Returns:
      beliefs: T tensors `[B, h, w, P(+1)]`, as `batch_beliefs` gives them.
      joints: `[T, B, P, 2]` in crop pixels.
      confidence: `[T, B, P]`.
    """
    keys = ("image", "center_px", "pyramid")  # strings (ids) cannot enter XLA
    tensors = {key: batch[key] for key in keys if key in batch}
    if getattr(network, "eager", False):  # an exported file, whose runtime takes no graph's tensors
        return _predict(network, tensors, decoding)
    whole = isinstance(network, Executed) and network.compiled
    return _compiled(decoding, whole)(network, tensors)


def find_joints(
    network: Network, maps: tf.Tensor, decoding: DecodingConfig
) -> tuple[tf.Tensor, tf.Tensor]:
    """Peaks of the joints' maps of one stage, the background left out.

    Args:
      network: which drew the maps.
      maps: `[B, h, w, P(+1)]`, of `batch_beliefs`.
      decoding: `DecodingConfig`, the same.

    Returns:
      joints `[B, P, 2]` in crop pixels, confidence `[B, P]` in [0, 1]: the height of the peak. Maps
      are linear, so that a peak may be 1.04 high or lie below 0; the maps keep those values.
    """
    stride, origin_px = decoded_grid(network, decoding)
    joints_px, height = ops.find_peaks(
        maps[..., : len(network.skeleton)],
        stride=stride,
        refinement=decoding.refinement,
        sigma_cells=decoding.sigma_px / stride,
        origin_px=origin_px,
        floor=LEAST_BELIEF,
    )
    return joints_px, tf.clip_by_value(height, 0.0, 1.0)


def check_finite(confidence: np.ndarray) -> None:
    """`MapsNotFinite` where weights are so large that maps overflow: nobody is found, or anybody.

    Args:
      confidence: of any shape, as of `predict_batch`.
    """
    if not np.isfinite(confidence).all():
        raise MapsNotFinite(
            "the network's belief maps hold numbers that are not finite: its weights are damaged, "
            "its training went wrong, or --precision=float16 cannot hold them; name another "
            "checkpoint with --ckpt"
        )


# A network is a key of tf.function's cache (by weak reference), so that each one is traced once,
# however often a training loop evaluates it.
@functools.cache
def _compiled(decoding, whole):
    def predict(network, batch):
        return _predict(network, batch, decoding)

    return tf.function(predict, jit_compile=whole or None, autograph=False)


def _predict(network, batch, decoding):
    maps = batch_beliefs(network, batch, decoding)  # T × [B, h, w, P(+1)]
    joints = len(network.skeleton)
    # All stages at once: half of the time to a first image is that of tracing.
    stages = tf.concat([b_t[..., :joints] for b_t in maps], 0)  # [T·B, h, w, P]
    joints_px, confidence = find_joints(network, stages, decoding)
    return (
        maps,
        tf.reshape(joints_px, [len(maps), -1, joints, 2]),
        tf.reshape(confidence, [len(maps), -1, joints]),
    )
