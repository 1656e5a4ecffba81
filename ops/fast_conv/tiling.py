"""Where the tiles of an image lie: padding, cutting, and adding up again where tiles overlap.

Tiles begin `step` pixels apart and may be larger than that. So an image is a grid of *blocks* of
`step` pixels, and a tile is its own block and the beginnings of those that follow: it is cut out
by slices and a concatenation, with no gather.
"""

import dataclasses
from collections.abc import Sequence
from typing import Any

import tensorflow as tf

from ops.fast_conv.algorithms import Bilinear2D
from ops.fast_conv.small_products import sizes


@dataclasses.dataclass(frozen=True)
class Tiling:
    """Tile (i, j) begins at pixel (i step_h - before_h, j step_w - before_w).

    There are ceil(H / step_h) by ceil(W / step_w) tiles. Pixels outside of the image are zero.

    Attributes:
      size: (h, w) of a tile.
      step: (step_h, step_w), from a tile to the next.
      before: (before_h, before_w), zeros above and left of the first.
      shape: (B, H, W) of the image: ints, or scalar tensors where unknown while tracing.
    """

    size: tuple[int, int]
    step: tuple[int, int]
    before: tuple[int, int]
    shape: tuple[Any, Any, Any]

    @property
    def tiles(self) -> tuple[Any, Any]:
        """(down, across)."""
        return tuple(-(-size // step) for size, step in zip(self.shape[1:], self.step, strict=True))

    @property
    def blocks(self) -> tuple[Any, Any]:
        """Blocks of `step` pixels, down and across, that all tiles together lie on."""
        return tuple(
            tiles + _blocks_beyond(size, step)
            for tiles, size, step in zip(self.tiles, self.size, self.step, strict=True)
        )

    def pad(self, x: tf.Tensor) -> tf.Tensor:
        """`[B, H, W, C]` with zeros around it: all blocks, `[B, blocks oh, blocks ow, C]`."""
        (_, height, width), (top, left) = self.shape, self.before
        high, wide = self._padded_size
        around = [[top, high - height - top], [left, wide - width - left]]
        return tf.pad(x, [[0, 0], *around, [0, 0]])

    def crop(self, y: tf.Tensor) -> tf.Tensor:
        """The transpose of `pad`, of any shape with the numbers of all blocks, channels last."""
        (batch, height, width), (top, left) = self.shape, self.before
        high, wide = self._padded_size
        y = tf.reshape(y, [batch, high, wide, -1])
        return y[:, top : top + height, left : left + width]

    @property
    def _padded_size(self):
        return tuple(n * step for n, step in zip(self.blocks, self.step, strict=True))


def tilings(algorithm: Bilinear2D, image_shape: Sequence[Any]) -> tuple[Tiling, Tiling]:
    """The tiles of the image, which overlap, and those of the output, which do not.

    Args:
      algorithm: a `Bilinear2D`.
      image_shape: (B, H, W).
    """
    shape = tuple(image_shape)
    height, width = algorithm.kernel_size
    before = ((height - 1) // 2, (width - 1) // 2)
    return (
        Tiling(algorithm.tile, algorithm.outputs, before, shape),
        Tiling(algorithm.outputs, algorithm.outputs, (0, 0), shape),
    )


def cut(y: tf.Tensor, size: int, step: int, axes: tuple[int, int]) -> tf.Tensor:
    """Cuts blocks of `step` into tiles of `size` cells along one direction.

    Args:
      y: has cells of a block along axis `axes[0]`, blocks along axis `axes[1]`.
      size, step: of a tile, and from a tile to the next.
      axes: (cell, block).

    Returns:
      The same with `size` cells, and a tile for every block but those beyond the last tile.
    """
    cell, block = axes
    tiles = sizes(y)[block] - _blocks_beyond(size, step)
    parts = []
    for e, n in parts_of(size, step):
        part = [slice(None)] * len(y.shape)
        part[cell], part[block] = slice(n), slice(e, e + tiles)
        parts.append(y[tuple(part)])
    return tf.concat(parts, axis=cell)


def overlap_add(y: tf.Tensor, size: int, step: int, axes: tuple[int, int]) -> tf.Tensor:
    """The transpose of `cut`: adds tiles of `size` cells up to blocks of `step`.

    Block b gets the first cells of tile b, those that follow of tile b - 1, and so on.
    """
    cell, tile = axes
    beyond = _blocks_beyond(size, step)
    total = None
    for e, n in parts_of(size, step):
        part = [slice(None)] * len(y.shape)
        part[cell] = slice(e * step, e * step + n)
        pads = [[0, 0] for _ in y.shape]
        pads[cell] = [0, step - n]
        pads[tile] = [e, beyond - e]
        padded = tf.pad(y[tuple(part)], pads)
        total = padded if total is None else total + padded
    return total


def parts_of(size: int, step: int) -> list[tuple[int, int]]:
    """A tile of `size` as (block after its own, cells of that block)."""
    return [(e, min(step, size - e * step)) for e in range(_blocks_beyond(size, step) + 1)]


def _blocks_beyond(size, step):
    """Blocks of `step` that a tile reaches into beyond its own."""
    return -(-size // step) - 1
