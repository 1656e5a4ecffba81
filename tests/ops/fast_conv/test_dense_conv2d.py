"""The transform of all tiles by one matrix, and its adjoint, with every kind of algorithm.

(What the convolution computes: test_fast_conv2d.py.)
"""

import numpy as np
import pytest
import tensorflow as tf

from ops.fast_conv.component_conv2d import ComponentConvolution
from ops.fast_conv.cook_toom import cook_toom_2d
from ops.fast_conv.dense_conv2d import DenseConvolution, DenseTransform
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


def dense_transforms(algorithm, shape):
    """B_T of the image's tiles, and A of the output's."""
    image, output = tilings(algorithm, shape)
    return [
        DenseTransform(algorithm.B_T.matrix(), image),
        DenseTransform(algorithm.A_T.T.matrix(), output),
    ]


@by_algorithm
def test_every_tile_is_transformed_at_once(seeded, algorithm):
    shape = (2, 13, 9)
    x = seeded(1).normal(size=[*shape, 3])
    for transform in dense_transforms(algorithm, shape):
        tiling = transform.tiling
        (down, across), (h, w), (oh, ow) = tiling.tiles, tiling.size, tiling.step
        padded = np.pad(x, [(0, 0), (tiling.before[0], 40), (tiling.before[1], 40), (0, 0)])
        expected = [
            transform.matrix @ padded[b, i * oh : i * oh + h, j * ow : j * ow + w].reshape(h * w, 3)
            for b, i, j in np.ndindex(2, down, across)
        ]
        found = transform.transform(tf.constant(x))
        # Sums of at most some thousand terms, largest coefficients about 20.
        np.testing.assert_allclose(found, np.stack(expected, axis=1), atol=1e-10)


@by_algorithm
def test_adjoint_at_once(seeded, algorithm):
    # <transform x, v> = <x, adjoint v> for all x and v says that one is the other's adjoint.
    rng = seeded(3)
    for transform in dense_transforms(algorithm, (2, 13, 9)):
        x = tf.constant(rng.normal(size=[2, 13, 9, 3]))
        u = transform.transform(x)
        v = rng.normal(size=u.shape)
        back = transform.adjoint(tf.constant(v))
        assert back.shape == x.shape
        # Both sides are sums of some thousand products of order 10 to 100.
        np.testing.assert_allclose(np.sum(back * x), np.sum(u * v), atol=1e-7, rtol=1e-10)


@by_algorithm
def test_kernels_are_transformed_at_once(seeded, algorithm):
    kernel = seeded(2).normal(size=[*algorithm.kernel_size, 3, 5])
    found = DenseConvolution(algorithm).transform_kernel(tf.constant(kernel)).numpy()
    expected = algorithm.G.matrix() @ kernel.reshape(-1, 15)
    np.testing.assert_allclose(found.reshape(-1, 15), expected, atol=1e-12)


@by_algorithm
def test_at_once_and_by_components_are_the_same(seeded, algorithm, random_case):
    """Values and both gradients: which of the two applies an algorithm is a question of speed."""
    x, kernel, d_y = random_case(seeded(4), algorithm, (2, 13, 9), 3, 5)
    results = [
        [convolution.forward(x, kernel), *convolution.backward(x, kernel, d_y)]
        for convolution in (DenseConvolution(algorithm), ComponentConvolution(algorithm))
    ]
    for dense, by_components in zip(*results, strict=True):
        assert tf.norm(dense - by_components) < 1e-12 * tf.norm(dense)
