"""Crops in which the image ends inside the person: where, and what is asked for then."""

import numpy as np
import pytest
import tensorflow as tf

from cpm.config import TargetConfig
from cpm.data import truncation
from cpm.skeleton import ABSENT, VISIBLE
from cpm.training.targets import make_targets

SIZE = (40, 56)  # height, width of the crop
IMAGE = (200, 300)
LAST = np.array([[0.0, 0.0], [299.0, 199.0]])
JOINTS = np.stack([np.linspace(100, 160, 7), np.linspace(60, 180, 7)], -1)


def person(state=VISIBLE):
    return {
        "size": tf.constant(IMAGE, tf.int64),
        "joints_px": tf.constant(JOINTS[np.newaxis], tf.float32),
        "state": tf.constant(np.broadcast_to(state, (1, 7)), tf.int32),
    }


def draws(count=300, probability=1.0, **options):
    for seed in range(count):
        found = truncation.draw_frame(
            tf.constant([seed, 1], tf.int64), person(**options), probability
        )
        yield [value.numpy() for value in found]


def test_frame_ends_inside_the_person():
    """One or two edges are moved, to a place between the joints; the others are the image's."""
    edges = []
    for truncated, frame, box in draws():
        moved = frame != LAST
        assert 1 <= moved.sum() <= 2
        low, high = JOINTS.min(0), JOINTS.max(0)
        inside = (frame > low) & (frame < high)
        assert (inside | ~moved).all()
        kept = ((frame[0] <= JOINTS) & (frame[1] >= JOINTS)).all(-1)
        assert kept.sum() < 7
        if truncated:
            assert kept.sum() >= truncation.LEAST_JOINTS
            np.testing.assert_allclose(box, [JOINTS[kept].min(0), JOINTS[kept].max(0)])
        edges.append(moved.ravel())
    # left, above, right, below, as the shares say; a second edge adds to all of them
    shares = np.mean(edges, 0)
    assert shares[3] > 0.5 and (shares[:3] > 0.05).all()


def test_probability_decides():
    assert not any(truncated for truncated, *_ in draws(50, probability=0.0))
    often = np.mean([truncated for truncated, *_ in draws(300, probability=0.4)])
    always = np.mean([truncated for truncated, *_ in draws(300)])
    assert abs(often / always - 0.4) < 3 * np.sqrt(0.24 / 300) / always


def test_people_of_few_labels_are_left_as_they_are():
    state = np.where(np.arange(7) < 2, VISIBLE, ABSENT)
    assert not any(truncated for truncated, *_ in draws(50, state=state))


@pytest.mark.parametrize("mirror", [1.0, -1.0])
def test_truncate_shows_the_frame_alone(mirror, seeded):
    """By the pixels' places in the image, in a crop that is turned by 30 degrees."""
    cosine, sine = np.cos(np.pi / 6), np.sin(np.pi / 6)
    matrix = np.array([[2 * cosine * mirror, -2 * sine, 120], [2 * sine * mirror, 2 * cosine, 90]])
    frame = np.array([[0.0, 0.0], [140.0, 130.0]])
    image = seeded(0).uniform(140, 255, (*SIZE, 3)).astype(np.float32)
    joints = np.array([[[10, 5], [30, 30], [-60, 8]]], np.float32)
    got, moved = truncation.truncate(
        tf.constant(image), tf.constant(joints), tf.constant(frame), tf.constant(matrix), 128.0
    )
    for y in range(SIZE[0]):
        for x in range(SIZE[1]):
            at = matrix @ (x, y, 1)
            shown = (at >= frame[0]).all() and (at <= frame[1]).all()
            np.testing.assert_array_equal(got[y, x], image[y, x] if shown else [128.0] * 3)
    for point, new in zip(joints[0], moved[0].numpy(), strict=True):
        at = matrix @ (*point, 1)
        kept = (at >= frame[0]).all() and (at <= frame[1]).all()
        np.testing.assert_array_equal(new, point if kept else [-560, -560])
    assert (got.numpy() == 128).all(-1).any() and (got.numpy() != 128).any()


def test_joints_beyond_the_image_are_asked_for_as_empty_maps():
    """They count in the loss; joints without a label do not."""
    frame = tf.constant([[0.0, 0.0], [30.0, 30.0]], tf.float64)
    image, joints = truncation.truncate(
        tf.zeros([*SIZE, 3]),
        tf.constant([[[20.0, 20.0], [50.0, 20.0], [50.0, 20.0]]]),
        frame,
        tf.constant([[1.0, 0, 0], [0, 1, 0]], tf.float64),
        128.0,
    )
    batch = {
        "image": image[tf.newaxis],
        "joints_px": joints[tf.newaxis],
        "state": tf.constant([[[VISIBLE, VISIBLE, ABSENT]]]),
        "valid": tf.ones([1]),
    }
    got = make_targets(batch, TargetConfig(sigma_px=6.0), stride=8, background=False)
    assert got.mask.numpy().tolist() == [[1, 1, 0]]
    assert got.later.numpy()[..., 0].max() > 0.8
    assert got.later.numpy()[..., 1].max() == 0 and got.first.numpy()[..., 1].max() == 0
