"""Convolution in the plane, all products at once: the plainest use of a bilinear algorithm.

For transforms of low rank, Cook-Toom's. A tile of 8 x 8 has 64 numbers and becomes at most 64. So
small a transform is one matrix product with all tiles, `[rank, h w] x [h w, T C]`: more arithmetic
than its rows and then its columns, and fewer passes over memory, which is what counts (README.md,
section 7). The tiles are cut out once, in the order in which the products over channels want them.

    V = B_T d B,   U = G g G_T,   M = V U summed over input channels,   Y = A_T M A
"""

import dataclasses
from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from ops.fast_conv.algorithms import Bilinear2D
from ops.fast_conv.small_products import sizes, times_all
from ops.fast_conv.tiling import Tiling, cut, overlap_add, tilings


class DenseConvolution:
    """What `ops.fast_conv2d` does by a `Bilinear2D` of low rank.

    Attributes:
      kernel_shape, transformed_shape: of a kernel, and of a transformed one, for `check_shape`.
      gains_by_xla: whether XLA computes it faster than an ordinary graph.
    """

    gains_by_xla = True

    def __init__(self, algorithm: Bilinear2D) -> None:
        self._algorithm = algorithm
        self._G = algorithm.G.matrix()  # [rank, kh kw]
        self.kernel_shape: list[int | str] = [*algorithm.kernel_size, "Cin", "Cout"]
        self.transformed_shape: list[int | str] = [algorithm.rank, "Cin", "Cout"]

    def transform_kernel(self, kernel: tf.Tensor) -> tf.Tensor:
        """U = G g G_T: `[kh, kw, Cin, Cout]` to `[rank, Cin, Cout]`."""
        return times_all(self._G, tf.reshape(kernel, [-1, *kernel.shape[2:]]))

    def apply(self, x: tf.Tensor, u: tf.Tensor) -> tf.Tensor:
        """The convolution by a transformed kernel: `[B, H, W, Cin]` to `[B, H, W, Cout]`."""
        image, output = self._tile_transforms(sizes(x)[:3])
        v = image.transform(x)  # [rank, T, Cin]
        m = tf.matmul(v, u)  # [rank, T, Cout]
        return output.adjoint(m)

    def forward(self, x: tf.Tensor, kernel: tf.Tensor) -> tf.Tensor:
        """The convolution: `[B, H, W, Cin]` to `[B, H, W, Cout]`."""
        return self.apply(x, self.transform_kernel(kernel))

    def backward(
        self, x: tf.Tensor, kernel: tf.Tensor, d_y: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Derivatives of sum(d_y * forward(x, kernel)) by (x, kernel)."""
        image, output = self._tile_transforms(sizes(x)[:3])
        v, u = image.transform(x), self.transform_kernel(kernel)
        d_m = output.transform(d_y)  # [rank, T, Cout]
        d_v = tf.matmul(d_m, u, transpose_b=True)  # [rank, T, Cin]
        d_u = tf.matmul(v, d_m, transpose_a=True)  # [rank, Cin, Cout]
        d_kernel = times_all(self._G, d_u, transpose=True)
        return image.adjoint(d_v), tf.reshape(d_kernel, kernel.shape)

    def multiply_adds(
        self, image_shape: Sequence[int], kernel_width: int, c_out: int
    ) -> tuple[int, int, int, int]:
        """Of (the products, B_T d B, G g G_T, A_T m A) of an image (B, H, W, Cin)."""
        del kernel_width  # the algorithm's
        *shape, c_in = image_shape
        image, output = self._tile_transforms(shape)
        return (
            self._algorithm.rank * image.tiles * c_in * c_out,
            image.matrix.size * image.tiles * c_in,
            self._G.size * c_in * c_out,
            output.matrix.size * output.tiles * c_out,
        )

    def numbers(self, height: int, width: int, c_in: int, c_out: int) -> int:
        """As how many an image is kept at once: those of the image or of the output."""
        image, _ = self._tile_transforms((1, height, width))
        return self._algorithm.rank * image.tiles * max(c_in, c_out)

    def _tile_transforms(self, image_shape):
        """B_T of the image's tiles, and A of the output's, whose adjoint is A_T."""
        image, output = tilings(self._algorithm, image_shape)
        return (
            DenseTransform(self._algorithm.B_T.matrix(), image),
            DenseTransform(self._algorithm.A_T.T.matrix(), output),
        )


@dataclasses.dataclass(frozen=True)
class DenseTransform:
    """The transform of every tile of an image by one matrix, and its adjoint.

    Attributes:
      matrix: `[rank, h w]`, of a tile.
      tiling: where the tiles lie.
    """

    matrix: np.ndarray
    tiling: Tiling

    @property
    def tiles(self) -> int:
        """T, of all images together."""
        (down, across), batch = self.tiling.tiles, self.tiling.shape[0]
        return batch * down * across

    def transform(self, x: tf.Tensor) -> tf.Tensor:
        """`[B, H, W, C]` to `[rank, T, C]`."""
        return times_all(self.matrix, self._cut_tiles(x))

    def adjoint(self, v: tf.Tensor) -> tf.Tensor:
        """`[rank, T, C]` to `[B, H, W, C]`, by the transposed matrix; adds where tiles overlap."""
        return self._add_tiles(times_all(self.matrix, v, transpose=True))

    def _cut_tiles(self, x):
        """`[B, H, W, C]` to `[h w, T, C]`."""
        (h, w), (oh, ow) = self.tiling.size, self.tiling.step
        (down, across), c = self.tiling.blocks, sizes(x)[-1]

        y = tf.reshape(self.tiling.pad(x), [-1, down, oh, across, ow, c])
        y = cut(y, h, oh, axes=(2, 1))  # [B, down, h, blocks, ow, C]
        y = cut(y, w, ow, axes=(4, 3))  # [B, down, h, across, w, C]
        y = tf.transpose(y, [2, 4, 0, 1, 3, 5])
        return tf.reshape(y, [h * w, -1, c])

    def _add_tiles(self, y):
        """The transpose of `_cut_tiles`: `[h w, T, C]` to `[B, H, W, C]`."""
        (h, w), (oh, ow) = self.tiling.size, self.tiling.step
        (down, across), batch = self.tiling.tiles, self.tiling.shape[0]

        y = tf.reshape(y, [h, w, batch, down, across, sizes(y)[-1]])
        y = tf.transpose(y, [2, 3, 0, 4, 1, 5])  # [B, down, h, across, w, C]
        y = overlap_add(y, w, ow, axes=(4, 3))  # [B, down, h, blocks, ow, C]
        return self.tiling.crop(overlap_add(y, h, oh, axes=(2, 1)))
