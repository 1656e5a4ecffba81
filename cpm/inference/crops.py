"""Cutting the network's input out of a picture of any size."""

import numpy as np
import tensorflow as tf

import ops
from cpm import geometry

BORDER = 128.0  # grey outside the picture, as in training; the network's normalisation maps it to 0


def cut_crop(image, crop_to_image, size):
    """The part of a picture that an affine map says, resampled.

    Bilinear sampling looks at four pixels, so a picture much larger than its crop would alias
    (and shimmer in a video). It is first averaged down over whole blocks, to less than twice the
    resolution of the crop.

    Args:
      image: `[H, W, 3]` uint8, RGB.
      crop_to_image: `[2, 3]`, crop pixels → image pixels.
      size: (height, width) of the crop.

    Returns:
      `[height, width, 3]` float32, 0 … 255; 128 outside the picture.
    """
    matrix = np.array(crop_to_image, np.float64)
    pixels_per_pixel = np.sqrt(abs(np.linalg.det(matrix[:, :2])))
    factor = max(1, int(pixels_per_pixel))
    if factor > 1:
        image = average_blocks(image, factor)
        # A block is to the picture what a map cell is to the crop.
        matrix[:, :2] /= factor
        matrix[:, 2] = geometry.crop_to_cell(matrix[:, 2], factor)
    crop = ops.affine_warp(
        image[np.newaxis],
        tf.constant(matrix[np.newaxis], tf.float32),
        height=size[0],
        width=size[1],
        border=BORDER,
    )
    return crop[0]


def average_blocks(image, factor):
    """Means over `factor` × `factor` blocks; a cut-off block at the border is filled by its edge.

    Args:
      image: `[H, W, C]`.
      factor: int ≥ 1.

    Returns:
      `[ceil(H / factor), ceil(W / factor), C]` float32.

    >>> average_blocks(np.array([[[1], [3], [8]]], np.uint8), 2)[..., 0].tolist()
    [[2.0, 8.0]]
    """
    height, width, channels = image.shape
    padded = np.pad(
        image, ((0, -height % factor), (0, -width % factor), (0, 0)), mode="edge"
    )
    blocks = padded.reshape(
        padded.shape[0] // factor, factor, padded.shape[1] // factor, factor, channels
    )
    return blocks.mean((1, 3), dtype=np.float32)
