"""Cook-Toom's maps as whole matrices: one product for all tiles, and one for a kernel.

A tile of 8 x 8 has 64 numbers and becomes at most 64: so small a map is one matrix product with
everything, `[r, h w] x [h w, T C]`. That is more arithmetic than its rows and then its columns, and fewer
passes over memory, which is what counts (README.md, section 7). The numbers are cut out only
once, in the order in which the products over channels want them.

Both classes have the methods of their bases in tile_transforms.py, with a single slot.
"""

import dataclasses

import tensorflow as tf

from ops.fast_conv.slots import sizes
from ops.fast_conv.tile_transforms import KernelMap, Tiling, overlap, parts_of


class _AtOnce:
    """A map with one slot, whose second step is the whole matrix."""

    slots = 1

    @property
    def matrix(self):
        """`[r, n]`, of the n numbers of a tile or of a kernel."""
        return self.map.matrix()

    def analyse_columns(self, z, slot):
        """What `analyse_rows` gives, `[n, ., .]`, to `[r, ., .]`."""
        del slot
        return _whole(self.matrix, z, transpose=False)

    def synthesise_columns(self, u, slot):
        """The transpose of `analyse_columns`."""
        del slot
        return _whole(self.matrix, u, transpose=True)


@dataclasses.dataclass(frozen=True)
class DenseTiling(_AtOnce, Tiling):
    """A `Tiling` whose map is applied to whole tiles: between its steps `[h w, T, C]`, then `[r, T, C]`."""

    def multiply_adds(self, channels):
        """Of the map, or the transposed one, for an image of so many channels."""
        down, across = self.tiles
        return self.shape[0] * down * across * channels * self.matrix.size

    def numbers(self, channels):
        """As how many an image of so many channels is kept at once: all of the transformed tiles."""
        down, across = self.tiles
        return self.shape[0] * down * across * channels * len(self.matrix)

    def analyse_rows(self, x):
        """`[B, H, W, C]` to `[h w, T, C]`: the tiles, cut out."""
        (high, wide), (down, across) = self.size, self.tiles
        (oh, ow), c = self.step, sizes(x)[-1]

        y = tf.reshape(self.padded(x), [-1, self.blocks[0], oh, self.blocks[1], ow, c])
        parts = [y[:, e : e + down, :n] for e, n in parts_of(high, oh)]
        y = tf.concat(parts, axis=2)  # [B, down, h, blocks, ow, C]
        parts = [y[:, :, :, e : e + across, :n] for e, n in parts_of(wide, ow)]
        y = tf.concat(parts, axis=4)  # [B, down, h, across, w, C]
        y = tf.transpose(y, [2, 4, 0, 1, 3, 5])
        return tf.reshape(y, [high * wide, -1, c])

    def synthesise_rows(self, slots):
        """The transpose of `analyse_rows`: `[1, h w, T, C]` to `[B, H, W, C]`."""
        (high, wide), (down, across) = self.size, self.tiles
        batch, c = self.shape[0], sizes(slots)[-1]

        y = tf.reshape(slots, [high, wide, batch, down, across, c])
        y = tf.transpose(y, [2, 3, 0, 4, 1, 5])  # [B, down, h, across, w, C]
        y = overlap(y, wide, self.step[1], axes=(4, 3))  # [B, down, h, blocks, ow, C]
        return self.cropped(overlap(y, high, self.step[0], axes=(2, 1)))


@dataclasses.dataclass(frozen=True)
class DenseKernelMap(_AtOnce, KernelMap):
    """A `KernelMap` that is one matrix: between its steps `[kh kw, Cin, Cout]`, then `[r, Cin, Cout]`."""

    @property
    def multiply_adds(self):
        """Of the map, or the transposed one."""
        return self.shape[0] * self.shape[1] * self.matrix.size

    def analyse_rows(self, kernel):
        """`[kh, kw, Cin, Cout]` to `[kh kw, Cin, Cout]`."""
        return tf.reshape(kernel, [-1, *self.shape])

    def synthesise_rows(self, slots):
        """The transpose of `analyse_rows`: `[1, kh kw, Cin, Cout]` to `[kh, kw, Cin, Cout]`."""
        size = self.map.rows.shape[2], self.map.columns.shape[3]
        return tf.reshape(slots, [*size, *self.shape])


def _whole(matrix, y, *, transpose):
    """The matrix, or its transpose, times `[n, ., .]`."""
    _, *others = sizes(y)
    flat = tf.reshape(y, [y.shape[0], -1])
    product = tf.matmul(tf.constant(matrix, y.dtype), flat, transpose_a=transpose)
    return tf.reshape(product, [product.shape[0], *others])
