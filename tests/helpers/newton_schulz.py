"""What `cpm.training.orthogonalize` computes, by a singular value decomposition in NumPy."""

import numpy as np


def newton_schulz(matrix):
    """`orthogonalize` by definition: a polynomial on the singular values."""
    u, s, vt = np.linalg.svd(matrix, full_matrices=False)
    s = s / np.sqrt((s**2).sum())
    for _ in range(5):
        s = 3.4445 * s - 4.7750 * s**3 + 2.0315 * s**5
    return (u * s) @ vt
