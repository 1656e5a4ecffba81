"""Joints of crops, computed at once and compiled: the same, whatever the size of the batch."""

import threading

import numpy as np
import pytest

from cpm.config import DecodingConfig, NetworkConfig
from cpm.execution import Execution
from cpm.execution.use import Executed
from cpm.inference.batches import predict_batch
from cpm.inference.joint_reader import SIZES, UNTRACED_PIXELS, JointReader, quick_to_begin
from cpm.network import ConvolutionalPoseMachine

FLIPPED = DecodingConfig(flip=True)


@pytest.fixture(scope="module")
def network():
    config = NetworkConfig(stages=2, width=0.1, image_size=(48, 64), skeleton="lsp14")
    return ConvolutionalPoseMachine(config, seed=2)


def crops(rng, count):
    image = rng.uniform(0, 255, [count, 48, 64, 3]).astype(np.float32)
    return {"image": image, "center_px": np.tile(np.float32([31.5, 23.5]), [count, 1])}


@pytest.mark.parametrize("count", [1, 3, SIZES[-1]])
def test_compiled_and_at_once_are_the_same(network, seeded, count):
    batch = crops(seeded(count), count)
    execution = Execution(conv="fast")
    often = Executed(network, execution, constant=True)
    few = quick_to_begin(Executed(network, execution), execution)
    expected = [found[-1] for found in predict_batch(network, batch, FLIPPED)]
    for reader in (JointReader(often, few), JointReader(often, few, pays_after=0)):
        joints_px, confidence = reader(batch, FLIPPED)
        # An untrained network's maps are flat: rounding of 1e-6 moves their parabolas a little.
        np.testing.assert_allclose(joints_px, expected[0], atol=0.05)
        np.testing.assert_allclose(confidence, expected[1], atol=1e-4)


def test_crops_are_many_a_batch_until_a_function_is_traced(network, seeded):
    """Line by line, large batches of small crops; then those of the traced function, or of its
    first call. Whatever the batch, each crop has its own joints."""
    reader = JointReader(network, pays_after=4)
    most = reader.most(FLIPPED)
    assert most == UNTRACED_PIXELS // (48 * 64) > SIZES[-1]
    batch = crops(seeded(4), 4 * SIZES[-1])
    joints_px, _ = reader(batch, FLIPPED)  # counts as four full batches
    assert joints_px.shape == (4 * SIZES[-1], 14, 2) and not reader._compiled
    first = {name: values[: SIZES[-1]] for name, values in batch.items()}
    assert reader.most(FLIPPED) == SIZES[-1] and reader.most(DecodingConfig()) == most
    again, _ = reader(first, FLIPPED)
    assert [size for size, _ in reader._compiled] == [SIZES[-1]]
    np.testing.assert_allclose(again, joints_px[: SIZES[-1]], atol=0.05)
    assert reader.most(FLIPPED) == SIZES[-1]


def test_large_crops_are_no_more_a_batch_than_traced():
    config = NetworkConfig(stages=1, width=0.1, image_size=(368, 432), skeleton="lsp14")
    assert JointReader(ConvolutionalPoseMachine(config)).most(FLIPPED) == SIZES[-1]


def test_batches_are_compiled_once_they_are_many(network, seeded):
    reader = JointReader(network, pays_after=2)
    for count in (3, 4, 3):
        assert not reader._compiled
        reader(crops(seeded(1), count), FLIPPED)
    assert [size for size, _ in reader._compiled] == [4]


def test_full_batches_are_compiled_at_once_where_many_are_expected(network, seeded):
    reader = JointReader(network, pays_after=2)
    enough = 2 * 2 * SIZES[-1]
    reader.expect(enough - 1, FLIPPED)  # too few
    reader.expect(enough, DecodingConfig())  # others
    reader(crops(seeded(1), SIZES[-1]), FLIPPED)
    assert not reader._compiled
    reader.expect(1, FLIPPED)
    reader(crops(seeded(1), 2), FLIPPED)  # a result that comes soon
    assert not reader._compiled
    reader(crops(seeded(1), SIZES[-1]), FLIPPED)
    assert [size for size, _ in reader._compiled] == [SIZES[-1]]


def test_threads_share_a_reader(network, seeded):
    """While one thread compiles the others go on, and all get their own crops' joints."""
    reader = JointReader(network, pays_after=1)
    batches = [crops(seeded(n), 2) for n in range(8)]
    found = [None] * len(batches)

    def read(n):
        found[n] = reader(batches[n], FLIPPED)

    threads = [threading.Thread(target=read, args=(n,)) for n in range(len(batches))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for batch, (joints_px, _) in zip(batches, found, strict=True):
        expected = predict_batch(network, batch, FLIPPED)[0][-1]
        np.testing.assert_allclose(joints_px, expected, atol=0.05)
