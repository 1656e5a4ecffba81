"""Batches through a network: padding dropped, crop pixels → image pixels, one trace each."""

import types

import numpy as np
import pytest
import tensorflow as tf

import ops
from cpm.errors import UsageError
from cpm.evaluation.report import score
from cpm.inference import batches
from cpm.inference.batches import (
    collect_examples,
    evaluate_batches,
    predict_batch,
    reference_scale,
)
from cpm.skeleton import SKELETONS

LSP = SKELETONS["lsp14"]
HEIGHT, WIDTH = 64, 96


class FromPicture(tf.Module):
    """A network whose "pictures" hold the answer: pixel (p, 0) is joint p's x, y; stage 1 lies."""

    skeleton, stride, origin_px = LSP, 8, 3.5
    config = types.SimpleNamespace(image_size=(HEIGHT, WIDTH))

    def __init__(self):
        super().__init__()
        self.traces = 0

    def __call__(self, images, center_px, *, training=False, seed=None):
        self.traces += 1
        joints_px = images[:, :14, 0, :2]

        def maps(points):
            return ops.gaussian_heatmap(
                points,
                tf.ones_like(points[..., 0]),
                height=HEIGHT // 8,
                width=WIDTH // 8,
                stride=8,
                sigma_px=10.0,
            )

        return maps(joints_px + 8.0), maps(joints_px)


def batch(seed, valid):
    """Four people; image = 0.5 · crop + offset, so the crop shows half the resolution doubled."""
    generator = np.random.default_rng(seed)
    joints = generator.uniform(8, 54, [4, 3, 14, 2]).astype(np.float32)
    image = np.zeros([4, HEIGHT, WIDTH, 3], np.float32)
    image[:, :14, 0, :2] = joints[:, 0]
    matrices = np.zeros([4, 2, 3], np.float32)
    matrices[:, 0, 0] = matrices[:, 1, 1] = 0.5
    matrices[:, :, 2] = (100.0, 200.0)
    state = generator.integers(0, 3, [4, 3, 14]).astype(np.int32)
    return {
        key: tf.constant(value)
        for key, value in {
            "image": image,
            "joints_px": joints,
            "state": state,
            "center_px": np.full([4, 2], 30, np.float32),
            "head_size_px": np.full([4], 12, np.float32),
            "crop_to_image": matrices,
            "valid": np.array(valid, np.float32),
            "id": np.array([f"p{seed}-{n}".encode() for n in range(4)]),
        }.items()
    }


def test_predict_batch_shapes_and_one_trace():
    network = FromPicture()
    joints_px, confidence = predict_batch(network, batch(0, [1] * 4))
    assert joints_px.shape == (2, 4, 14, 2) and confidence.shape == (2, 4, 14)
    truth = batch(0, [1] * 4)["joints_px"][:, 0]
    np.testing.assert_allclose(joints_px[1], truth, atol=0.01)
    np.testing.assert_allclose(joints_px[0], truth + 8, atol=0.01)
    traces = network.traces
    for seed in (1, 2):
        predict_batch(network, batch(seed, [1] * 4))
    evaluate_batches(network, [batch(3, [1] * 4)])
    assert network.traces == traces  # not traced again


def test_evaluate_batches_preset():
    done = []
    people = evaluate_batches(
        FromPicture(),
        [batch(0, [1, 1, 1, 1]), batch(1, [1, 1, 0, 0])],
        progress=done.append,
    )
    assert people.ids == ("p0-0", "p0-1", "p0-2", "p0-3", "p1-0", "p1-1")
    assert done == [4, 2]
    expected = batch(1, [1] * 4)["joints_px"].numpy()[1, 0] * 0.5 + (100, 200)
    present = people.state[5] > 0
    np.testing.assert_allclose(people.truth_px[5, present], expected[present], atol=1e-4)
    assert (people.truth_px[5, ~present] == 0).all()
    np.testing.assert_allclose(people.joints_px[1, 5], expected, atol=0.01)
    np.testing.assert_allclose(people.joints_px[0, 5], expected + 4.0, atol=0.01)
    np.testing.assert_array_equal(people.state[5], batch(1, [1] * 4)["state"][1, 0])
    # A crop pixel is half an image pixel; the shorter side of 64 stands for 368.
    np.testing.assert_allclose(people.crop_scale, 2 * 368 / 64, rtol=1e-6)
    metrics = score(people, LSP)
    assert metrics["pckh@0.5"]["per_stage"] == [100.0, 100.0]  # 5.7 of 6 px, and 0
    assert metrics["pcp25"]["per_stage"] == [0.0, 100.0]  # 65 px in the 368 crop


def test_evaluate_batches_raises_without_people():
    with pytest.raises(UsageError, match="nobody to evaluate"):
        evaluate_batches(FromPicture(), [batch(0, [0, 0, 0, 0])])
    with pytest.raises(UsageError, match="nobody to evaluate"):
        evaluate_batches(FromPicture(), [])


def test_collect_examples_preset():
    batches = [batch(0, [1, 1, 1, 1]), batch(1, [1, 1, 0, 0])]
    found = collect_examples(FromPicture(), batches, ["p1-1", "p0-2", "p1-3", "none"])
    assert set(found) == {"p1-1", "p0-2"}  # p1-3 is padding
    example = found["p1-1"]
    assert example.crop.dtype == np.uint8 and example.crop.shape == (HEIGHT, WIDTH, 3)
    assert len(example.beliefs) == 2
    np.testing.assert_allclose(example.joints_px, example.truth_px, atol=0.01)


def test_reference_scale_preset_of_a_turned_and_mirrored_crop():
    angle = 0.7
    turn = [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
    linear = 3.0 * np.array(turn) @ np.diag([-1.0, 1.0])
    matrix = np.concatenate([linear, [[5.0], [6.0]]], 1)[np.newaxis]
    np.testing.assert_allclose(reference_scale(matrix, (368, 500)), [1 / 3])


def test_predict_batch_xla_is_the_same():
    """Compiled whole, as on a GPU."""
    network = FromPicture()
    plain = predict_batch(network, batch(0, [1] * 4))
    key = {k: v for k, v in batch(0, [1] * 4).items() if k in ("image", "center_px")}
    compiled = batches._compiled(batches.PLAIN, True)(network, key)[1:]
    # Crop pixels of some tens in float32, through a logarithm: 1e-3 px.
    np.testing.assert_allclose(compiled[0], plain[0], atol=1e-3)
    np.testing.assert_allclose(compiled[1], plain[1], atol=1e-5)
