"""The steps of a separable map as small matrix products, and the loop over its slots.

`ops.bilinear.Separable` has two steps. Here are their matrices, the product of a small matrix with
many pieces of data, and the loop in which everything after the first step is done.
"""

import tensorflow as tf


def each_slot(function, slots, dtype):
    """`function(0)` ... `function(slots - 1)`, one after the other, results stacked.

    A single one needs no loop.

    A loop of the graph, not of Python: XLA would run the unrolled slots side by side and keep
    the large tensors of all of them at once.

    Args:
      function: of a slot's number, a scalar tensor, to a tensor or a tuple of them.
      slots: P.
      dtype: of the results, in their structure.
    """
    if slots == 1:
        return tf.nest.map_structure(lambda y: y[tf.newaxis], function(0))
    return tf.map_fn(function, tf.range(slots), parallel_iterations=1, fn_output_signature=dtype)


def rows_matrix(separable, like):
    """The matrix of the first step, `[P S, h]`."""
    p, s, h = separable.rows.shape
    return tf.constant(separable.rows.reshape(p * s, h), like.dtype)


def columns_matrix(separable, slot, like):
    """The matrix of the second step of one slot, `[Q, S w]`."""
    p, q, s, w = separable.columns.shape
    return tf.constant(separable.columns.reshape(p, q, s * w), like.dtype)[slot]


def times(matrix, y, transpose=False):
    """`matrix`, or its transpose, times every `[h, N]` piece of `y`.

    The matrix is repeated for the pieces: left to broadcast it, XLA moves all pieces side by
    side and makes one slow product of them.
    """
    repeated = tf.broadcast_to(matrix, [*sizes(y)[:-2], *matrix.shape])
    return tf.matmul(repeated, y, transpose_a=transpose)


def sizes(x):
    """The shape of `x`: an int where it is known while tracing, else a scalar tensor."""
    dynamic = tf.shape(x)
    return [dynamic[k] if n is None else n for k, n in enumerate(x.shape.as_list())]
