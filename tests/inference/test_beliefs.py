"""Averaging over mirrored and scaled crops: exactly symmetric, each pixel where it belongs."""

import types

import numpy as np
import pytest
import tensorflow as tf

import ops
from cpm.config import DecodingConfig, NetworkConfig
from cpm.errors import UsageError
from cpm.inference.batches import find_joints
from cpm.inference.beliefs import (
    batch_beliefs,
    crop_beliefs,
    decoded_grid,
    mirror_maps,
    mirror_points,
)
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
    for b, b_mirrored in zip(here, mirrored, strict=True):
        np.testing.assert_array_equal(mirror_maps(b_mirrored, network.skeleton).numpy(), b.numpy())


def test_crop_beliefs_flip_preset_is_the_mean(network, seeded):
    images, center_px = crop(seeded)
    plain = crop_beliefs(network, images, center_px)
    other = network(images[:, :, ::-1], mirror_points(center_px, images))
    both = crop_beliefs(network, images, center_px, flip=True)
    channels = [*network.skeleton.mirror, 16]
    for b, b_other, b_both in zip(plain, other, both, strict=True):
        turned = b_other.numpy()[:, :, ::-1][..., channels]
        np.testing.assert_allclose(b_both, (b.numpy() + turned) / 2, atol=1e-7)


def test_mirror_points_preset():
    points = mirror_points(tf.constant([[0.0, 5.0], [63.0, 1.0]]), tf.zeros([2, 48, 64, 3]))
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


HEIGHT, WIDTH = 96, 128
MIDDLE = np.array([(WIDTH - 1) / 2, (HEIGHT - 1) / 2])


class Painter(tf.Module):
    """Draws the point that a crop's first pixel holds, 9 px wide at the scale in its blue."""

    skeleton, stride, origin_px = SKELETONS["lsp14"], 8, 3.5

    def __call__(self, images, center_px, *, training=False, seed=None):
        points_px = images[:, :1, 0, :2] + (3.5 - self.origin_px)  # [B, 1, 2]
        maps = ops.gaussian_heatmap(
            points_px,
            tf.ones_like(points_px[..., 0]),
            height=HEIGHT // 8,
            width=WIDTH // 8,
            stride=8,
            sigma_px=9.0 * images[0, 0, 0, 2],  # the same in the whole batch
        )
        return (tf.repeat(maps, 14, -1),)


def scaled_batch(points_px, scales):
    """Crops whose first pixel says where the point lies in them, and how large its peak is."""
    pyramid = np.zeros([len(points_px), len(scales), HEIGHT, WIDTH, 3], np.float32)
    for n, scale in enumerate(scales):
        pyramid[:, n, 0, 0, :2] = (points_px - MIDDLE) * scale + MIDDLE
        pyramid[:, n, 0, 0, 2] = scale
    return {
        "image": tf.zeros([len(points_px), HEIGHT, WIDTH, 3]),
        "pyramid": tf.constant(pyramid),
        "center_px": tf.constant([MIDDLE] * len(points_px), tf.float32),
    }


@pytest.mark.parametrize("origin_px", [3.5, 0.0])
@pytest.mark.parametrize("scales", [(0.7, 1.0, 1.3), (1.25,), (1.0, 1.0)])
def test_batch_beliefs_scales_meet_in_image_space(seeded, scales, origin_px):
    """A point seen at several sizes comes back where it is, on either grid."""
    network = Painter()
    network.origin_px = origin_px
    points_px = seeded(12).uniform(24, [WIDTH - 24, HEIGHT - 24], [3, 2])
    decoding = DecodingConfig(scales=scales, refinement="dark", sigma_px=9.0)
    (maps,) = batch_beliefs(network, scaled_batch(points_px, scales), decoding)
    assert maps.shape == (3, HEIGHT, WIDTH, 14)
    assert decoded_grid(network, decoding) == (1, 0.0)
    joints_px, _ = find_joints(network, maps, decoding)
    # A spline moves the top of a Gaussian of a cell by up to 0.04 cells.
    np.testing.assert_allclose(joints_px[:, 0], points_px, atol=0.35)


def test_batch_beliefs_ignores_what_a_scale_does_not_show():
    """Near the corner only the smaller scale sees anything: its value, not half of it."""
    point = np.array([[4.0, 5.0]])
    alone = DecodingConfig(scales=(0.7,))
    both = DecodingConfig(scales=(0.7, 1.3))
    (expected,) = batch_beliefs(Painter(), scaled_batch(point, (0.7,)), alone)
    (found,) = batch_beliefs(Painter(), scaled_batch(point, (0.7, 1.3)), both)
    np.testing.assert_allclose(found[0, 5, 4], expected[0, 5, 4], rtol=1e-6)
    assert found[0, 5, 4, 0] > 0.9


def test_batch_beliefs_flip_over_scales_is_exactly_symmetric(network, seeded):
    """Mirror the pyramid, and the averaged maps come out mirrored, to a rounding of the spline."""
    rng = seeded(14)
    pyramid = rng.uniform(0, 255, [2, 2, 48, 64, 3]).astype(np.float32)
    decoding = DecodingConfig(flip=True, scales=(0.8, 1.1))

    def beliefs(pyramid):
        middle = tf.constant([[31.5, 23.5]] * 2)
        batch = {"image": pyramid[:, 0], "pyramid": pyramid, "center_px": middle}
        return batch_beliefs(network, batch, decoding)

    here, there = beliefs(tf.constant(pyramid)), beliefs(pyramid[:, :, :, ::-1])
    for b, b_mirrored in zip(here, there, strict=True):
        turned = mirror_maps(b_mirrored, network.skeleton)
        np.testing.assert_allclose(turned, b, atol=1e-5 * np.abs(b).max())


def test_find_joints_corner_grid():
    """On the blog's grid cell (2, 1) stands for the pixel (16, 8)."""
    network = types.SimpleNamespace(skeleton=SKELETONS["lsp14"], stride=8, origin_px=0.0)
    maps = np.zeros([1, 4, 5, 14], np.float32)
    maps[0, 1, 2] = 1.0
    joints_px, _ = find_joints(network, maps, DecodingConfig(refinement="none"))
    assert joints_px[0].numpy().tolist() == [[16.0, 8.0]] * 14


def test_crop_beliefs_flip_on_a_corner_grid_raises(seeded):
    config = NetworkConfig(stages=1, width=0.25, grid="corner", image_size=(48, 64))
    with pytest.raises(UsageError, match="leave out --flip"):
        crop_beliefs(ConvolutionalPoseMachine(config), *crop(seeded), flip=True)
