"""People pasted into a crop: where they stand, what covers what, whose joints are whose."""

import numpy as np
import tensorflow as tf

from cpm.data import augmentation, company
from cpm.skeleton import ABSENT, OCCLUDED, VISIBLE

SIZE = (40, 56)  # H != W
LIMBS = np.array([[0, 1], [1, 2]])


def placement(**changes):
    values = {
        "matrix": tf.constant([[1.0, 0, 0], [0, 1, 0]], tf.float64),
        "flip": tf.constant(False),
        "clear": tf.constant(True),
        "size_px": tf.constant(20.0, tf.float64),
        "behind": tf.constant(False),
        "body": tf.constant(True),
        "softness_px": tf.constant(1e-3),
    }
    return company.Placement(**values | changes)


def draw(seed, primary=(26.0, 20.0), size_px=40.0):
    return company.draw_placement(
        tf.constant([seed, 5], tf.int64),
        tf.constant(primary, tf.float64),
        tf.constant(size_px, tf.float64),
        (tf.constant([100.0, 80.0], tf.float64), tf.constant(120.0, tf.float64)),
        SIZE,
    )


def center_in_crop(placed):
    """Where the second person's own center, (100, 80), comes to lie."""
    return augmentation.image_to_crop(placed.matrix, [100.0, 80.0]).numpy()


def test_draw_placement_keeps_the_primary_person_nearest_to_the_center():
    middle = np.array([(SIZE[1] - 1) / 2, (SIZE[0] - 1) / 2])
    clear = []
    for seed in range(60):
        placed = draw(seed)
        own = np.linalg.norm(np.array([26.0, 20.0]) - middle)
        other = np.linalg.norm(center_in_crop(placed) - middle)
        clear.append(bool(placed.clear))
        assert clear[-1] == (other > own + company.CLEARANCE * min(SIZE))
    assert 30 < sum(clear)  # most of them can be pasted


def test_draw_placement_shows_the_person_at_its_size():
    for seed in range(20):
        placed = draw(seed)
        scale = np.sqrt(abs(np.linalg.det(placed.matrix.numpy()[:, :2])))  # image per crop pixel
        np.testing.assert_allclose(float(placed.size_px) * scale, 120.0, rtol=1e-9)
        assert 0.6 * 40 - 1e-9 <= float(placed.size_px) <= 1.5 * 40 + 1e-9
        mirrored = np.linalg.det(placed.matrix.numpy()[:, :2]) < 0
        assert mirrored == bool(placed.flip)


def test_body_mask_is_the_distance_to_the_limbs(seeded):
    """Against a loop over pixels and points along each limb, thousand of them."""
    rng = seeded(3)
    joints = rng.uniform(5, 35, (3, 2)).astype(np.float32)
    mask = company.body_mask(joints, np.array([2, 1, 2]), LIMBS, SIZE, 6.0, 4.0).numpy()
    steps = np.linspace(0, 1, 1001)[:, None]
    points = np.concatenate([joints[a] + steps * (joints[b] - joints[a]) for a, b in LIMBS])
    for y in range(0, SIZE[0], 3):
        for x in range(0, SIZE[1], 3):
            nearest = np.linalg.norm(points - [x, y], axis=1).min()
            expected = np.clip((6.0 - nearest) / 4.0 + 0.5, 0, 1)
            # Points on a limb are at most 0.03 px apart.
            assert abs(mask[y, x] - expected) < 0.01, (x, y)


def test_body_mask_leaves_out_limbs_without_position():
    joints = np.array([[10, 10], [20, 10], [20, 30]], np.float32)
    mask = company.body_mask(joints, np.array([2, 2, ABSENT]), LIMBS, SIZE, 3.0, 1.0).numpy()
    assert mask[10, 15] == 1 and mask[20, 20] == 0


def test_box_mask_preset():
    mask = company.box_mask(tf.constant([10.0, 5.0]), tf.constant([20.0, 30.0]), SIZE, 1e-3)
    rows, columns = np.nonzero(mask.numpy())
    assert (rows.min(), rows.max(), columns.min(), columns.max()) == (5, 30, 10, 20)


def paste(placed, joints, state):
    """Black crop, white second person whose limb lies on row 20 from x = 10 to 40."""
    other = np.array([[10, 20], [25, 20], [40, 20]], np.float32)
    second = {
        "image": tf.fill([*SIZE, 3], 255.0),
        "inside": tf.ones(SIZE),
        "joints_px": tf.constant(other),
        "state": tf.constant([VISIBLE] * 3),
    }
    crop, mine, theirs = company.paste(
        tf.zeros([*SIZE, 3]),
        tf.constant(np.array(joints, np.float32)),
        tf.constant(state),
        second,
        placed,
        LIMBS,
        tf.constant(20.0),
    )
    return crop.numpy()[..., 0], mine.numpy().tolist(), theirs.numpy().tolist()


CROSSING = [[25, 5], [25, 20], [25, 35]]  # the primary person, upright through the middle


def test_paste_in_front_covers_the_primary_person():
    crop, mine, theirs = paste(placement(), CROSSING, [VISIBLE, VISIBLE, ABSENT])
    assert crop[20, 25] == 255 and crop[20, 10] == 255 and crop[5, 25] == 0
    assert mine == [VISIBLE, OCCLUDED, ABSENT] and theirs == [VISIBLE] * 3


def test_paste_behind_leaves_the_primary_person_as_it_is():
    crop, mine, theirs = paste(
        placement(behind=tf.constant(True)), CROSSING, [VISIBLE, VISIBLE, VISIBLE]
    )
    assert crop[20, 25] == 0 and crop[20, 10] == 255
    assert mine == [VISIBLE] * 3 and theirs == [VISIBLE, OCCLUDED, VISIBLE]


def test_cover_preset():
    mask = np.zeros(SIZE, np.float32)
    mask[10:20, 30:40] = 1
    joints = np.array([[35, 15], [15, 35], [35, 15], [35, 15], [90, 15]], np.float32)
    state = np.array([VISIBLE, VISIBLE, ABSENT, OCCLUDED, VISIBLE])
    got = company.cover(tf.constant(state), tf.constant(joints), tf.constant(mask)).numpy()
    # (15, 35) is (x, y): beside the mask; what lies outside of the crop cannot be covered in it.
    assert got.tolist() == [OCCLUDED, VISIBLE, ABSENT, OCCLUDED, VISIBLE]


def test_inside_image_preset():
    matrix = tf.constant([[1.0, 0, -4.0], [0, 1, 3.0]], tf.float64)  # image = crop + (-4, 3)
    inside = company.inside_image(matrix, tf.constant([10, 12]), SIZE).numpy()
    rows, columns = np.nonzero(inside)
    assert (rows.max(), columns.min(), columns.max()) == (6, 4, 15)


def test_second_person_exchanges_sides_in_a_mirror():
    person = {
        "joints_px": tf.constant([[[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]]),
        "state": tf.constant([[VISIBLE, OCCLUDED, ABSENT]]),
        "size": tf.constant([20, 30]),
    }
    turned = tf.constant([[-1.0, 0, 29.0], [0, 1, 0]], tf.float64)
    second = company.second_person(
        person,
        placement(matrix=turned, flip=tf.constant(True)),
        lambda matrix: tf.zeros([*SIZE, 3]),
        SIZE,
        np.array([1, 0, 2]),
    )
    assert second["state"].numpy().tolist() == [OCCLUDED, VISIBLE, ABSENT]
    assert second["joints_px"].numpy().tolist() == [[26.0, 4.0], [28.0, 2.0], [0.0, 0.0]]
