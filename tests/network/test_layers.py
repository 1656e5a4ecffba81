"""Layers against SciPy and closed forms. What all must pass is in test_conformance."""

import numpy as np
import pytest
import scipy.signal
import tensorflow as tf

from cpm.network.layers import BatchNorm, Block, Conv2D, Dropout, MaxPool, Relu
from cpm.network.specs import Conv
from cpm.network.specs import Dropout as DropoutSpec
from cpm.network.specs import MaxPool as MaxPoolSpec


def test_conv2d_random(seeded):
    x = seeded(1).normal(size=[2, 6, 9, 3])
    layer = Conv2D("conv", 3, Conv("conv", 5, 4), dtype=tf.float64)
    layer.bias.assign([1, 2, 3, 4])
    kernel = layer.kernel.numpy()
    expected = np.zeros([2, 6, 9, 4])
    for b in range(2):
        for d in range(4):
            expected[b, :, :, d] = d + 1
            for c in range(3):
                expected[b, :, :, d] += scipy.signal.correlate2d(
                    x[b, :, :, c], kernel[:, :, c, d], mode="same"
                )
    # Sums of 75 products of order 0.01 in float64.
    np.testing.assert_allclose(layer(tf.constant(x)).numpy(), expected, atol=1e-14)


def test_conv2d_without_bias_and_with_stride():
    spec = Conv("conv", 3, 8, stride=2, norm=True)
    layer = Conv2D("conv", 2, spec)
    assert layer.bias is None and len(layer.trainable_variables) == 1
    assert layer(tf.zeros([1, 7, 10, 2])).shape == [1, 4, 5, 8]


def test_batch_norm_in_training_normalizes_each_channel(seeded):
    x = seeded(2).normal(5.0, [1.0, 10.0, 0.1], size=[4, 6, 5, 3])
    layer = BatchNorm("norm", 3, dtype=tf.float64)
    layer.scale.assign([1, 2, 3])
    layer.offset.assign([0, 1, -1])
    y = layer(tf.constant(x), training=True).numpy()
    np.testing.assert_allclose(y.mean((0, 1, 2)), [0, 1, -1], atol=1e-12)
    # sqrt(v / (v + epsilon)) is short of 1 by epsilon / 2v, 5e-4 for the third channel.
    np.testing.assert_allclose(y.std((0, 1, 2)), [1, 2, 3], rtol=1e-3)


def test_batch_norm_moves_its_averages(seeded):
    x = seeded(3).normal(5.0, 2.0, size=[2, 4, 5, 3])
    layer = BatchNorm("norm", 3, momentum=0.75, dtype=tf.float64)
    layer(tf.constant(x), training=True)
    mean, variance = x.mean((0, 1, 2)), x.var((0, 1, 2))
    np.testing.assert_allclose(layer.moving_mean.numpy(), mean / 4, rtol=1e-12)
    np.testing.assert_allclose(layer.moving_variance.numpy(), 0.75 + variance / 4, rtol=1e-12)
    for _ in range(100):  # 0.75^100 = 3e-13 of the start remains
        layer(tf.constant(x), training=True)
    np.testing.assert_allclose(layer.moving_mean.numpy(), mean, rtol=1e-10)


def test_batch_norm_in_inference_uses_its_averages_and_leaves_them(seeded):
    x = seeded(4).normal(size=[2, 4, 5, 2])
    layer = BatchNorm("norm", 2, epsilon=0.5, dtype=tf.float64)
    layer.moving_mean.assign([1, -1])
    layer.moving_variance.assign([3.5, 0.0])
    y = layer(tf.constant(x)).numpy()
    expected = (x - [1, -1]) / np.sqrt([4.0, 0.5])
    np.testing.assert_allclose(y, expected, rtol=1e-12)
    assert layer.moving_mean.numpy().tolist() == [1, -1]


def test_batch_norm_keeps_float32_for_narrower_types():
    layer = BatchNorm("norm", 3, dtype=tf.bfloat16)
    assert {v.dtype for v in layer.variables} == {tf.float32}
    assert layer(tf.zeros([1, 2, 2, 3], tf.bfloat16)).dtype == tf.bfloat16


def test_batch_norm_trains_scale_and_offset_only():
    layer = BatchNorm("norm", 3)
    assert [v.name for v in layer.trainable_variables] == [
        "norm/offset:0",
        "norm/scale:0",
    ]


def test_relu_preset():
    assert Relu()(tf.constant([-2.0, 0.0, 3.0])).numpy().tolist() == [0, 0, 3]


def test_max_pool_preset():
    x = tf.reshape(tf.range(12.0), [1, 3, 4, 1])
    y = MaxPool("pool", 2, 2)(x)
    assert y[0, :, :, 0].numpy().tolist() == [[5, 7], [9, 11]]


def test_dropout_zeroes_the_stated_fraction_and_keeps_the_mean():
    y = Dropout("drop", 0.3)(tf.ones([4, 50, 50, 10]), training=True, seed=[0, 1])
    values = y.numpy()
    assert set(np.unique(values)) == {np.float32(0), np.float32(1) / np.float32(0.7)}
    # 100 000 draws: the deviation of the fraction is 0.0014.
    assert abs((values == 0).mean() - 0.3) < 0.007


def test_dropout_depends_on_seed_and_name_and_nothing_else():
    x = tf.ones([1, 30, 30, 4])

    def kept(name, seed):
        return Dropout(name, 0.5)(x, training=True, seed=seed).numpy() > 0

    first = kept("drop", [0, 1])
    assert (first == kept("drop", [0, 1])).all()
    for name, seed in (("drop", [0, 2]), ("drop", [1, 1]), ("other", [0, 1])):
        # 3600 independent pairs agree in half the cases, deviation 0.008.
        assert abs((first == kept(name, seed)).mean() - 0.5) < 0.05


def test_dropout_does_nothing_in_inference():
    x = tf.random.stateless_normal([2, 3, 3, 4], [0, 0])
    assert Dropout("drop", 0.5)(x) is x


def test_dropout_raises():
    with pytest.raises(ValueError, match="drop needs a seed"):
        Dropout("drop", 0.5)(tf.ones([1, 2, 2, 1]), training=True)
    with pytest.raises(ValueError, match=r"rate of drop .* not 1.0"):
        Dropout("drop", 1.0)


def test_block_builds_what_it_is_told():
    block = Block(
        "block",
        3,
        [
            Conv("a", 3, 16, norm=True),
            MaxPoolSpec("pool", 2, 2),
            DropoutSpec("drop", 0.5),
            Conv("b", 1, 4, relu=False),
        ],
    )
    assert [type(layer).__name__ for layer in block.layers] == [
        *("Conv2D", "BatchNorm", "Relu", "MaxPool", "Dropout", "Conv2D")
    ]
    assert block.out_channels == 4
    assert block(tf.zeros([2, 8, 6, 3])).shape == [2, 4, 3, 4]


def test_block_of_nothing_is_the_identity():
    x = tf.ones([1, 2, 3, 5])
    block = Block("nothing", 5, [])
    assert block(x) is x and block.out_channels == 5


def test_block_weights_do_not_depend_on_the_neighbors():
    alone = Block("one", 3, [Conv("b", 3, 8)], seed=4)
    after = Block("two", 3, [Conv("a", 1, 3), Conv("b", 3, 8)], seed=4)
    np.testing.assert_array_equal(alone.layers[0].kernel.numpy(), after.layers[2].kernel.numpy())
