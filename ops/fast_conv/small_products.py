"""Products of a small constant matrix with many pieces of data.

All arithmetic of the transforms is of this kind. A product with pieces of a few thousand numbers is
three to five times as fast as one with millions (README.md, section 7).
"""

from typing import Any

import numpy as np
import tensorflow as tf


def times(matrix: tf.Tensor, y: tf.Tensor, transpose: bool = False) -> tf.Tensor:
    """`matrix`, or its transpose, times every `[h, N]` piece of `y`.

    The matrix is repeated for the pieces: left to broadcast it, XLA moves all pieces side by
    side and makes one slow product of them.

    Args:
      matrix: `[n, h]`, of the type of `y`; `[h, n]` if transposed.
      y: `[..., h, N]`.
      transpose: whether to multiply by the transpose.

    Returns:
      `[..., n, N]`.
    """
    repeated = tf.broadcast_to(matrix, [*sizes(y)[:-2], *matrix.shape])
    return tf.matmul(repeated, y, transpose_a=transpose)


def times_all(matrix: np.ndarray, y: tf.Tensor, transpose: bool = False) -> tf.Tensor:
    """`matrix`, or its transpose, times `y` in one product over its first axis.

    Args:
      matrix: `[n, h]` array; `[h, n]` if transposed.
      y: `[h, ...]`.
      transpose: whether to multiply by the transpose.

    Returns:
      `[n, ...]`.
    """
    _, *others = sizes(y)
    flat = tf.reshape(y, [y.shape[0], -1])
    product = tf.matmul(tf.constant(matrix, y.dtype), flat, transpose_a=transpose)
    return tf.reshape(product, [product.shape[0], *others])


def sizes(x: tf.Tensor) -> list[Any]:
    """The shape of `x`: an int where it is known while tracing, else a scalar tensor."""
    dynamic = tf.shape(x)
    return [dynamic[k] if n is None else n for k, n in enumerate(x.shape.as_list())]
