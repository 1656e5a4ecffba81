"""2-D convolution with few multiplications along one axis, and the library's along the other.

A bilinear algorithm on a line (lines.py) is applied to every column of the image. What it leaves
to be done is, for each of its r products, a convolution along the rows: slot q of the transformed
columns by slot q of the transformed kernels. With the slots as groups of channels that is one
grouped convolution of 1 x kw kernels, and so are both gradients:

    y = C ((G w) * (A x)),    d_x = A^T ((G w) * (C^T d_y)),    d_w = G^T ((A x) * (C^T d_y))

where `*` convolves row by row (correlates, or is transposed to that). It saves o k / r times the
products instead of the square of that, but nothing is moved twice: for few pixels and channels,
where the tiles of fast_conv2d.py cost more than they save, it is the faster. Derivation, rounding
and measurements: README.md, section 8.
"""

import dataclasses
import functools

import numpy as np
import tensorflow as tf

from ops.fast_conv.grouped_conv2d import grouped_conv2d, grouped_conv2d_gradients
from ops.fast_conv.slots import sizes

# Numbers of a transformed image that may be kept for its gradient; of larger ones the memory is
# worth more than the time to transform them again.
KEPT = 1e5


@functools.cache
def line_convolution(line):
    """The convolution by an `ops.Line` as a function of (x, kernel), with the gradients by both.

    x is `[B, H, W, Cin]`, H known while tracing; the kernel `[k, kw, Cin, Cout]`.
    """

    def forward(x, kernel):
        # A graph runs what it can at once: without this the kernels of all layers would be
        # transformed as a step begins, and wait in memory for their images.
        with tf.control_dependencies([x]):
            weights = line_kernel(kernel, line)
        return line_convolve(x, weights, line)

    def backward(x, kernel, d_y):
        image, output = _columns(line, x)
        # Forward has computed both. A compiler that sees it keeps them till now, unless they
        # depend on what is there only now: 0 times the gradient, which may not be simplified.
        pixels = x.shape[1:].num_elements()  # None if the width is unknown
        small = pixels and pixels * len(image.matrix) <= KEPT * image.height
        now = 0.0 if small else 0 * tf.reduce_sum(d_y[:1, :1, :1, :1])
        d_x, d_kernel = grouped_conv2d_gradients(
            image.analyse(x, now),
            line_kernel(kernel, line, now),
            output.analyse(d_y),
            line.products,
        )
        d_kernel = _line_kernel_transposed(d_kernel, line)
        d_x = image.synthesise(d_x)
        # The layers before go on only then: x and d_y are freed, and do not pile up.
        with tf.control_dependencies([] if small else [d_kernel]):
            return tf.identity(d_x), d_kernel

    @tf.custom_gradient
    def convolve(x, kernel):
        # The tape must not look inside: it would keep what only its own gradient needs.
        y = forward(tf.stop_gradient(x), tf.stop_gradient(kernel))
        return y, lambda d_y: backward(x, kernel, d_y)

    return convolve


def line_convolve(x, weights, line):
    """`[B, H, W, Cin]` by what `line_kernel` gives: `[B, H, W, Cout]`."""
    image, output = _columns(line, x)
    products = grouped_conv2d(image.analyse(x), weights, groups=line.products)
    return output.synthesise(products)


def line_kernel(kernel, line, now=0.0):
    """G w: `[k, kw, Cin, Cout]` to `[1, kw, Cin, r Cout]`; `now` is 0, see `line_convolution`."""
    k, kw, c_in, c_out = kernel.shape
    matrix = tf.constant(line.kernel, kernel.dtype) + now
    y = tf.matmul(matrix, tf.reshape(kernel, [k, -1]))
    y = tf.transpose(tf.reshape(y, [line.products, kw * c_in, c_out]), [1, 0, 2])
    return tf.reshape(y, [1, kw, c_in, -1])


def _line_kernel_transposed(weights, line):
    """The transpose of `line_kernel`."""
    _, kw, c_in, _ = weights.shape
    matrix = tf.constant(line.kernel, weights.dtype)
    y = tf.reshape(weights, [kw * c_in, line.products, -1])
    y = tf.reshape(tf.transpose(y, [1, 0, 2]), [line.products, -1])
    y = tf.matmul(matrix, y, transpose_a=True)
    return tf.reshape(y, [line.kernel_size, kw, c_in, -1])


def line_conv2d_multiply_adds(line, image_shape, kernel_width, c_out):
    """Of (the products, A x, G w, C^T y) of an image (B, H, W, Cin), in multiply-adds."""
    batch, height, width, c_in = image_shape
    down, r = -(-height // line.outputs), line.products
    products = batch * down * width * r * kernel_width * c_in * c_out
    column = batch * width * down * r * height
    kernel = r * line.kernel_size * kernel_width * c_in * c_out
    return products, column * c_in, kernel, column * c_out


@dataclasses.dataclass(frozen=True)
class Columns:
    """A map of the tiles of every column, as one matrix for the whole of it.

    Tile t begins at pixel t step - before. Padding, cutting into tiles and their map together are
    one matrix of `down` r rows and H columns, mostly zeros: its products are few beside those of
    the channels as long as H is small, and nothing has to be cut or padded.

    Attributes:
      map: `[r, n]`, of a tile.
      step: pixels from a tile to the next.
      before: zeros above the first.
      height: H.
    """

    map: np.ndarray
    step: int
    before: int
    height: int

    @property
    def down(self):
        """Tiles of a column."""
        return -(-self.height // self.step)

    @property
    def matrix(self):
        """`[down r, H]`."""
        r, n = self.map.shape
        full = np.zeros([self.down, r, self.height])
        for tile in range(self.down):
            first = tile * self.step - self.before
            inside = slice(max(-first, 0), min(n, self.height - first))
            rows = slice(first + inside.start, first + inside.stop)
            full[tile, :, rows] = self.map[:, inside]
        return full.reshape(-1, self.height)

    def analyse(self, x, now=0.0):
        """`[B, H, W, C]` to `[B, down, W, r C]`; `now` is 0, see `line_convolution`."""
        batch, _, width, channels = sizes(x)
        y = tf.reshape(x, [batch, self.height, width * channels])
        y = tf.matmul(tf.constant(self.matrix, x.dtype) + now, y)
        y = tf.reshape(y, [batch * self.down, len(self.map), width, channels])
        y = tf.transpose(y, [0, 2, 1, 3])
        return tf.reshape(y, [batch, self.down, width, len(self.map) * channels])

    def synthesise(self, u):
        """The transpose of `analyse`."""
        batch, _, width, channels = sizes(u)
        channels //= len(self.map)
        y = tf.reshape(u, [batch * self.down, width, len(self.map), channels])
        y = tf.transpose(y, [0, 2, 1, 3])
        y = tf.reshape(y, [batch, self.down * len(self.map), width * channels])
        y = tf.matmul(tf.constant(self.matrix, u.dtype), y, transpose_a=True)
        return tf.reshape(y, [batch, self.height, width, channels])


def _columns(line, x):
    """The tiles of the columns of an image, and, not overlapping, of the output."""
    height = x.shape[1]
    if height is None:
        raise ValueError(
            f"x has shape {x.shape.as_list()}, expected a known height: algorithms on a line"
            " are made for it; ops.conv2d takes any"
        )
    before = (line.kernel_size - 1) // 2
    return (
        Columns(line.image, line.outputs, before, height),
        Columns(line.output, line.outputs, 0, height),
    )
