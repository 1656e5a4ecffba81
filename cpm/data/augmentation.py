"""Random augmentation of a training example: where the crop is cut, and its colors.

All numbers of an example are drawn at once from one stateless generator keyed by (run seed,
epoch, example id): the same example in the same epoch always looks the same, whichever run,
machine or thread makes it.

Geometry, in the paper's order (scale, rotate, crop, flip), is one affine map, so the image is
resampled once. Color is one affine map of RGB, applied to the crop.

References:
  Wei et al. 2016, section 4.2: scale U[.7, 1.3], rotation U[-40, 40] degrees, flip.
  Color jitter (not in the paper): Howard, "Some Improvements on Deep CNN Based Image
  Classification", 2013.
"""

import math
import typing

import numpy as np
import tensorflow as tf

from cpm import geometry
from cpm.config import AugmentConfig
from cpm.data.crops import BORDER
from ops.shapes import TensorLike

# Streams of an example's generator beside that of `draw_augmentation`, so that one more kind of
# augmentation changes no other; 1 is the pixel noise.
NOISE, COMPANY, NOBODY, WEAR, TRUNCATION = 1, 2, 3, 4, 5

LUMA = (0.299, 0.587, 0.114)  # Rec. 601: how bright red, green and blue look


class Augmentation(typing.NamedTuple):
    """What is drawn for one example; all scalars but `shift`.

    Attributes:
      scale: the person becomes this much larger, float64.
      angle_rad: turn of the sampling frame, float64.
      flip: bool, mirror left-right.
      shift: `[2]` float64, of the crop's center, in sides of the crop.
      brightness, contrast, saturation: factors, float32; 1 = unchanged.
      hue: turns (1 = all around) of the color wheel, float32.
      noise: standard deviation, gray levels, float32.
    """

    scale: tf.Tensor
    angle_rad: tf.Tensor
    flip: tf.Tensor
    shift: tf.Tensor
    brightness: tf.Tensor
    contrast: tf.Tensor
    saturation: tf.Tensor
    hue: tf.Tensor
    noise: tf.Tensor


def example_seed(seed: TensorLike, epoch: TensorLike, example_id: TensorLike) -> tf.Tensor:
    """`[2]` int64 seed of one example in one epoch.

    Args:
      seed: of the run, int or scalar.
      epoch: int or scalar.
      example_id: scalar string.
    """
    key = tf.strings.to_hash_bucket_fast(example_id, 2**63 - 1)
    base = tf.stack([tf.cast(seed, tf.int64), tf.cast(epoch, tf.int64)])
    return tf.random.fold_in(base, key, alg="philox")


def stream(seed: tf.Tensor, number: int) -> tf.Tensor:
    """`[2]` int64 seed of one kind of augmentation of an example, for `seed` of `example_seed`."""
    return tf.random.fold_in(seed, number, alg="philox")


def draw_augmentation(seed: tf.Tensor, config: AugmentConfig) -> Augmentation:
    """Draws an `Augmentation` within the ranges of an `AugmentConfig`.

    Args:
      seed: `[2]` int64, of `example_seed`.
      config: `AugmentConfig`.
    """
    u = tf.random.stateless_uniform([10], seed, dtype=tf.float64, alg="philox")
    sign = 2 * u - 1  # [10], in [-1, 1)
    color = tf.cast(sign, tf.float32)
    scale = _draw_scale(u[0], config)
    room = config.room * tf.nn.relu(1 - scale) / 2
    return Augmentation(
        scale=scale,
        angle_rad=sign[1] * math.radians(config.rotation_deg),
        flip=u[2] < config.flip,
        shift=sign[3:5] * (config.shift + room),
        brightness=1 + color[5] * config.brightness,
        contrast=1 + color[6] * config.contrast,
        saturation=1 + color[7] * config.saturation,
        hue=color[8] * config.hue,
        noise=tf.cast(u[9], tf.float32) * config.noise,
    )


def _draw_scale(u, config):
    """The factor on the person's size for a number `u` drawn from [0, 1)."""
    low, high = config.scale
    if config.scale_law == "uniform":
        return low + (high - low) * u
    return low * tf.exp(math.log(high / low) * u)


def crop_map(
    center_px: TensorLike,
    side_px: TensorLike,
    size: tuple[int, int],
    drawn: Augmentation | None = None,
) -> tf.Tensor:
    """`cpm.geometry.crop_to_image` of tensors, with the numbers of an `Augmentation`.

    Args:
      center_px: `[2]`, (x, y) of the crop's center in image pixels.
      side_px: scalar, image pixels on the crop's shorter side.
      size: (height, width) of the crop.
      drawn: `Augmentation`, or None: none.

    Returns:
      `[2, 3]` float64: crop pixel (x, y, 1) -> image pixel (x, y).
    """
    center_px, side_px = tf.cast(center_px, tf.float64), tf.cast(side_px, tf.float64)
    cosine, sine, mirror = (tf.constant(v, tf.float64) for v in (1, 0, 1))
    if drawn is not None:
        side_px /= drawn.scale
        center_px += drawn.shift * side_px
        cosine, sine = tf.cos(drawn.angle_rad), tf.sin(drawn.angle_rad)
        mirror = tf.where(drawn.flip, -mirror, mirror)
    return tf.stack(
        geometry.crop_to_image_rows(center_px, side_px, size, cosine, sine, mirror)
    )  # [2, 3]


def image_to_crop(matrix: tf.Tensor, points: TensorLike) -> tf.Tensor:
    """Applies the inverse of a `[2, 3]` map to `[..., 2]` points."""
    inverse = tf.linalg.inv(matrix[:, :2])
    return tf.linalg.matvec(inverse, tf.cast(points, matrix.dtype) - matrix[:, 2])


def mirror_joints(values: TensorLike, flip: TensorLike, mirror: np.ndarray) -> tf.Tensor:
    """Exchanges the left and the right joints where `flip` is true.

    In a mirror the left hand is a right hand. Positions need no further change: the crop's map
    already mirrors them.

    Args:
      values: `[people, P, ...]`.
      flip: scalar bool.
      mirror: `[P]` int array, `Skeleton.mirror`.
    """
    return tf.gather(values, tf.where(flip, mirror, np.arange(len(mirror))), axis=1)


def color_map(drawn: Augmentation) -> tuple[tf.Tensor, tf.Tensor]:
    """The augmentation of colors as an affine map of RGB.

        c' = A c + b,   A = contrast * saturate(hue_turn) * brightness,   b = (1 - contrast) * 128

      brightness multiplies; hue turns about the gray axis; saturation blends with the luma;
      contrast pivots at mid-gray, so that it scales what the network sees.

    Returns:
      A `[3, 3]`, b `[3]`, float32.
    """
    saturate = drawn.saturation * tf.eye(3) + (1 - drawn.saturation) * tf.constant([LUMA] * 3)
    linear = drawn.brightness * drawn.contrast * saturate @ _hue_turn(drawn.hue)
    return linear, tf.fill([3], (1 - drawn.contrast) * BORDER)


def border_color(linear: tf.Tensor, offset: tf.Tensor, border: float = BORDER) -> tf.Tensor:
    """`[3]`: the color that the map turns into the border's gray: the border stays gray."""
    return tf.linalg.matvec(tf.linalg.inv(linear), border - offset)


def recolor(
    crop: tf.Tensor,
    linear: tf.Tensor,
    offset: tf.Tensor,
    noise: tf.Tensor | None,
    seed: tf.Tensor,
) -> tf.Tensor:
    """Applies the color map and pixel noise.

    Args:
      crop: `[H, W, 3]` float32, 0..255.
      linear, offset: of `color_map`.
      noise: scalar, standard deviation in gray levels, or None.
      seed: `[2]` int64, of the noise.

    Returns:
      `[H, W, 3]` float32, clipped to 0..255.
    """
    flat = tf.reshape(crop, [-1, 3])
    recolored = tf.reshape(tf.matmul(flat, linear, transpose_b=True) + offset, crop.shape)
    if noise is not None:
        recolored += noise * tf.random.stateless_normal(crop.shape, seed, alg="philox")
    return tf.clip_by_value(recolored, 0.0, 255.0)


def _hue_turn(turns):
    """`[3, 3]` rotation of RGB about the gray axis (1, 1, 1); Rodrigues' formula."""
    angle = 2 * math.pi * turns
    axis = tf.ones([3, 3]) / 3  # projects on the axis
    cross = tf.constant([[0.0, -1, 1], [1, 0, -1], [-1, 1, 0]]) / math.sqrt(3)
    return axis + tf.cos(angle) * (tf.eye(3) - axis) + tf.sin(angle) * cross
