"""The portable functions give the joints of `Predictor`, for every preset, skeleton and size."""

import numpy as np
import pytest
import tensorflow as tf

from cpm.inference import Predictor, crop_regions
from cpm.interchange.exporting import Exporter
from cpm.network import ConvolutionalPoseMachine
from ops import REFINEMENTS
from tests.helpers.tiny_networks import tiny_config, tiny_weights

CATS = "joints:nose,left_ear,right_ear,tail;limbs:nose-left_ear,nose-right_ear"
# Coordinates of an image 4,000 pixels wide have a digit of 0.0002 px in float32, and a joint takes
# the product of a few of them; what is promised is 0.01 px.
LIMIT_PX = 0.01
SIZES = [(16, 16), (17, 61), (131, 67), (301, 250)]


def image_of(height, width, seed=0):
    """Smooth noise: every crop of it has peaks of its own."""
    coarse = np.random.default_rng(seed).uniform(0, 255, [1, 9, 9, 3])
    return tf.cast(tf.image.resize(coarse, [height, width], "bicubic")[0] % 256, tf.uint8).numpy()


def exporter_of(tmp_path, config):
    path = tiny_weights(tmp_path / "tiny.npz", config)
    predictor = Predictor(path)
    predictor.least = 0.0  # joints of random weights are unsure
    return Exporter(path), predictor


def check(found, result, what):
    prediction = result.people[0]
    distance = np.abs(found["joints_px"].numpy() - prediction.joints_px).max()
    assert distance < LIMIT_PX, (what, distance)
    np.testing.assert_allclose(
        found["confidence"], prediction.confidence, atol=1e-4, err_msg=str(what)
    )


@pytest.mark.slow
@pytest.mark.parametrize(
    "changes",
    [
        {"arch": "mini", "skeleton": "lsp14"},
        {"arch": "deep", "skeleton": "mpii16", "image_size": (64, 96)},
        {"arch": "vgg", "skeleton": "coco17"},
        {"arch": "paper", "skeleton": "flic11"},
        {"arch": "mini", "skeleton": CATS, "stride": 4, "center_map": False},
        {"arch": "mini", "grid": "corner", "background": True, "normalization": "blog"},
    ],
    ids=lambda changes: "-".join(str(value)[:12] for value in changes.values()),
)
def test_joints_are_those_of_the_predictor(tmp_path, changes):
    exporter, predictor = exporter_of(tmp_path, tiny_config(**changes))
    functions = exporter.portable.signatures()
    for n, (height, width) in enumerate(SIZES):
        image = image_of(height, width, seed=n)
        check(functions["image"](image), predictor(image), (height, width))
        box = (0.2 * width, -3.0, 0.7 * width, 0.8 * height)
        found = functions["box"](image, tf.constant(box, tf.float32))
        check(found, predictor(image, box), ("box", height, width))


# Every rule of the first pass with and without the mirror image, and every refinement with a rule
# and a mirror image that are not the usual ones.
OPTIONS = [
    *({"crop": rule, "flip": flip} for rule in crop_regions.RULES for flip in (True, False)),
    *({"refinement": refinement} for refinement in REFINEMENTS),
    *({"crop": "image", "flip": False, "refinement": refinement} for refinement in REFINEMENTS),
]


@pytest.fixture(scope="module")
def ckpt(tmp_path_factory):
    return tiny_weights(tmp_path_factory.mktemp("weights") / "tiny.npz", tiny_config(stages=1))


@pytest.mark.slow
@pytest.mark.parametrize(
    "options", OPTIONS, ids=lambda options: "-".join(map(str, options.values()))
)
def test_options_are_those_of_the_predictor(ckpt, options):
    exporter, predictor = Exporter(ckpt, **options), Predictor(ckpt, **options)
    predictor.least = 0.0
    image = image_of(131, 67, seed=2)
    # Computed untraced, operation by operation: that the graph is the same is tested above.
    check(exporter.portable.find_in_image(tf.constant(image)), predictor(image), options)
    if "crop" not in options:  # with a box the rule does not count
        box = (13.0, -3.0, 47.0, 105.0)
        found = exporter.portable.find_in_box(tf.constant(image), tf.constant(box))
        check(found, predictor(image, box), ("box", options))


@pytest.mark.slow
@pytest.mark.parametrize("crop", ["middle", "whole"])
def test_the_pass_that_counts_is_that_of_the_predictor(ckpt, crop, monkeypatch):
    """At a share of 0 the second one always counts, at one of 100 the first."""
    exporter, predictor = Exporter(ckpt, crop=crop), Predictor(ckpt, crop=crop)
    predictor.least, image = 0.0, image_of(131, 67, seed=2)
    sides = []
    for share in (0.0, 100.0):
        monkeypatch.setattr(crop_regions, "NO_LESS_SURE", share)
        found = exporter.portable.find_in_image(tf.constant(image))
        result = predictor(image, maps=True)
        check(found, result, (crop, share))
        (person,) = result.people
        sides.append(float(found["region"][2]))
        width = exporter.network.config.image_size[1]
        side = np.hypot(*person.maps.crop_to_image[:, 0]) * width
        np.testing.assert_allclose(sides[-1], side, rtol=1e-4)
        for own, maps in zip(found["beliefs"], person.maps.beliefs, strict=True):
            np.testing.assert_allclose(own, maps, atol=1e-4)
    assert abs(sides[0] - sides[1]) > 1


def test_options_change_the_joints(ckpt):
    """Else the test above would compare one way of predicting with itself."""
    image = image_of(131, 67, seed=2)
    usual, *others = (
        Predictor(ckpt, **options)(image).people[0].joints_px
        for options in ({}, {"crop": "whole"}, {"crop": "image"}, {"flip": False})
    )
    assert all(np.abs(usual - other).max() > LIMIT_PX for other in others)


@pytest.mark.slow
def test_a_large_image(tmp_path):
    # A crop as large as those of trained networks: a pixel of it is 31 of the image.
    exporter, predictor = exporter_of(tmp_path, tiny_config(image_size=(128, 128), stages=1))
    image = image_of(3000, 4000)
    check(exporter.portable.signatures(["image"])["image"](image), predictor(image), "large")


def test_the_second_region_is_that_of_prediction(tmp_path):
    exporter, _ = exporter_of(tmp_path, tiny_config(stages=1))
    generator = np.random.default_rng(3)
    region = tf.constant([50.0, 40.0, 100.0])
    margin = exporter.portable.margin
    kept = 0
    for _ in range(40):
        joints_px = generator.uniform(0, 90, [14, 2]) * generator.choice([0.05, 1.0])
        confidence = np.clip(generator.normal(0.1, 0.4, 14), 0, 1)
        expected = crop_regions.next_region(joints_px, confidence, 100.0, margin)
        found = {
            "joints_px": tf.constant(joints_px, tf.float32),
            "confidence": tf.constant(confidence, tf.float32),
            "region": region,
        }
        center_x, center_y, side = exporter.portable._next_region(found).numpy()
        if expected is None:
            kept += 1
            assert (center_x, center_y, side) == (50.0, 40.0, 100.0)
        else:
            np.testing.assert_allclose([center_x, center_y], expected.center_px, atol=1e-4)
            np.testing.assert_allclose(side, expected.side_px, rtol=1e-5)
    assert 0 < kept < 40  # both cases came up


def test_the_region_of_a_single_keypoint_moves_with_it(tmp_path):
    skeleton = "joints:point"
    exporter, _ = exporter_of(tmp_path, tiny_config(stages=1, skeleton=skeleton))
    for confidence, expected in (0.3, [12.0, 34.0, 100.0]), (0.0, [50.0, 40.0, 100.0]):
        found = {
            "joints_px": tf.constant([[12.0, 34.0]]),
            "confidence": tf.constant([confidence]),
            "region": tf.constant([50.0, 40.0, 100.0]),
        }
        assert exporter.portable._next_region(found).numpy().tolist() == expected
        nearer = crop_regions.next_region(
            found["joints_px"].numpy(), found["confidence"].numpy(), 100.0, 1.2
        )
        assert nearer is None or [*nearer.center_px, nearer.side_px] == expected


def test_crops_are_the_network_alone(tmp_path):
    exporter, _ = exporter_of(tmp_path, tiny_config())
    network = exporter.network
    assert isinstance(network, ConvolutionalPoseMachine)
    crops = tf.random.stateless_uniform([2, 64, 64, 3], [1, 2], 0.0, 255.0)
    center_px = tf.constant([[31.5, 31.5], [20.0, 40.0]])
    found = exporter.portable.signatures(["crops"])["crops"](crops, center_px)
    np.testing.assert_allclose(
        found["beliefs"], tf.stack(network(crops, center_px)), rtol=1e-4, atol=1e-5
    )
    assert found["joints_px"].shape == (2, 14, 2) and found["confidence"].shape == (2, 14)
