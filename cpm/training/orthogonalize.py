"""The orthogonal matrix near to a given one, by products alone: the step of `optimizers.Muon`.

References:
  Jordan et al. 2024, "Muon: An optimizer for hidden layers in neural networks"; Bernstein and
  Newhouse 2024, "Old optimizer, new norm: an anthology".
"""

import tensorflow as tf

# Coefficients and number of steps of `orthogonalize` (Jordan et al. 2024).
NEWTON_SCHULZ = (3.4445, -4.7750, 2.0315)
NEWTON_SCHULZ_STEPS = 5


def orthogonalize(matrix: tf.Tensor) -> tf.Tensor:
    """Roughly the orthogonal matrix nearest to a given one: U Vᵀ of its U S Vᵀ.

    Newton-Schulz: from X = matrix / ||matrix||, five times X ← P X, P = a I + b X Xᵀ + c (X Xᵀ)².
    Each is the odd polynomial a s + b s³ + c s⁵ on the singular values and leaves U and V alone.
    Its coefficients raise small values fast and leave all that began above 1 % between 0.68 and
    1.14 rather than at 1, which serves a step as well. It is made of products alone, so it is fast
    where a singular value decomposition is not, and runs under XLA. X Xᵀ follows as P X Xᵀ P: the
    long side of the matrix is touched twice, not ten times. Of a tall matrix it is Xᵀ X, and P
    stands behind X.

    Args:
      matrix: `[m, n]` float; all zeros stay zeros.

    Returns:
      `[m, n]`.

    References:
      Jordan et al. 2024; Bernstein and Newhouse 2024, "Old optimizer, new norm: an anthology".
    """
    rows, columns = matrix.shape
    tall = rows > columns
    # In two steps: the squares of a gradient of 1e-20, as a dead layer has, are 0 in float32.
    largest = tf.reduce_max(tf.reduce_max(tf.abs(matrix), axis=0))
    x = tf.math.divide_no_nan(matrix, largest)
    # The smaller square: X Xᵀ, of a tall matrix Xᵀ X.
    square = tf.matmul(x, x, transpose_a=tall, transpose_b=not tall)
    size = tf.linalg.trace(square)  # ||x||²
    square = tf.math.divide_no_nan(square, size)
    identity = tf.eye(square.shape[0], dtype=x.dtype)
    a, b, c = NEWTON_SCHULZ

    def polynomial(square):
        return a * identity + b * square + c * tf.matmul(square, square)

    p = total = polynomial(square)  # total: the product of all P
    for _ in range(NEWTON_SCHULZ_STEPS - 1):
        square = tf.matmul(tf.matmul(p, square), p)
        p = polynomial(square)
        total = tf.matmul(p, total)
    total *= tf.math.rsqrt(tf.maximum(size, 1e-30))
    return tf.matmul(x, total) if tall else tf.matmul(total, x)
