"""Batches: shapes, identity without augmentation, joints that stay on pixels, exact resume."""

import dataclasses
import typing

import numpy as np
import pytest
import tensorflow as tf

from cpm import geometry
from cpm.config import (
    AUGMENTATIONS,
    AugmentConfig,
    DataConfig,
    NetworkConfig,
    TrainConfig,
)
from cpm.data import pipeline
from cpm.data.manifest import NAME
from cpm.data.person import Person, Pose
from cpm.data.records import Storage, write_records
from cpm.data.splits import SplitRule
from cpm.errors import UsageError
from cpm.skeleton import SKELETONS, canonical_name, mirror_name
from tests.helpers.small_data_sets import LSP14, MPII16, make_people

ALL_TRAIN = SplitRule("all", "Everybody is for training.", lambda _: "train")
SIZE = (48, 64)  # of the crop: H != W


def config(batch_size=4, size=SIZE, skeleton="mpii16", seed=0, **data):
    data = {"augment": AUGMENTATIONS["strong"], "margin": 1.25} | data
    return TrainConfig(
        network=NetworkConfig(image_size=size, skeleton=skeleton),
        data=DataConfig(batch_size=batch_size, **data),
        seed=seed,
    )


def write(folder, people, **options):
    return write_records(people, folder, source="made", rule=ALL_TRAIN, **options)


def arrays(dataset, count):
    return [{key: value.numpy() for key, value in batch.items()} for batch in dataset.take(count)]


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """Two converted folders of different skeletons: 7 people of LSP's, 6 of MPII's."""
    root = tmp_path_factory.mktemp("data")
    write(root / "a", make_people(7, LSP14, "a"), storage=Storage(shards=2))
    write(root / "b", make_people(6, MPII16, "b", seed=1))
    return [str(root / "a"), str(root / "b")]


@pytest.fixture(scope="module")
def unbroken(folders):
    """10 batches of 4 from 13 people: more than three epochs."""
    return arrays(pipeline.training_batches(folders, config()), 10)


class TestTraining:
    def test_shapes_and_types(self, unbroken):
        expected = {
            "image": ((4, *SIZE, 3), np.float32),
            "joints_px": ((4, 3, 16, 2), np.float32),
            "state": ((4, 3, 16), np.int32),
            "center_px": ((4, 2), np.float32),
            "head_size_px": ((4,), np.float32),
            "crop_to_image": ((4, 2, 3), np.float32),
            "valid": ((4,), np.float32),
        }
        batch = unbroken[0]
        assert set(batch) == {*expected, "id"}
        for key, (shape, kind) in expected.items():
            assert batch[key].shape == shape and batch[key].dtype == kind, key
        assert 0 <= batch["image"].min() and batch["image"].max() <= 255
        assert (batch["valid"] == 1).all()

    def test_static_shapes(self, folders):
        spec = pipeline.training_batches(folders, config()).element_spec
        assert all(tensor.shape.is_fully_defined() for tensor in spec.values())

    @pytest.mark.parametrize("start", [1, 7])
    def test_resume_is_bitwise_equal(self, folders, unbroken, start):
        resumed = pipeline.training_batches(folders, config(), start_step=start)
        for got, expected in zip(arrays(resumed, 3), unbroken[start : start + 3], strict=True):
            for key in expected:
                np.testing.assert_array_equal(got[key], expected[key], err_msg=key)

    def test_hosts_have_rows_of_the_same_batches(self, folders, unbroken):
        """Images, joints, ids: augmentation, too, is that of one host."""
        hosts = [
            arrays(pipeline.training_batches(folders, config(), part=(host, 3)), 2)
            for host in range(3)
        ]
        assert [len(batches[0]["id"]) for batches in hosts] == [1, 1, 2]
        for number, parts in enumerate(zip(*hosts, strict=True)):
            for key, value in unbroken[number].items():
                np.testing.assert_array_equal(np.concatenate([p[key] for p in parts]), value)

    @pytest.mark.parametrize("cache_bytes", [1, 40_000, 10**9])
    def test_kept_images_change_nothing(self, folders, unbroken, cache_bytes):
        """More than three epochs with no room for an image, for some and for all of them."""
        cached = pipeline.training_batches(folders, config(), cache_bytes=cache_bytes)
        for got, expected in zip(arrays(cached, 10), unbroken, strict=True):
            for key in expected:
                np.testing.assert_array_equal(got[key], expected[key], err_msg=key)

    def test_epochs_differ(self, unbroken):
        ids = np.concatenate([batch["id"] for batch in unbroken])
        assert sorted(ids[:13]) == sorted(ids[13:26])
        images = np.concatenate([batch["image"] for batch in unbroken])
        first, second = np.flatnonzero(ids == b"a/0")[:2]
        assert np.abs(images[first] - images[second]).mean() > 5

    def test_seed_changes_everything(self, folders, unbroken):
        (other,) = arrays(pipeline.training_batches(folders, config(seed=1)), 1)
        assert other["id"].tolist() != unbroken[0]["id"].tolist()

    def test_string_of_folders(self, folders, unbroken):
        dataset = pipeline.training_batches(",".join(folders), config())
        np.testing.assert_array_equal(arrays(dataset, 1)[0]["id"], unbroken[0]["id"])


class TestCrowd:
    """Company, nobody, truncation, wear: as exact on resuming, and what they promise of a batch."""

    @pytest.fixture(scope="class")
    def crowd(self, folders):
        return arrays(pipeline.training_batches(folders, self.config()), 8)

    @staticmethod
    def config():
        changes = {"company": 0.6, "nobody": 0.3, "cover": 0.5, "blur": 0.3, "jpeg": 0.3}
        changes["truncate"] = 0.4
        return config(augment=dataclasses.replace(AUGMENTATIONS["crowd"], **changes))

    def test_resume_is_bitwise_equal(self, folders, crowd):
        resumed = pipeline.training_batches(folders, self.config(), start_step=5)
        for got, expected in zip(arrays(resumed, 3), crowd[5:], strict=True):
            for key in expected:
                np.testing.assert_array_equal(got[key], expected[key], err_msg=key)

    def test_kept_images_change_nothing(self, folders, crowd):
        cached = pipeline.training_batches(folders, self.config(), cache_bytes=10**9)
        for got, expected in zip(arrays(cached, 8), crowd, strict=True):
            for key in expected:
                np.testing.assert_array_equal(got[key], expected[key], err_msg=key)

    def test_order_is_that_of_a_run_without_company(self, crowd, unbroken):
        for got, expected in zip(crowd, unbroken[:8], strict=True):
            np.testing.assert_array_equal(got["id"], expected["id"])

    def test_nobody_has_no_primary_pose(self, crowd):
        empty = np.concatenate([batch["nobody"] for batch in crowd]) == 1
        state = np.concatenate([batch["state"] for batch in crowd])
        assert 2 < empty.sum() < 20  # of 32
        assert not state[empty, 0].any() and state[~empty, 0].any(1).all()

    def test_people_with_few_labels_make_no_crops_of_nobody(self, tmp_path):
        """Beside eight labeled joints of fourteen the other six would pass for background."""
        people = []
        for person, labeled in zip(make_people(4, LSP14), (8, 14, 8, 14), strict=True):
            state = np.where(np.arange(14) < labeled, 2, 0)
            pose = Pose(person.pose.joints_px, state)
            people.append(dataclasses.replace(person, pose=pose))
        write(tmp_path / "people", people)
        augment = dataclasses.replace(AUGMENTATIONS["crowd"], nobody=1.0)
        [batch] = arrays(
            pipeline.training_batches([str(tmp_path / "people")], config(augment=augment)), 1
        )
        rows = dict(zip(batch["id"].tolist(), batch["nobody"].tolist(), strict=True))
        assert rows == {b"made/0": 0, b"made/1": 1, b"made/2": 0, b"made/3": 1}

    def test_company_brings_a_second_pose(self, crowd):
        empty = np.concatenate([batch["nobody"] for batch in crowd]) == 1
        state = np.concatenate([batch["state"] for batch in crowd])
        paired = state[~empty, 1].any(-1)
        assert 3 < paired.sum() < len(paired)

    def test_truncated_crops_show_joints_where_they_are(self, folders):
        """By the same people untruncated: the joints left are at the same places of the image."""
        cut, whole = (
            arrays(pipeline.training_batches(folders, config(augment=augment)), 3)
            for augment in (AugmentConfig(truncate=1.0), AugmentConfig())
        )
        seen = 0
        for got, expected in zip(cut, whole, strict=True):
            np.testing.assert_array_equal(got["id"], expected["id"])
            np.testing.assert_array_equal(got["state"], expected["state"])
            for n in range(len(got["id"])):
                labeled = got["state"][n, 0] > 0
                points, far = got["joints_px"][n, 0], got["joints_px"][n, 0].min(-1) < -100
                kept = labeled & ~far
                if not (labeled & far).any():
                    continue
                seen += 1
                assert kept.sum() >= 3
                places = [
                    b["joints_px"][n, 0][kept] @ b["crop_to_image"][n][:, :2].T
                    + b["crop_to_image"][n][:, 2]
                    for b in (got, expected)
                ]
                np.testing.assert_allclose(*places, atol=0.01)
                height, width = got["image"].shape[1:3]
                extent = np.ptp(points[kept], axis=0).max()
                np.testing.assert_allclose(extent, min(height, width) / 1.25, rtol=1e-4)
        assert seen > 6

    def test_static_shapes(self, folders):
        spec = pipeline.training_batches(folders, self.config()).element_spec
        assert all(tensor.shape.is_fully_defined() for tensor in spec.values())

    def test_company_needs_room_for_a_second_pose(self, folders):
        augment = AUGMENTATIONS["crowd"]
        with pytest.raises(ValueError, match="max_people should be at least 2"):
            pipeline.training_batches(folders, config(augment=augment, max_people=1))


class TestJointsByName:
    def test_missing_joints_are_absent(self, unbroken):
        batch = unbroken[0]
        pelvis, thorax = MPII16.index("pelvis"), MPII16.index("thorax")
        for id, state in zip(batch["id"], batch["state"][:, 0], strict=True):
            if id.startswith(b"a/"):  # LSP has neither
                assert state[[pelvis, thorax]].tolist() == [0, 0]
                assert (state > 0).sum() >= 13
            else:
                assert state[[pelvis, thorax]].tolist() == [2, 2]

    @pytest.mark.parametrize("model", ["lsp14", "mpii16", "coco17"])
    def test_every_joint_keeps_its_name(self, folders, model):
        settings = config(13, skeleton=model)
        (batch,) = arrays(pipeline.evaluation_batches(folders, settings, split="train"), 1)
        people = {p.id: p for p in make_people(7, LSP14, "a")}
        people |= {p.id: p for p in make_people(6, MPII16, "b", seed=1)}
        for n in range(13):
            person = people[batch["id"][n].decode()]
            truth = {
                canonical_name(joint): (position, state)
                for joint, position, state in zip(
                    person.skeleton.joints, person.pose.joints_px, person.pose.state, strict=True
                )
            }
            found = geometry.transform_points(batch["crop_to_image"][n], batch["joints_px"][n, 0])
            for p, joint in enumerate(SKELETONS[model].joints):
                position, state = truth.get(canonical_name(joint), (None, 0))
                assert batch["state"][n, 0, p] == state
                if state:
                    np.testing.assert_allclose(found[p], position, atol=1e-3)
                else:
                    assert not batch["joints_px"][n, 0, p].any()


class TestEvaluation:
    def test_last_batch_is_filled(self, folders):
        batches = arrays(pipeline.evaluation_batches(folders, config(), split="train"), 99)
        assert len(batches) == 4
        valid = np.concatenate([batch["valid"] for batch in batches])
        assert valid.tolist() == [1] * 13 + [0] * 3
        filler = {key: value[1:] for key, value in batches[-1].items()}
        assert not filler["state"].any() and not filler["joints_px"].any()
        assert (filler["image"] == 128).all() and filler["id"].tolist() == [b""] * 3
        assert all(np.linalg.det(m[:, :2]) == 1 for m in filler["crop_to_image"])

    def test_a_folder_named_twice_is_evaluated_once(self, folders):
        """In training its people come twice an epoch; a mean over people must not count them so."""
        twice = [*folders, f"{folders[0]}/"]
        plain, other = (
            arrays(pipeline.evaluation_batches(data, config(), split="train"), 99)
            for data in (folders, twice)
        )
        np.testing.assert_equal(other, plain)
        once, double = (
            sum(folder.people for folder in pipeline.open_folders(data, "train"))
            for data in (folders, twice)
        )
        people = pipeline.open_folders(folders[:1], "train")[0].people
        assert double == once + people > once
        batches = arrays(pipeline.training_batches(twice, config(batch_size=double)), 1)
        ids = sorted(batches[0]["id"].tolist())
        assert len(ids) == double and len(set(ids)) == once

    def test_full_batches_need_no_filling(self, folders):
        dataset = pipeline.evaluation_batches(folders, config(), split="train", batch_size=13)
        batches = arrays(dataset, 99)
        assert len(batches) == 1 and batches[0]["valid"].all()

    def test_always_the_same(self, folders):
        one, other = (
            arrays(pipeline.evaluation_batches(folders, config(seed=s), split="train"), 9)
            for s in (0, 1)
        )
        for a, b in zip(one, other, strict=True):
            for key in a:
                np.testing.assert_array_equal(a[key], b[key])
        ids = np.concatenate([batch["id"] for batch in one])[:13]
        assert [id[:1] for id in ids] == [b"a"] * 7 + [b"b"] * 6

    def test_center_tells_of_the_shift_or_not(self, folders):
        """With `tell_center` the person's middle moves in the crop; without it is the crop's."""
        middle = (SIZE[1] - 1) / 2, (SIZE[0] - 1) / 2
        batches = []
        for told in (True, False):
            augment = AugmentConfig(shift=0.2, tell_center=told)
            dataset = pipeline.training_batches(folders, config(13, augment=augment))
            batches += arrays(dataset, 1)
        moved = np.linalg.norm(batches[0]["center_px"] - middle, axis=1)
        # Uniform in a square of ± 9.6 px: a mean distance of 0.77 · 9.6 = 7.3, ± 0.8 over 13.
        assert 4 < moved.mean() < 11
        np.testing.assert_array_equal(batches[1]["center_px"], [middle] * 13)
        np.testing.assert_array_equal(batches[0]["image"], batches[1]["image"])

    def test_crop_is_geometrys(self, folders):
        settings = config(13)
        dataset = pipeline.evaluation_batches(folders, settings, split="train")
        (batch,) = arrays(dataset, 1)
        people = {p.id: p for p in make_people(7, LSP14, "a")}
        for n in range(7):
            pose = people[batch["id"][n].decode()].pose
            region = geometry.region_from_joints(pose.joints_px, pose.present, settings.data.margin)
            np.testing.assert_allclose(
                batch["crop_to_image"][n],
                geometry.crop_to_image(region, SIZE),
                rtol=1e-5,
                atol=1e-4,
            )
            middle = (SIZE[1] - 1) / 2, (SIZE[0] - 1) / 2
            np.testing.assert_allclose(batch["center_px"][n], middle, atol=1e-3)


class TestCropRules:
    def folder(self, tmp_path):
        (person,) = make_people(1)
        scaled = dataclasses.replace(person, id="made/scaled", center_px=(30.0, 25.5), scale=0.2)
        write(tmp_path / "out", [person, scaled])
        return str(tmp_path / "out"), person

    def regions(self, folder, rule, **options):
        """id -> crop_to_image, of both people."""
        dataset = pipeline.evaluation_batches(
            folder, config(2, **options), split="train", crop=rule
        )
        (batch,) = arrays(dataset, 1)
        return dict(zip(batch["id"].tolist(), batch["crop_to_image"], strict=True))

    def test_person_and_its_fall_back(self, tmp_path):
        folder, person = self.folder(tmp_path)
        got = self.regions(folder, "person", margin=1.25)
        expected = {
            b"made/scaled": geometry.region_from_scale((30, 25.5), 0.2, 1.25),
            # 314 px hold a person of 200; the joints' box stands for them.
            b"made/0": geometry.region_from_joints(
                person.pose.joints_px, person.pose.present, 1.25 * 314 / 200
            ),
        }
        for id, region in expected.items():
            np.testing.assert_allclose(
                got[id], geometry.crop_to_image(region, SIZE), rtol=1e-5, atol=1e-4
            )

    def test_height_is_the_blogs(self, tmp_path):
        """Twice as wide as tall: only the height counts."""
        (person,) = make_people(1)
        joints_px = person.pose.joints_px * (2.0, 0.5)
        flat = dataclasses.replace(person, pose=Pose(joints_px, person.pose.state))
        write(tmp_path / "out", [flat])
        found = self.regions(str(tmp_path / "out"), "height", margin=1.84)
        matrix = found[flat.id.encode()]
        present = joints_px[person.pose.present]
        low, high = present.min(0), present.max(0)
        assert (high - low)[0] > 1.5 * (high - low)[1]
        region = geometry.CropRegion(tuple((low + high) / 2), 1.84 * (high - low)[1])
        np.testing.assert_allclose(
            matrix, geometry.crop_to_image(region, SIZE), rtol=1e-5, atol=1e-4
        )

    def test_border(self, tmp_path):
        """A crop ten times the person shows mostly border, in the color asked for."""
        folder, _ = self.folder(tmp_path)
        for border in (128.0, 0.0):
            dataset = pipeline.evaluation_batches(
                folder, config(4, margin=10.0, border=border), split="train"
            )
            (batch,) = arrays(dataset, 1)
            assert (batch["image"][:, 0] == border).all()  # filling rows included

    def test_pyramid(self, tmp_path):
        """The person s times as large is the crop of a region s times as small."""
        folder, _ = self.folder(tmp_path)
        scales = (0.8, 1.0, 1.25)
        dataset = pipeline.evaluation_batches(
            folder, config(3, margin=1.5), split="train", scales=scales
        )
        (batch,) = arrays(dataset, 1)
        assert batch["pyramid"].shape == (3, 3, *SIZE, 3)
        for n, scale in enumerate(scales):
            (other,) = arrays(
                pipeline.evaluation_batches(folder, config(3, margin=1.5 / scale), split="train"),
                1,
            )
            np.testing.assert_allclose(batch["pyramid"][:2, n], other["image"][:2])
        np.testing.assert_array_equal(batch["pyramid"][:, 1], batch["image"])
        (plain,) = arrays(pipeline.evaluation_batches(folder, config(3), split="train"), 1)
        assert "pyramid" not in plain

    def test_fall_back_is_said(self, tmp_path, caplog):
        folder, _ = self.folder(tmp_path)
        pipeline.open_folders(folder, "train", "person")
        assert "1 of 2 records have an annotated scale" in caplog.text

    def test_image(self, tmp_path):
        folder, _ = self.folder(tmp_path)
        expected = geometry.crop_to_image(geometry.region_from_image(72, 64), SIZE)
        for matrix in self.regions(folder, "image").values():
            np.testing.assert_allclose(matrix, expected, rtol=1e-5, atol=1e-4)

    def test_whole(self, tmp_path):
        folder, _ = self.folder(tmp_path)
        region = geometry.CropRegion((31.5, 35.5), 72)  # 72 × 64 pixels
        expected = geometry.crop_to_image(region, SIZE)
        for matrix in self.regions(folder, "whole").values():
            np.testing.assert_allclose(matrix, expected, rtol=1e-5, atol=1e-4)

    def test_given_regions_win_over_the_rule(self, folders):
        """Of two people named, of two folders; the others' crops are the rule's."""
        given = {
            "a/2": geometry.CropRegion((20.25, 31.0), 17.5),
            "b/3": geometry.CropRegion((-4.0, 90.0), 300.0),
            "nobody": geometry.CropRegion((1.0, 1.0), 1.0),
        }
        settings = config(13)
        plain, (batch,) = (
            arrays(
                pipeline.evaluation_batches(folders, settings, split="train", regions=regions),
                1,
            )
            for regions in ({}, given)
        )
        ids = [id.decode() for id in batch["id"]]
        assert len(set(ids) & set(given)) == 2
        for n, id in enumerate(ids):
            expected = plain[0]["crop_to_image"][n]
            if id in given:
                expected = geometry.crop_to_image(given[id], SIZE)
            np.testing.assert_allclose(
                batch["crop_to_image"][n], expected, rtol=1e-6, atol=1e-5, err_msg=id
            )

    def test_unknown(self, folders):
        with pytest.raises(ValueError, match="crop is 'face', expected one of joints"):
            pipeline.evaluation_batches(folders, config(), split="train", crop="face")


class TestDots:
    """An image whose joints are colored dots: after any change they must be at the joints."""

    # Saturated enough to be told apart after JPEG and resampling.
    JOINTS: typing.ClassVar = {
        "left_wrist": ((60.0, 40.0), (1, 0, 0)),
        "right_wrist": ((150.0, 60.0), (0, 1, 0)),
        "head_top": ((100.0, 20.0), (0, 0, 1)),
        "left_ankle": ((70.0, 130.0), (1, 1, 0)),
        "right_ankle": ((130.0, 140.0), (0, 1, 1)),
    }

    def person(self, number):
        height, width = 170, 210
        y, x = np.mgrid[:height, :width]
        image = np.zeros((height, width, 3))
        joints_px, state = np.zeros((16, 2)), np.zeros(16, int)
        for joint, (position, color) in self.JOINTS.items():
            square = (x - position[0]) ** 2 + (y - position[1]) ** 2
            spot = 255 * np.exp(-square / (2 * 4.0**2))[..., None]
            image = np.maximum(image, spot * color)
            joints_px[MPII16.index(joint)], state[MPII16.index(joint)] = position, 2
        image = np.rint(image).astype(np.uint8)
        return Person(f"dots/{number}", image, MPII16, Pose(joints_px, state))

    def test_found_where_the_joints_are(self, tmp_path):
        write(tmp_path / "dots", (self.person(n) for n in range(16)))
        augment = AugmentConfig(scale=(0.8, 1.6), rotation_deg=180, flip=0.5, shift=0.05)
        size = (96, 112)
        settings = config(16, size=size, augment=augment, margin=1.6)
        (batch,) = arrays(pipeline.training_batches(str(tmp_path / "dots"), settings), 1)
        flips = [np.linalg.det(m[:, :2]) < 0 for m in batch["crop_to_image"]]
        assert 0 < sum(flips) < 16
        found = 0
        for n, flipped in enumerate(flips):
            for joint, (_, color) in self.JOINTS.items():
                # A mirrored left wrist is a right wrist: its dot is that of the other side.
                dot = mirror_name(joint) if flipped else joint
                color = np.array(self.JOINTS[dot][1])
                position = batch["joints_px"][n, 0, MPII16.index(joint)]
                if not (10 < position).all() or not (position[::-1] < np.array(size) - 11).all():
                    continue
                found += 1
                measured = self.centroid(batch["image"][n], color, position)
                # Half a pixel is what a wrong convention costs; JPEG and resampling cost 0.1.
                np.testing.assert_allclose(measured, position, atol=0.2)
        assert found > 40

    @staticmethod
    def centroid(image, color, near):
        """Center of the dot of this color, looked for within 9 pixels of `near`."""
        y, x = np.mgrid[: image.shape[0], : image.shape[1]]
        inside = np.hypot(x - near[0], y - near[1]) < 9
        # How much of the color there is, less what is of any other.
        likeness = image @ (color / color.sum()) - image @ (1.0 - color) / max(1, 3 - color.sum())
        gray_border = np.ptp(image, axis=-1) < 12
        weight = np.where(inside & ~gray_border, np.maximum(likeness - 25, 0), 0)
        assert weight.sum() > 0, "no dot of this color near the joint"
        return np.array([(x * weight).sum(), (y * weight).sum()]) / weight.sum()


class TestOthers:
    def test_others_follow_and_are_limited(self, tmp_path):
        (person,) = make_people(1)
        others = tuple(Pose(person.pose.joints_px + shift, np.full(14, 1)) for shift in (9, 3, 6))
        write(tmp_path / "out", [dataclasses.replace(person, others=others)])
        settings = config(1, skeleton="lsp14", max_people=3)
        dataset = pipeline.evaluation_batches(str(tmp_path / "out"), settings, split="train")
        (batch,) = arrays(dataset, 1)
        found = geometry.transform_points(batch["crop_to_image"][0], batch["joints_px"][0, 1:])
        for got, shift in zip(found, (3, 6), strict=True):
            np.testing.assert_allclose(got, person.pose.joints_px + shift, atol=1e-3)
        assert (batch["state"][0, 1:] == 1).all()


class TestRefusals:
    def test_unknown_split(self, folders):
        with pytest.raises(UsageError, match=r"nothing of split 'val'.*there are: train"):
            pipeline.evaluation_batches(folders, config(), split="val")

    def test_no_folder(self):
        for nothing in ("", [], " , "):
            with pytest.raises(UsageError, match="no data folder was named"):
                pipeline.training_batches(nothing, config())

    def test_a_comma_in_the_only_folders_name(self, tmp_path):
        folder = tmp_path / "cats,dogs"
        assert pipeline.split_names(str(folder)) == [str(tmp_path / "cats"), "dogs"]
        folder.mkdir()
        assert pipeline.split_names(str(folder)) == [str(folder)]

    def test_incomplete_folder(self, tmp_path):
        write(tmp_path / "out", make_people(2))
        (tmp_path / "out" / NAME).unlink()
        with pytest.raises(UsageError, match="is not a complete data folder"):
            pipeline.training_batches(str(tmp_path / "out"), config())


def test_window_is_limited_by_memory(folders):
    (folder, _) = pipeline.open_folders(folders, "train")
    assert pipeline._window([folder], 4096) == 4096
    photos = dataclasses.replace(folder, people=1000, bytes=10**9)  # 1 MB each
    assert pipeline._window([photos], 4096) == 256
    assert pipeline._window([photos], 100) == 100
    huge = dataclasses.replace(folder, people=2, bytes=10**9)
    assert pipeline._window([huge], 4096) == 1


def test_no_more_threads_than_cores(folders):
    options = pipeline.training_batches(folders, config()).options()
    assert options.threading.private_threadpool_size == pipeline.WORKERS
    assert options.deterministic
    assert tf.data.experimental.cardinality(pipeline.training_batches(folders, config())) in (
        tf.data.UNKNOWN_CARDINALITY,
        tf.data.INFINITE_CARDINALITY,
    )
