"""Averaging over the mirrored crop: exactly symmetric, by construction."""

import numpy as np
import pytest
import tensorflow as tf

from cpm.config import NetworkConfig
from cpm.inference.beliefs import crop_beliefs, mirror_maps, mirror_points
from cpm.network import ConvolutionalPoseMachine
from cpm.skeleton import SKELETONS


@pytest.fixture(scope="module")
def network():
    """Untrained, so left and right differ by chance; H != W."""
    config = NetworkConfig(stages=2, width=0.25, background=True, image_size=(48, 64))
    return ConvolutionalPoseMachine(config, seed=4)


def crop(seeded):
    generator = seeded(11)
    images = generator.uniform(0, 255, [2, 48, 64, 3]).astype(np.float32)
    center_px = np.array([[20.0, 30.0], [40.5, 11.0]], np.float32)
    return tf.constant(images), tf.constant(center_px)


def test_crop_beliefs_flip_is_exactly_symmetric(network, seeded):
    images, center_px = crop(seeded)
    here = crop_beliefs(network, images, center_px, flip=True)
    mirrored = crop_beliefs(
        network,
        tf.reverse(images, [2]),
        mirror_points(center_px, images),
        flip=True,
    )
    # Bit for bit: both are the same two numbers added, in either order.
    for b, b_mirrored in zip(here, mirrored):
        np.testing.assert_array_equal(
            mirror_maps(b_mirrored, network.skeleton).numpy(), b.numpy()
        )


def test_crop_beliefs_flip_preset_is_the_mean(network, seeded):
    images, center_px = crop(seeded)
    plain = crop_beliefs(network, images, center_px)
    other = network(images[:, :, ::-1], mirror_points(center_px, images))
    both = crop_beliefs(network, images, center_px, flip=True)
    channels = list(network.skeleton.mirror) + [16]
    for b, b_other, b_both in zip(plain, other, both):
        turned = b_other.numpy()[:, :, ::-1][..., channels]
        np.testing.assert_allclose(b_both, (b.numpy() + turned) / 2, atol=1e-7)


def test_mirror_points_preset():
    points = mirror_points(
        tf.constant([[0.0, 5.0], [63.0, 1.0]]), tf.zeros([2, 48, 64, 3])
    )
    assert points.numpy().tolist() == [[63.0, 5.0], [0.0, 1.0]]


@pytest.mark.parametrize("background", [0, 1])
def test_mirror_maps_preset(background):
    skeleton = SKELETONS["lsp14"]
    maps = np.zeros([1, 2, 3, 14 + background], np.float32)
    maps[0, 1, 0, skeleton.index("left_wrist")] = 1.0
    turned = mirror_maps(tf.constant(maps), skeleton).numpy()
    assert turned[0, 1, 2, skeleton.index("right_wrist")] == 1.0
    assert turned.sum() == 1.0
    again = mirror_maps(turned, skeleton).numpy()
    np.testing.assert_array_equal(again, maps)
