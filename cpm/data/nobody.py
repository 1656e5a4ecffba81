"""Crops whose center shows no person: the later stages' answer is empty maps.

A network that has only seen people finds one in a cup and in the sky. Some crops are therefore
made of what lies beside people, and the confidence of their joints learns to say "nobody":

    BACKGROUND   a square of the image beside the person's joints, enlarged
    TILED        the same, repeated by reflection: a texture as sharp as a photograph
    PATTERN      smooth random colors with an edge: sky, walls, gradients
    PART         the crop's center lies outside the person, a part of which may be in the crop

Stage 1 is still asked for the joints that lie in the crop, since its target holds everybody's.
People with few labels make no such crops (cpm/data/prepare.py). Unlabeled people are not known
here: where one person an image is labeled, as in LSP, a crop may show another.
"""

import math
from collections.abc import Mapping

import tensorflow as tf

from cpm.skeleton import ABSENT

BACKGROUND, TILED, PATTERN, PART = range(4)
SHARES = (0.35, 0.25, 0.15, 0.25)  # of the four kinds, in their order
LEAST_PX = 10.0  # a smaller square of background shows nothing but its own blur
KEEP_CLEAR = 0.25  # no labeled joint closer to the crop's center, in its shorter sides


def draw_region(
    seed: tf.Tensor, person: Mapping[str, tf.Tensor], side_px: tf.Tensor | float
) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """Draws a kind and the square of the image it shows.

    Args:
      seed: `[2]` int64.
      person: dict of the record with `size` and `box_px`.
      side_px: side of the person's own crop, image pixels.

    Returns:
      kind: scalar int32, where there is no background `PATTERN`.
      center_px `[2]`, side_px `[]`: float64, image pixels.
    """
    u = tf.random.stateless_uniform([6], seed, dtype=tf.float64, alg="philox")
    bounds = tf.constant([sum(SHARES[: k + 1]) for k in range(3)], tf.float64)
    kind = tf.reduce_sum(tf.cast(u[0] >= bounds, tf.int32))
    center_b, side_b = _beside(u, person)
    center_p, side_p = _outside(u, person, side_px)
    part = kind == PART
    center_px, side = tf.where(part, center_p, center_b), tf.where(part, side_p, side_b)
    kind = tf.where(~part & (side_b < LEAST_PX), PATTERN, kind)
    return kind, center_px, tf.maximum(side, 1.0)


def _beside(u, person):
    """A square in the strip left of, right of, above or below the person's joints."""
    low, high = tf.unstack(tf.cast(person["box_px"], tf.float64))
    pad = 0.1 * tf.reduce_max(high - low)  # hands, feet and hair reach beyond joints
    size = tf.cast(person["size"][::-1], tf.float64)  # width, height
    before, behind = tf.nn.relu(low - pad), tf.nn.relu(size - 1 - high - pad)
    rooms = tf.concat([before, behind], 0)  # left, above, right, below
    ends = tf.cumsum(rooms)
    strip = tf.minimum(tf.reduce_sum(tf.cast(u[1] * ends[-1] >= ends, tf.int32)), 3)
    room, axis = rooms[strip], strip % 2
    side = tf.minimum(room, tf.reduce_min(size)) * (0.7 + 0.3 * u[2])
    across = side / 2 + u[3] * (room - side)
    across = tf.where(strip < 2, across, size[axis] - 1 - across)
    along = side / 2 + u[4] * tf.nn.relu(size[1 - axis] - 1 - side)
    return tf.where(axis == 0, tf.stack([across, along]), tf.stack([along, across])), side


def _outside(u, person, side_px):
    """A square of about the person's own crop whose center lies outside the joints' box."""
    low, high = tf.unstack(tf.cast(person["box_px"], tf.float64))
    extent = tf.reduce_max(high - low)
    angle = 2 * math.pi * u[1]
    direction = tf.stack([tf.cos(angle), tf.sin(angle)])
    to_edge = 0.5 * extent / tf.reduce_max(tf.abs(direction))
    distance = to_edge + (0.2 + 0.4 * u[2]) * extent
    return (low + high) / 2 + distance * direction, side_px * (0.6 + 0.8 * u[3])


def is_clear(joints_px: tf.Tensor, state: tf.Tensor, size: tuple[int, int]) -> tf.Tensor:
    """Whether no labeled joint lies near the crop's center: scalar bool.

    Args:
      joints_px: `[M, P, 2]` float32, crop pixels; state: `[M, P]`.
      size: (height, width).
    """
    height, width = size
    middle = tf.constant([(width - 1) / 2, (height - 1) / 2], tf.float32)
    near = tf.norm(joints_px - middle, axis=-1) < KEEP_CLEAR * min(height, width)
    return ~tf.reduce_any(near & (state != ABSENT))


def tiled(crop: tf.Tensor) -> tf.Tensor:
    """The crop at half its size, repeated by reflection: `[H, W, 3]` → `[H, W, 3]`."""
    height, width = crop.shape[:2]
    rows, columns = -(-height // 2), -(-width // 2)
    part = crop[:rows, :columns]
    row = tf.concat([part, part[:, ::-1]], 1)
    return tf.concat([row, row[::-1]], 0)[:height, :width]


def pattern(seed: tf.Tensor, size: tuple[int, int]) -> tf.Tensor:
    """Smooth random colors, most often with an edge between two of them.

    Args:
      seed: `[2]` int64.
      size: (height, width).

    Returns:
      `[H, W, 3]` float32, 0..255.
    """
    u = tf.random.stateless_uniform([10], seed, alg="philox")
    below, above = 255.0 * u[:3], 255.0 * u[3:6]
    fields = []
    for k, cells in enumerate((3, 3, 8, 24)):
        seeds = tf.random.fold_in(seed, k + 1, alg="philox")
        noise = tf.random.stateless_normal([1, cells, cells, 3], seeds, alg="philox")
        fields.append(tf.image.resize(noise, size, method="bicubic")[0])
    edge = tf.sigmoid((fields[0][..., :1] + 2 * u[6] - 1) * (1.0 + 30.0 * u[7]))
    smooth = 25.0 * fields[1] + 25.0 * u[8] * fields[2] + 25.0 * tf.square(u[9]) * fields[3]
    return tf.clip_by_value(below + edge * (above - below) + smooth, 0.0, 255.0)
