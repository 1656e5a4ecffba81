"""A separable transform of every tile of an image, and of a kernel, and their adjoints.

A `SeparableTransform` has two steps, and so have the transforms here. What lies between the steps
is small, and what comes after the second is not: 2 to 4 times the numbers of an image, 4 to 7 times
those of a kernel. So the first step is done at once and gives P components; the second is done
component by component, and what it gives is used up while it is in the cache.

    transform_rows      x `[B, H, W, C]`        ->  z `[B, down, blocks, P, S, ow C]`
    transform_columns   component p of that     ->  v `[Q, T, C]`, of T = B down across tiles

The *adjoint* of a linear map is the map by the transposed matrix. It leads back the same way,

    adjoint_columns     v `[Q, T, C]`           ->  component p of z
    adjoint_rows        all components          ->  x `[B, H, W, C]`

and adds where tiles overlap, since cutting them out copied. With A for the map, the adjoint is the
output transform A_T; with B_T, it is what the gradient needs, B.
"""

import dataclasses

import tensorflow as tf

from ops.fast_conv.algorithms import SeparableTransform
from ops.fast_conv.small_products import sizes, times
from ops.fast_conv.tiling import Tiling, cut, overlap_add

# Numbers in a row of the pieces that a kernel is cut into.
ROW = 2048


@dataclasses.dataclass(frozen=True)
class TileTransform:
    """The transform of every tile of an image.

    Attributes:
      map: of a tile.
      tiling: where the tiles lie.
    """

    map: SeparableTransform
    tiling: Tiling

    @property
    def components(self) -> int:
        """P."""
        return self.map.rows.shape[0]

    def multiply_adds(self, channels: int) -> int:
        """Of both steps, for an image of so many channels; those of the adjoint, too."""
        batch, (down, across), (_, wide) = self._sizes
        p, q, s, w = self.map.columns.shape
        rows = down * wide * self.tiling.step[1] * self.map.rows.size
        columns = down * across * p * q * s * w
        return batch * channels * (rows + columns)

    def numbers(self, channels: int) -> int:
        """As how many an image of so many channels is kept at once: what the first step gives."""
        batch, (down, _), (_, wide) = self._sizes
        p, s, _ = self.map.rows.shape
        return batch * down * wide * p * s * self.tiling.step[1] * channels

    def transform_rows(self, x: tf.Tensor) -> tf.Tensor:
        """`[B, H, W, C]` to `[B, down, blocks, P, S, ow C]`."""
        batch, (down, _), (high, wide) = self._sizes
        c, (oh, ow) = sizes(x)[-1], self.tiling.step
        p, s, h = self.map.rows.shape

        y = tf.reshape(self.tiling.pad(x), [batch, high, oh, wide, ow * c])
        y = cut(y, h, oh, axes=(2, 1))  # [B, down, h, blocks, ow C]
        y = tf.transpose(y, [0, 1, 3, 2, 4])
        y = times(rows_matrix(self.map, y), y)
        return tf.reshape(y, [batch, down, wide, p, s, ow * c])

    def transform_columns(self, z: tf.Tensor, component: int | tf.Tensor) -> tf.Tensor:
        """One component of what `transform_rows` gives to `[Q, T, C]`."""
        batch, (down, across), (_, wide) = self._sizes
        ow = self.tiling.step[1]
        _, q, s, w = self.map.columns.shape
        c = sizes(z)[-1] // ow

        y = tf.reshape(z[:, :, :, component], [batch * down, wide, s, ow, c])
        y = tf.transpose(y, [0, 2, 3, 1, 4])  # [B down, S, ow, blocks, C]
        y = cut(y, w, ow, axes=(2, 3))  # [B down, S, w, across, C]
        y = tf.reshape(y, [batch * down, s * w, across * c])
        y = times(columns_matrix(self.map, component, y), y)
        y = tf.transpose(y, [1, 0, 2])  # [Q, B down, across C]
        return tf.reshape(y, [q, batch * down * across, c])

    def adjoint_columns(self, v: tf.Tensor, component: int | tf.Tensor) -> tf.Tensor:
        """The adjoint of `transform_columns`: `[Q, T, C]` to `[B, down, blocks, S, ow C]`."""
        batch, (down, across), (_, wide) = self._sizes
        ow = self.tiling.step[1]
        _, q, s, w = self.map.columns.shape
        c = sizes(v)[-1]

        y = tf.reshape(v, [q, batch * down, across * c])
        y = tf.transpose(y, [1, 0, 2])
        y = times(columns_matrix(self.map, component, y), y, transpose=True)
        y = tf.reshape(y, [batch * down, s, w, across, c])
        y = overlap_add(y, w, ow, axes=(2, 3))  # [B down, S, ow, blocks, C]
        y = tf.transpose(y, [0, 3, 1, 2, 4])
        return tf.reshape(y, [batch, down, wide, s, ow * c])

    def adjoint_rows(self, z: tf.Tensor) -> tf.Tensor:
        """The adjoint of `transform_rows`: `[P, B, down, blocks, S, ow C]` to `[B, H, W, C]`."""
        batch, (down, _), (_, wide) = self._sizes
        p, s, h = self.map.rows.shape

        y = tf.transpose(z, [1, 2, 3, 0, 4, 5])
        y = tf.reshape(y, [batch, down, wide, p * s, -1])
        y = times(rows_matrix(self.map, y), y, transpose=True)
        y = tf.transpose(y, [0, 1, 3, 2, 4])  # [B, down, h, blocks, ow C]
        return self.tiling.crop(overlap_add(y, h, self.tiling.step[0], axes=(2, 1)))

    @property
    def _sizes(self):
        """B, (down, across) of the tiles, (down, across) of the blocks."""
        return self.tiling.shape[0], self.tiling.tiles, self.tiling.blocks


@dataclasses.dataclass(frozen=True)
class KernelTransform:
    """The transform of the kernel of every pair of channels, in the same two steps.

    Attributes:
      map: of a kh x kw kernel.
      channels: (Cin, Cout).
    """

    map: SeparableTransform
    channels: tuple[int, int]

    @property
    def pieces(self) -> int:
        """Equal pieces of the input channels such that piece times Cout is about `ROW`."""
        c_in, c_out = self.channels
        most = min(max(ROW // c_out, 1), c_in)
        return c_in // max(d for d in range(1, most + 1) if c_in % d == 0)

    @property
    def multiply_adds(self) -> int:
        """Of both steps; those of the adjoint, too."""
        width = self.map.columns.shape[3]
        rows = width * self.map.rows.size
        return self.channels[0] * self.channels[1] * (rows + self.map.columns.size)

    def transform_rows(self, kernel: tf.Tensor) -> tf.Tensor:
        """`[kh, kw, Cin, Cout]` to `[pieces, kw, P, S, N]`."""
        p, s, h = self.map.rows.shape
        w = self.map.columns.shape[3]
        y = tf.reshape(kernel, [h, w, self.pieces, -1])
        y = tf.transpose(y, [2, 1, 0, 3])
        y = times(rows_matrix(self.map, y), y)
        return tf.reshape(y, [self.pieces, w, p, s, -1])

    def transform_columns(self, z: tf.Tensor, component: int | tf.Tensor) -> tf.Tensor:
        """One component of what `transform_rows` gives to `[Q, Cin, Cout]`."""
        _, q, s, w = self.map.columns.shape
        y = tf.transpose(z[:, :, component], [0, 2, 1, 3])  # [pieces, S, kw, N]
        y = tf.reshape(y, [self.pieces, s * w, -1])
        y = times(columns_matrix(self.map, component, y), y)
        return tf.reshape(tf.transpose(y, [1, 0, 2]), [q, *self.channels])

    def adjoint_columns(self, u: tf.Tensor, component: int | tf.Tensor) -> tf.Tensor:
        """The adjoint of `transform_columns`: `[Q, Cin, Cout]` to `[pieces, kw, S, N]`."""
        _, q, s, w = self.map.columns.shape
        y = tf.transpose(tf.reshape(u, [q, self.pieces, -1]), [1, 0, 2])
        y = times(columns_matrix(self.map, component, y), y, transpose=True)
        y = tf.reshape(y, [self.pieces, s, w, -1])
        return tf.transpose(y, [0, 2, 1, 3])

    def adjoint_rows(self, z: tf.Tensor) -> tf.Tensor:
        """The adjoint of `transform_rows`: `[P, pieces, kw, S, N]` to `[kh, kw, Cin, Cout]`."""
        p, s, h = self.map.rows.shape
        w = self.map.columns.shape[3]
        y = tf.transpose(z, [1, 2, 0, 3, 4])
        y = tf.reshape(y, [self.pieces, w, p * s, -1])
        y = times(rows_matrix(self.map, y), y, transpose=True)  # [pieces, kw, kh, N]
        return tf.reshape(tf.transpose(y, [2, 1, 0, 3]), [h, w, *self.channels])


def rows_matrix(transform: SeparableTransform, like: tf.Tensor) -> tf.Tensor:
    """The matrix of the first step, `[P S, h]`, of the type of the tensor `like`."""
    p, s, h = transform.rows.shape
    return tf.constant(transform.rows.reshape(p * s, h), like.dtype)


def columns_matrix(
    transform: SeparableTransform, component: int | tf.Tensor, like: tf.Tensor
) -> tf.Tensor:
    """The matrix of the second step of one component, `[Q, S w]`."""
    p, q, s, w = transform.columns.shape
    return tf.constant(transform.columns.reshape(p, q, s * w), like.dtype)[component]
