"""From picture to joints: the geometry, with fake networks whose answers are known."""

import types

import numpy as np
import pytest
import tensorflow as tf

import ops
from cpm.config import DataConfig, NetworkConfig
from cpm.errors import UsageError
from cpm.inference import batches
from cpm.inference.predictor import (
    Predictor,
    box_margin,
    check_box,
    whole_region,
)
from cpm.network import ConvolutionalPoseMachine
from cpm.skeleton import Skeleton

SIZE = (96, 128)  # crop, H != W
MIDLINE = Skeleton("midline", ("head_top", "neck", "pelvis"), (("head_top", "neck"),))
POINTS = np.array([[61.3, 40.7], [90.0, 77.25], [118.6, 58.2]])  # image pixels


class Oracle(tf.Module):
    """Draws the belief maps of known crop points, whatever it is shown; two stages alike."""

    skeleton, stride, origin_px = MIDLINE, 8, 3.5
    config = types.SimpleNamespace(image_size=SIZE)

    def __init__(self, crop_points):
        super().__init__()
        self.points = tf.constant(crop_points[np.newaxis], tf.float32)

    def __call__(self, images, center_px, *, training=False, seed=None):
        maps = ops.gaussian_heatmap(
            self.points,
            tf.ones([1, 3]),
            height=SIZE[0] // 8,
            width=SIZE[1] // 8,
            stride=8,
            sigma_px=10.0,
        )
        background = 1 - tf.reduce_max(maps, -1, keepdims=True)
        return (0.5 * maps, tf.concat([maps, background], -1))


class BlobFinder(tf.Module):
    """Belief p of a cell is the mean of colour channel p over the cell's pixels."""

    skeleton, stride, origin_px = MIDLINE, 8, 3.5
    config = types.SimpleNamespace(image_size=SIZE)

    def __call__(self, images, center_px, *, training=False, seed=None):
        return (ops.average_pool(images / 255.0, window=8, stride=8),)


def blobs(height, width, points, sigma_px):
    """A black picture with a Gaussian blob at each point: red, green, blue."""
    y, x = np.mgrid[:height, :width]
    squares = [(x - px) ** 2 + (y - py) ** 2 for px, py in points]
    image = [np.exp(-square / (2 * sigma_px**2)) for square in squares]
    return np.rint(255 * np.stack(image, -1)).astype(np.uint8)


def to_crop(points, box, margin):
    """Image → crop, written out: the box's middle is the crop's, its longer side fills it."""
    x, y, width, height = box
    scale = min(SIZE) / (margin * max(width, height))  # crop pixels per image pixel
    box_middle = np.array([x + (width - 1) / 2, y + (height - 1) / 2])
    crop_middle = np.array([(SIZE[1] - 1) / 2, (SIZE[0] - 1) / 2])
    return (points - box_middle) * scale + crop_middle


@pytest.mark.parametrize("box", [None, (40, 20, 90, 70), (50, 10, 60.5, 88)])
def test_predictor_returns_the_points_the_maps_were_drawn_at(box):
    image = np.zeros([110, 170, 3], np.uint8)
    margin = 1.0 if box is None else 1.2
    crop_points = to_crop(POINTS, box or (0, 0, 170, 110), margin)
    prediction = Predictor(Oracle(crop_points), margin=1.2)(image, box)
    np.testing.assert_allclose(prediction.joints_px, POINTS, atol=0.02)
    np.testing.assert_allclose(prediction.stage_joints_px[0], POINTS, atol=0.02)
    assert prediction.stage_joints_px.shape == (2, 3, 2)
    assert prediction.confidence.shape == (3,)
    assert prediction.beliefs[1].shape == (12, 16, 4)
    assert prediction.crop.shape == (*SIZE, 3)
    assert prediction.box == ((0, 0, 170, 110) if box is None else box)


@pytest.mark.parametrize("flip", [False, True])
@pytest.mark.parametrize("scales", [(1.0,), (0.85, 1.0, 1.15)])
@pytest.mark.parametrize("enlarged", [1, 5])
def test_predictor_finds_blobs_through_pixels(flip, scales, enlarged):
    """The whole way: picture → crop → maps → picture. Enlarged 5 times, blocks are averaged."""
    points = POINTS * enlarged
    # 9 crop pixels wide: a mean over 8 pixels of it is still almost a Gaussian.
    image = blobs(110 * enlarged, 170 * enlarged, points, 12.0 * enlarged)
    box = tuple(enlarged * n for n in (35, 12, 110, 90))
    predictor = Predictor(BlobFinder(), flip=flip, scales=scales, margin=1.0)
    prediction = predictor(image, box)
    # Grey levels are whole numbers and scaled maps are resampled: 0.1 px of the small picture,
    # of a cell of 9.2.
    tolerance = (0.1 if scales == (1.0,) else 0.35) * enlarged
    assert np.abs(prediction.joints_px - points).max() < tolerance


def test_predictor_mirrored_picture_gives_mirrored_joints(seeded):
    """With flip averaging, the mirrored picture's prediction is the mirrored prediction."""
    config = NetworkConfig(stages=1, width=0.25, background=True, image_size=(64, 64))
    network = ConvolutionalPoseMachine(config, seed=2)
    image = seeded(5).integers(0, 256, [64, 64, 3], np.uint8)
    predictor = Predictor(network, flip=True)
    here, there = predictor(image), predictor(image[:, ::-1])
    channels = list(network.skeleton.mirror) + [16]
    # 64 px fill the crop of 64 exactly, so even the warp is the identity.
    np.testing.assert_allclose(
        there.beliefs[0][:, ::-1][..., channels], here.beliefs[0], atol=1e-6
    )
    mirrored = there.joints_px[network.skeleton.mirror] * (-1, 1) + (63, 0)
    np.testing.assert_allclose(mirrored, here.joints_px, atol=0.01)


def test_predictor_xla_is_the_same(seeded, monkeypatch):
    """Compiled whole, as on a GPU."""
    monkeypatch.setattr(batches, "compiles_whole", lambda xla: xla)
    config = NetworkConfig(stages=2, width=0.25, image_size=(48, 64))
    network = ConvolutionalPoseMachine(config, seed=2)
    image = seeded(6).integers(0, 256, [50, 70, 3], np.uint8)
    plain, compiled = (Predictor(network, xla=xla)(image) for xla in (False, True))
    for b, b_xla in zip(plain.beliefs, compiled.beliefs):
        np.testing.assert_allclose(b_xla, b, atol=1e-5)


def test_whole_region_preset():
    """100 × 300 pixels: all of it, or, as `image` crops are trained, the height filling 80 %."""
    region = whole_region(100, 300, "joints")
    assert region.center_px == (149.5, 49.5) and region.side_px == 300
    region = whole_region(100, 300, "image")
    assert region.center_px == (149.5, 49.5) and region.side_px == pytest.approx(125)


def test_box_margin_preset():
    assert box_margin(DataConfig(crop="joints", margin=1.4)) == 1.4
    # 314 px hold a person of 200.
    assert box_margin(DataConfig(crop="person", margin=2.0)) == pytest.approx(3.14)
    assert box_margin(DataConfig(crop="image", margin=9.0)) == DataConfig().margin


@pytest.mark.parametrize(
    "box, message",
    [
        ((0, 0, 10), "expected x, y, width, height"),
        ((0, 0, 0, 10), "expected x, y, width, height"),
        ((0, np.nan, 5, 10), "expected x, y, width, height"),
        ((170, 0, 5, 10), "outside the picture, which is 170 x 110"),
        ((-20, -20, 10, 10), "outside the picture"),
    ],
)
def test_check_box_raises(box, message):
    with pytest.raises(UsageError, match=message):
        check_box(box, 110, 170)


def test_predictor_raises():
    predictor = Predictor(BlobFinder())
    for image in (np.zeros([5, 5, 3], np.float32), np.zeros([5, 5], np.uint8)):
        with pytest.raises(ValueError, match=r"\[H, W, 3\] uint8"):
            predictor(image)
    with pytest.raises(UsageError, match="scales are"):
        Predictor(BlobFinder(), scales=(1.0, 0.0))
    with pytest.raises(UsageError, match="is missing"):
        Predictor("runs/not_there/step-0000001")
