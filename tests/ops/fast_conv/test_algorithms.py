"""Algorithms as data: a separable transform is its matrix, and transposing turns it around."""

import numpy as np
import pytest

from ops.fast_conv.cook_toom import cook_toom_1d, cook_toom_2d
from ops.fast_conv.fourier import fourier_1d, fourier_2d

by_algorithm = pytest.mark.parametrize(
    "algorithm", [cook_toom_2d(3, 4), fourier_2d(5, 8)], ids=lambda a: a.name
)


@by_algorithm
def test_separable_transform_is_its_matrix(seeded, algorithm):
    rng = seeded(4)
    for transform in (algorithm.B_T, algorithm.G, algorithm.A_T.T):
        x = rng.normal(size=[transform.rows.shape[2], transform.columns.shape[3]])
        z = np.einsum("psi,ij->psj", transform.rows, x)
        v = np.einsum("pqsj,psj->pq", transform.columns, z)
        np.testing.assert_allclose(transform.matrix() @ x.ravel(), v.ravel(), atol=1e-10)


@by_algorithm
def test_transposed_transform(algorithm):
    transform = algorithm.B_T
    np.testing.assert_array_equal(transform.T.matrix(), transform.matrix().T)
    assert transform.T.T is transform


@pytest.mark.parametrize("algorithm", [cook_toom_1d(7, 4), fourier_1d(7, 14)], ids=lambda a: a.name)
def test_shapes_on_a_line(algorithm):
    assert algorithm.tile == algorithm.outputs + 7 - 1
    assert algorithm.B_T.shape == (algorithm.rank, algorithm.tile)
    assert algorithm.G.shape == (algorithm.rank, 7)
    assert algorithm.A_T.shape == (algorithm.outputs, algorithm.rank)


@by_algorithm
def test_shapes_in_the_plane(algorithm):
    tile, kernel, outputs = (
        size[0] * size[1] for size in (algorithm.tile, algorithm.kernel_size, algorithm.outputs)
    )
    assert algorithm.B_T.matrix().shape == (algorithm.rank, tile)
    assert algorithm.G.matrix().shape == (algorithm.rank, kernel)
    assert algorithm.A_T.matrix().shape == (outputs, algorithm.rank)
