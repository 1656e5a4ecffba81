"""Belief maps of crops, the mirrored crop's answer averaged in if asked.

A network treats left and right almost, but not quite alike. Averaged over a crop and its mirror
image, with the mirrored answer turned back, the belief maps are exactly symmetric: mirror the
crop, and the maps come out mirrored with left and right exchanged.

References:
  Neither the paper nor the release flips at test time; Newell et al., ECCV 2016, section 3.3, and
  most work since then do.
"""

import tensorflow as tf


def crop_beliefs(network, images, center_px, *, flip=False):
    """Belief maps of every stage.

        b_t(x) = g_t(x)                               without flip
        b_t(x) = (g_t(x) + M g_t(m x)) / 2            with flip

    m mirrors the crop; M mirrors the maps and exchanges the channels of left and right.

    Args:
      network: a `ConvolutionalPoseMachine`, or anything called and described like one.
      images: `[B, H, W, 3]` float32, RGB 0 … 255.
      center_px: `[B, 2]` float32, crop pixels.
      flip: Python bool.

    Returns:
      Tuple of T tensors `[B, h, w, P(+1)]`.
    """
    maps = network(images, center_px, training=False)
    if not flip:
        return tuple(maps)
    mirrored = network(
        tf.reverse(images, axis=[2]), mirror_points(center_px, images), training=False
    )
    return tuple(
        (b + mirror_maps(b_mirrored, network.skeleton)) / 2
        for b, b_mirrored in zip(maps, mirrored)
    )


def mirror_points(points_px, images):
    """(x, y) → (W − 1 − x, y), W the width of `images`; `[B, 2]` → `[B, 2]`."""
    last_column = tf.cast(tf.shape(images)[2] - 1, points_px.dtype)
    return tf.stack([last_column - points_px[:, 0], points_px[:, 1]], axis=-1)


def mirror_maps(maps, skeleton):
    """Turns the belief maps of a mirrored crop back.

    Args:
      maps: `[B, h, w, P]`, or `[B, h, w, P+1]` with the background last (its own partner).
      skeleton: names of the P joints.

    Returns:
      Maps of the same shape, columns reversed, channels of left and right exchanged.
    """
    partner = list(skeleton.mirror) + list(range(len(skeleton), maps.shape[-1]))
    return tf.gather(tf.reverse(maps, axis=[2]), partner, axis=-1)
