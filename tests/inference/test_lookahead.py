"""Passes made ahead: the same joints in fewer batches, and none that saw another place."""

import numpy as np
import pytest

from cpm.geometry import CropRegion
from cpm.inference.lookahead import CROPS, NEAR, PAUSE, Lookahead


class Counter:
    """A network whose joint is the middle of what it sees, and that keeps its batches."""

    def __init__(self):
        self.batches = []

    def __call__(self, images, regions):
        self.batches.append([int(image[0, 0, 0]) for image in images])
        joints_px = np.array([[region.center_px] for region in regions])  # [N, 1, 2]
        return joints_px, np.array([[image[0, 0, 0] / 100] for image in images])


def frames(count):
    """(image, time) of frames whose pixels are their numbers, ten a second."""
    return [(np.full([4, 6, 3], n, np.uint8), n / 10) for n in range(count)]


def follow(regions_at, count):
    """What is used for each frame, and the network; `regions_at`: (number, time) → regions."""
    network, film = Counter(), frames(count)
    look = Lookahead(network)
    used = []
    for n, (image, time) in enumerate(film):
        used.append(look(image, time, lambda when, n=n: regions_at(n, when), film[n + 1 :]))
    assert look.crops == sum(map(len, network.batches))
    return used, network


@pytest.mark.parametrize("people", [1, 2, 3, 7])
def test_steady_people_are_seen_in_full_batches(people):
    def regions_at(_, time):
        return [CropRegion((40.0 * k + 50 * time, 9.0), 30.0) for k in range(people)]

    used, network = follow(regions_at, 9)
    each = max(1, CROPS // people)
    expected = [list(range(9))[n : n + each] for n in range(0, 9, each)]
    assert network.batches == [[n for n in batch for _ in range(people)] for batch in expected]
    for n, passes in enumerate(used):
        assert passes.time == n / 10 and passes.regions == regions_at(n, n / 10)
        np.testing.assert_allclose(passes.joints_px[:, 0, 0], 40 * np.arange(people) + 5 * n)
        np.testing.assert_allclose(passes.confidence, n / 100)


@pytest.mark.parametrize(
    "x, y, side, again",
    [
        (52.9, 20, 30, False),
        (53.1, 20, 30, True),
        (50, 17.1, 30, False),
        (50, 16.9, 30, True),
        (50, 20, 37, False),
        (50, 20, 38, True),
        (50, 20, 25.5, False),
        (50, 20, 24.5, True),
        (52, 20, 34, True),  # each alone would be near enough
    ],
)
def test_a_crop_elsewhere_is_looked_at_again(x, y, side, again):
    """The third frame asks for another crop than the first two expected; sides of 30 px."""
    assert NEAR == 0.1
    usual, wanted = CropRegion((50, 20), 30), CropRegion((x, y), side)
    used, network = follow(lambda n, _: [usual if n < 2 else wanted], 3)
    assert network.batches == ([[0, 1, 2], [2]] if again else [[0, 1, 2]])
    assert used[2].regions == [wanted if again else usual]
    assert used[2].confidence[0, 0] == 0.02


def test_none_are_made_ahead_for_a_while_after_one_in_vain():
    def regions_at(n, _):
        return [CropRegion((50.0 if n < 2 else 90.0, 20.0), 30.0)]

    _, network = follow(regions_at, 12)
    alone = int(10 * PAUSE)
    assert network.batches[0] == [0, 1, 2, 3]
    assert network.batches[1 : 1 + alone] == [[n] for n in range(2, 2 + alone)]
    assert network.batches[1 + alone] == [7, 8, 9, 10]


def test_somebody_who_comes_or_goes_is_not_mistaken():
    def regions_at(n, _):
        return [CropRegion((30.0 * k, 20.0), 30.0) for k in range(2 if n in (1, 2) else 1)]

    used, _ = follow(regions_at, 6)
    assert [len(passes.joints_px) for passes in used] == [1, 2, 2, 1, 1, 1]
    assert [passes.regions for passes in used] == [regions_at(n, None) for n in range(6)]


def test_frames_left_out_are_not_taken_for_others():
    """The caller skipped a frame that was looked at."""
    network, film = Counter(), frames(4)
    look = Lookahead(network)
    here = [CropRegion((50.0, 20.0), 30.0)]
    look(*film[0], lambda _: here, film[1:])
    assert look(*film[2], lambda _: here, film[3:]).confidence[0, 0] == 0.02
