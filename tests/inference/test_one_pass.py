"""One pass, from pixels to joints and back: the geometry, with networks whose answers are known."""

import threading
import types

import numpy as np
import pytest
import tensorflow as tf

import ops
from cpm import geometry
from cpm.config import DecodingConfig, NetworkConfig
from cpm.errors import UsageError
from cpm.execution import Execution, use
from cpm.execution.use import Executed
from cpm.inference.one_pass import OnePass
from cpm.inference.predictor import Predictor
from cpm.network import ConvolutionalPoseMachine
from tests.helpers.blob_networks import MIDLINE, POINTS, SIZE, BlobFinder, blobs


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
    predictor = Predictor(Oracle(crop_points), margin=1.2, passes=1, flip=False, crop="whole")
    (person,) = predictor(image, box, maps=True)
    maps = person.maps
    np.testing.assert_allclose(person.joints_px, POINTS, atol=0.02)
    np.testing.assert_allclose(maps.stage_joints_px[0], POINTS, atol=0.02)
    assert maps.stage_joints_px.shape == (2, 3, 2)
    assert person.confidence.shape == (3,)
    assert maps.beliefs[1].shape == (12, 16, 4)
    assert maps.crop.shape == (*SIZE, 3)
    low, high = POINTS.min(0), POINTS.max(0)
    np.testing.assert_allclose(person.box, box or (*low, *(high - low + 1)), atol=0.04)
    (without,) = predictor(image, box)
    assert without.maps is None
    np.testing.assert_allclose(without.joints_px, person.joints_px, atol=1e-4)


@pytest.mark.parametrize("flip", [False, True])
@pytest.mark.parametrize("scales", [(1.0,), (0.85, 1.0, 1.15)])
@pytest.mark.parametrize("enlarged", [1, 5])
def test_predictor_finds_blobs_through_pixels(flip, scales, enlarged):
    """The whole way: image → crop → maps → image. Enlarged 5 times, blocks are averaged."""
    points = POINTS * enlarged
    # 9 crop pixels wide: a mean over 8 pixels of it is still almost a Gaussian.
    image = blobs(110 * enlarged, 170 * enlarged, points, 12.0 * enlarged)
    box = tuple(enlarged * n for n in (35, 12, 110, 90))
    predictor = Predictor(BlobFinder(), flip=flip, scales=scales, margin=1.0)
    (person,) = predictor(image, box)
    # Gray levels are whole numbers and scaled maps are resampled: 0.1 px of the small image,
    # of a cell of 9.2.
    tolerance = (0.1 if scales == (1.0,) else 0.35) * enlarged
    assert np.abs(person.joints_px - points).max() < tolerance


def test_predictor_xla_is_the_same(seeded, monkeypatch):
    """Compiled whole, as on a GPU."""
    monkeypatch.setattr(use, "compiles_whole", lambda execution: execution.xla)
    config = NetworkConfig(stages=2, width=0.25, image_size=(48, 64))
    network = ConvolutionalPoseMachine(config, seed=2)
    image = seeded(6).integers(0, 256, [50, 70, 3], np.uint8)
    plain, compiled = (
        Predictor(Executed(network, Execution(xla=xla)))(image, maps=True)[0]
        for xla in (False, True)
    )
    for b, b_xla in zip(plain.maps.beliefs, compiled.maps.beliefs, strict=True):
        np.testing.assert_allclose(b_xla, b, atol=1e-5)


BOXES = [(30, 12, 110, 90), (35, 10, 100, 100), (0, 0, 170, 110)]


def test_poses_are_single_passes():
    """What a search asks for: many regions of an image in one call."""
    image = blobs(110, 170, POINTS, 12.0)
    predictor = Predictor(BlobFinder(), margin=1.0)
    regions = [geometry.region_from_box(box) for box in BOXES] * 4
    joints_px, confidence = predictor.poses([image] * 12, regions)
    assert joints_px.shape == (12, 3, 2) and confidence.shape == (12, 3)
    expected = predictor(image, boxes=BOXES)
    for n, person in enumerate(list(expected) * 4):
        np.testing.assert_allclose(joints_px[n], person.joints_px, atol=1e-3)
    assert predictor.poses([], [])[0].shape == (0, 3, 2)


class FakeReader:
    """Answers with the mean of each crop, four crops a batch; keeps the threads that asked."""

    def __init__(self, fails=None):
        self.asked, self._fails = [], fails

    def most(self, decoding):
        return 4

    def __call__(self, batch, decoding):
        gray = batch["image"].mean((1, 2, 3))
        self.asked.append((len(gray), threading.current_thread().name))
        if self._fails is not None and self._fails in np.rint(gray):
            raise MemoryError("no room for this batch")
        return np.zeros([len(gray), 3, 2]), np.repeat(gray[:, np.newaxis], 3, axis=1)


@pytest.mark.parametrize("threads", [1, 3])
def test_batches_of_threads_keep_their_places(threads):
    """Ten crops in batches of four; each has the joints of its own crop."""
    images = [np.full([30, 40, 3], 10 * n, np.uint8) for n in range(10)]
    regions = [geometry.CropRegion((20, 15), 10.0 + n) for n in range(10)]
    reader = FakeReader()
    one_pass = OnePass(BlobFinder(), reader, 0.0, threads)
    joints_px, confidence = one_pass(images, regions, DecodingConfig())
    np.testing.assert_allclose(confidence, np.tile(10.0 * np.arange(10)[:, None], [1, 3]))
    sides = [geometry.crop_to_image(region, SIZE)[0, 0] for region in regions]
    corners = [geometry.crop_to_image(region, SIZE)[:, 2] for region in regions]
    np.testing.assert_allclose(joints_px, np.repeat(np.array(corners)[:, np.newaxis], 3, axis=1))
    assert len(set(sides)) == 10  # no two crops alike
    assert sorted(count for count, _ in reader.asked) == [2, 4, 4]
    assert all(name.startswith("batch") for _, name in reader.asked)


def test_an_error_in_a_batch_is_the_callers():
    images = [np.full([30, 40, 3], 10 * n, np.uint8) for n in range(10)]
    one_pass = OnePass(BlobFinder(), FakeReader(fails=50), 0.0, 2)
    with pytest.raises(MemoryError, match="no room"):
        one_pass(images, [geometry.CropRegion((20, 15), 12.0)] * 10, DecodingConfig())
    # And the next call has nothing of it.
    _, confidence = one_pass(
        images[:4], [geometry.CropRegion((20, 15), 12.0)] * 4, DecodingConfig()
    )
    np.testing.assert_allclose(confidence[:, 0], [0, 10, 20, 30])


@pytest.mark.parametrize("options", [{}, {"maps": True}, {"people": 2}])
def test_maps_that_are_not_finite_are_a_sentence(options):
    """Of weights as large as 1e20, whose sums overflow: a traceback, or nobody was found."""
    predictor = Predictor(Oracle(np.full_like(POINTS, np.nan)), passes=1, flip=False)
    with pytest.raises(UsageError, match=r"not finite: its weights are damaged.*--ckpt"):
        predictor(np.zeros([110, 170, 3], np.uint8), **options)
