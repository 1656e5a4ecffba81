"""The synthetic people as a data set: determinism, splits, annotations, distribution."""

import itertools

import numpy as np
import pytest

from cpm.skeleton import OCCLUDED, VISIBLE
from cpm.synthetic import make_person, read_people
from cpm.synthetic.people import stream
from cpm.synthetic.staging import sample_cast

COUNT = 150


@pytest.fixture(scope="module")
def people():
    """A sample large enough for the fractions below."""
    return list(read_people(COUNT, seed=11, split="train"))


def _same(a, b):
    return (
        a.id == b.id
        and a.image.tobytes() == b.image.tobytes()
        and np.array_equal(a.pose.joints_px, b.pose.joints_px)
        and np.array_equal(a.pose.state, b.pose.state)
        and (a.center_px, a.scale, a.head_size_px) == (b.center_px, b.scale, b.head_size_px)
    )


def test_make_person_is_a_function_of_its_arguments(people):
    for index in (0, 7, 3):  # in an order of its own
        assert _same(make_person(11, index), people[index])


def test_read_people_is_lazy_and_in_order():
    endless = read_people(10**9, seed=2, split="validation")
    first = [person.id for person in itertools.islice(endless, 2)]
    assert first == ["synthetic/validation-2-000000", "synthetic/validation-2-000001"]


def test_splits_and_seeds_share_no_stream():
    keys = itertools.product((0, 1, 2, 2**33), range(40), ("train", "validation", "test"))
    draws = [stream(*key).integers(2**63) for key in keys]
    assert len(set(draws)) == len(draws)


@pytest.mark.parametrize(
    "arguments, split, message",
    [
        ((0, 0), "dev", "unknown split 'dev'; known: train, validation, test"),
        ((-1, 0), "train", "got -1 and 0"),
        ((0, -5), "train", "got 0 and -5"),
    ],
)
def test_make_person_raises(arguments, split, message):
    with pytest.raises(ValueError, match=message):
        make_person(*arguments, split=split)


def test_read_people_raises_at_the_call():
    with pytest.raises(ValueError, match="count must be >= 0; got -1"):
        read_people(-1, seed=0)
    with pytest.raises(ValueError, match="unknown split 'val'"):
        read_people(1, seed=0, split="val")


def test_people_are_fully_annotated(people):
    assert len({person.id for person in people}) == COUNT
    for person in people:
        height, width, channels = person.image.shape
        assert person.image.dtype == np.uint8 and channels == 3
        assert person.image.flags.c_contiguous
        assert 184 <= height <= 232 and 184 <= width <= 232
        for pose in (person.pose, *person.others):
            assert np.isin(pose.state, (OCCLUDED, VISIBLE)).all()
        low, high = (person.pose.joints_px.min(0), person.pose.joints_px.max(0))
        np.testing.assert_allclose(person.center_px, (low + high) / 2, atol=1e-3)
        # MPII: 0.6 of the head's diagonal is a tenth of the height for a mean adult; a child's
        # head, a head nearer than the body or seen lengthwise make it larger or smaller.
        assert 0.7 < person.head_size_px / (20 * person.scale) < 2.2, person.id


def test_outside_joints_are_not_visible(people):
    for person in people:
        height, width, _ = person.image.shape
        x, y = person.pose.joints_px.T
        outside = (x < -0.5) | (y < -0.5) | (x > width - 0.5) | (y > height - 0.5)
        assert (person.pose.state[outside] == OCCLUDED).all()


def test_distribution_is_varied(people):
    """Wide brackets around what the sample shows: they catch a broken sampler, not a taste."""
    joints = np.stack([person.pose.joints_px for person in people])  # [N, 16, 2]
    size = np.array([person.image.shape[:2] for person in people])
    skeleton = people[0].skeleton
    fill = (joints[:, :, 1].max(1) - joints[:, :, 1].min(1)) / size[:, 0]
    assert np.quantile(fill, 0.98) < 0.87 and 0.5 < np.median(fill) < 0.8
    assert np.mean(size[:, 0] != size[:, 1]) > 0.9
    inside = ((joints > 0) & (joints < size[:, None, ::-1])).all(axis=(1, 2))
    assert 0.85 < inside.mean() < 1.0
    states = np.stack([person.pose.state for person in people])
    assert 0.1 < np.mean(states == OCCLUDED) < 0.35
    assert (np.mean(states == OCCLUDED, axis=0) > 0).all()
    assert (np.mean(states == OCCLUDED, axis=0) < 0.6).all()
    others = np.array([len(person.others) for person in people])
    assert others.max() == 1 and 0.08 < others.mean() < 0.3
    for name in (
        "shoulder",
        "hip",
        "wrist",
        "ankle",
    ):  # left is on either side of the image
        left, right = skeleton.index(f"left_{name}"), skeleton.index(f"right_{name}")
        assert 0.2 < np.mean(joints[:, left, 0] < joints[:, right, 0]) < 0.8, name
    brightness = np.array([person.image.mean() for person in people])
    assert brightness.std() > 15


def test_every_direction_of_view_occurs():
    casts = (sample_cast(np.random.default_rng(i), 200, 200) for i in range(250))
    fronts = np.array([cast[0].camera.rotation[:, 2] for cast in casts])  # of the pelvis
    yaw = np.rad2deg(np.arctan2(fronts[:, 0], fronts[:, 2]))
    count, _ = np.histogram(yaw, bins=8, range=(-180, 180))
    assert count.min() >= 8 and count.max() < 100, count
