"""Batches through a network: padding dropped, crop pixels → image pixels, examples found again."""

import functools

import numpy as np
import pytest

from cpm.errors import UsageError
from cpm.evaluation.gathering import gather_examples, gather_predictions, reference_scale
from cpm.evaluation.report import score
from cpm.inference.batches import predict_batch, predict_with_beliefs
from tests.helpers.answering_network import HEIGHT, LSP, WIDTH, FromImage, batch


def test_gather_predictions_preset():
    done = []
    people = gather_predictions(
        [batch(0, [1, 1, 1, 1]), batch(1, [1, 1, 0, 0])],
        functools.partial(predict_batch, FromImage()),
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


def test_gather_predictions_raises_without_people():
    predict = functools.partial(predict_batch, FromImage())
    with pytest.raises(UsageError, match="nobody to evaluate"):
        gather_predictions([batch(0, [0, 0, 0, 0])], predict)
    with pytest.raises(UsageError, match="nobody to evaluate"):
        gather_predictions([], predict)


def test_gather_examples_preset():
    batches = [batch(0, [1, 1, 1, 1]), batch(1, [1, 1, 0, 0])]
    predict = functools.partial(predict_with_beliefs, FromImage())
    found = gather_examples(batches, predict, ["p1-1", "p0-2", "p1-3", "none"])
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
