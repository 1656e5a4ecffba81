"""The loss against the formula written as loops, and against hand-computed cases."""

import numpy as np
import pytest
import tensorflow as tf

from cpm.training import loss
from cpm.training.targets import Targets


def random_case(seed, dtype=np.float64):
    """T = 3 stages of `[4, 3, 5, 6]` maps with a third of the maps masked."""
    rng = np.random.default_rng(seed)
    beliefs = [tf.constant(rng.normal(size=(4, 3, 5, 6)).astype(dtype)) for _ in "123"]
    first, later = rng.uniform(size=(2, 4, 3, 5, 6)).astype(dtype)
    mask = (rng.uniform(size=(4, 6)) > 0.33).astype(dtype)
    return beliefs, Targets(*map(tf.constant, (first, later, mask)))


def test_stage_losses_random():
    """Eq. 4 as five nested loops."""
    beliefs, targets = random_case(seed=3)
    found = loss.stage_losses(beliefs, targets).numpy()
    mask = targets.mask.numpy()
    for t, belief in enumerate(beliefs):
        ideal = (targets.later if t else targets.first).numpy()
        total = 0.0
        for n, y, x, p in np.ndindex(4, 3, 5, 6):
            difference = belief.numpy()[n, y, x, p] - ideal[n, y, x, p]
            total += mask[n, p] * difference**2
        expected = total / (2 * mask.sum() / 6)
        np.testing.assert_allclose(found[t], expected, rtol=1e-12)


def test_stage_losses_foreground_weight():
    """λ = 3: a missed peak of height 1 counts four times, a false one on zero once."""
    target = tf.constant([[[[1.0], [0.0]]]])
    targets = Targets(target, target, tf.ones([1, 1]))
    missed, false = tf.constant([[[[0.0], [0.0]]]]), tf.constant([[[[1.0], [1.0]]]])
    found = loss.stage_losses([missed, false], targets, foreground_weight=3.0)
    assert found.numpy().tolist() == [4 / 2, 1 / 2]


def test_stage_losses_preset():
    """Nothing masked: the release's sum / 2N. Two people, one map of 2 cells, errors 1 and 2."""
    belief = tf.constant([[[[1.0], [0.0]]], [[[2.0], [0.0]]]])
    targets = Targets(tf.zeros_like(belief), tf.zeros_like(belief), tf.ones([2, 1]))
    assert loss.stage_losses([belief], targets).numpy().tolist() == [(1 + 4) / (2 * 2)]


def test_stage_losses_mean():
    """The blog's: the mean over people, maps and cells, as NumPy takes it."""
    beliefs, targets = random_case(seed=9)
    targets = targets._replace(mask=tf.ones_like(targets.mask))
    found = loss.stage_losses(beliefs, targets, reduction="mean").numpy()
    expected = [
        np.square(b - (targets.later if t else targets.first)).mean() for t, b in enumerate(beliefs)
    ]
    np.testing.assert_allclose(found, expected, rtol=1e-12)


def test_empty_answer_preset():
    """Joints 0, background 1: two joints' squares of 1 and 1/4 are left, halved."""
    target = tf.constant([[[[1.0, 0.0, 0.0], [0.0, 0.5, 1.0]]]])  # [1, 1, 2, 2 + 1]
    targets = Targets(target, target, tf.ones([1, 3]))
    empty = loss.empty_answer(targets, joints=2)
    assert empty.numpy().tolist() == [[[[0, 0, 1], [0, 0, 1]]]]
    assert loss.stage_losses([empty], targets).numpy() == (1 + 0.25 + 1) / 2


def test_stage_losses_masked_map_has_no_gradient():
    beliefs, targets = random_case(seed=4)
    with tf.GradientTape() as tape:
        tape.watch(beliefs)
        total = tf.reduce_sum(loss.stage_losses(beliefs, targets))
    for gradient in tape.gradient(total, beliefs):
        silent = ~gradient.numpy().any((1, 2)).astype(bool)  # [B, C]
        np.testing.assert_array_equal(silent, targets.mask.numpy() == 0)


def test_stage_losses_gradient():
    """float64 gradient check; the loss is quadratic, so central differences are exact up to
    rounding: measured 3e-10."""
    beliefs, targets = random_case(seed=5)

    def total(*beliefs):
        return tf.reduce_sum(loss.stage_losses(beliefs, targets))

    theory, numeric = tf.test.compute_gradient(total, beliefs, delta=1e-4)
    error = max(np.abs(a - b).max() for a, b in zip(theory, numeric, strict=True))
    assert error < 1e-6


def test_stage_losses_empty_batch_is_zero():
    beliefs, targets = random_case(seed=6)
    empty = targets._replace(mask=tf.zeros_like(targets.mask))
    assert loss.stage_losses(beliefs, empty).numpy().tolist() == [0, 0, 0]


def test_stage_losses_raises():
    beliefs, targets = random_case(seed=7)
    with pytest.raises(ValueError, match="belief of stage 2"):
        loss.stage_losses([beliefs[0], beliefs[1][..., :1]], targets)


def test_stage_losses_same_everywhere(assert_same_everywhere):
    beliefs, targets = random_case(seed=8)
    assert_same_everywhere(lambda *b: loss.stage_losses(b, targets), *beliefs, rtol=1e-12)


def test_mean_peak():
    belief = np.zeros((2, 3, 4, 2))
    belief[0, 1, 2, 0], belief[0, 0, 0, 1], belief[1, 2, 3, 0] = 0.5, 0.9, 0.1
    mask = np.array([[1.0, 0.0], [1.0, 0.0]])
    assert float(loss.mean_peak(belief, mask)) == pytest.approx((0.5 + 0.1) / 2)
    assert float(loss.mean_peak(belief, np.zeros((2, 2)))) == 0.0
