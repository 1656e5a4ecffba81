"""Where crops lie of people whose joints span little or nothing: a box, or all of the image."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf

from cpm.config import AUGMENTATIONS, AugmentConfig, DataConfig, NetworkConfig, TrainConfig
from cpm.data import pipeline, records, regions, splits
from cpm.data.examples import encode_person, parse_example
from cpm.data.person import Origin, Person, Pose
from cpm.data.report import Report, table
from cpm.skeleton import own_skeleton

TWO = own_skeleton(["tip", "end"])


def region(points, box=None, size=(200, 300), rule="joints", margin=1.25):
    """(center, side) of the crop of joints at these points and a box (center, side)."""
    points = np.array(points, np.float32)
    center_px, scale = ([], []) if box is None else (box[0], [box[1] / 200])
    person = {
        "size": tf.constant(size, tf.int64),
        "box_px": tf.stack([points.min(0), points.max(0)]),
        "center_px": tf.constant(center_px, tf.float32),
        "scale": tf.constant(scale, tf.float32),
    }
    center, side = regions.region(person, rule, margin)
    spans = bool(regions.spans_its_crop(person, margin))
    return tuple(center.numpy().tolist()), pytest.approx(float(side), rel=1e-6), spans


@pytest.mark.parametrize("rule", ["joints", "height"])
class TestRegion:
    def test_one_joint_is_cut_by_its_box(self, rule):
        assert region([(10, 20)], ((60, 70), 120), rule=rule) == ((60, 70), 120, False)

    def test_one_joint_without_a_box_is_the_whole_image(self, rule):
        assert region([(10, 20)], rule=rule) == ((149.5, 99.5), 300, False)

    def test_joints_at_one_place_too(self, rule):
        assert region([(10, 20), (11, 22)], rule=rule) == ((149.5, 99.5), 300, False)

    def test_a_box_is_a_floor(self, rule):
        """1.25 times 80 is 100: a box of 99 changes nothing, one of 101 does."""
        joints = [(10, 20), (40, 100)]
        assert region(joints, ((90, 90), 99), rule=rule) == ((25, 60), 100, True)
        assert region(joints, ((90, 90), 101), rule=rule) == ((90, 90), 101, False)

    def test_joints_that_span_something_need_no_box(self, rule):
        assert region([(10, 20), (12, 30)], rule=rule) == ((11, 25), 12.5, True)


def test_the_person_rule_goes_by_scale_alone():
    center, side, _ = region([(10, 20)], ((60, 70), 100), rule="person", margin=1.0)
    assert (center, side) == ((60, 70), 157)


def one_joint(size, **fields):
    image = np.zeros((*size, 3), np.uint8)
    pose = Pose(np.array([[30.0, 40.0], [0, 0]]), np.array([2, 0]))
    return Person("p", image, TWO, pose, **fields)


def test_a_large_image_stays_where_nothing_says_how_large_the_person_is():
    serialized, _ = encode_person(one_joint((1000, 1500)), longest_side_px=300)
    fields = parse_example(serialized, 2)
    assert fields["size"].numpy().tolist() == [200, 300]
    np.testing.assert_allclose(fields["joints_px"][0, 0], [30.5 / 5 - 0.5, 40.5 / 5 - 0.5])


def test_a_large_image_is_cut_by_the_box():
    person = one_joint((1000, 1500), center_px=(50.0, 50.0), scale=0.5)
    serialized, _ = encode_person(person, longest_side_px=400)
    height, width = parse_example(serialized, 2)["size"].numpy()
    assert max(height, width) < 3.2 * 100


def test_the_report_names_them():
    report = Report()
    boxed = one_joint((100, 100), center_px=(5.0, 5.0), scale=0.5)
    report.add("train", one_joint((100, 100)), (100, 100))
    report.add("train", dataclasses.replace(boxed, id="q"), (100, 100))
    report.finish("lsp")
    text = table(report.to_json())
    assert "1 object with too few joints to place a crop; their boxes place it: q" in text
    assert "warning: 1 object with too few joints to place a crop, and no box" in text


def people(skeleton, count):
    """Left is on the right of every image, as of animals that face the camera."""
    rng = np.random.default_rng(0)
    image = rng.integers(0, 256, (60, 80, 3), dtype=np.uint8)
    pose = Pose(np.array([[40.0, 10], [60, 30], [20, 30]]), np.full(3, 2))
    origin = Origin("made", official_split="train")
    return [
        Person(f"made/{n}", image, skeleton, pose, (pose,), origin=origin) for n in range(count)
    ]


@pytest.mark.parametrize(
    "skeleton, mirrored, left_is_right",
    [
        (own_skeleton(["nose", "left_ear", "right_ear"]), True, True),
        (own_skeleton(["a", "b", "c"], pairs=[("b", "c")]), True, True),
        (own_skeleton(["a", "b", "c"]), True, False),  # nobody knows: training swaps them
        (own_skeleton(["nose", "left_ear", "tail"]), False, True),
        (own_skeleton(["a", "b", "c"], mirrored=False), False, True),
    ],
)
def test_mirrored_images(skeleton, mirrored, left_is_right, tmp_path):
    """Images are mirrored where they may be, and then left and right are exchanged."""
    rule = splits.RULES["official"]
    records.write_records(people(skeleton, 4), str(tmp_path / "d"), source="made", rule=rule)
    config = TrainConfig(
        network=NetworkConfig(skeleton=skeleton.name, image_size=(48, 48)),
        data=DataConfig(batch_size=4, augment=AugmentConfig(flip=1.0)),
    )
    batch = next(iter(pipeline.training_batches([str(tmp_path / "d")], config)))
    x = batch["joints_px"].numpy()[:, 0, :, 0]
    assert (x[:, 1] > x[:, 2]).all() == left_is_right
    assert (batch["crop_to_image"].numpy()[:, 0, 0] < 0).all() == mirrored


def test_nobody_is_pasted_or_left_out_beside_joints_that_span_nothing(tmp_path):
    """What lies beside a point may be the object itself."""
    image = np.random.default_rng(0).integers(0, 256, (60, 80, 3), dtype=np.uint8)
    skeleton = own_skeleton(["tip"])
    pose, origin = Pose(np.array([[20.0, 30.0]]), np.array([2])), Origin(official_split="train")
    made = [Person(f"p{n}", image, skeleton, pose, origin=origin) for n in range(8)]
    rule = splits.RULES["official"]
    records.write_records(made, str(tmp_path / "d"), source="made", rule=rule)
    config = TrainConfig(
        network=NetworkConfig(skeleton=skeleton.name, image_size=(48, 48)),
        data=DataConfig(
            batch_size=8,
            max_people=2,
            augment=dataclasses.replace(AUGMENTATIONS["light"], nobody=1.0, company=1.0),
        ),
    )
    batch = next(iter(pipeline.training_batches([str(tmp_path / "d")], config)))
    assert not batch["nobody"].numpy().any()
    assert (batch["state"].numpy() > 0).sum() == 8
