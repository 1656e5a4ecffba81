"""The transforms of tiles and kernels against their matrices, and adjoints by inner products."""

import numpy as np
import pytest
import tensorflow as tf

from ops.fast_conv.component_transforms import (
    KernelTransform,
    TileTransform,
    columns_matrix,
    rows_matrix,
)
from ops.fast_conv.cook_toom import cook_toom_2d
from ops.fast_conv.fourier import fourier_2d
from ops.fast_conv.tiling import tilings

ALGORITHMS = [
    cook_toom_2d(3, 4),
    cook_toom_2d(5, 1),  # a tile reaches over four more blocks
    cook_toom_2d((2, 3), (3, 2)),
    fourier_2d((4, 5), (7, 8)),
    fourier_2d(7, 16),
]
by_algorithm = pytest.mark.parametrize("algorithm", ALGORITHMS, ids=lambda a: a.name)


def tile_transforms(algorithm, shape):
    """B_T of the image's tiles, and A of the output's."""
    image, output = tilings(algorithm, shape)
    return [TileTransform(algorithm.B_T, image), TileTransform(algorithm.A_T.T, output)]


def components_of(transform, x):
    """All that a transform gives, `[rank, ...]`."""
    z = transform.transform_rows(x)
    components = len(transform.map.rows)
    return np.concatenate([transform.transform_columns(z, p) for p in range(components)])


@by_algorithm
def test_every_tile_is_transformed(seeded, algorithm):
    rng = seeded(1)
    shape = (2, 13, 9)
    x = rng.normal(size=[*shape, 3])
    for transform in tile_transforms(algorithm, shape):
        tiling = transform.tiling
        (down, across), (h, w), (oh, ow) = tiling.tiles, tiling.size, tiling.step
        found = components_of(transform, tf.constant(x))

        padded = np.pad(x, [(0, 0), (tiling.before[0], 40), (tiling.before[1], 40), (0, 0)])
        expected = [
            transform.map.matrix()
            @ padded[b, i * oh : i * oh + h, j * ow : j * ow + w].reshape(h * w, 3)
            for b, i, j in np.ndindex(2, down, across)
        ]
        # Sums of at most some thousand terms, largest coefficients about 20.
        np.testing.assert_allclose(found, np.stack(expected, axis=1), atol=1e-10)


@by_algorithm
def test_every_kernel_is_transformed(seeded, algorithm):
    kernel = seeded(2).normal(size=[*algorithm.kernel_size, 3, 5])
    found = components_of(KernelTransform(algorithm.G, (3, 5)), tf.constant(kernel))
    expected = algorithm.G.matrix() @ kernel.reshape(-1, 15)
    np.testing.assert_allclose(found.reshape(-1, 15), expected, atol=1e-12)


@by_algorithm
def test_adjoint_by_components(seeded, algorithm):
    # <transform x, v> = <x, adjoint v> for all x and v says that one is the other's adjoint.
    rng = seeded(3)
    shape, kernel_size = (2, 13, 9), algorithm.kernel_size
    transforms = [*tile_transforms(algorithm, shape), KernelTransform(algorithm.G, (3, 5))]
    inputs = [[*shape, 3], [*shape, 3], [*kernel_size, 3, 5]]
    for transform, size in zip(transforms, inputs, strict=True):
        x = tf.constant(rng.normal(size=size))
        rows = transform.transform_rows(x)
        left, components = 0.0, []
        for p in range(algorithm.components):
            u = transform.transform_columns(rows, p)
            v = rng.normal(size=u.shape)
            left += np.sum(u * v)
            components.append(transform.adjoint_columns(tf.constant(v), p))
        back = transform.adjoint_rows(tf.stack(components))
        assert back.shape == x.shape
        # Both sides are sums of some thousand products of order 10 to 100.
        np.testing.assert_allclose(np.sum(back * x), left, atol=1e-7, rtol=1e-10)


@pytest.mark.parametrize("c_in, c_out, pieces", [(128, 128, 8), (7, 512, 7), (3, 1, 1)])
def test_pieces_of_a_kernel_divide_it(c_in, c_out, pieces):
    assert KernelTransform(cook_toom_2d(3, 4).G, (c_in, c_out)).pieces == pieces


def test_matrices_compose_to_the_transform(seeded):
    transform = fourier_2d((3, 4), (6, 8)).G
    p, s, h = transform.rows.shape
    x = seeded(2).normal(size=[h, 4])
    z = (rows_matrix(transform, x) @ x).numpy().reshape(p, s * 4)
    u = [columns_matrix(transform, tf.constant(k), x) @ z[k][:, None] for k in range(p)]
    found = np.concatenate(u)[:, 0]
    np.testing.assert_allclose(found, transform.matrix() @ x.ravel(), atol=1e-14)
