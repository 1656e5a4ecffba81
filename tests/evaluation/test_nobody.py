"""The threshold that loses a few true people, and what still passes it where nobody is."""

import numpy as np
import pytest

from cpm.evaluation.nobody import person_confidence, score_nobody, threshold_that_loses


def test_person_confidence_is_the_mean_over_joints():
    assert person_confidence([[0.5, 1.0], [0.0, 0.5]]).tolist() == [0.75, 0.25]


@pytest.mark.parametrize("count, lost", [(100, 3), (101, 3), (133, 3), (134, 4), (33, 0)])
def test_threshold_loses_at_most_the_share(seeded, count, lost):
    people = seeded(1).uniform(size=count)
    threshold = threshold_that_loses(people)
    assert (people < threshold).sum() == lost <= 0.03 * count
    # The next higher one would lose too many.
    assert (people < np.nextafter(threshold, 2)).sum() > 0.03 * count


def test_threshold_with_a_product_that_rounds_down():
    assert threshold_that_loses(np.arange(100.0), lost=0.29) == 29


def test_score_nobody_by_hand():
    """Of 100 people at 0.00, 0.01 … three lie under 0.03; 2 of 4 images reach it."""
    people = np.arange(100)[:, None] / 100 + [[-0.005, 0.005]]
    empty = [[0.01, 0.01], [0.02, 0.02], [0.07, 0.0], [0.5, 1.3]]
    got = score_nobody(people, empty, ["sky", "sky", "wall", "sky"], drawn_from=0.5)
    assert got["threshold"] == pytest.approx(0.03) and got["lost"] == 3 and got["share"] == 50
    assert (got["people"], got["images"]) == (100, 4)
    # Joints of 0.5 and more: 2 of 8; of people the last 49 of one column, 50 of the other.
    assert got["drawn"] == 25 and got["drawn_of_people"] == 49.5
    assert got["kinds"] == {
        "sky": {"images": 3, "share": pytest.approx(100 / 3), "drawn": pytest.approx(100 / 3)},
        "wall": {"images": 1, "share": 100, "drawn": 0},
    }
    low, high = got["interval"]
    assert low <= 50 <= high


def test_interval_is_that_of_a_binomial_share(seeded):
    """Far more people than images: the interval is the images' alone, p ± 1.96 √(p (1 − p) / M)."""
    rng = seeded(2)
    people = rng.uniform(0.5, 1.0, [20000, 1])
    empty = np.where(np.arange(400) < 80, 0.9, 0.1)[:, None]
    got = score_nobody(people, empty, ["sky"] * 400, resamples=2000)
    half = 100 * 1.96 * np.sqrt(0.2 * 0.8 / 400)
    # Percentiles of 2000 draws of a share in steps of 1/400: half a point.
    np.testing.assert_allclose(got["interval"], [20 - half, 20 + half], atol=0.5)
    assert got["threshold_interval"][0] < got["threshold"] < got["threshold_interval"][1]


def test_interval_knows_that_the_threshold_is_measured(seeded):
    """With 40 people the threshold is uncertain, and with it the share of images just around it."""
    rng = seeded(3)
    empty, kinds = rng.uniform(0.4, 0.6, [5000, 1]), ["sky"] * 5000
    few, many = (score_nobody(rng.uniform(0.45, 0.9, [n, 1]), empty, kinds) for n in (40, 20000))
    widths = [np.ptp(score["interval"]) for score in (few, many)]
    assert widths[0] > 3 * widths[1]


def test_score_nobody_raises():
    nobody, some = np.zeros([0, 14]), np.ones([1, 14])
    for people, empty in ((nobody, some), (some, nobody)):
        with pytest.raises(ValueError, match="expected some of both"):
            score_nobody(people, empty, ["sky"] * len(empty))
