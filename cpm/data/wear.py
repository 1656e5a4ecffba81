"""What happens to photographs: gray, dark, blurred, compressed, partly covered.

Each change has a probability of its own, 0 = off (`AugmentConfig`), and draws its own strength from
a stateless generator. `draw_cover` comes first, so that `wear` changes what it drew, too.
"""

import tensorflow as tf

from cpm.config import AugmentConfig
from cpm.data import augmentation

DARKEST = 0.25  # factor on brightness
BLURRIEST = 3.5  # crop pixels that become one
WORST_JPEG, BEST_JPEG = 10, 60  # quality of libjpeg
COVER_SIDES = (0.08, 0.35)  # of the crop's shorter side


def draw_cover(crop: tf.Tensor, seed: tf.Tensor, probability: float) -> tuple[tf.Tensor, tf.Tensor]:
    """Draws a rectangle of one random color over a crop, with the given probability.

    Args:
      crop: `[H, W, 3]` float32, 0..255.
      seed: `[2]` int64.
      probability: of a rectangle.

    Returns:
      crop, and the mask `[H, W]` of what is covered, 1 or 0.
    """
    height, width = crop.shape[:2]
    u = tf.random.stateless_uniform([9], seed, alg="philox")
    low, high = COVER_SIDES
    sides = (low + (high - low) * u[0:2]) * min(height, width)
    center = u[2:4] * [float(width), float(height)]
    x, y = tf.range(width, dtype=tf.float32), tf.range(height, dtype=tf.float32)
    across = tf.cast(tf.abs(x - center[0]) < sides[0] / 2, tf.float32)
    down = tf.cast(tf.abs(y - center[1]) < sides[1] / 2, tf.float32)
    mask = down[:, tf.newaxis] * across * tf.cast(u[4] < probability, tf.float32)
    return crop + mask[..., tf.newaxis] * (255.0 * u[5:8] - crop), mask


def wear(crop: tf.Tensor, seed: tf.Tensor, config: AugmentConfig) -> tf.Tensor:
    """Darkens, grays, blurs and compresses a crop, each with its probability.

    Args:
      crop: `[H, W, 3]` float32, 0..255.
      seed: `[2]` int64.
      config: `AugmentConfig`; `dark`, `gray`, `blur` and `jpeg` are used.

    Returns:
      `[H, W, 3]` float32, 0..255.
    """
    u = tf.random.stateless_uniform([8], seed, alg="philox")
    if config.dark:
        factor = DARKEST + (0.75 - DARKEST) * u[1]
        crop *= tf.where(u[0] < config.dark, factor, 1.0)
    if config.gray:
        luma = tf.reduce_sum(crop * augmentation.LUMA, -1, keepdims=True) + tf.zeros_like(crop)
        crop = tf.where(u[2] < config.gray, luma, crop)
    if config.blur:
        cell = 1.0 + (BLURRIEST - 1.0) * u[4]
        crop = tf.cond(u[3] < config.blur, lambda: _blurred(crop, cell), lambda: crop)
    if config.jpeg:
        quality = WORST_JPEG + tf.cast((BEST_JPEG - WORST_JPEG) * u[6], tf.int32)
        crop = tf.cond(u[5] < config.jpeg, lambda: _compressed(crop, quality), lambda: crop)
    return crop


def _blurred(crop, cell):
    """Shrunk until `cell` pixels are one, and enlarged again."""
    height, width = crop.shape[:2]
    size = [tf.cast(tf.round(side / cell), tf.int32) for side in (height, width)]
    small = tf.image.resize(crop, size, method="area")
    return tf.ensure_shape(tf.image.resize(small, [height, width]), crop.shape)


def _compressed(crop, quality):
    """Through JPEG and back."""
    pixels = tf.cast(tf.clip_by_value(tf.round(crop), 0.0, 255.0), tf.uint8)
    pixels = tf.image.adjust_jpeg_quality(pixels, quality)
    return tf.ensure_shape(tf.cast(pixels, tf.float32), crop.shape)
