"""The modeled choice of an algorithm: sensible for the layers of the networks, and stable."""

import pytest

import ops

candidates = ops.candidate_algorithms


def names(*layer, **options):
    return [a.name for a in candidates(*layer, **options)]


@pytest.mark.parametrize(
    "layer, kind",
    [
        ((7, 46, 46, 128, 128), "fourier"),
        ((9, 92, 92, 128, 128), "fourier"),
        ((9, 184, 184, 128, 128), "fourier"),
        ((9, 46, 46, 32, 512), "fourier"),
        ((11, 46, 46, 128, 128), "fourier"),
        ((3, 92, 92, 256, 256), "cook_toom"),
        ((3, 46, 46, 512, 512), "cook_toom"),
    ],
)
def test_best_algorithm_of_large_layers(layer, kind):
    algorithm = ops.best_algorithm(*layer, allow_1d=False)
    assert algorithm.name.startswith(kind) and algorithm.kernel_size == (layer[0],) * 2
    assert algorithm.name == names(*layer, allow_1d=False)[0]


@pytest.mark.parametrize(
    "layer, name",
    [
        ((3, 16, 16, 128, 128), "cook_toom 8, 3"),
        ((3, 16, 16, 192, 192), "cook_toom 4, 3"),  # more channels, fewer points
        ((7, 16, 16, 49, 32), "cook_toom 4, 7"),
        ((7, 16, 16, 32, 32), "cook_toom 4, 7"),
        # Forward alone would be slower than direct convolution.
        ((3, 16, 16, 128, 32), None),
        ((3, 32, 32, 32, 64), None),
    ],
)
def test_best_algorithm_of_small_layers(layer, name):
    """Those of `mini`, and a wider one; the same with algorithms in the plane and without."""
    for allow_2d in (True, False):
        algorithm = ops.best_algorithm(*layer, batch=8, allow_2d=allow_2d)
        assert (algorithm and algorithm.name) == name


@pytest.mark.parametrize("layer", [(3, 16, 16, 128, 32), (3, 32, 32, 32, 64)])
def test_best_algorithm_on_one_thread(layer):
    """Algorithms on a line pay for smaller layers where direct convolution has one thread, too."""
    assert ops.best_algorithm(*layer, batch=8, one_thread=True).name == "cook_toom 8, 3"
    assert ops.best_algorithm(1, *layer[1:], batch=8, one_thread=True) is None
    # In the plane the cost is the same, and with it the order.
    how = {"batch": 8, "allow_1d": False}
    assert names(*layer, **how) == names(*layer, **how, one_thread=True)


def test_candidates_of_one_kind():
    layer = (7, 46, 30, 128, 128)
    assert all(isinstance(a, ops.Bilinear1D) for a in candidates(*layer, allow_2d=False))
    assert all(isinstance(a, ops.Bilinear2D) for a in candidates(*layer, allow_1d=False))
    assert names(*layer, allow_2d=False, allow_1d=False) == []
    # On a line, down the 46 rows: 2, 3, 4, 5 tiles of 23, 16, 12, 10, and smaller ones.
    found = [n for n in names(*layer, allow_2d=False) if n.startswith("fourier")]
    assert {"fourier 30, 7", "fourier 22, 7", "fourier 18, 7", "fourier 16, 7"} <= {*found}


@pytest.mark.parametrize(
    "layer",
    [
        (1, 46, 46, 512, 512),  # nothing to save
        (3, 368, 368, 3, 64),  # three channels in: the output's transform is all there is
        (9, 368, 368, 3, 128),
        (3, 1, 1, 64, 64),  # a map of one pixel
        # More memory moved than arithmetic saved: 0.4 of direct's speed.
        (3, 368, 368, 64, 64),
        (11, 2, 2, 128, 128),  # transforming the kernel costs more than using it
    ],
)
def test_best_algorithm_is_direct_where_little_is_to_be_saved(layer):
    assert ops.best_algorithm(*layer) is None


def test_candidates_preset():
    assert names(1, 46, 46, 128, 128) == []
    assert sorted(names(3, 46, 46, 128, 128, allow_1d=False)) == [
        f"cook_toom {o}x{o}, 3x3" for o in (2, 4, 6)
    ]
    # 46 pixels in 6, 5, 4, 3, 2 tiles of 8, 10, 12, 16, 23 outputs, and smaller ones.
    found = names(7, 46, 46, 128, 128, allow_1d=False)
    fourier = [n for n in found if n.startswith("fourier")]
    for tile in (14, 16, 18, 22, 30):
        assert f"fourier {tile}x{tile}, 7x7" in fourier
    assert "fourier 20x20, 7x7" not in fourier  # as many tiles as 18, each larger


def test_choice_is_the_same_each_time():
    assert names(9, 92, 92, 128, 128) == names(9, 92, 92, 128, 128)
    assert ops.best_algorithm(9, 92, 92, 8, 8) is ops.best_algorithm(9, 92, 92, 8, 8)


def test_candidates_raise():
    with pytest.raises(ValueError, match="c_in is 0, expected an integer of at least"):
        ops.candidate_algorithms(3, 8, 8, 0, 4)
