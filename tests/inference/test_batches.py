"""Batches through a network: one trace each, graph and XLA alike."""

import functools

import numpy as np
import pytest

from cpm.evaluation.gathering import gather_predictions
from cpm.inference import batches
from cpm.inference.batches import predict_batch
from tests.helpers.answering_network import FromImage, batch


def test_predict_batch_shapes_and_one_trace():
    network = FromImage()
    joints_px, confidence = predict_batch(network, batch(0, [1] * 4))
    assert joints_px.shape == (2, 4, 14, 2) and confidence.shape == (2, 4, 14)
    truth = batch(0, [1] * 4)["joints_px"][:, 0]
    np.testing.assert_allclose(joints_px[1], truth, atol=0.01)
    np.testing.assert_allclose(joints_px[0], truth + 8, atol=0.01)
    traces = network.traces
    for seed in (1, 2):
        predict_batch(network, batch(seed, [1] * 4))
    gather_predictions([batch(3, [1] * 4)], functools.partial(predict_batch, network))
    assert network.traces == traces  # not traced again


def test_predict_batch_xla_is_the_same():
    """Compiled whole, as on a GPU."""
    network = FromImage()
    plain = predict_batch(network, batch(0, [1] * 4))
    key = {k: v for k, v in batch(0, [1] * 4).items() if k in ("image", "center_px")}
    compiled = batches._compiled(batches.PLAIN, True)(network, key)[1:]
    # Crop pixels of some tens in float32, through a logarithm: 1e-3 px.
    np.testing.assert_allclose(compiled[0], plain[0], atol=1e-3)
    np.testing.assert_allclose(compiled[1], plain[1], atol=1e-5)


class Louder(FromImage):
    """The same maps, `factor` times as high."""

    def __init__(self, factor):
        super().__init__()
        self.factor = factor

    def __call__(self, *inputs, **options):
        return tuple(self.factor * b_t for b_t in super().__call__(*inputs, **options))


@pytest.mark.parametrize("factor, confidence", [(1.5, 1.0), (-1.0, 0.0)])
def test_confidence_lies_between_0_and_1(factor, confidence):
    """Peaks of 1.5, or below 0: the confidence is clipped, the maps and the joints are not."""
    plain, loud = FromImage(), Louder(factor)
    beliefs, joints_px, found = batches.predict_with_beliefs(loud, batch(0, [1] * 4))
    expected = batches.predict_with_beliefs(plain, batch(0, [1] * 4))
    np.testing.assert_array_equal(found, np.full([2, 4, 14], confidence))
    # Every peak is above 1.5 · exp(-(√2 · 4 px)² / (2 · (10 px)²)) = 1.28: joints lie at random.
    np.testing.assert_allclose(beliefs[-1], factor * expected[0][-1], rtol=1e-6)
    if factor > 0:
        np.testing.assert_allclose(joints_px, expected[1], atol=1e-3)
