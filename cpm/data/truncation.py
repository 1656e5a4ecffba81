"""Crops in which the image ends inside the person, as it does in portraits and at a webcam.

Data sets of whole people teach nothing about parts of one. Here an edge of the image is moved into
the person. What lies beyond it is the border's gray, and the crop lies around the joints that are
left, so that a head and shoulders may fill it. The answer for the joints beyond the edge is an
empty map: they are known not to be in the image. Joints without a label stay out of the loss.
"""

from collections.abc import Mapping

import tensorflow as tf

from cpm.skeleton import ABSENT

# How often the image ends at the left, above, at the right, below the rest of the person.
SHARES = (0.15, 0.1, 0.15, 0.6)
KEPT = (0.15, 0.85)  # of the extent of the person's joints, across the edge
SECOND = 0.3  # probability of another edge
LEAST_JOINTS = 3
LEAST_PX = 16.0  # extent of the joints that are left; fewer pixels show little


def draw_frame(
    seed: tf.Tensor, person: Mapping[str, tf.Tensor], probability: float
) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """Draws where the image ends.

    Args:
      seed: `[2]` int64.
      person: dict of the record with `size`, `joints_px` and `state`.
      probability: of an edge inside the person; where too few joints would be left, there is none.

    Returns:
      truncated: scalar bool.
      frame: `[2, 2]` float64, the low and the high corner of what the image shows, image pixels.
      box_px: `[2, 2]` float64, those of the joints of the primary person that lie in it.
    """
    u = tf.random.stateless_uniform([6], seed, dtype=tf.float64, alg="philox")
    points = tf.cast(person["joints_px"][0], tf.float64)  # [P, 2]
    labeled = person["state"][0] != ABSENT
    last = tf.cast(person["size"][::-1], tf.float64) - 1
    whole = tf.stack([tf.zeros_like(last), last])
    once = _with_edge(whole, _box(points, labeled), u[0], u[1])
    twice = _with_edge(once, _box(points, labeled & inside(points, once)), u[2], u[3])
    frame = tf.where(u[4] < SECOND, twice, once)
    left = labeled & inside(points, frame)
    box_px = _box(points, left)
    enough = tf.reduce_sum(tf.cast(left, tf.int32)) >= LEAST_JOINTS
    enough &= tf.reduce_max(box_px[1] - box_px[0]) >= LEAST_PX
    return (u[5] < probability) & enough, frame, box_px


def _with_edge(frame, box_px, kind, share):
    """The frame with one of its edges moved into the box; `kind` and `share` in [0, 1)."""
    bounds = tf.constant([sum(SHARES[: k + 1]) for k in range(3)], tf.float64)
    edge = tf.reduce_sum(tf.cast(kind >= bounds, tf.int32))
    axis, is_high = edge % 2, edge >= 2
    low, high = box_px[0], box_px[1]
    kept = (KEPT[0] + (KEPT[1] - KEPT[0]) * share) * (high - low)
    moved = tf.where(is_high, low + kept, high - kept)  # [2], on either axis
    chosen = tf.one_hot(axis, 2, on_value=True, off_value=False)
    rows = tf.stack([chosen & ~is_high, chosen & is_high])  # [2, 2]
    return tf.where(rows, moved, frame)


def _box(points, chosen):
    """Low and high corner of the chosen points, `[2, 2]`; of none a box without extent."""
    far = tf.constant(1e9, tf.float64)
    low = tf.reduce_min(tf.where(chosen[:, tf.newaxis], points, far), 0)
    high = tf.reduce_max(tf.where(chosen[:, tf.newaxis], points, -far), 0)
    return tf.where(tf.reduce_any(chosen), tf.stack([low, high]), tf.zeros([2, 2], tf.float64))


def inside(points: tf.Tensor, frame: tf.Tensor) -> tf.Tensor:
    """Whether points `[..., 2]`, (x, y), lie in a frame `[2, 2]`: `[...]` bool."""
    return tf.reduce_all((points >= frame[0]) & (points <= frame[1]), -1)


def truncate(
    image: tf.Tensor,
    joints_px: tf.Tensor,
    frame: tf.Tensor,
    matrix: tf.Tensor,
    border: float,
) -> tuple[tf.Tensor, tf.Tensor]:
    """The crop without what lies outside of the frame.

    Args:
      image: `[H, W, 3]` float32, 0..255.
      joints_px: `[..., 2]` float32, crop pixels.
      frame: `[2, 2]` float64, image pixels.
      matrix: `[2, 3]` float64, crop pixel -> image pixel.
      border: gray level outside.

    Returns:
      image, and the joints: those outside of the frame are so far outside of the crop that their
      maps are empty.
    """
    height, width = image.shape[:2]
    x, y = tf.meshgrid(tf.range(width, dtype=tf.float64), tf.range(height, dtype=tf.float64))
    pixels = _image_points(tf.stack([x, y], -1), matrix)  # [H, W, 2]
    image = tf.where(inside(pixels, frame)[..., tf.newaxis], image, border)
    kept = inside(_image_points(tf.cast(joints_px, tf.float64), matrix), frame)
    away = tf.constant(-10.0 * max(height, width), joints_px.dtype)
    return image, tf.where(kept[..., tf.newaxis], joints_px, away)


def _image_points(points, matrix):
    """Crop points `[..., 2]` in image pixels."""
    return tf.linalg.matvec(matrix[:, :2], points) + matrix[:, 2]
