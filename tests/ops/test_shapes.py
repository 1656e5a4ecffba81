"""check_shape and its neighbors: what passes, what is refused, and with which sentence."""

import numpy as np
import pytest
import tensorflow as tf

import ops


def test_check_shape_preset():
    sizes = ops.check_shape(np.zeros([2, 5, 3]), ["B", "P", 3], "joints")
    assert sizes == {"B": 2, "P": 5}
    assert ops.check_shape(tf.zeros([]), [], "sigma_px", sizes) == sizes
    assert ops.check_shape(tf.zeros([4, 4]), ["B", None], "x") == {"B": 4}


def test_check_shape_unknown_dimensions_pass():
    seen = []

    @tf.function(input_signature=[tf.TensorSpec([None, 3]), tf.TensorSpec(None)])
    def traced(x, anything):
        seen.append(ops.check_shape(x, ["B", "C"], "x"))
        seen.append(ops.check_shape(anything, [1, 2, 3], "anything"))
        ops.check_rank(anything, 4, "anything")
        with pytest.raises(ValueError, match=r"x has shape \[\?, 3\], expected \[B, 4\]"):
            ops.check_shape(x, ["B", 4], "x")
        return x

    traced(tf.zeros([2, 3]), tf.zeros([1]))
    assert seen == [{"C": 3}, {}]


@pytest.mark.parametrize(
    "expected, message",
    [
        (["B", "P"], "x has shape [2, 5, 3], expected [B, P]"),
        (["B", "P", 2], "x has shape [2, 5, 3], expected [B, P, 2]"),
        (["B", "B", 3], "x has shape [2, 5, 3], expected [B, B, 3]"),
        (["N", None, 3], "x has shape [2, 5, 3], expected [N, ?, 3] with N = 7"),
    ],
)
def test_check_shape_raises(expected, message):
    with pytest.raises(ValueError) as caught:
        ops.check_shape(tf.zeros([2, 5, 3]), expected, "x", {"N": 7})
    assert str(caught.value) == message


def test_check_rank_raises():
    ops.check_rank(tf.zeros([1, 2]), 2, "x")
    with pytest.raises(ValueError, match=r"x has shape \[1, 2\], expected 3 dimensions"):
        ops.check_rank(tf.zeros([1, 2]), 3, "x")


def test_check_floating_raises():
    ops.check_floating(tf.zeros(1, tf.bfloat16), "x")
    with pytest.raises(ValueError, match="x has type uint8, expected a floating-point"):
        ops.check_floating(tf.zeros(1, tf.uint8), "x")
    with pytest.raises(ValueError, match="x has type float16, expected float32 or floa"):
        ops.check_floating(tf.zeros(1, tf.half), "x", (tf.float32, tf.float64))


@pytest.mark.parametrize("value", [0, -1, 1.5, True, "2", None])
def test_check_positive_int_raises(value):
    ops.check_positive_int(np.int64(3), "stride")
    with pytest.raises(ValueError, match=r"stride is .*, expected an integer of at leas"):
        ops.check_positive_int(value, "stride")
