"""The cost model: its formula by hand for one layer of each kind, and how it grows."""

import pytest

import ops
from ops.fast_conv.cook_toom import cook_toom_1d, cook_toom_2d
from ops.fast_conv.cost_model import direct_cost, fast_cost
from ops.fast_conv.fourier import fourier_2d

LAYER = (16, 24, 32, 48, 2)  # height, width, Cin, Cout, batch


def test_direct_cost_preset():
    assert direct_cost(3, *LAYER) == 16 * 24 * 32 * 48 * 2 * 9


def test_fast_cost_preset_dense():
    """F(4 x 4, 3 x 3): rank 36, 4 x 6 tiles an image, 36 numbers in and out of each transform."""
    tiles = 4 * 6 * 2
    products = 36 * tiles * 32 * 48
    moved = tiles * (32 * (36 + 36) + 48 * (16 + 36))
    kernel = 32 * 48 * (9 + 36)
    expected = 0.69 * products + 136 * moved + 73 * kernel
    assert fast_cost(cook_toom_2d(3, 4), *LAYER) == pytest.approx(expected, rel=1e-12)


def test_fast_cost_preset_components():
    """Fourier 16 x 16 for 7 x 7: 8 components of 2 numbers a column, then of 48; 2 x 3 tiles."""
    tiles, pairs = 2 * 3 * 2, 32 * 48
    image, output, kernel = (8 * 2 * width + 8 * 48 for width in (16, 10, 7))
    moved = tiles * (32 * image + 48 * output) + pairs * kernel
    expected = 1.1 * 384 * tiles * pairs + 90 * moved + 5e7
    assert fast_cost(fourier_2d(7, 16), *LAYER) == pytest.approx(expected, rel=1e-12)
    # Of a hundred times as many images the first steps' numbers leave the cache.
    tiles *= 100
    moved = tiles * (32 * image + 48 * output) + pairs * kernel
    held = tiles * (32 * 8 * 2 * 16 + 48 * 8 * 2 * 10)
    expected = 1.1 * 384 * tiles * pairs + 90 * moved + 260 * (held - 8e6) + 5e7
    many = (*LAYER[:-1], 200)
    assert fast_cost(fourier_2d(7, 16), *many) == pytest.approx(expected, rel=1e-12)


def test_fast_cost_preset_columns():
    """F(4, 3): rank 6, 4 tiles a column of 16."""
    products = 6 * 4 * 24 * 2 * 3 * 32 * 48
    transforms = 24 * 2 * (4 * 6 * 16) * (32 + 48)
    moved = 24 * 2 * (4 * 6 + 16) * (32 + 48)
    kernel = 3 * 32 * 48 * (6 + 3)
    expected = 0.95 * products + 13 * moved + 2.1 * transforms + 127 * kernel + 2.1e7
    assert fast_cost(cook_toom_1d(3, 4), *LAYER) == pytest.approx(expected, rel=1e-12)
    alone = fast_cost(cook_toom_1d(3, 4), *LAYER, one_thread=True)
    assert alone == pytest.approx(0.75 * expected, rel=1e-12)


def test_one_thread_changes_nothing_in_the_plane():
    for algorithm in (cook_toom_2d(3, 4), fourier_2d(7, 16)):
        cost = fast_cost(algorithm, *LAYER)
        assert cost == fast_cost(algorithm, *LAYER, one_thread=True)


def test_large_batches_share_the_transform_of_the_kernel():
    """The modeled cost of an image never grows with the batch."""
    layer = (46, 46, 128, 128)
    costs = [fast_cost(fourier_2d(7, 16), *layer, batch) / batch for batch in (1, 2, 8)]
    assert costs[0] > costs[1] > costs[2]


def test_hardly_a_gain_is_none():
    """Measured, 0.91 times as fast forward on one machine, where the model sees a gain of 2 %."""
    layer = (16, 16, 128, 32)
    [algorithm, *_] = ops.candidate_algorithms(3, *layer, batch=16)
    assert 0.95 < fast_cost(algorithm, *layer, 16) / direct_cost(3, *layer, 16) < 1
    assert ops.best_algorithm(3, *layer, batch=16) is None
