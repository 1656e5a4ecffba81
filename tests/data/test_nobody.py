"""Crops without a person at their center."""

import numpy as np
import tensorflow as tf

from cpm.data import nobody

SIZE = (40, 56)


def person(size=(200, 300), low=(100.0, 60.0), high=(160.0, 180.0)):
    return {"size": tf.constant(size, tf.int64), "box_px": tf.constant([low, high])}


def draws(count=300, **options):
    for seed in range(count):
        kind, center, side = nobody.draw_region(
            tf.constant([seed, 1], tf.int64), person(**options), tf.constant(150.0, tf.float64)
        )
        yield int(kind), center.numpy(), float(side)


def test_draw_region_shows_background_beside_the_person():
    """Background squares lie within the image and outside the joints' box."""
    found = [d for d in draws() if d[0] in (nobody.BACKGROUND, nobody.TILED)]
    assert len(found) > 100
    for _, (x, y), side in found:
        half = side / 2
        assert half - 1 <= x <= 300 - half and half - 1 <= y <= 200 - half
        apart_x = max(100 - (x + half), (x - half) - 160)
        apart_y = max(60 - (y + half), (y - half) - 180)
        assert max(apart_x, apart_y) >= 0
    sides = {np.sign(x - 130) for _, (x, _), _ in found}
    assert sides == {-1.0, 1.0}  # left and right of the person


def test_draw_region_outside_has_its_center_off_the_person():
    found = [d for d in draws() if d[0] == nobody.PART]
    assert len(found) > 40
    for _, (x, y), side in found:
        off = max(100 - x, x - 160, 60 - y, y - 180)
        assert off > 0.1 * 120 and 0.6 * 150 <= side <= 1.4 * 150


def test_draw_region_has_all_kinds_in_their_shares():
    kinds = np.bincount([d[0] for d in draws(600)], minlength=4) / 600
    # Three standard deviations of a share of 600 draws.
    bounds = 3 * np.sqrt(np.array(nobody.SHARES) * (1 - np.array(nobody.SHARES)) / 600)
    assert (abs(kinds - nobody.SHARES) < bounds).all()


def test_draw_region_without_background_is_a_pattern():
    tight = dict(size=(121, 61), low=(0.0, 0.0), high=(60.0, 120.0))
    assert {d[0] for d in draws(60, **tight)} == {nobody.PATTERN, nobody.PART}


def test_is_clear_preset():
    joints = np.zeros((2, 1, 2), np.float32)
    joints[1, 0] = (27, 20)  # near the middle, (27.5, 19.5)
    for state, expected in ((0, True), (2, False)):
        got = nobody.is_clear(tf.constant(joints), tf.constant([[2], [state]]), SIZE)
        assert bool(got) == expected


def test_tiled_is_its_own_mirror_image(seeded):
    crop = seeded(0).uniform(0, 255, (*SIZE, 3)).astype(np.float32)
    got = nobody.tiled(tf.constant(crop)).numpy()
    assert got.shape == crop.shape
    np.testing.assert_array_equal(got, got[:, ::-1])
    np.testing.assert_array_equal(got, got[::-1])
    np.testing.assert_array_equal(got[:20, :28], crop[:20, :28])


def test_pattern_is_stateless_and_in_range():
    one, again, other = (
        nobody.pattern(tf.constant([3, k], tf.int64), SIZE).numpy() for k in (1, 1, 2)
    )
    assert one.shape == (*SIZE, 3) and one.min() >= 0 and one.max() <= 255
    np.testing.assert_array_equal(one, again)
    assert abs(one - other).mean() > 5
