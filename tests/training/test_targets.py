"""Ideal belief maps against SciPy's Gaussian and hand-made scenes."""

import numpy as np
import pytest
import scipy.stats
import tensorflow as tf

from cpm.config import TargetConfig
from cpm.training.targets import make_targets

HEIGHT, WIDTH, STRIDE = 40, 64, 8


def scene(people):
    """A batch of one crop; `people` is a list of lists of (x, y, state)."""
    values = np.array([people], np.float32)  # [1, M, P, 3]
    return {
        "image": tf.zeros([1, HEIGHT, WIDTH, 3]),
        "joints_px": tf.constant(values[..., :2]),
        "state": tf.constant(values[..., 2].astype(np.int32)),
        "valid": tf.ones([1]),
    }


def gaussian(x, y, sigma):
    """The definition, by SciPy: a separable normal density scaled to 1 at its peak."""
    u = np.arange(WIDTH // STRIDE) * STRIDE + 3.5
    v = np.arange(HEIGHT // STRIDE) * STRIDE + 3.5
    normal = scipy.stats.norm(scale=sigma)
    return np.outer(normal.pdf(v - y), normal.pdf(u - x)) / normal.pdf(0) ** 2  # [h, w]


def draw(batch, background=True, **options):
    config = TargetConfig(**{"sigma_px": 9.0, "cutoff": 0.0} | options)
    return make_targets(batch, config, stride=STRIDE, background=background)


def test_make_targets_preset():
    """Stage 1 sees everybody, the later stages the primary person only."""
    batch = scene([[(20, 10, 2), (50, 30, 1)], [(30, 12, 2), (0, 0, 0)]])
    targets = draw(batch)
    first, later = targets.first.numpy()[0], targets.later.numpy()[0]
    mine, yours = gaussian(20, 10, 9.0), gaussian(30, 12, 9.0)
    np.testing.assert_allclose(later[..., 0], mine, atol=1e-6)
    np.testing.assert_allclose(first[..., 0], np.minimum(mine + yours, 1), atol=1e-6)
    # An occluded joint is drawn like a visible one; the other person's absent one is not.
    np.testing.assert_allclose(later[..., 1], gaussian(50, 30, 9.0), atol=1e-6)
    np.testing.assert_allclose(first[..., 1], gaussian(50, 30, 9.0), atol=1e-6)
    np.testing.assert_allclose(later[..., 2], 1 - later[..., :2].max(-1), atol=1e-6)
    assert targets.mask.numpy().tolist() == [[1, 1, 1]]


def test_make_targets_clips_the_sum_of_people():
    batch = scene([[(27.5, 11.5, 2)], [(28.5, 11.5, 2)]])
    first = draw(batch, background=False).first.numpy()
    assert first.max() == 1.0
    assert draw(batch, background=False).later.numpy().max() <= 1.0


def test_make_targets_everyone_off():
    batch = scene([[(20, 10, 2)], [(50, 30, 2)]])
    targets = draw(batch, everyone_in_stage_1=False)
    np.testing.assert_array_equal(targets.first, targets.later)


def test_make_targets_masks_absent_joints_only():
    """Absent is masked, occluded is not; the release masks nothing and asks for zero."""
    batch = scene([[(20, 10, 1), (33, 7, 0)]])
    assert draw(batch).mask.numpy().tolist() == [[1, 0, 1]]
    released = draw(batch, mask_absent=False)
    assert released.mask.numpy().tolist() == [[1, 1, 1]]
    assert not released.later.numpy()[..., 1].any()


def test_make_targets_outside_the_crop():
    """A joint beyond the border leaves its tail inside, and zeros when far away."""
    batch = scene([[(-6, 10, 2), (-500, 9000, 2)]])
    later = draw(batch).later.numpy()[0]
    np.testing.assert_allclose(later[..., 0], gaussian(-6, 10, 9.0), atol=1e-6)
    assert not later[..., 1].any()


def test_make_targets_drop_outside():
    """The release asks for zeros where a joint is outside the crop; its last pixel is inside."""
    batch = scene([[(-0.5, 10, 2), (WIDTH - 1, HEIGHT - 1, 2), (20, HEIGHT, 1)]])
    later = draw(batch, drop_outside=True, mask_absent=False).later.numpy()[0]
    assert not later[..., 0].any() and not later[..., 2].any()
    corner = gaussian(WIDTH - 1, HEIGHT - 1, 9.0)
    np.testing.assert_allclose(later[..., 1], corner, atol=1e-6)
    masked = draw(batch, drop_outside=True, background=False)
    assert masked.mask.numpy().tolist() == [[0, 1, 0]]


def test_make_targets_corner_grid():
    """The blog's grid: cell g looks at pixel 8g, so a joint there peaks at exactly 1."""
    batch = scene([[(24, 16, 2), (27.5, 19.5, 2)]])
    options = {"stride": STRIDE, "background": False}
    config = TargetConfig(sigma_px=9.0, cutoff=0.0)
    corner = make_targets(batch, config, origin_px=0.0, **options).later.numpy()[0]
    center = make_targets(batch, config, origin_px=3.5, **options).later.numpy()[0]
    assert corner[2, 3, 0] == 1.0 and center[2, 3, 1] == 1.0
    np.testing.assert_allclose(corner[..., 0], center[..., 1], atol=1e-6)


def test_make_targets_cutoff():
    later = draw(scene([[(20, 10, 2)]]), cutoff=0.01).later.numpy()[0, ..., 0]
    expected = gaussian(20, 10, 9.0)
    np.testing.assert_allclose(later, np.where(expected < 0.01, 0, expected), atol=1e-6)
    assert (later == 0).any()


def test_make_targets_padding_rows_count_nothing():
    batch = scene([[(20, 10, 2)]]) | {"valid": tf.zeros([1])}
    assert not draw(batch).mask.numpy().any()


@pytest.mark.parametrize("stride", [4, 8])
def test_make_targets_size(stride):
    batch = scene([[(20, 10, 2)]])
    targets = make_targets(batch, TargetConfig(), stride=stride, background=False)
    assert targets.later.shape == (1, HEIGHT // stride, WIDTH // stride, 1)


def test_make_targets_nobody_is_an_answer():
    """Where nobody is at the center, the later stages' maps are empty, and that counts."""
    batch = scene([[(0, 0, 0), (0, 0, 0)], [(30, 12, 2), (0, 0, 0)]])
    assert draw(batch).mask.numpy().tolist() == [[0, 0, 1]]
    targets = draw(batch | {"nobody": tf.ones([1])}, background=False)
    assert targets.mask.numpy().tolist() == [[1, 1]]
    assert not targets.later.numpy().any()
    np.testing.assert_allclose(targets.first.numpy()[0, ..., 0], gaussian(30, 12, 9.0), atol=1e-6)
