"""Convolution by a one-dimensional algorithm: fast along columns, by the library along rows.

A `Bilinear1D` is applied to every column of the image. What is left to do is, for each of its
products, a convolution along the rows: component q of the transformed columns by component q of the
transformed kernels. With the components as groups of channels that is one grouped convolution of
1 x kw kernels, and so are both gradients:

    Y = A_T [(G g) * (B_T d)],   d_d = B [(G g) * (A d_Y)],   d_g = G_T [(B_T d) * (A d_Y)]

where `*` convolves row by row (correlates, or is transposed to that). It saves m r / rank times the
products instead of the square of that, but nothing is moved twice: for few pixels and channels,
where tiles cost more than they save, it is the faster. Derivation, rounding and measurements:
README.md, section 8.
"""

import dataclasses
from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from ops.fast_conv.algorithms import Bilinear1D
from ops.fast_conv.grouped_conv2d import grouped_conv2d, grouped_conv2d_gradients
from ops.fast_conv.small_products import sizes

# Numbers of a transformed image that may be kept for its gradient; of larger ones the memory is
# worth more than the time to transform them again.
KEPT = 1e5


class ColumnConvolution:
    """What `ops.fast_conv2d` does by a `Bilinear1D`. H has to be known while tracing.

    Attributes:
      kernel_shape, transformed_shape: of a kernel, and of a transformed one, for `check_shape`.
      gains_by_xla: whether XLA computes it faster than an ordinary graph. It does not: most of the
        work is the library's.
    """

    gains_by_xla = False

    def __init__(self, algorithm: Bilinear1D) -> None:
        self._algorithm = algorithm
        self.kernel_shape: list[int | str] = [algorithm.kernel_size, "kw", "Cin", "Cout"]
        self.transformed_shape: list[int | str] = [1, "kw", "Cin", "R Cout"]

    def transform_kernel(self, kernel: tf.Tensor, zero: float | tf.Tensor = 0.0) -> tf.Tensor:
        """G g: `[kh, kw, Cin, Cout]` to `[1, kw, Cin, rank Cout]`; `zero` as in `backward`."""
        kh, kw, c_in, c_out = kernel.shape
        g = tf.constant(self._algorithm.G, kernel.dtype) + zero
        y = tf.matmul(g, tf.reshape(kernel, [kh, -1]))
        y = tf.transpose(tf.reshape(y, [self._algorithm.rank, kw * c_in, c_out]), [1, 0, 2])
        return tf.reshape(y, [1, kw, c_in, -1])

    def _kernel_adjoint(self, u):
        """The adjoint of `transform_kernel`."""
        _, kw, c_in, _ = u.shape
        g = tf.constant(self._algorithm.G, u.dtype)
        y = tf.reshape(u, [kw * c_in, self._algorithm.rank, -1])
        y = tf.reshape(tf.transpose(y, [1, 0, 2]), [self._algorithm.rank, -1])
        y = tf.matmul(g, y, transpose_a=True)
        return tf.reshape(y, [self._algorithm.kernel_size, kw, c_in, -1])

    def apply(self, x: tf.Tensor, u: tf.Tensor) -> tf.Tensor:
        """The convolution by a transformed kernel: `[B, H, W, Cin]` to `[B, H, W, Cout]`."""
        image, output = self._column_transforms(x)
        m = grouped_conv2d(image.transform(x), u, groups=self._algorithm.rank)
        return output.adjoint(m)

    def forward(self, x: tf.Tensor, kernel: tf.Tensor) -> tf.Tensor:
        """The convolution: `[B, H, W, Cin]` to `[B, H, W, Cout]`."""
        # A graph runs what it can at once: without this the kernels of all layers would be
        # transformed as a step begins, and wait in memory for their images.
        with tf.control_dependencies([x]):
            u = self.transform_kernel(kernel)
        return self.apply(x, u)

    def backward(
        self, x: tf.Tensor, kernel: tf.Tensor, d_y: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Derivatives of sum(d_y * forward(x, kernel)) by (x, kernel)."""
        image, output = self._column_transforms(x)
        # Forward has transformed both. TensorFlow merges equal computations and would keep what
        # they give till now, unless they depend on what is there only now: 0 times a number of the
        # gradient, which may not be simplified.
        pixels = x.shape[1:].num_elements()  # None if the width is unknown
        small = pixels and pixels * len(image.matrix) <= KEPT * image.height
        zero = 0.0 if small else 0 * tf.reduce_sum(d_y[:1, :1, :1, :1])
        d_v, d_u = grouped_conv2d_gradients(
            image.transform(x, zero),
            self.transform_kernel(kernel, zero),
            output.transform(d_y),
            self._algorithm.rank,
        )
        d_kernel = self._kernel_adjoint(d_u)
        d_x = image.adjoint(d_v)
        # The layers before go on only then: x and d_y are freed, and do not pile up.
        with tf.control_dependencies([] if small else [d_kernel]):
            return tf.identity(d_x), d_kernel

    def multiply_adds(
        self, image_shape: Sequence[int], kernel_width: int, c_out: int
    ) -> tuple[int, int, int, int]:
        """Of (the products, B_T d, G g, A_T m) of an image (B, H, W, Cin)."""
        batch, height, width, c_in = image_shape
        rank = self._algorithm.rank
        down = -(-height // self._algorithm.outputs)
        products = batch * down * width * rank * kernel_width * c_in * c_out
        column = batch * width * down * rank * height
        kernel = rank * self._algorithm.kernel_size * kernel_width * c_in * c_out
        return products, column * c_in, kernel, column * c_out

    def _column_transforms(self, x):
        """B_T of the image's columns, and A of the output's, whose tiles do not overlap."""
        height = x.shape[1]
        if height is None:
            raise ValueError(
                f"x has shape {x.shape.as_list()}, expected a known height, for which the "
                "algorithm is made; ops.conv2d takes any"
            )
        step = self._algorithm.outputs
        before = (self._algorithm.kernel_size - 1) // 2
        return (
            ColumnTransform(self._algorithm.B_T, step, before, height),
            ColumnTransform(self._algorithm.A_T.T, step, 0, height),
        )


@dataclasses.dataclass(frozen=True)
class ColumnTransform:
    """The transform of the tiles of every column, as one matrix for the whole of it.

    Tile t begins at pixel t step - before. Padding, cutting into tiles and their transform are
    together one matrix of `down` rank rows and H columns, mostly zeros. Its products are few beside
    those of the channels as long as H is small, and nothing has to be cut or padded. The transposed
    matrix adds where tiles overlap.

    Attributes:
      map: `[rank, n]`, of a tile.
      step: pixels from a tile to the next.
      before: zeros above the first.
      height: H.
    """

    map: np.ndarray
    step: int
    before: int
    height: int

    @property
    def down(self) -> int:
        """Tiles of a column."""
        return -(-self.height // self.step)

    @property
    def matrix(self) -> np.ndarray:
        """`[down rank, H]`."""
        rank, n = self.map.shape
        full = np.zeros([self.down, rank, self.height])
        for tile in range(self.down):
            first = tile * self.step - self.before
            inside = slice(max(-first, 0), min(n, self.height - first))
            rows = slice(first + inside.start, first + inside.stop)
            full[tile, :, rows] = self.map[:, inside]
        return full.reshape(-1, self.height)

    def transform(self, x: tf.Tensor, zero: float | tf.Tensor = 0.0) -> tf.Tensor:
        """`[B, H, W, C]` to `[B, down, W, rank C]`; `zero` as in `ColumnConvolution.backward`."""
        batch, _, width, channels = sizes(x)
        y = tf.reshape(x, [batch, self.height, width * channels])
        y = tf.matmul(tf.constant(self.matrix, x.dtype) + zero, y)
        y = tf.reshape(y, [batch * self.down, len(self.map), width, channels])
        y = tf.transpose(y, [0, 2, 1, 3])
        return tf.reshape(y, [batch, self.down, width, len(self.map) * channels])

    def adjoint(self, v: tf.Tensor) -> tf.Tensor:
        """The adjoint of `transform`: `[B, down, W, rank C]` to `[B, H, W, C]`."""
        batch, _, width, channels = sizes(v)
        channels //= len(self.map)
        y = tf.reshape(v, [batch * self.down, width, len(self.map), channels])
        y = tf.transpose(y, [0, 2, 1, 3])
        y = tf.reshape(y, [batch, self.down * len(self.map), width * channels])
        y = tf.matmul(tf.constant(self.matrix, v.dtype), y, transpose_a=True)
        return tf.reshape(y, [batch, self.height, width, channels])
