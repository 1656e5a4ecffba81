"""Max and average pooling: how the network's grid gets coarser.

The windows are those of "same" padding: the output has ceil(H / stride) rows, and a window that
reaches over the edge is clipped to the cells that exist. The paper's network was trained in Caffe,
which rounds up too and starts its first window at the first cell. Both agree wherever the network
pools: with p = max((ceil(H / s) - 1) s + k - H, 0) cells missing, TensorFlow lets floor(p / 2) of
them stick out at the top or left, and

    window 2, stride 2, even H:      p = 0    (VGG-19's pools)
    window 3, stride 2, even H:      p = 1    one cell, at the bottom or right, as in Caffe
    window 9, stride 8, H = 8 n:     p = 1    likewise (the paper's center map)

Outside this table they differ: 3/2 on an odd H has p = 2, one cell at either end, where Caffe
would give one row less.

References:
  Wei et al. 2016, Fig. 2; the release's `pool*_stage*` and `pool_center_lower` layers.
"""

import tensorflow as tf

from ops.shapes import TensorLike, check_floating, check_positive_int, check_rank

raw = tf.raw_ops


def max_pool(x: TensorLike, *, window: int, stride: int, name: str | None = None) -> tf.Tensor:
    """Largest value of each window.

        y[b, i, j, c] = max over the window's cells (m, n) in the image of x[b, m, n, c]
        rows of window i: i s - t ... i s - t + k - 1,   t = floor(p / 2)   (see above)

    Args:
      x: `[B, H, W, C]` float.
      window: k >= 1, its side, cells.
      stride: s >= 1, cells.
      name: of the operation in the graph.

    Returns:
      `[B, ceil(H / s), ceil(W / s), C]`.
    Raises:
      ValueError: if a shape or a size is wrong; the message names it.

    Example:
      >>> x = tf.reshape([1.0, 5.0, 2.0, 4.0, 0.0, 3.0], [1, 1, 6, 1])
      >>> max_pool(x, window=3, stride=2)[0, 0, :, 0].numpy().tolist()
      [5.0, 4.0, 3.0]
    """
    with tf.name_scope(name or "max_pool"):
        x = _checked(x, window, stride)
        return raw.MaxPool(
            input=x,
            ksize=[1, window, window, 1],
            strides=[1, stride, stride, 1],
            padding="SAME",
        )


def average_pool(x: TensorLike, *, window: int, stride: int, name: str | None = None) -> tf.Tensor:
    """Mean of each window's cells, the missing ones not counted.

        y[b, i, j, c] = sum over the window's cells in the image of x[b, m, n, c] / their number

    The divisor is what makes the edge right: a constant image stays constant, where dividing by
    k * k would darken the last row and column. Caffe divides by the clipped area as well.

    Args:
      x: `[B, H, W, C]` float.
      window: k >= 1, its side, cells.
      stride: s >= 1, cells.
      name: of the operation in the graph.

    Returns:
      `[B, ceil(H / s), ceil(W / s), C]`.
    Raises:
      ValueError: if a shape or a size is wrong; the message names it.

    Example:
      >>> x = tf.reshape([1.0, 5.0, 3.0, 6.0, 0.0, 4.0], [1, 1, 6, 1])
      >>> average_pool(x, window=3, stride=2)[0, 0, :, 0].numpy().tolist()
      [3.0, 3.0, 2.0]
    """
    with tf.name_scope(name or "average_pool"):
        x = _checked(x, window, stride)
        return raw.AvgPool(
            value=x,
            ksize=[1, window, window, 1],
            strides=[1, stride, stride, 1],
            padding="SAME",
        )


def _checked(x, window, stride):
    """`x` as a tensor, once it and the sizes have been found good."""
    x = tf.convert_to_tensor(x, name="x")
    check_floating(x, "x")
    check_rank(x, 4, "x")
    check_positive_int(window, "window")
    check_positive_int(stride, "stride")
    return x
