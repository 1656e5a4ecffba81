"""The other people of an image that are kept: all of a few, of a crowd the nearest."""

import numpy as np

from cpm.data.neighbors import neighbors
from cpm.data.person import Pose


def pose(x, y=0, state=2):
    return Pose(np.full([2, 2], [x, y], float), np.full(2, state))


def xs(poses):
    return [float(other.joints_px[0, 0]) for other in poses]


def test_all_of_a_few():
    found = neighbors([pose(0), pose(9, state=0), pose(2), pose(1)], most=2)
    assert [xs(others) for others in found] == [[2, 1], [0, 2, 1], [0, 1], [0, 2]]


def test_the_nearest_of_many_in_the_order_given():
    poses = [pose(x) for x in (30, 0, 11, 1, 10, 3)] + [pose(5, state=0)]
    found = neighbors(poses, most=2)
    assert [xs(others) for others in found] == [
        [11, 10],
        [1, 3],
        [10, 3],
        [0, 3],
        [11, 3],
        [0, 1],
        [],
    ]


def test_many_at_one_point():
    """A person may not be among those that are nearest to it."""
    poses = [pose(7) for _ in range(20)]
    for n, others in enumerate(neighbors(poses, most=3)):
        assert len(others) == 3 and all(other is not poses[n] for other in others)


def test_the_nearest_are_those_of_a_plain_search():
    middles = np.random.default_rng(5).uniform(0, 100, (90, 2))
    poses = [pose(x, y) for x, y in middles]
    for n, others in enumerate(neighbors(poses)):
        distance = np.linalg.norm(middles - middles[n], axis=1)
        nearest = sorted(np.argsort(distance)[1:65])
        assert xs(others) == [float(np.float32(middles[k, 0])) for k in nearest]
