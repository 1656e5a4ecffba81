"""Tiles: where they lie, and that adding them up is the transpose of cutting them."""

import numpy as np
import pytest
import tensorflow as tf

from ops.fast_conv.cook_toom import cook_toom_2d
from ops.fast_conv.tiling import Tiling, cut, overlap_add, tilings


def test_tilings_preset():
    """F(4 x 4, 3 x 3) on 13 x 9 pixels: 4 x 3 tiles of 6 x 6, a block of 4 and half of the next."""
    image, output = tilings(cook_toom_2d(3, 4), (2, 13, 9))
    assert image == Tiling(size=(6, 6), step=(4, 4), before=(1, 1), shape=(2, 13, 9))
    assert output == Tiling(size=(4, 4), step=(4, 4), before=(0, 0), shape=(2, 13, 9))
    assert image.tiles == output.tiles == (4, 3)
    assert image.blocks == (5, 4) and output.blocks == (4, 3)


def test_pad_and_crop(seeded):
    x = seeded(1).normal(size=[2, 13, 9, 3])
    image, _ = tilings(cook_toom_2d(3, 4), (2, 13, 9))
    padded = image.pad(tf.constant(x)).numpy()
    np.testing.assert_array_equal(padded, np.pad(x, [(0, 0), (1, 6), (1, 6), (0, 0)]))
    np.testing.assert_array_equal(image.crop(padded), x)


# A tile within its block, in two blocks, in five.
@pytest.mark.parametrize("size, step", [(4, 4), (6, 4), (5, 1)])
def test_cut_gives_every_tile(seeded, size, step):
    row = seeded(2).normal(size=7 * step)
    tiles = cut(tf.reshape(row, [7, step]), size, step, axes=(1, 0)).numpy()
    expected = np.lib.stride_tricks.sliding_window_view(row, size)[::step]
    np.testing.assert_array_equal(tiles, expected)


@pytest.mark.parametrize("size, step", [(4, 4), (6, 4), (5, 1)])
def test_overlap_add_is_the_transpose_of_cut(seeded, size, step):
    # <cut x, y> = <x, overlap_add y> for all x and y says that one is the other's transpose.
    rng = seeded(3)
    x = tf.constant(rng.normal(size=[2, step, 7, 3]))  # cells on axis 1, blocks on axis 2
    tiles = cut(x, size, step, axes=(1, 2))
    y = rng.normal(size=tiles.shape)
    back = overlap_add(tf.constant(y), size, step, axes=(1, 2))
    assert back.shape == x.shape
    np.testing.assert_allclose(np.sum(tiles * y), np.sum(x * back), rtol=1e-12)
