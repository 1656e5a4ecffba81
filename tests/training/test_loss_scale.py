"""The rule of the loss scale, step by step, and what it is for: gradients too small for float16."""

import numpy as np
import pytest
import tensorflow as tf

from cpm.training.loss_scale import LossScale


def state(scale):
    return float(scale.scale.numpy()), int(scale.good_steps.numpy())


def test_adjust_doubles_after_so_many_finite_steps_in_a_row():
    scale = LossScale(initial=8.0, every=3)
    found = []
    for finite in (True, True, True, True, True, False, True, True, True):
        assert scale.adjust(finite)
        found.append(state(scale))
    assert found == [
        *((8, 1), (8, 2), (16, 0)),
        *((16, 1), (16, 2), (8, 0)),  # the two finite steps are forgotten
        *((8, 1), (8, 2), (16, 0)),
    ]


def test_adjust_stays_between_its_limits_and_says_when_it_is_at_the_end():
    scale = LossScale(initial=4.0, every=1, smallest=2.0, largest=8.0)
    assert scale.adjust(True) and scale.adjust(True)
    assert state(scale) == (8, 0)
    assert scale.adjust(False) and scale.adjust(False)
    assert state(scale) == (2, 0)
    assert not scale.adjust(False)
    assert state(scale) == (2, 0)


@pytest.mark.parametrize("compiled", [False, True], ids=["graph", "xla"])
def test_scaling_saves_what_float16_would_lose(compiled):
    """d/dw of mean(c · w) with c = 2^-12 over 2^13 numbers is 2^-25 a number: 0 in float16."""
    w = tf.Variable(tf.ones(2**13))

    def gradient(scale):
        with tf.GradientTape() as tape:
            y = tf.cast(w, tf.float16) * tf.constant(2.0**-12, tf.float16)
            total = tf.reduce_mean(tf.cast(y, tf.float32)) * scale.scale
        return scale.unscale([tape.gradient(total, w)])[0]

    lost, kept = LossScale(initial=1.0), LossScale(initial=2.0**16)
    run = tf.function(gradient, jit_compile=compiled)
    assert not run(lost).numpy().any()
    np.testing.assert_array_equal(run(kept), np.full(2**13, 2.0**-25, np.float32))


def test_unscale_does_not_round():
    gradient = tf.constant(np.random.default_rng(0).normal(size=50), tf.float32)
    scale = LossScale()
    np.testing.assert_array_equal(
        scale.unscale([gradient * scale.scale])[0].numpy(), gradient.numpy()
    )


def test_checkpoint_holds_all_of_it(tmp_path):
    saved = LossScale(initial=4.0)
    saved.adjust(True)
    prefix = tf.train.Checkpoint(loss_scale=saved).write(str(tmp_path / "one"))
    restored = LossScale()
    tf.train.Checkpoint(loss_scale=restored).read(prefix).assert_consumed()
    assert state(restored) == (4, 1)


def test_raises():
    with pytest.raises(ValueError, match=r"3.0, expected a power of two"):
        LossScale(initial=3.0)
    with pytest.raises(ValueError, match=r"0.0, expected a power of two"):
        LossScale(smallest=0.0)
    with pytest.raises(ValueError, match="should rise: smallest 1, initial 64"):
        LossScale(initial=64.0, largest=32.0)
    with pytest.raises(ValueError, match="every is 0"):
        LossScale(every=0)
