"""The One-Euro filter, against the paper's algorithm written out, and what it is for."""

import math

import numpy as np
import pytest

from cpm.inference.person_pose import PersonPose
from cpm.inference.smoothing import OneEuro, Smoother
from cpm.skeleton import SKELETONS

MPII = SKELETONS["mpii16"]


def person(joints_px, id=1, size=1.0):
    joints_px = np.asarray(joints_px, np.float64)
    return PersonPose(MPII, joints_px, np.ones(16), (0, 0, size, size), id=id)


def smooth(track, times, options=None):
    smoother = Smoother(options)
    return np.stack(
        [smoother([person(x)], t)[0].joints_px for x, t in zip(track, times, strict=True)]
    )


def paper(values, times, min_cutoff, beta, speed_cutoff):
    """Algorithms 1 to 3 of the paper for one number; the speed of the second frame on."""

    def alpha(seconds, cutoff):
        tau = 1.0 / (2 * math.pi * cutoff)
        return 1.0 / (1.0 + tau / seconds)

    out, x_hat, dx_hat = [values[0]], values[0], 0.0
    for n in range(1, len(values)):
        seconds = times[n] - times[n - 1]
        dx = (values[n] - x_hat) / seconds
        a = alpha(seconds, speed_cutoff)
        dx_hat = a * dx + (1 - a) * dx_hat
        a = alpha(seconds, min_cutoff + beta * abs(dx_hat))
        x_hat = a * values[n] + (1 - a) * x_hat
        out.append(x_hat)
    return out


def test_filter_is_the_papers(seeded):
    """One coordinate moves, at a rate that varies: speed is then that of the coordinate."""
    rng = seeded(2)
    times = np.cumsum(rng.uniform(0.01, 0.08, 60))
    values = np.cumsum(rng.normal(0, 2, 60))
    track = np.zeros([60, 16, 2])
    track[:, :, 0] = values[:, None]
    smoothed = smooth(track, times, OneEuro(0.8, 0.3, 1.7))
    np.testing.assert_allclose(smoothed[:, 5, 0], paper(values, times, 0.8, 0.3, 1.7), atol=1e-9)
    assert not smoothed[..., 1].any()


def test_trembling_is_less_and_movement_is_kept(seeded):
    """People of 200 px, joints off by 2 px: calm at rest, at most 5 px behind in motion."""
    times = np.arange(100) / 25
    noise = seeded(3).normal(0, 2, [100, 16, 2])
    smoother = Smoother()
    rest = [
        smoother([person(x, size=200)], t)[0].joints_px for x, t in zip(noise, times, strict=True)
    ]
    assert np.std(np.diff(rest, axis=0)) < 0.35 * np.std(np.diff(noise, axis=0))
    walk = np.zeros([100, 16, 2])
    walk[..., 0] = 240 * times[:, None]  # 1.2 body sizes a second
    smoother = Smoother()
    moved = [
        smoother([person(x, size=200)], t)[0].joints_px for x, t in zip(walk, times, strict=True)
    ]
    assert np.abs(moved - walk)[50:].max() < 5


def test_size_of_the_image_does_not_matter(seeded):
    track, times = np.cumsum(seeded(4).normal(0, 3, [30, 16, 2]), 0), np.arange(30) / 25
    results = []
    for scale in (1, 10):
        smoother = Smoother()
        results.append(
            [
                smoother([person(scale * x, size=scale * 90)], t)[0].joints_px / scale
                for x, t in zip(track, times, strict=True)
            ]
        )
    np.testing.assert_allclose(results[0], results[1], atol=1e-9)


def test_people_are_filtered_apart():
    smoother = Smoother()
    for n in range(5):
        people = [person(np.full([16, 2], 10.0), 1), person(np.full([16, 2], 500.0), 2)]
        people = smoother(people[:: (-1) ** n], n / 25)
        assert {p.id: p.joints_px[0, 0] for p in people} == {1: 10.0, 2: 500.0}


def test_missing_joint_stays_missing_and_comes_back_as_it_is():
    track = np.full([6, 16, 2], 10.0)
    track[3, 4] = np.nan
    track[4:, 4] = 90.0
    smoothed = smooth(track, np.arange(6) / 25)
    assert np.isnan(smoothed[3, 4]).all() and np.isfinite(smoothed[3, 5]).all()
    np.testing.assert_allclose(smoothed[4, 4], 90.0)


def test_somebody_who_was_away_is_filtered_anew():
    smoother = Smoother()
    smoother([person(np.zeros([16, 2]))], 0.0)
    back = smoother([person(np.full([16, 2], 80.0))], 1.0)
    np.testing.assert_allclose(back[0].joints_px, 80.0)


@pytest.mark.parametrize("wrong", [(0, 1, 1), (1, -1, 1), (1, 1, 0)])
def test_parameters_are_checked(wrong):
    with pytest.raises(ValueError, match="cutoffs must be > 0"):
        OneEuro(*wrong)
