"""Gray, dark, blurred, compressed and covered crops."""

import numpy as np
import pytest
import tensorflow as tf

from cpm.config import AugmentConfig
from cpm.data import wear
from tests.helpers.small_data_sets import smooth_image

SIZE = (40, 56)
SEED = tf.constant([4, 9], tf.int64)


@pytest.fixture
def crop():
    return tf.constant(smooth_image(*SIZE).astype(np.float32))


def worn(crop, **probabilities):
    return wear.wear(crop, SEED, AugmentConfig(**probabilities)).numpy()


def test_wear_without_probabilities_is_the_identity(crop):
    np.testing.assert_array_equal(worn(crop), crop.numpy())


def test_wear_gray_is_the_luma(crop):
    got = worn(crop, gray=1.0)
    luma = crop.numpy() @ np.array([0.299, 0.587, 0.114])
    for channel in range(3):
        np.testing.assert_allclose(got[..., channel], luma, rtol=1e-5)


def test_wear_dark_is_one_factor(crop):
    ratio = worn(crop, dark=1.0) / np.maximum(crop.numpy(), 1.0)
    ratio = ratio[crop.numpy() > 1]
    assert np.ptp(ratio) < 1e-5 and wear.DARKEST <= ratio[0] <= 0.75


def test_wear_blur_keeps_the_mean_and_loses_detail(seeded):
    noise = seeded(1).uniform(0, 255, (*SIZE, 3)).astype(np.float32)
    got = worn(tf.constant(noise), blur=1.0)
    assert abs(got.mean() - noise.mean()) < 2  # 6,720 numbers of deviation 74: 0.9
    assert np.abs(np.diff(got, axis=1)).mean() < 0.6 * np.abs(np.diff(noise, axis=1)).mean()


def test_wear_jpeg_changes_little(crop):
    got = worn(crop, jpeg=1.0)
    difference = np.abs(got - crop.numpy())
    assert 0 < difference.mean() < 12 and (got == np.rint(got)).all()


def test_wear_happens_as_often_as_asked(crop):
    config = AugmentConfig(gray=0.3)
    gray = [
        np.ptp(wear.wear(crop, tf.constant([k, 2], tf.int64), config).numpy(), axis=-1).max() < 1e-3
        for k in range(200)
    ]
    assert abs(np.mean(gray) - 0.3) < 3 * np.sqrt(0.3 * 0.7 / 200)


def test_draw_cover_is_a_rectangle_of_one_color(crop):
    got, mask = (t.numpy() for t in wear.draw_cover(crop, SEED, 1.0))
    inside = mask > 0
    rows, columns = np.flatnonzero(inside.any(1)), np.flatnonzero(inside.any(0))
    assert inside.sum() == len(rows) * len(columns) > 0
    assert np.ptp(got[inside], axis=0).max() < 1e-3
    np.testing.assert_array_equal(got[~inside], crop.numpy()[~inside])
    _, none = wear.draw_cover(crop, SEED, 0.0)
    assert not none.numpy().any()
