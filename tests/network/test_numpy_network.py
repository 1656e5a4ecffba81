"""The whole machine once more as NumPy loops, read as in the paper, equals the TensorFlow network.

`belief_maps` below is `mini` with two stages, written with `ops/reference.py` alone. It shares no
line with `cpm/network/`: what the two have in common are the names of the layers, by which it
finds the weights. A mistake in padding, in the order of a stack, in the frame of the center map or
in a norm makes them differ.
"""

import numpy as np
import pytest
import tensorflow as tf

import ops
from cpm.config import NetworkConfig
from cpm.network import ConvolutionalPoseMachine
from ops import reference

pytestmark = pytest.mark.slow  # compares whole networks

STRIDE = 8
JOINTS = 3
# Wider than high, so that exchanged axes show.
HEIGHT, WIDTH = 24, 40
# Weights, sums and maps are float64 on both sides; only the order of the additions differs. The
# longest sum has 7 · 7 · 12 = 588 products, ten layers follow each other: 588 · 10 · 1.1e-16 =
# 6e-13 of the size of the terms, which is about 1.
TOLERANCE = {"rtol": 1e-10, "atol": 1e-11}


def belief_maps(weights, images, center_px):
    """Images to belief maps, `[B, H, W, 3]` → two times `[B, h, w, P]`.

    Args:
      weights: `Weights` of a two-stage `mini`.
      images: `[B, H, W, 3]`, gray levels 0 … 255.
      center_px: `[B, 2]`, (x, y) of the person; None = a network without center map.

    Returns:
      (b_1, b_2).
    """
    image = (images - 128.0) / 256.0  # [B, H, W, 3], about -0.5 … 0.5

    # The features x of the image, eight pixels a cell: three layers take every other position.
    x = layer(weights, "conv1_1", image, stride=2)  # [B, H/2, W/2, C]
    x = layer(weights, "conv1_2", x, stride=2)  # [B, H/4, W/4, C]
    x = layer(weights, "conv2_1", x)
    x = layer(weights, "conv2_2", x, stride=2)  # [B, h, w, C]
    for name in ("conv3_1", "conv3_2", "conv3_3", "conv3_4"):
        x = layer(weights, name, x)

    # Eq. 1: g_1(x) → b_1. It sees the image only, and of that only a part.
    y = layer(weights, "conv4_1", x)
    b_1 = layer(weights, "conv4_2", y, linear=True)  # [B, h, w, P]

    # Eq. 3: g_2(x', psi(b_1)) → b_2. Here x' = x, and psi stacks: the 7×7 kernels behind it learn
    # which joint lies where beside which other.
    psi = np.concatenate([b_1, x, *center_map(center_px)], axis=-1)  # [B, h, w, P + C + 1]
    y = layer(weights, "Mconv1_stage2", psi)
    y = layer(weights, "Mconv2_stage2", y)
    y = layer(weights, "Mconv3_stage2", y)
    b_2 = layer(weights, "Mconv4_stage2", y, linear=True)  # [B, h, w, P]
    return b_1, b_2


def layer(weights, name, x, *, stride=1, linear=False):
    """A convolution, its bias or its batch norm in inference, and the ReLU."""
    y = reference.conv2d(x, weights.get(f"{name}/kernel"), weights.bias(name), stride=stride)
    if weights.has(f"{name}_norm/scale"):
        statistics = ("moving_mean", "moving_variance", "scale", "offset")
        numbers = [weights.get(f"{name}_norm/{statistic}") for statistic in statistics]
        y = reference.batch_norm(y, *numbers, epsilon=1e-5)
    return y if linear else np.maximum(y, 0.0)


def center_map(center_px):
    """`[[B, h, w, 1]]`: a Gaussian at the person, drawn by pixels, averaged by cells; or `[]`."""
    if center_px is None:
        return []
    drawn = reference.gaussian_heatmap(
        center_px[:, np.newaxis],
        np.ones([len(center_px), 1]),
        height=HEIGHT,
        width=WIDTH,
        stride=1,
        sigma_px=21.0 * min(HEIGHT, WIDTH) / 368.0,  # the release's 21 px in a crop of 368
    )  # [B, H, W, 1]
    return [reference.average_pool(drawn, window=9, stride=STRIDE)]


class Weights:
    """Arrays by the names of layers and variables; keeps which of them were never read."""

    def __init__(self, values):
        self._values = values
        self.unread = set(values)

    def has(self, name):
        return name in self._values

    def get(self, name):
        self.unread.discard(name)
        return self._values[name]

    def bias(self, name):
        return self.get(f"{name}/bias") if self.has(f"{name}/bias") else None


def named_values(network):
    """{`conv1_1/kernel`: array, …} of a network's variables."""
    values = {
        "/".join(v.name.removesuffix(":0").split("/")[-2:]): v.numpy() for v in network.variables
    }
    assert len(values) == len(network.variables), "two layers share a name"
    return values


def random_network(rng, **options):
    """A two-stage `mini` of few channels; every variable is random, even offsets."""
    config = NetworkConfig(
        arch="mini",
        skeleton="joints:nose,left_ear,right_ear",
        stages=2,
        width=0.125,
        image_size=(HEIGHT, WIDTH),
        **options,
    )
    network = ConvolutionalPoseMachine(config, dtype=tf.float64)
    for variable in network.variables:
        name, shape = variable.name, variable.shape
        if "kernel" in name:  # He's deviation keeps the values near 1 from layer to layer
            fan_in = np.prod(shape[:-1])
            value = rng.normal(0.0, np.sqrt(2.0 / fan_in), shape)
        elif "variance" in name or "scale" in name:
            value = rng.uniform(0.5, 1.5, shape)
        else:
            value = rng.normal(0.0, 0.3, shape)
        if name.endswith(("conv4_2/bias:0", "Mconv4_stage2/bias:0")):
            value = value + 3.0  # maps that are mostly positive, so that peaks are refined
        variable.assign(value)
    return network


@pytest.mark.parametrize("center", [True, False], ids=["center", "no center"])
@pytest.mark.parametrize("norm", ["batch", "none"])
def test_numpy_network_is_the_tensorflow_network(norm, center, seeded):
    rng = seeded(5)
    network = random_network(rng, norm=norm, center_map=center)
    images = rng.uniform(0, 255, [2, HEIGHT, WIDTH, 3])
    center_px = np.array([[14.0, 9.5], [27.0, 16.0]])
    weights = Weights(named_values(network))

    expected = belief_maps(weights, images, center_px if center else None)
    assert not weights.unread, f"never read: {sorted(weights.unread)}"

    got = network(images, center_px)
    assert len(got) == len(expected) == 2
    for t, (b_t, b_t_expected) in enumerate(zip(got, expected, strict=True), start=1):
        assert b_t_expected.shape == (2, HEIGHT // STRIDE, WIDTH // STRIDE, JOINTS)
        assert b_t_expected.std() > 0.1, "flat maps would prove nothing"
        np.testing.assert_allclose(b_t.numpy(), b_t_expected, **TOLERANCE, err_msg=f"stage {t}")

    points_px, confidence = ops.find_peaks(got[-1], stride=STRIDE)
    expected_px, expected_confidence = reference.find_peaks(expected[-1], stride=STRIDE)
    np.testing.assert_allclose(confidence.numpy(), expected_confidence, **TOLERANCE)
    np.testing.assert_allclose(points_px.numpy(), expected_px, rtol=0, atol=1e-8)
    between_cells = (expected_px - 3.5) % STRIDE
    assert (between_cells > 1e-3).any(), "no joint was refined"


def test_the_comparison_sees_a_weight_that_is_wrong_by_a_thousandth(seeded):
    rng = seeded(6)
    network = random_network(rng, norm="batch", center_map=True)
    images = rng.uniform(0, 255, [1, HEIGHT, WIDTH, 3])
    center_px = np.array([[14.0, 9.5]])
    b_2 = network(images, center_px)[-1].numpy()
    for name in ("conv1_1/kernel", "Mconv1_stage2_norm/moving_variance"):
        values = named_values(network)
        values[name] = values[name] * 1.001
        changed = belief_maps(Weights(values), images, center_px)[-1]
        assert np.abs(changed - b_2).max() > 1e5 * TOLERANCE["atol"]
