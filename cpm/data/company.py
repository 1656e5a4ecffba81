"""Another person pasted beside, behind or in front of the crop's own, with known joints.

Photographs of one person teach nothing about two. Here a second training person is shown in the
same crop, at another size, and both answers are exact: stage 1 is asked for everybody's joints, the
later stages for those of the person nearest to the crop's center, which stays the primary one.

What is pasted is either the body, cut out along its skeleton, or a rectangle of its image; both
with hard or with soft edges. A person pasted behind the primary one is hidden by its body.

References:
  Ghiasi et al., "Simple Copy-Paste is a Strong Data Augmentation Method", CVPR 2021; here the mask
  is made of the skeleton, since these data sets have none.
"""

import math
import typing
from collections.abc import Callable, Mapping

import numpy as np
import tensorflow as tf

from cpm.data import augmentation
from cpm.skeleton import ABSENT, OCCLUDED, VISIBLE
from ops.shapes import TensorLike

LIMB_RADIUS = 0.075  # of a person's square, half the width of what is cut out around a limb
LEAST_LABELED = 0.8  # share of joints; an unlabeled one would be asked for as an empty map
CLEARANCE = 0.08  # of the crop's side: how much farther from its center the pasted person lies


class Placement(typing.NamedTuple):
    """Where and how the second person is pasted.

    Attributes:
      matrix: `[2, 3]` float64: crop pixel -> pixel of the second person's image.
      flip: bool, whether it is mirrored.
      clear: bool, whether the primary person stays the one nearest to the crop's center.
      size_px: side of the person's square in the crop.
      behind: bool; body: bool, cut out along the skeleton, else a rectangle.
      softness_px: width of the edge.
    """

    matrix: tf.Tensor
    flip: tf.Tensor
    clear: tf.Tensor
    size_px: tf.Tensor
    behind: tf.Tensor
    body: tf.Tensor
    softness_px: tf.Tensor


def draw_placement(
    seed: tf.Tensor,
    primary_px: tf.Tensor,
    primary_size_px: tf.Tensor,
    region: tuple[tf.Tensor, tf.Tensor],
    size: tuple[float, float],
    mirrored: bool = True,
) -> Placement:
    """Draws where the second person stands.

    Args:
      seed: `[2]` int64.
      primary_px: `[2]` float64, center of the primary person in the crop.
      primary_size_px: scalar float64, side of its square in the crop.
      region: (center_px `[2]`, side_px) of the second person in its own image, float64.
      size: (height, width) of the crop.
      mirrored: whether the second person may be mirrored.

    Returns:
      `Placement`.
    """
    u = tf.random.stateless_uniform([9], seed, dtype=tf.float64, alg="philox")
    height, width = size
    shorter = float(min(height, width))
    # From 0.6 to 1.5 times the primary person's size, uniform in the logarithm.
    size_px = primary_size_px * 0.6 * tf.exp(math.log(1.5 / 0.6) * u[0])
    size_px = tf.clip_by_value(size_px, 0.3 * shorter, 1.3 * shorter)
    # A standing person is some 0.4 of its square wide, so squares overlap where people stand close.
    apart = (0.2 + 0.6 * u[1]) * (primary_size_px + size_px) / 2
    side = tf.where(u[2] < 0.5, tf.constant(-1.0, tf.float64), 1.0)
    at_px = primary_px + tf.stack([side * apart, (u[3] - 0.5) * 0.5 * shorter])
    middle = tf.constant([(width - 1) / 2, (height - 1) / 2], tf.float64)
    farther = tf.norm(at_px - middle) - tf.norm(primary_px - middle)
    flip = (u[4] < 0.5) & mirrored
    angle_rad = (2 * u[5] - 1) * math.radians(20.0)
    center_px, side_px = region
    cosine, sine = tf.cos(angle_rad), tf.sin(angle_rad)
    mirror = tf.where(flip, tf.constant(-1.0, tf.float64), 1.0)
    linear = (
        side_px / size_px * tf.stack([[cosine * mirror, -sine], [sine * mirror, cosine]])
    )  # [2, 2]
    offset = center_px - tf.linalg.matvec(linear, at_px)
    return Placement(
        matrix=tf.concat([linear, offset[:, tf.newaxis]], 1),
        flip=flip,
        clear=farther > CLEARANCE * shorter,
        size_px=size_px,
        behind=u[6] < 0.5,
        body=u[7] < 0.65,
        softness_px=tf.cast(1.0 + 5.0 * tf.square(u[8]), tf.float32),
    )


def body_mask(
    joints_px: TensorLike,
    state: TensorLike,
    limbs: np.ndarray,
    size: tuple[int, int],
    radius_px: TensorLike,
    softness_px: TensorLike,
) -> tf.Tensor:
    """Which pixels lie within a radius of a person's limbs.

        m(z) = clip((radius - min over limbs of |z - limb|) / softness + 1/2, 0, 1)

    Args:
      joints_px: `[P, 2]` float32, crop pixels.
      state: `[P]` int32; a limb counts if both of its joints have a position.
      limbs: `[L, 2]` int array, pairs of joints, L > 0.
      size: (height, width).
      radius_px, softness_px: scalars.

    Returns:
      `[H, W]` float32 in [0, 1].
    """
    height, width = size
    a, b = (tf.gather(joints_px, limbs[:, k]) for k in (0, 1))  # [L, 2]
    labeled = tf.gather(state, limbs[:, 0]) * tf.gather(state, limbs[:, 1]) != ABSENT  # [L]
    x, y = (axis.ravel() for axis in np.meshgrid(np.arange(width), np.arange(height)))
    along = b - a
    length_2 = tf.reduce_sum(along * along, -1, keepdims=True)  # [L, 1]

    # Both are linear in (x, y, x² + y², 1), so one product each gives them for all pixels and
    # limbs: several times as fast as differences `[L, H W, 2]` of points.
    def for_all_pixels(by_point, by_square, constant):
        rows = tf.constant(np.stack([x, y, x * x + y * y, np.ones_like(x)]), tf.float32)
        return tf.concat([by_point, by_square, constant], 1) @ rows  # [L, H W]

    zeros, ones = tf.zeros_like(length_2), tf.ones_like(length_2)
    projected = for_all_pixels(along, zeros, -tf.reduce_sum(a * along, -1, keepdims=True))
    from_a_2 = for_all_pixels(-2.0 * a, ones, tf.reduce_sum(a * a, -1, keepdims=True))
    # With z − a = v: |v − t along|² = |v|² − t (2 v·along − t |along|²), t the nearest in [0, 1].
    t = tf.clip_by_value(projected / tf.maximum(length_2, 1e-6), 0.0, 1.0)
    distance_2 = from_a_2 - t * (2.0 * projected - t * length_2)
    distance_2 += tf.where(labeled, 0.0, float(height + width) ** 2)[:, tf.newaxis]
    distance = tf.sqrt(tf.maximum(tf.reduce_min(distance_2, 0), 0.0))  # [H W]
    mask = (radius_px - distance) / softness_px + 0.5
    return tf.reshape(tf.clip_by_value(mask, 0.0, 1.0), [height, width])


def box_mask(
    low: tf.Tensor | np.ndarray,
    high: tf.Tensor | np.ndarray,
    size: tuple[int, int],
    softness_px: TensorLike,
) -> tf.Tensor:
    """Which pixels lie in a rectangle: `[H, W]` float32 in [0, 1].

    Args:
      low, high: `[2]` float32, (x, y) of its corners, crop pixels.
      size: (height, width).
      softness_px: width of its edge.
    """
    height, width = size
    axes = []
    for k, pixels in ((1, height), (0, width)):
        at = tf.range(pixels, dtype=tf.float32)
        depth = tf.minimum(at - low[k], high[k] - at)
        axes.append(tf.clip_by_value(depth / softness_px + 0.5, 0.0, 1.0))
    return axes[0][:, tf.newaxis] * axes[1]


def inside_image(matrix: tf.Tensor, image_size: tf.Tensor, size: tuple[int, int]) -> tf.Tensor:
    """Which crop pixels the image reaches: `[H, W]` float32, 1 or 0.

    Args:
      matrix: `[2, 3]`, crop pixel -> image pixel.
      image_size: `[2]`, height and width of the image.
      size: (height, width) of the crop.
    """
    height, width = size
    x, y = np.arange(width, dtype=np.float64), np.arange(height, dtype=np.float64)[:, np.newaxis]
    last_px = tf.cast(image_size[::-1], tf.float64) - 1
    inside = True
    for row, last in zip(tf.unstack(matrix), tf.unstack(last_px), strict=True):
        at = row[0] * x + (row[1] * y + row[2])  # [H, W]
        inside &= (at >= 0) & (at <= last)
    return tf.cast(inside, tf.float32)


def paste(
    crop: tf.Tensor,
    joints_px: tf.Tensor,
    state: tf.Tensor,
    second: Mapping[str, tf.Tensor],
    placement: Placement,
    limbs: np.ndarray,
    primary_size_px: TensorLike,
) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """The crop with the second person in it.

    Args:
      crop: `[H, W, 3]` float32, 0..255.
      joints_px, state: `[P, 2]` float32, `[P]` int32 of the primary person, crop pixels.
      second: dict of the second person in the crop: `image` `[H, W, 3]`, `inside` `[H, W]`,
        `joints_px` `[P, 2]`, `state` `[P]`.
      placement: `Placement`.
      limbs: `[L, 2]` int array.
      primary_size_px: scalar, side of the primary person's square in the crop.

    Returns:
      crop, and the states of both people: what is covered is occluded.
    """
    size = crop.shape[:2]
    softness_px = placement.softness_px
    size_px = tf.cast(placement.size_px, tf.float32)
    points = tf.boolean_mask(second["joints_px"], second["state"] != ABSENT)
    room = 0.08 * size_px
    box = box_mask(
        tf.reduce_min(points, 0) - room, tf.reduce_max(points, 0) + room, size, softness_px
    )
    if len(limbs):
        body = body_mask(
            second["joints_px"], second["state"], limbs, size, LIMB_RADIUS * size_px, softness_px
        )
        primary = body_mask(
            joints_px,
            state,
            limbs,
            size,
            LIMB_RADIUS * tf.cast(primary_size_px, tf.float32),
            softness_px,
        )
    else:  # points without limbs: rectangles alone
        body, primary = box, tf.zeros(size)
    mask = second["inside"] * tf.where(placement.body, body, box)
    front = mask * tf.where(placement.behind, 1.0 - primary, tf.ones(size))
    crop = crop + front[..., tf.newaxis] * (second["image"] - crop)
    hidden = mask * (1.0 - front)  # of the second person, by the primary one
    return crop, cover(state, joints_px, front), cover(second["state"], second["joints_px"], hidden)


def cover(state: tf.Tensor, joints_px: TensorLike, mask: tf.Tensor) -> tf.Tensor:
    """States after something was drawn over the crop: visible joints under it are occluded.

    Args:
      state: `[..., P]` int32.
      joints_px: `[..., P, 2]` float32, crop pixels.
      mask: `[H, W]`, how much of a pixel is covered.
    """
    height, width = mask.shape
    at = tf.cast(tf.round(joints_px), tf.int32)
    last = tf.constant([width - 1, height - 1])
    shown = tf.reduce_all((at >= 0) & (at <= last), -1)
    at = tf.clip_by_value(at, 0, last)
    covered = tf.gather_nd(mask, at[..., ::-1]) > 0.5
    return tf.where(shown & covered & (state == VISIBLE), OCCLUDED, state)


def second_person(
    person: Mapping[str, tf.Tensor],
    placement: Placement,
    cut: Callable[[tf.Tensor], tf.Tensor],
    size: tuple[int, int],
    mirror: np.ndarray,
) -> dict[str, tf.Tensor]:
    """The second person in the crop, as `paste` wants it.

    Args:
      person: dict of the record, joints in the order of the model's skeleton.
      placement: `Placement`.
      cut: function of a matrix that cuts a crop of the person's image.
      size: (height, width) of the crop.
      mirror: `Skeleton.mirror`.
    """
    joints_px = augmentation.image_to_crop(placement.matrix, person["joints_px"][:1])
    state = augmentation.mirror_joints(person["state"][:1], placement.flip, mirror)[0]
    joints_px = augmentation.mirror_joints(joints_px, placement.flip, mirror)[0]
    joints_px = tf.where(state[:, tf.newaxis] == ABSENT, 0.0, tf.cast(joints_px, tf.float32))
    return {
        "image": cut(placement.matrix),
        "inside": inside_image(placement.matrix, person["size"], size),
        "joints_px": joints_px,
        "state": state,
    }
