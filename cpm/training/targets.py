"""Ideal belief maps: what every stage is asked to draw.

A joint's map is a Gaussian at its position; the background map is one minus the largest of them.
Stage 1 sees too small a part of the image to tell people apart, so it is asked for everybody's
joints; stages ≥ 2 see the center map and are asked for the primary person's only.

References:
  Wei et al. 2016, section 3.3: b_*^p(Y_p = z), Eq. 4.
  The authors' release: σ = 7 px, people's peaks added and clipped to 1, values under 1 % cut to 0.
"""

import typing
from collections.abc import Mapping

import tensorflow as tf

from cpm.config import TargetConfig
from cpm.skeleton import ABSENT
from ops import gaussian_heatmap


class Targets(typing.NamedTuple):
    """Ideal maps and which of them count.

    Attributes:
      first: `[B, h, w, C]` float32 in [0, 1], for stage 1; C = P, or P + 1 with the background.
      later: `[B, h, w, C]`, for stages ≥ 2.
      mask: `[B, C]` in {0, 1}; 0 leaves that map of that example out of the loss.
    """

    first: tf.Tensor
    later: tf.Tensor
    mask: tf.Tensor


def make_targets(
    batch: Mapping[str, tf.Tensor],
    config: TargetConfig,
    *,
    stride: int,
    background: bool,
    origin_px: float | None = None,
) -> Targets:
    """Draws the ideal belief maps of a batch.

    Args:
      batch: dict with `image` `[B, H, W, 3]`, `joints_px` `[B, M, P, 2]` (crop pixels, person 0
        is the primary), `state` `[B, M, P]`, `valid` `[B]` and, where there are such examples,
        `nobody` `[B]`, as cpm/data/pipeline.py makes it.
      config: `TargetConfig`.
      stride: crop pixels per map cell.
      background: append the background map.
      origin_px: crop pixel that cell 0 stands for; None = (stride − 1) / 2, its middle.

    Returns:
      `Targets`.

    References:
      Wei et al. 2016, Eq. 2 and Eq. 4.
    """
    joints_px, state = batch["joints_px"], _states(batch, config)
    people, joints = joints_px.shape[1:3]
    height, width = (-(-side // stride) for side in batch["image"].shape[1:3])

    maps = gaussian_heatmap(
        tf.reshape(joints_px, [-1, people * joints, 2]),
        tf.cast(tf.reshape(state, [-1, people * joints]) != ABSENT, joints_px.dtype),
        height=height,
        width=width,
        stride=stride,
        sigma_px=config.sigma_px,
        cutoff=config.cutoff,
        origin_px=origin_px,
    )
    maps = tf.reshape(maps, [-1, height, width, people, joints])  # [B, h, w, M, P]
    later = maps[..., 0, :]  # [B, h, w, P]
    everyone = tf.minimum(tf.reduce_sum(maps, -2), 1.0)  # [B, h, w, P]
    first = everyone if config.everyone_in_stage_1 else later
    if background:
        first, later = _with_background(first), _with_background(later)
    return Targets(first, later, counted_maps(batch, config, background=background))


def counted_maps(
    batch: Mapping[str, tf.Tensor], config: TargetConfig, *, background: bool
) -> tf.Tensor:
    """Which maps of a batch count, `[B, C]` in {0, 1}: the mask of `Targets`, and nothing drawn.

    Args:
      batch, config, background: as for `make_targets`.
    """
    dtype = batch["joints_px"].dtype
    primary = _states(batch, config)[:, 0]  # [B, P]
    mask = tf.cast(primary != ABSENT, dtype) if config.mask_absent else tf.ones_like(primary, dtype)
    if "nobody" in batch:  # no joint has a position, and that is the answer
        mask = tf.maximum(mask, batch["nobody"][:, tf.newaxis])
    if background:
        mask = tf.pad(mask, [[0, 0], [0, 1]], constant_values=1.0)  # [B, P + 1]
    return mask * batch["valid"][:, tf.newaxis]


def _states(batch, config):
    """`[B, M, P]`: the states, joints outside the crop absent if they are to be dropped."""
    if not config.drop_outside:
        return batch["state"]
    inside = _inside(batch["joints_px"], batch["image"].shape[1:3])
    return tf.where(inside, batch["state"], ABSENT)


def _inside(points_px, size):
    """Whether points `[..., 2]`, (x, y), lie on one of the (height, width) pixels: `[...]` bool."""
    last = tf.constant([size[1] - 1, size[0] - 1], points_px.dtype)
    return tf.reduce_all((points_px >= 0) & (points_px <= last), -1)


def _with_background(maps):
    """Appends 1 − max over joints: `[B, h, w, P]` → `[B, h, w, P + 1]`."""
    return tf.concat([maps, 1.0 - tf.reduce_max(maps, -1, keepdims=True)], -1)
