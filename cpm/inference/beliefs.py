"""Belief maps of a crop: mirrored and scaled copies of it averaged in if asked.

A network treats left and right almost, but not quite alike. Averaged over a crop and its mirror
image, with the mirrored answer turned back, the belief maps are exactly symmetric: mirror the
crop, and the maps come out mirrored with left and right exchanged.

Over several scales the maps are averaged in image space: each is enlarged to the pixels of the
crop by a cubic spline, so that cells of different sizes meet where they belong.

References:
  The release's test code: 7 scales 0.7 … 1.3, maps enlarged to the image and summed. Neither the
  paper nor the release flips at test time; Newell et al., ECCV 2016, section 3.3, and most work
  since then do.
"""

from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np
import tensorflow as tf

import ops
from cpm.config import DecodingConfig, NetworkConfig
from cpm.errors import UsageError
from cpm.skeleton import Skeleton


class Network(Protocol):
    """A `ConvolutionalPoseMachine`, or anything called and described like one."""

    config: NetworkConfig
    skeleton: Skeleton
    stride: int
    origin_px: float

    def __call__(self, images: Any, center_px: Any, *, training: bool = False) -> tuple[Any, ...]:
        """Belief maps of every stage."""
        ...


def decoded_grid(network: Network, decoding: DecodingConfig) -> tuple[int, float]:
    """Where the maps of `batch_beliefs` lie in the crop.

    Args:
      network: a `ConvolutionalPoseMachine`.
      decoding: `DecodingConfig`.

    Returns:
      (stride, origin_px): cell g stands for the crop pixel origin_px + g · stride.
    """
    if decoding.scales == (1.0,):
        return network.stride, network.origin_px
    return 1, 0.0


def batch_beliefs(
    network: Network, batch: Mapping[str, Any], decoding: DecodingConfig
) -> tuple[tf.Tensor, ...]:
    """Belief maps of every stage, averaged over what `decoding` asks for.

        b_t(u) = Σ_s inside_s(u) b_{t,s}(s (u − c) + c) / Σ_s inside_s(u)

      u a crop pixel, c the middle of the crop, b_{t,s} the maps of the crop that shows everything s
      times as large. A pixel that an enlarged crop does not show is the mean of the others.

    Args:
      network: a `ConvolutionalPoseMachine`, or anything called and described like one.
      batch: dict with `image` `[B, H, W, 3]`, `center_px` `[B, 2]`, which is the middle of the crop
        if there are several scales, and for those `pyramid` `[B, S, H, W, 3]`, a crop per scale.
      decoding: `DecodingConfig`.

    Returns:
      Tuple of T tensors: `[B, h, w, P(+1)]`, or `[B, H, W, P(+1)]` for other scales than (1,).
    """
    center_px = batch["center_px"]
    if decoding.scales == (1.0,):
        return crop_beliefs(network, batch["image"], center_px, flip=decoding.flip)
    sums, shown = 0.0, np.zeros([1, 1])
    for n, scale in enumerate(decoding.scales):
        crops = batch["pyramid"][:, n]
        rows, columns = (_readers(crops.shape[axis], scale, network) for axis in (1, 2))
        maps = crop_beliefs(network, crops, center_px, flip=decoding.flip)
        sums += tf.stack([ops.resample(b_t, rows, columns) for b_t in maps])
        shown = shown + np.outer(rows.any(1), columns.any(1))  # [H, W]
    counts = np.maximum(shown, 1.0)[..., np.newaxis].astype(maps[0].dtype.as_numpy_dtype)
    return tuple(tf.unstack(sums / counts))


def _readers(pixels, scale, network):
    """The matrix `[pixels, cells]` that reads an axis of the maps of scale s at every crop pixel.

    The row of a pixel beyond that crop is zero.
    """
    middle = (pixels - 1) / 2
    seen = (np.arange(pixels) - middle) * scale + middle  # in pixels of the scaled crop
    cells = pixels // network.stride
    weights = ops.spline_weights((seen - network.origin_px) / network.stride, cells)
    inside = (seen >= -0.5) & (seen <= pixels - 0.5)
    return weights * inside[:, np.newaxis]


def has_mirror_image(network: Network) -> bool:
    """Whether `flip` makes sense: a symmetric grid of cells, joints that have a mirror image."""
    return network.origin_px == (network.stride - 1) / 2 and network.skeleton.has_mirror_image


def crop_beliefs(
    network: Network, images: tf.Tensor, center_px: tf.Tensor, *, flip: bool = False
) -> tuple[tf.Tensor, ...]:
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

    Raises:
      UsageError: flip, but the network has no mirror image.
    """
    maps = network(images, center_px, training=False)
    if not flip:
        return tuple(maps)
    if not has_mirror_image(network):
        raise UsageError(
            "this network has no mirror image: its maps lie on a corner grid (the blog's), or its "
            "data was converted so (--flip_pairs=none, or a side without its partner); leave out "
            "--flip"
        )
    mirrored = network(
        tf.reverse(images, axis=[2]), mirror_points(center_px, images), training=False
    )
    return tuple(
        (b + mirror_maps(b_mirrored, network.skeleton)) / 2
        for b, b_mirrored in zip(maps, mirrored, strict=True)
    )


def mirror_points(points_px: tf.Tensor, images: tf.Tensor) -> tf.Tensor:
    """(x, y) → (W − 1 − x, y), W the width of `images`; `[B, 2]` → `[B, 2]`."""
    last_column = tf.cast(tf.shape(images)[2] - 1, points_px.dtype)
    return tf.stack([last_column - points_px[:, 0], points_px[:, 1]], axis=-1)


def mirror_maps(maps: tf.Tensor, skeleton: Skeleton) -> tf.Tensor:
    """Turns the belief maps of a mirrored crop back.

    Args:
      maps: `[B, h, w, P]`, or `[B, h, w, P+1]` with the background last (its own partner).
      skeleton: names of the P joints.

    Returns:
      Maps of the same shape, columns reversed, channels of left and right exchanged.
    """
    partner = list(skeleton.mirror) + list(range(len(skeleton), maps.shape[-1]))
    return tf.gather(tf.reverse(maps, axis=[2]), partner, axis=-1)
