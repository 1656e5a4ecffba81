"""Passes over a person: how many, where each one is, and which window the first one follows."""

import numpy as np
import pytest
import tensorflow as tf

from cpm import geometry
from cpm.inference import crop_regions
from cpm.inference.predictor import Predictor
from tests.helpers.blob_networks import POINTS, SIZE, Watcher, gray_blobs


@pytest.fixture
def eagerly():
    """Graphs run line by line, so that a fake network sees its images."""
    tf.config.run_functions_eagerly(True)
    yield
    tf.config.run_functions_eagerly(False)


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


class Dimmer(Watcher):
    """A `Watcher` whose peaks are lower in some of its calls."""

    def __init__(self, share, dim=(2,)):
        super().__init__()
        self.share, self.dim, self.calls = share, dim, 0

    def __call__(self, images, center_px, *, training=False, seed=None):
        self.calls += 1
        share = self.share if self.calls in self.dim else 1.0
        return tuple(share * maps for maps in super().__call__(images, center_px))


@pytest.mark.parametrize("crop", ["whole", "middle"])
@pytest.mark.parametrize("share, counts", [(0.1, False), (1.0, True)])
def test_a_clearly_less_sure_pass_does_not_count(eagerly, crop, share, counts):
    image = gray_blobs(500, 700, SMALL, 9.0)
    options = {"margin": 1.2, "flip": False, "crop": crop}
    (expected,) = Predictor(Watcher(), passes=3 if counts else 1, **options)(image)
    network = Dimmer(share)
    (person,) = Predictor(network, passes=3, **options)(image)
    assert network.calls == (3 if counts else 2)  # none is made at the same crop again
    np.testing.assert_array_equal(person.joints_px, expected.joints_px)


@pytest.mark.parametrize("crop", ["whole", "middle"])
def test_a_third_pass_that_is_less_sure_leaves_the_second(eagerly, crop):
    image = gray_blobs(500, 700, SMALL, 9.0)
    options = {"margin": 1.2, "flip": False, "crop": crop}
    (second,) = Predictor(Watcher(), passes=2, **options)(image)
    (person,) = Predictor(Dimmer(0.1, dim=(3,)), passes=3, **options)(image)
    np.testing.assert_array_equal(person.joints_px, second.joints_px)


def test_the_maps_are_those_of_the_pass_that_counts(eagerly):
    """The first pass over windows is not mirrored; nor are the maps that are shown of it."""
    image = gray_blobs(500, 700, SMALL, 9.0)
    network = Dimmer(0.1, dim=(2, 3))  # the second pass and its mirror image
    (person,) = Predictor(network, margin=1.2, flip=True)(image, maps=True)
    side = np.hypot(*person.maps.crop_to_image[:, 0]) * SIZE[0]
    assert min(abs(side - 700 * share) for share in crop_regions.SHARES["middle"]) < 1e-3
    np.testing.assert_allclose(person.maps.stage_joints_px[-1], person.joints_px)


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


def test_predictor_person_at_the_border(eagerly):
    """A third of the second crop or more lies outside the image; the joints are right."""
    points = np.array([[8.0, 10.0], [110.0, 14.0], [60.0, 130.0]])
    image = gray_blobs(600, 600, points, 14.0)
    network = Watcher()
    (person,) = Predictor(network, margin=1.2, flip=False)(image)
    gray = (network.seen[1] == 128).all(-1).mean()
    assert 0.3 < gray < 0.9
    assert np.abs(person.joints_px - points).max() < 4


def test_predictor_first_pass(eagerly):
    """LSP's test shows 1.25 heights of a wide image, the others all of its width or less."""
    image = np.zeros([60, 200, 3], np.uint8)
    sides = []
    for crop in ("image", "whole", "middle", None):
        (person,) = Predictor(Watcher(), crop=crop, flip=False)(image, maps=True)
        sides.append(np.hypot(*person.maps.crop_to_image[:, 0]) * SIZE[0])
    np.testing.assert_allclose(sides, [75, 200, 100, 100], rtol=1e-6)


def test_windows_are_passed_over_at_one_scale(eagerly):
    """Several scales cost their time where joints are read, not where the next pass is chosen."""
    image = gray_blobs(500, 700, SMALL, 9.0)
    network = Watcher()
    Predictor(network, margin=1.2, flip=True, scales=(0.9, 1.0, 1.1))(image)
    # One call of the windows; three scales of the last pass, each with its mirror image.
    assert len(network.seen) == 1 + 2 * 3
