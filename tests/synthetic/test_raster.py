"""The rasteriser against balls, ellipsoids, and a brute-force hull of two balls."""

import dataclasses

import numpy as np
import pytest

from cpm.synthetic.pose import rotation_x, rotation_y, rotation_z
from cpm.synthetic.raster import ScreenSolids, rasterise, screen_boxes


def _screen(start, end, radii, to_part):
    """`ScreenSolids` with the fields that geometry needs."""
    start, end = np.atleast_2d(start), np.atleast_2d(end)
    to_part = np.asarray(to_part, np.float32).reshape(-1, 3, 3)
    count = len(start)
    return ScreenSolids(
        start=start.astype(np.float32),
        to_part=to_part,
        axis=np.einsum("nij,nj->ni", to_part, end - start).astype(np.float32),
        radii=np.atleast_2d(radii).astype(np.float32),
        scale=np.ones(count, np.float32),
        part=np.zeros(count, int),
        owner=np.zeros(count, int),
        solids=(None,) * count,
    )


def _brute_force(screen, height, width, steps=4000):
    """Depth of the union of balls between the two ends: the hull of two balls, by definition.

    A squeezed ball is an ellipsoid |M (p - c)| = r; along the ray this is a quadratic in depth.
    """
    matrix = screen.to_part[0].astype(float)
    end = screen.start[0] + np.linalg.solve(matrix, screen.axis[0].astype(float))
    v, u = np.mgrid[:height, :width].astype(float)
    depth = np.full((height, width), -np.inf)
    for t in np.linspace(0, 1, steps):
        center = (1 - t) * screen.start[0] + t * end
        radius = (1 - t) * screen.radii[0, 0] + t * screen.radii[0, 1]
        o = matrix[:, 0] * (u - center[0])[..., None]
        o = o + matrix[:, 1] * (v - center[1])[..., None]
        a, b = matrix[:, 2] @ matrix[:, 2], o @ matrix[:, 2]
        root = b * b - a * ((o * o).sum(-1) - radius**2)
        with np.errstate(invalid="ignore"):
            depth = np.fmax(depth, center[2] + (np.sqrt(root) - b) / a)
    return depth


def test_ball():
    screen = _screen((20.5, 14, 3), (20.5, 14, 3), (9, 9), np.eye(3))
    depth, index = rasterise(screen, 30, 40)
    v, u = np.mgrid[:30, :40]
    squared = 81 - (u - 20.5) ** 2 - (v - 14) ** 2
    assert np.array_equal(index == 0, squared >= 0)
    expected = np.where(squared >= 0, 3 + np.sqrt(np.maximum(squared, 0)), -np.inf)
    # float32 near the rim: the root of a difference of numbers of size 100.
    np.testing.assert_allclose(depth, expected, atol=5e-3)


@pytest.mark.parametrize("seed", range(8))
def test_random_solids_agree_with_brute_force(seed):
    rng = np.random.default_rng(seed)
    angles = rng.uniform(-180, 180, 3)
    turn = rotation_x(angles[0]) @ rotation_y(angles[1]) @ rotation_z(angles[2])
    to_part = turn / rng.uniform(0.5, 1.2, 3)[:, None]
    start, end = rng.uniform(12, 36, (2, 3))
    screen = _screen(start, end, rng.uniform(3, 10, 2), to_part)
    depth, _ = rasterise(screen, 44, 50)
    expected = _brute_force(screen, 44, 50)
    both = np.isfinite(depth) & np.isfinite(expected)
    assert both.sum() > 30
    # They may disagree on whether a pixel on the very rim is hit.
    assert np.sum(np.isfinite(depth) != np.isfinite(expected)) <= 3, seed
    # The finite steps of the brute force miss by about |axis| / steps, more at the steep rim.
    error = np.abs(depth[both] - expected[both])
    assert np.quantile(error, 0.95) < 0.01 and error.max() < 0.3, seed


def test_axis_towards_the_viewer_hides_the_smaller_end():
    """Seen end on, one ball covers the other and there is no cone to see."""
    screen = _screen((15, 15, 0), (15, 15, 20), (5, 3), np.eye(3))
    depth, _ = rasterise(screen, 31, 31)
    assert depth[15, 15] == pytest.approx(23, abs=1e-3)
    assert depth[15, 19] == pytest.approx(3, abs=1e-3)  # 4 from the axis: sqrt(25 - 16)


def test_nearer_solid_wins_in_either_order():
    far, near = ((15, 15, 0), (8, 8)), ((18, 15, 30), (5, 5))
    for order in ((far, near), (near, far)):
        starts, radii = zip(*order, strict=True)
        screen = _screen(starts, starts, radii, [np.eye(3)] * 2)
        _, index = rasterise(screen, 31, 31)
        assert index[15, 18] == order.index(near)
        assert index[15, 9] == order.index(far)
        assert index[0, 0] == -1


def test_solids_outside_the_buffer_are_left_out():
    screen = _screen((-40, 5, 0), (-20, 5, 0), (5, 5), np.eye(3))
    _, index = rasterise(screen, 10, 12)
    assert (index == -1).all()


def test_screen_boxes_are_tight():
    squeeze = np.diag([1, 1 / 0.5, 1])
    screen = _screen((10, 20, 0), (30, 20, 0), (4, 2), squeeze)
    low, high = screen_boxes(screen)
    np.testing.assert_allclose(low, [[6, 18]], atol=1e-5)
    np.testing.assert_allclose(high, [[32, 22]], atol=1e-5)
    depth, _ = rasterise(screen, 40, 40)
    rows, columns = np.nonzero(np.isfinite(depth))
    assert (columns.min(), columns.max()) == (6, 32)
    assert 18 <= rows.min() <= 19 and 21 <= rows.max() <= 22


def test_fields_are_what_staging_joins():
    names = {field.name for field in dataclasses.fields(ScreenSolids)}
    assert names == set("start to_part axis radii scale part owner solids".split())
