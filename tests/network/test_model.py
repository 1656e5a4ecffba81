"""The pose machine: what each stage sees, shapes, the center map, errors.

Tiny widths: the wiring is the same at every width. What every module must pass (gradients,
checkpoints, XLA) is in test_network_conformance.
"""

import dataclasses
import re

import numpy as np
import pytest
import tensorflow as tf

from cpm.network import PRESETS, ConvolutionalPoseMachine, preset
from cpm.network.model import center_map, normalize


def tiny(arch="mini", *, seed=0, dtype=tf.float32, **changes):
    options = {"width": 0.01, "stages": 3, "image_size": (64, 64), **changes}
    return ConvolutionalPoseMachine(
        dataclasses.replace(preset(arch), **options), seed=seed, dtype=dtype
    )


def inputs(seeded, batch=2, height=32, width=48):
    rng = seeded(11)
    images = rng.uniform(0, 255, size=[batch, height, width, 3]).astype(np.float32)
    return images, np.array([[20.0, 12.0], [30.0, 16.0]], np.float32)[:batch]


@pytest.mark.parametrize("arch", PRESETS)
@pytest.mark.parametrize("background", [True, False])
def test_network_returns_belief_maps_of_every_stage(arch, background, seeded):
    net = tiny(arch, background=background, skeleton="lsp14")
    beliefs = net(*inputs(seeded))
    assert len(beliefs) == 3 and net.stride == 8 and len(net.skeleton) == 14
    for b_t in beliefs:
        assert b_t.shape == [2, 4, 6, 14 + background] and b_t.dtype == tf.float32


@pytest.mark.parametrize("arch", PRESETS)
def test_stage_1_sees_the_image_alone_and_later_ones_the_center(arch, seeded):
    net = tiny(arch)
    images, center_px = inputs(seeded)
    one, other = net(images, center_px), net(images, center_px + 8)
    np.testing.assert_array_equal(one[0].numpy(), other[0].numpy())
    for t in (1, 2):
        assert np.abs(one[t].numpy() - other[t].numpy()).max() > 0


def test_without_center_map_the_center_does_not_matter(seeded):
    net = tiny(center_map=False)
    images, center_px = inputs(seeded)
    for one, other in zip(net(images, center_px), net(images, center_px + 8), strict=True):
        np.testing.assert_array_equal(one.numpy(), other.numpy())


@pytest.mark.parametrize("arch", PRESETS)
def test_stage_t_refines_the_beliefs_of_the_stage_before(arch, seeded):
    net = tiny(arch)
    batch = inputs(seeded)
    before = net(*batch)
    bias = net.stages[0].layers[-1].bias
    bias.assign_add(tf.ones_like(bias))
    after = net(*batch)
    np.testing.assert_array_equal(after[0].numpy(), before[0].numpy())
    np.testing.assert_allclose(after[1].numpy(), before[1].numpy() + 1, atol=1e-5)
    assert np.abs(after[2].numpy() - before[2].numpy()).max() > 0


@pytest.mark.parametrize("arch", PRESETS)
def test_further_stages_leave_the_earlier_ones_as_they_are(arch, seeded):
    batch = inputs(seeded)
    short, long = tiny(arch, stages=1)(*batch), tiny(arch, stages=3)(*batch)
    assert len(short) == 1 and len(long) == 3
    np.testing.assert_array_equal(short[0].numpy(), long[0].numpy())


def test_paper_shares_its_second_trunk_and_not_the_features():
    net = tiny("paper")
    assert net.second_trunk is not None
    assert len(net.features) == len(net.stages) == 2
    one, two = (features.layers[0].kernel.numpy() for features in net.features)
    assert one.shape == two.shape and np.abs(one - two).max() > 0
    assert tiny("vgg").second_trunk is None


@pytest.mark.parametrize("arch", PRESETS)
def test_hidden_kernels_are_all_but_those_of_the_image_and_the_beliefs(arch):
    network = tiny(arch, stages=3)
    kernels = {v.ref() for v in network.trainable_variables if v.name.endswith("kernel:0")}
    hidden = [v.ref() for v in network.hidden_kernels]
    assert set(hidden) < kernels and len(set(hidden)) == len(hidden)
    beliefs = len(network.skeleton) + int(network.config.background)
    for outer in (ref.deref() for ref in kernels - set(hidden)):
        assert outer.shape[2] == 3 or outer.shape[3] == beliefs
    trunks = 2 if arch == "paper" else 1
    assert len(kernels) - len(hidden) == trunks + network.config.stages


def test_beliefs_of_an_image_do_not_depend_on_its_neighbors(seeded):
    net = tiny(norm="batch")
    images, center_px = inputs(seeded)
    together = net(images, center_px)
    alone = net(images[1:], center_px[1:])
    for one, other in zip(together, alone, strict=True):
        # The same sums, perhaps in another order.
        np.testing.assert_allclose(one[1:].numpy(), other.numpy(), atol=1e-5)


def test_network_is_equivariant_to_steps_of_the_stride(seeded):
    """An image moved by (16, 8) pixels on a gray ground moves the beliefs by (2, 1) cells."""
    net = tiny(stages=1, norm="none", dtype=tf.float64)
    images = np.full([1, 128, 144, 3], 128.0)  # normalized: 0, as the padding
    images[:, 56:72, 56:72] = inputs(seeded)[0][:1, :16, :16]
    moved = np.roll(images, (8, 16), axis=(1, 2))
    center_px = [[64.0, 64.0]]
    b, b_moved = (net(x, center_px)[0].numpy() for x in (images, moved))
    assert np.abs(b).max() > 0
    np.testing.assert_allclose(b_moved[:, 1:, 2:], b[:, :-1, :-2], atol=1e-12)


def test_training_changes_moving_averages_and_inference_nothing(seeded):
    net = tiny(norm="batch")
    batch = inputs(seeded)
    start = [v.numpy() for v in net.variables]
    net(*batch)
    for variable, value in zip(net.variables, start, strict=True):
        np.testing.assert_array_equal(variable.numpy(), value)
    net(*batch, training=True)
    for variable, value in zip(net.variables, start, strict=True):
        moved = np.abs(variable.numpy() - value).max() > 0
        assert moved == ("moving" in variable.name), variable.name


def test_weights_are_a_function_of_the_seed():
    one, same, other = tiny(seed=1), tiny(seed=1), tiny(seed=2)
    for a, b, c in zip(one.variables, same.variables, other.variables, strict=True):
        np.testing.assert_array_equal(a.numpy(), b.numpy())
        assert ("kernel" in a.name) == bool(np.abs(a.numpy() - c.numpy()).max())


def test_dropout_of_a_step_is_a_function_of_the_seed(seeded):
    net = tiny("paper", stages=1, width=0.1)
    batch = inputs(seeded)
    one, same, other = (
        net(*batch, training=True, seed=seed)[0].numpy() for seed in ([0, 1], [0, 1], [0, 2])
    )
    np.testing.assert_array_equal(one, same)
    assert np.abs(one - other).max() > 0


def test_images_of_any_numeric_type_mean_the_same(seeded):
    images, center_px = inputs(seeded)
    images = images.astype(np.uint8)
    net = tiny()
    for one, other in zip(
        net(images, center_px), net(images.astype(np.float32), center_px), strict=True
    ):
        np.testing.assert_array_equal(one.numpy(), other.numpy())


def test_float64_network_agrees_with_float32(seeded):
    batch = inputs(seeded)
    for one, other in zip(tiny()(*batch), tiny(dtype=tf.float64)(*batch), strict=True):
        assert other.dtype == tf.float64
        # About 25 layers of relative rounding error 1e-7 on beliefs of order 0.1.
        np.testing.assert_allclose(one.numpy(), other.numpy(), atol=1e-5)


def test_normalize_preset():
    x = normalize(tf.constant([[[[0, 128, 255]]]], tf.uint8))
    assert x.numpy().ravel().tolist() == [-0.5, 0.0, 127 / 256]
    x = normalize(tf.constant([[[[0, 51, 255]]]], tf.uint8), normalization="blog")
    np.testing.assert_allclose(x.numpy().ravel(), [-1.0, -0.6, 1.0], atol=1e-6)


def test_center_map_is_an_averaged_gaussian(seeded):
    """Against loops: the Gaussian pixel by pixel, then means over clipped 9×9 windows."""
    height, width, sigma_px = 40, 64, 9.0
    center_px = seeded(5).uniform(-10, 60, size=[3, 2])
    drawn = center_map(
        tf.constant(center_px), height=height, width=width, stride=8, sigma_px=sigma_px
    ).numpy()
    assert drawn.shape == (3, 5, 8, 1)
    v, u = np.mgrid[:height, :width]
    for i, (x, y) in enumerate(center_px):
        full = np.exp(-((u - x) ** 2 + (v - y) ** 2) / (2 * sigma_px**2))
        for row in range(5):
            for column in range(8):
                window = full[8 * row : 8 * row + 9, 8 * column : 8 * column + 9]
                assert abs(drawn[i, row, column, 0] - window.mean()) < 1e-12


@pytest.mark.parametrize("image_size, sigma_px", [((368, 368), 21), ((160, 184), 21 * 160 / 368)])
def test_center_sigma_follows_the_configured_crop(image_size, sigma_px, monkeypatch):
    seen = {}

    def spy(center_px, **options):
        seen.update(options)
        return center_map(center_px, **options)

    monkeypatch.setattr("cpm.network.model.center_map", spy)
    net = tiny(image_size=image_size, stages=2)
    net(tf.zeros([1, 16, 24, 3]), [[8.0, 8.0]])
    assert seen["sigma_px"] == pytest.approx(sigma_px)
    assert (seen["height"], seen["width"]) == (16, 24)


@pytest.mark.parametrize(
    "images, center_px, message",
    [
        ([2, 32, 48, 1], [2, 2], "images has shape [2, 32, 48, 1], expected [B, H, W, 3]"),
        ([32, 48, 3], [2, 2], "images has shape [32, 48, 3]"),
        ([2, 32, 48, 3], [3, 2], "center_px has shape [3, 2], expected [B, 2] with B = 2"),
        ([2, 30, 48, 3], [2, 2], "images has height 30; it should be a multiple of 8"),
        ([2, 32, 44, 3], [2, 2], "images has width 44; it should be a multiple of 8"),
    ],
)  # fmt: skip
def test_network_raises(images, center_px, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        tiny(stages=1)(tf.zeros(images), tf.zeros(center_px))


def test_unknown_size_needs_a_network_without_center_map():
    signature = [
        tf.TensorSpec([None, None, None, 3]),
        tf.TensorSpec([None, 2]),
    ]
    with pytest.raises(ValueError, match="images has an unknown height"):
        tf.function(tiny(), input_signature=signature).get_concrete_function()
    blind = tf.function(tiny(center_map=False), input_signature=signature)
    beliefs = blind(tf.zeros([1, 24, 40, 3]), tf.zeros([1, 2]))
    assert beliefs[-1].shape == [1, 3, 5, 16]


def test_network_raises_for_a_bad_configuration():
    with pytest.raises(ValueError, match="unknown arch"):
        ConvolutionalPoseMachine(dataclasses.replace(preset("mini"), arch="x"))


def test_mini_of_half_the_stride_has_maps_twice_as_fine(seeded):
    """The same variables, maps of twice the sides, and cells whose middles lie right."""
    shapes = []
    for stride in (8, 4):
        net = tiny(stride=stride)
        assert net(*inputs(seeded))[-1].shape == [2, 32 // stride, 48 // stride, 16]
        assert net.stride == stride and net.origin_px == (stride - 1) / 2
        shapes.append([v.shape for v in net.trainable_variables])
    assert shapes[0] == shapes[1]
