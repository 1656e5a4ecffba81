"""The maps of tiles and kernels against their matrices, and their transposes by inner products."""

import numpy as np
import pytest
import tensorflow as tf

import ops
from ops.fast_conv.dense_tiles import DenseKernelMap, DenseTiling
from ops.fast_conv.tile_transforms import KernelMap, Tiling

ALGORITHMS = [
    ops.cook_toom(3, 4),
    ops.cook_toom(5, 1),  # a tile reaches over four more blocks
    ops.cook_toom((2, 3), (3, 2)),
    ops.fourier((4, 5), (7, 8)),
    ops.fourier(7, 16),
]
by_kind = pytest.mark.parametrize("dense", [False, True], ids=["slots", "dense"])
by_algorithm = pytest.mark.parametrize("algorithm", ALGORITHMS, ids=lambda a: a.name)


def tilings(algorithm, shape, dense):
    """Overlapping tiles of the image, and those of the output."""
    Tiles = DenseTiling if dense else Tiling
    before = tuple((k - 1) // 2 for k in algorithm.kernel_size)
    return [
        Tiles(algorithm.image, algorithm.outputs, before, shape),
        Tiles(algorithm.output, algorithm.outputs, (0, 0), shape),
    ]


@by_kind
@by_algorithm
def test_analyse_maps_every_tile(seeded, algorithm, dense):
    rng = seeded(1)
    shape = (2, 13, 9)
    x = rng.normal(size=[*shape, 3])
    for tiling in tilings(algorithm, shape, dense):
        (down, across), (h, w), (oh, ow) = tiling.tiles, tiling.size, tiling.step
        rows = tiling.analyse_rows(tf.constant(x))
        slots = [tiling.analyse_columns(rows, p) for p in range(tiling.slots)]
        found = np.concatenate(slots)

        padded = np.pad(x, [(0, 0), (tiling.before[0], 40), (tiling.before[1], 40), (0, 0)])
        expected = [
            tiling.map.matrix()
            @ padded[b, i * oh : i * oh + h, j * ow : j * ow + w].reshape(h * w, 3)
            for b, i, j in np.ndindex(2, down, across)
        ]
        # Sums of at most some thousand terms, largest coefficients about 20.
        np.testing.assert_allclose(found, np.stack(expected, axis=1), atol=1e-10)


@by_kind
@by_algorithm
def test_analyse_maps_every_kernel(seeded, algorithm, dense):
    rng = seeded(2)
    kernel = rng.normal(size=[*algorithm.kernel_size, 3, 5])
    weights = (DenseKernelMap if dense else KernelMap)(algorithm.kernel, (3, 5))
    rows = weights.analyse_rows(tf.constant(kernel))
    found = np.concatenate([weights.analyse_columns(rows, p) for p in range(weights.slots)])
    expected = algorithm.kernel.matrix() @ kernel.reshape(-1, 15)
    np.testing.assert_allclose(found.reshape(-1, 15), expected, atol=1e-12)


@by_kind
@by_algorithm
def test_synthesis_is_the_transpose(seeded, algorithm, dense):
    # <analyse x, u> = <x, synthesise u> for all x and u says that one is the other's transpose.
    rng = seeded(3)
    weights = (DenseKernelMap if dense else KernelMap)(algorithm.kernel, (3, 5))
    maps = [*tilings(algorithm, (2, 13, 9), dense), weights]
    inputs = [[2, 13, 9, 3], [2, 13, 9, 3], [*algorithm.kernel_size, 3, 5]]
    for one, size in zip(maps, inputs):
        x = tf.constant(rng.normal(size=size))
        rows = one.analyse_rows(x)
        left, slots = 0.0, []
        for p in range(one.slots):
            u = one.analyse_columns(rows, p)
            v = rng.normal(size=u.shape)
            left += np.sum(u * v)
            slots.append(one.synthesise_columns(tf.constant(v), p))
        back = one.synthesise_rows(tf.stack(slots))
        assert back.shape == x.shape
        # Both sides are sums of some thousand products of order 10 to 100.
        np.testing.assert_allclose(np.sum(back * x), left, atol=1e-7, rtol=1e-10)


@pytest.mark.parametrize("c_in, c_out, pieces", [(128, 128, 8), (7, 512, 7), (3, 1, 1)])
def test_pieces_of_a_kernel_divide_it(c_in, c_out, pieces):
    assert KernelMap(ops.cook_toom(3, 4).kernel, (c_in, c_out)).pieces == pieces
