"""A separable map applied to every tile of an image and to a kernel, and the transposed maps.

A map has two steps (`ops.bilinear.Separable`), here two functions each, because what lies between
them is small and what comes after the second is not: r numbers a tile, 2 to 4 times the image, and
r numbers a kernel, 4 to 7 times the kernel. So the first step is done at once and gives P slots;
the second is done slot by slot (`each_slot`), and what it gives is used up while in the cache.

    analyse_rows      x `[B, H, W, C]`  ->  `[B, down, blocks, P, S, ow C]`
    analyse_columns   slot p of that    ->  `[Q, T, C]`, of T = B down across tiles

and the transposed maps lead back, adding where tiles overlap. All arithmetic is small constant
matrices times pieces `[h, N]` with N a few thousand numbers at most: one product with N in the
millions takes three to five times as long (README.md, section 7).
"""

import dataclasses

import tensorflow as tf

from ops.fast_conv.slots import columns_matrix, rows_matrix, sizes, times

# Numbers in a row of the pieces that a kernel is cut into.
ROW = 2048


@dataclasses.dataclass(frozen=True)
class Tiling:
    """Where the tiles of an image lie, and the map that each undergoes.

    Tile (i, j) begins at pixel (i step_h - before_h, j step_w - before_w), wherever zeros stand
    for pixels outside; there are ceil(H / step_h) by ceil(W / step_w) tiles.

    Attributes:
      map: an `ops.bilinear.Separable` of h x w tiles.
      step: (step_h, step_w), from a tile to the next.
      before: (before_h, before_w).
      shape: (B, H, W) of the image: ints, or scalar tensors where unknown while tracing.
    """

    map: object
    step: tuple
    before: tuple
    shape: tuple

    @property
    def tiles(self):
        """(down, across)."""
        return tuple(-(-size // step) for size, step in zip(self.shape[1:], self.step))

    @property
    def size(self):
        """(h, w) of a tile."""
        return self.map.rows.shape[2], self.map.columns.shape[3]

    @property
    def blocks(self):
        """Blocks of `step` pixels, down and across, that all tiles together lie on."""
        return tuple(
            tiles + _blocks_over(size, step)
            for tiles, size, step in zip(self.tiles, self.size, self.step)
        )

    @property
    def slots(self):
        """P, pieces that the first step gives."""
        return self.map.rows.shape[0]

    def padded(self, x):
        """The image with zeros around it: all blocks, `[B, blocks oh, blocks ow, C]`."""
        (_, height, width), (top, left) = self.shape, self.before
        high, wide = (n * step for n, step in zip(self.blocks, self.step))
        around = [[top, high - height - top], [left, wide - width - left]]
        return tf.pad(x, [[0, 0], *around, [0, 0]])

    def cropped(self, y):
        """The transpose of `padded`: `[B, blocks, oh, blocks, ow C]`, or ow, C, to `[B, H, W, C]`."""
        (batch, height, width), (top, left) = self.shape, self.before
        high, wide = (n * step for n, step in zip(self.blocks, self.step))
        y = tf.reshape(y, [batch, high, wide, -1])
        return y[:, top : top + height, left : left + width]

    def multiply_adds(self, channels):
        """Of both steps, for an image of so many channels; those of the transposed map, too."""
        batch, (down, across), (_, wide) = self.shape[0], self.tiles, self.blocks
        p, q, s, w = self.map.columns.shape
        rows = down * wide * self.step[1] * self.map.rows.size
        columns = down * across * p * q * s * w
        return batch * channels * (rows + columns)

    def numbers(self, channels):
        """As how many an image of so many channels is kept at once: what the first step gives."""
        p, s, _ = self.map.rows.shape
        (down, _), (_, wide) = self.tiles, self.blocks
        return self.shape[0] * down * wide * p * s * self.step[1] * channels

    def analyse_rows(self, x):
        """`[B, H, W, C]` to `[B, down, blocks, P, S, ow C]`."""
        batch, c, (oh, ow) = self.shape[0], sizes(x)[-1], self.step
        (down, _), (high, wide) = self.tiles, self.blocks
        p, s, h = self.map.rows.shape

        # Tile i is block i of oh rows and the beginning of those that follow.
        y = tf.reshape(self.padded(x), [batch, high, oh, wide, ow * c])
        y = tf.concat([y[:, e : e + down, :n] for e, n in parts_of(h, oh)], axis=2)
        y = tf.transpose(y, [0, 1, 3, 2, 4])  # [B, down, blocks, h, ow C]
        y = times(rows_matrix(self.map, y), y)
        return tf.reshape(y, [batch, down, wide, p, s, ow * c])

    def analyse_columns(self, z, slot):
        """One slot of what `analyse_rows` gives to `[Q, T, C]`."""
        batch, ow = self.shape[0], self.step[1]
        (down, across), (_, wide) = self.tiles, self.blocks
        _, q, s, w = self.map.columns.shape
        c = sizes(z)[-1] // ow

        y = tf.reshape(z[:, :, :, slot], [batch * down, wide, s, ow, c])
        y = tf.transpose(y, [0, 2, 3, 1, 4])  # [B down, S, ow, blocks, C]
        parts = [y[:, :, :n, e : e + across] for e, n in parts_of(w, ow)]
        y = tf.reshape(tf.concat(parts, axis=2), [batch * down, s * w, across * c])
        y = times(columns_matrix(self.map, slot, y), y)
        y = tf.transpose(y, [1, 0, 2])  # [Q, B down, across C]
        return tf.reshape(y, [q, batch * down * across, c])

    def synthesise_columns(self, u, slot):
        """The transpose of `analyse_columns`: `[Q, T, C]` to `[B, down, blocks, S, ow C]`."""
        batch, ow = self.shape[0], self.step[1]
        (down, across), (_, wide) = self.tiles, self.blocks
        _, q, s, w = self.map.columns.shape
        c = sizes(u)[-1]

        y = tf.reshape(u, [q, batch * down, across * c])
        y = tf.transpose(y, [1, 0, 2])
        y = times(columns_matrix(self.map, slot, y), y, transpose=True)
        y = tf.reshape(y, [batch * down, s, w, across, c])
        y = overlap(y, w, ow, axes=(2, 3))  # [B down, S, ow, blocks, C]
        y = tf.transpose(y, [0, 3, 1, 2, 4])
        return tf.reshape(y, [batch, down, wide, s, ow * c])

    def synthesise_rows(self, slots):
        """The transpose of `analyse_rows`: `[P, B, down, blocks, S, ow C]` to `[B, H, W, C]`."""
        batch, oh = self.shape[0], self.step[0]
        (down, _), (_, wide) = self.tiles, self.blocks
        p, s, h = self.map.rows.shape

        y = tf.transpose(slots, [1, 2, 3, 0, 4, 5])
        y = tf.reshape(y, [batch, down, wide, p * s, -1])
        y = times(rows_matrix(self.map, y), y, transpose=True)
        y = tf.transpose(y, [0, 1, 3, 2, 4])  # [B, down, h, blocks, ow C]
        return self.cropped(overlap(y, h, oh, axes=(2, 1)))


@dataclasses.dataclass(frozen=True)
class KernelMap:
    """The same two steps for the kernel of every pair of channels.

    Attributes:
      map: an `ops.bilinear.Separable` of kh x kw kernels.
      shape: (Cin, Cout).
    """

    map: object
    shape: tuple

    @property
    def slots(self):
        """P, pieces that the first step gives."""
        return self.map.rows.shape[0]

    @property
    def pieces(self):
        """Equal pieces of the input channels such that piece times Cout is about `ROW`."""
        c_in, c_out = self.shape
        most = min(max(ROW // c_out, 1), c_in)
        return c_in // max(d for d in range(1, most + 1) if c_in % d == 0)

    @property
    def multiply_adds(self):
        """Of both steps; those of the transposed map, too."""
        width = self.map.columns.shape[3]
        rows = width * self.map.rows.size
        return self.shape[0] * self.shape[1] * (rows + self.map.columns.size)

    def analyse_rows(self, kernel):
        """`[kh, kw, Cin, Cout]` to `[pieces, kw, P, S, N]`."""
        p, s, h = self.map.rows.shape
        w = self.map.columns.shape[3]
        y = tf.reshape(kernel, [h, w, self.pieces, -1])
        y = tf.transpose(y, [2, 1, 0, 3])
        y = times(rows_matrix(self.map, y), y)
        return tf.reshape(y, [self.pieces, w, p, s, -1])

    def analyse_columns(self, z, slot):
        """One slot of what `analyse_rows` gives to `[Q, Cin, Cout]`."""
        _, q, s, w = self.map.columns.shape
        y = tf.transpose(z[:, :, slot], [0, 2, 1, 3])  # [pieces, S, kw, N]
        y = tf.reshape(y, [self.pieces, s * w, -1])
        y = times(columns_matrix(self.map, slot, y), y)
        return tf.reshape(tf.transpose(y, [1, 0, 2]), [q, *self.shape])

    def synthesise_columns(self, u, slot):
        """The transpose of `analyse_columns`: `[Q, Cin, Cout]` to `[pieces, kw, S, N]`."""
        _, q, s, w = self.map.columns.shape
        y = tf.transpose(tf.reshape(u, [q, self.pieces, -1]), [1, 0, 2])
        y = times(columns_matrix(self.map, slot, y), y, transpose=True)
        y = tf.reshape(y, [self.pieces, s, w, -1])
        return tf.transpose(y, [0, 2, 1, 3])

    def synthesise_rows(self, slots):
        """The transpose of `analyse_rows`: `[P, pieces, kw, S, N]` to `[kh, kw, Cin, Cout]`."""
        p, s, h = self.map.rows.shape
        w = self.map.columns.shape[3]
        y = tf.transpose(slots, [1, 2, 0, 3, 4])
        y = tf.reshape(y, [self.pieces, w, p * s, -1])
        y = times(rows_matrix(self.map, y), y, transpose=True)  # [pieces, kw, kh, N]
        return tf.reshape(tf.transpose(y, [2, 1, 0, 3]), [h, w, *self.shape])


def overlap(y, size, step, axes):
    """Adds tiles of `size` cells (axis 0 of `axes`), `step` apart (axis 1), to blocks of `step`.

    The transpose of cutting: block b gets the first cells of tile b, those that follow of tile
    b - 1, and so on.
    """
    cell, tile = axes
    extra = _blocks_over(size, step)
    total = None
    for e, n in parts_of(size, step):
        part = [slice(None)] * len(y.shape)
        part[cell] = slice(e * step, e * step + n)
        pads = [[0, 0] for _ in y.shape]
        pads[cell] = [0, step - n]
        pads[tile] = [e, extra - e]
        padded = tf.pad(y[tuple(part)], pads)
        total = padded if total is None else total + padded
    return total


def parts_of(size, step):
    """A tile of `size` as (block after its own, cells of that block)."""
    return [(e, min(step, size - e * step)) for e in range(_blocks_over(size, step) + 1)]


def _blocks_over(size, step):
    """Blocks of `step` that a tile reaches into beyond its own."""
    return -(-size // step) - 1
