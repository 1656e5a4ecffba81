"""From image to joints: the geometry, with fake networks whose answers are known."""

import threading
import types

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

import ops
from cpm import geometry
from cpm.config import NetworkConfig
from cpm.errors import UsageError
from cpm.execution import Execution, use
from cpm.execution.use import Executed
from cpm.inference import crop_regions
from cpm.inference.predictor import Predictor, check_box
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
    """Belief p of a cell is the mean of color channel p over the cell's pixels."""

    skeleton, stride, origin_px = MIDLINE, 8, 3.5
    config = types.SimpleNamespace(image_size=SIZE)

    def __call__(self, images, center_px, *, training=False, seed=None):
        return (ops.average_pool(images / 255.0, window=8, stride=8),)


def blobs(height, width, points, sigma_px):
    """A black image with a Gaussian blob at each point: red, green, blue."""
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


def test_predictor_mirrored_image_gives_mirrored_joints(seeded):
    """With flip averaging, the mirrored image's prediction is the mirrored prediction."""
    config = NetworkConfig(stages=1, width=0.25, background=True, image_size=(64, 64))
    network = ConvolutionalPoseMachine(config, seed=2)
    image = seeded(5).integers(0, 256, [64, 64, 3], np.uint8)
    # The windows of `middle` are not mirrored, so the image itself may lead to another one.
    predictor = Predictor(network, flip=True, crop="whole")
    (here,), (there,) = (predictor(pixels, maps=True) for pixels in (image, image[:, ::-1]))
    channels = [*network.skeleton.mirror, 16]
    # 64 px fill the crop of 64 exactly, so even the warp is the identity.
    mirrored = there.maps.beliefs[0][:, ::-1][..., channels]
    np.testing.assert_allclose(mirrored, here.maps.beliefs[0], atol=1e-6)
    mirrored = there.joints_px[network.skeleton.mirror] * (-1, 1) + (63, 0)
    np.testing.assert_allclose(mirrored, here.joints_px, atol=0.01)


@pytest.mark.parametrize("grid, mirrored", [("center", True), ("corner", False)])
def test_predictor_flips_where_it_can(seeded, grid, mirrored):
    """`None` is as `True` on a grid with a mirror image, and as `False` on the blog's."""
    config = NetworkConfig(stages=1, width=0.25, image_size=(48, 64), grid=grid)
    network = ConvolutionalPoseMachine(config, seed=2)
    image = seeded(5).integers(0, 256, [50, 70, 3], np.uint8)

    def beliefs(flip):
        return Predictor(network, flip=flip)(image, maps=True)[0].maps.beliefs[0]

    either, once = beliefs(None), beliefs(False)
    assert (either != once).any() == mirrored
    if mirrored:
        np.testing.assert_array_equal(either, beliefs(True))


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


class Watcher(BlobFinder):
    """Finds blobs that are brighter than the gray around them, and remembers the crops it saw."""

    def __init__(self):
        super().__init__()
        self.seen = []

    def __call__(self, images, center_px, *, training=False, seed=None):
        if tf.executing_eagerly():
            self.seen.append(np.array(images)[0])
        return super().__call__(2 * images - 256, center_px)


@pytest.fixture
def eagerly():
    """Graphs run line by line, so that a fake network sees its images."""
    tf.config.run_functions_eagerly(True)
    yield
    tf.config.run_functions_eagerly(False)


def gray_blobs(height, width, points, sigma_px):
    """The same blobs in a gray image, as gray as what lies outside it."""
    return 128 + blobs(height, width, points, sigma_px) // 2


# Three blobs, small and off the middle of 700 × 500 pixels: 4.2 crop pixels apart at first.
SMALL = np.array([[420.0, 130.5], [455.5, 190.0], [440.0, 215.0]])


def test_predictor_second_pass_is_around_the_joints_of_the_first(eagerly):
    image = gray_blobs(500, 700, SMALL, 9.0)
    network = Watcher()
    options = {"margin": 1.2, "flip": False, "crop": "whole"}
    (once,) = Predictor(network, passes=1, **options)(image)
    region = crop_regions.next_region(once.joints_px, once.confidence, 700.0, 1.2)
    (twice,) = Predictor(network, **options)(image, maps=True)
    assert len(network.seen) == 3
    np.testing.assert_allclose(
        twice.maps.crop_to_image, geometry.crop_to_image(region, SIZE), rtol=1e-6
    )
    np.testing.assert_array_equal(network.seen[0], network.seen[1])
    # A cell of the first pass is 58 image pixels wide, one of the second under 10.
    errors = [np.abs(p.joints_px - SMALL).max() for p in (once, twice)]
    assert errors[1] < 2 < errors[0]


def test_predictor_makes_as_many_passes_as_asked(eagerly):
    image = gray_blobs(500, 700, SMALL, 9.0)
    for options, box, expected in [
        ({}, None, 2),
        ({"crop": "whole"}, None, 2),
        ({}, (400, 120, 70, 110), 1),
        ({"passes": 3}, None, 3),
        ({"passes": 1}, None, 2),  # the windows, and the one that was chosen
        ({"passes": 3}, (400, 120, 70, 110), 3),
    ]:
        network = Watcher()
        Predictor(network, margin=1.2, flip=False, **options)(image, box)
        assert len(network.seen) == expected


@pytest.mark.parametrize("crop, passes", [("whole", 1), ("middle", 2)])
def test_predictor_keeps_the_first_pass_where_nothing_is_found(eagerly, crop, passes):
    """With `middle` its window is passed over once more, mirrored if need be."""
    network = Watcher()
    (person,) = Predictor(network, flip=False, crop=crop)(np.full([50, 70, 3], 128, np.uint8))
    assert len(network.seen) == passes and (person.confidence == 0).all()
    assert np.isfinite(person.joints_px).all()


def beside_the_person(height, width, sigma_px):
    """Blobs of a person around the middle, and brighter ones of somebody else far to the right."""
    near = POINTS - POINTS.mean(0) + ((width - 1) / 2, (height - 1) / 2)
    far = near + np.array([0.42 * width, 0])
    person, other = (gray_blobs(height, width, points, sigma_px) for points in (near, far))
    dimmed = 128 + np.rint(0.85 * (person - 128.0)).astype(np.uint8)
    return np.maximum(dimmed, other), near


def test_predictor_follows_the_window_that_shows_one_person(eagerly):
    """The highest peaks of the whole image are somebody else's; narrow windows don't show them."""
    image, near = beside_the_person(300, 500, 14.0)
    options = {"margin": 1.2, "flip": False}
    (middle,) = Predictor(Watcher(), **options)(image, maps=True)
    assert np.abs(middle.joints_px - near).max() < 2
    (whole,) = Predictor(Watcher(), crop="whole", **options)(image)
    assert np.abs(whole.joints_px - near).max() > 50
    # As by hand: the windows' passes, the choice, the next region.
    predictor = Predictor(Watcher(), **options)
    windows = crop_regions.first_regions(300, 500, "middle")
    joints_px, confidence = predictor.poses([image] * 3, windows)
    best = crop_regions.choose_window(confidence)
    region = crop_regions.next_region(joints_px[best], confidence[best], windows[best].side_px, 1.2)
    np.testing.assert_allclose(
        middle.maps.crop_to_image, geometry.crop_to_image(region, SIZE), rtol=1e-5
    )


@pytest.mark.parametrize("height, width", [(500, 12), (9, 640), (1, 1), (2, 2)])
def test_predictor_takes_extreme_images(height, width, seeded):
    """Slits and single pixels: joints are finite and near the image."""
    image = seeded(height).integers(0, 256, [height, width, 3], np.uint8)
    (person,) = Predictor(BlobFinder(), flip=False)(image)
    reach = 1.5 * max(height, width)
    middle = (width - 1) / 2, (height - 1) / 2  # pixel centers are at integers
    assert (np.abs(person.joints_px - middle) < reach).all()


def test_predictor_person_at_the_border(eagerly):
    """A third of the second crop or more lies outside the image; the joints are right."""
    points = np.array([[8.0, 10.0], [110.0, 14.0], [60.0, 130.0]])
    image = gray_blobs(600, 600, points, 14.0)
    network = Watcher()
    (person,) = Predictor(network, margin=1.2, flip=False)(image)
    gray = (network.seen[1] == 128).all(-1).mean()
    assert 0.3 < gray < 0.9
    assert np.abs(person.joints_px - points).max() < 4


BOXES = [(30, 12, 110, 90), (35, 10, 100, 100, 0.25), (0, 0, 170, 110)]


@pytest.mark.parametrize(
    "options, expected",
    [({}, {True: 10, False: 30}), ({"crop": "whole", "passes": 3}, {True: 30})],
)
def test_predictor_expects_the_crops_of_its_passes(options, expected):
    """Three windows that are not mirrored, then the pass around the joints."""
    predict = Predictor(BlobFinder(), flip=True, **options)
    crops = {}
    predict._reader.expect = lambda count, decoding: crops.update({decoding.flip: count})
    predict.expect(10)
    assert crops == expected


def test_predictor_several_boxes():
    """As many people, in order, each as with the box alone; a fifth number is a score."""
    image = blobs(110, 170, POINTS, 12.0)
    predictor = Predictor(BlobFinder(), margin=1.0)
    result = predictor(image, boxes=BOXES)
    assert [person.box for person in result.people] == [box[:4] for box in BOXES]
    assert [person.score for person in result.people] == [None, 0.25, None]
    for person, box in zip(result.people, BOXES, strict=True):
        (alone,) = predictor(image, box[:4])
        np.testing.assert_allclose(person.joints_px, alone.joints_px, atol=1e-4)
    assert not predictor(image, boxes=[])  # nobody


def test_predict_many_is_as_one_after_the_other(tmp_path):
    """Images of any size, of any kind; more than a batch of them, compiled on the way."""
    predictor = Predictor(BlobFinder(), margin=1.2)
    predictor._reader._pays_after = 1
    sizes = [(110 + 7 * n, 170 - 5 * n) for n in range(22)]
    images = [blobs(*size, POINTS * 0.8, 9.0) for size in sizes]
    path = tmp_path / "a.png"
    Image.fromarray(images[3]).save(path)
    given = [*images[:3], path, *map(Image.fromarray, images[4:])]
    results = list(predictor.predict_many(iter(given)))
    assert [result.image_size for result in results] == sizes
    assert results[3].file == str(path) and results[2].file is None
    assert all(result.image is None for result in results)
    for result, image in zip(results, images, strict=True):
        (person,), (alone,) = result, predictor(image)
        np.testing.assert_allclose(person.joints_px, alone.joints_px, atol=1e-3)
        np.testing.assert_allclose(person.confidence, alone.confidence, atol=1e-5)


def test_predict_many_takes_no_more_than_it_needs():
    """An endless source is read a few batches ahead, no further."""
    taken = []

    def endless():
        while True:
            taken.append(len(taken))
            yield np.zeros([20, 30, 3], np.uint8)

    results = Predictor(BlobFinder()).predict_many(endless())
    for _ in range(3):
        next(results)
    results.close()
    assert 3 <= len(taken) < 60


def test_predict_many_stops_at_what_is_no_image():
    image = np.zeros([20, 30, 3], np.uint8)
    results = Predictor(BlobFinder()).predict_many([image, image, image, "missing.jpg", image])
    assert len([next(results) for _ in range(3)]) == 3
    with pytest.raises(UsageError, match=r"missing\.jpg"):
        next(results)


def test_predict_many_may_be_closed_by_one_of_its_workers():
    """As the garbage collector does after an error of whoever asked for the results."""
    first_came, closed, errors = threading.Event(), threading.Event(), []

    class Late:
        @property
        def image(self):
            if not closed.is_set():
                first_came.wait(60)
                try:
                    results.close()
                except BaseException as error:
                    errors.append(error)
                closed.set()
            return np.zeros([20, 20, 3], np.uint8)

    results = Predictor(BlobFinder()).predict_many([np.zeros([20, 20, 3], np.uint8), Late()])
    next(results)
    first_came.set()
    assert closed.wait(60) and errors == []


def test_predict_many_boxes():
    image = blobs(110, 170, POINTS, 12.0)
    named = types.SimpleNamespace(image=image, file="b", frame=3, time=0.5, boxes=BOXES[:1])
    predictor = Predictor(BlobFinder(), margin=1.0)
    results = list(predictor.predict_many([image, image, named], boxes=[BOXES, None, None]))
    assert [len(result) for result in results] == [3, 1, 1]
    assert results[0].people == predictor(image, boxes=BOXES).people
    assert results[1].people[0].box != BOXES[0] == results[2].people[0].box
    assert (results[2].file, results[2].frame, results[2].time) == ("b", 3, 0.5)
    with pytest.raises(ValueError, match="shorter"):
        list(predictor.predict_many([image, image], boxes=[None]))


def test_poses_are_single_passes():
    """What a search asks for: many regions of an image in one call."""
    image = blobs(110, 170, POINTS, 12.0)
    predictor = Predictor(BlobFinder(), margin=1.0)
    regions = [geometry.region_from_box(box[:4]) for box in BOXES] * 4
    joints_px, confidence = predictor.poses([image] * 12, regions)
    assert joints_px.shape == (12, 3, 2) and confidence.shape == (12, 3)
    expected = predictor(image, boxes=BOXES)
    for n, person in enumerate(list(expected) * 4):
        np.testing.assert_allclose(joints_px[n], person.joints_px, atol=1e-3)
    assert predictor.poses([], [])[0].shape == (0, 3, 2)


def test_predictor_first_pass(eagerly):
    """LSP's test shows 1.25 heights of a wide image, the others all of its width or less."""
    image = np.zeros([60, 200, 3], np.uint8)
    sides = []
    for crop in ("image", "whole", "middle", None):
        (person,) = Predictor(Watcher(), crop=crop, flip=False)(image, maps=True)
        sides.append(np.hypot(*person.maps.crop_to_image[:, 0]) * SIZE[0])
    np.testing.assert_allclose(sides, [75, 200, 100, 100], rtol=1e-6)


@pytest.mark.parametrize(
    "box, message",
    [
        ((0, 0, 10), "expected x, y, width, height"),
        ((0, 0, 0, 10), "expected x, y, width, height"),
        ((0, np.nan, 5, 10), "expected x, y, width, height"),
        ((170, 0, 5, 10), "outside the image, which is 170 x 110"),
        ((-20, -20, 10, 10), "outside the image"),
    ],
)
def test_check_box_raises(box, message):
    with pytest.raises(UsageError, match=message):
        check_box(box, 110, 170)


def test_predictor_raises():
    predictor = Predictor(BlobFinder())
    for image in (np.zeros([5, 5, 5], np.uint8), np.zeros([5]), None, [[1], [2, 3]]):
        with pytest.raises(UsageError, match=r"an image should be a path"):
            predictor(image)
    image = np.zeros([50, 60, 3], np.uint8)
    with pytest.raises(UsageError, match="use boxes alone"):
        predictor(image, (1, 2, 3, 4), boxes=[])
    for people in (0, "some", 1.5):
        with pytest.raises(UsageError, match="a number from 1 on, or 'all'"):
            predictor(image, people=people)
    with pytest.raises(UsageError, match="scales are"):
        Predictor(BlobFinder(), scales=(1.0, 0.0))
    with pytest.raises(UsageError, match="is missing"):
        Predictor("runs/not_there/step-0000001")
