"""Cutting the crop out of an image: what training, evaluation and prediction share.

A bilinear warp looks at four pixels only: where the crop is much coarser than the image it
would skip the pixels in between (aliasing). So a large image is first shrunk by the mean over
whole blocks, by the integer factor that leaves less than two pixels for each of the crop.
"""

import tensorflow as tf

from ops import affine_warp
from ops.shapes import TensorLike

BORDER = 128.0  # mid-gray, which the network's (x - 128) / 256 maps to 0; the release's value


def cut_crop(
    image: TensorLike,
    matrix: TensorLike,
    size: tuple[int, int],
    border: TensorLike = BORDER,
) -> tf.Tensor:
    """Samples a crop from an image; runs in graphs as well as eagerly.

    Args:
      image: `[H, W, 3]` uint8 or float32; H and W may be unknown.
      matrix: `[2, 3]` float, crop pixel (x, y, 1) -> image pixel (x, y).
      size: (height, width) of the crop.
      border: color outside the image, a number or `[3]`.

    Returns:
      `[height, width, 3]` float32, 0..255.
    """
    image, matrix = shrink_for(image, tf.cast(matrix, tf.float32))
    height, width = size
    return affine_warp(
        image[tf.newaxis],
        matrix[tf.newaxis],
        height=height,
        width=width,
        border=border,
        differentiable=False,
    )[0]


def shrink_for(image: TensorLike, matrix: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """The image averaged over f x f blocks, and the matrix into its pixels.

        f = max(1, floor(image pixels per crop pixel)),   x_block = (x - (f - 1) / 2) / f

    A cut-off block at the right or the lower edge is filled with its mirror image.

    Args:
      image: `[H, W, 3]` uint8 or float32.
      matrix: `[2, 3]` float32, a similarity.

    Returns:
      (`[ceil(H / f), ceil(W / f), 3]` float32, `[2, 3]`).
    """
    pixels_per_pixel = tf.sqrt(tf.abs(tf.linalg.det(matrix[:, :2])))
    limit = tf.reduce_min(tf.shape(image)[:2])
    f = tf.clip_by_value(tf.cast(pixels_per_pixel, tf.int32), 1, limit)
    image = tf.cond(f > 1, lambda: _block_means(image, f), lambda: tf.cast(image, tf.float32))
    f = tf.cast(f, tf.float32)
    offset = tf.constant([[0.0, 0.0, 1.0], [0.0, 0.0, 1.0]]) * (f - 1) / 2
    return image, (matrix - offset) / f


def _block_means(image, f):
    """Means over `f x f` blocks: `[H, W, 3]` -> `[ceil(H / f), ceil(W / f), 3]` float32.

    The rows of a block are added first: whole rows are, value by value, which leaves a small image
    for the columns. Both sums at once take three to five times as long, and `tf.pad` would take
    longer for the mirror image than both. The sums of 8 bit values are whole numbers, so their
    order does not count.
    """
    image = tf.convert_to_tensor(image)
    for axis in (0, 1):
        size = tf.shape(image)[axis]
        _, edge = tf.split(image, [size - -size % f, -size % f], axis)
        image = tf.concat([image, tf.reverse(edge, [axis])], axis)
    rows, columns = tf.shape(image)[0] // f, tf.shape(image)[1] // f
    sums = tf.reshape(tf.cast(image, tf.float32), [rows, f, columns * f * 3])
    sums = tf.reshape(tf.reduce_sum(sums, 1), [rows, columns, f, 3])
    return tf.reduce_sum(sums, 2) / tf.cast(f * f, tf.float32)
