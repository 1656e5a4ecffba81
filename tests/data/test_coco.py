"""The reader of COCO keypoint files, on files built here and on the one that own_data.md makes."""

import copy
import dataclasses
import json
import os
import re
import sys
import tracemalloc

import numpy as np
import pytest
from PIL import Image

from cpm.data import coco, datasets, neighbors
from cpm.data.datasets import Conversion
from cpm.data.examples import parse_example
from cpm.data.manifest import read_manifest
from cpm.data.old_records import origin_of
from cpm.data.person import Origin
from cpm.data.records import Storage, read_shard
from cpm.data.report import Report
from cpm.errors import UsageError
from cpm.skeleton import ABSENT, OCCLUDED, SKELETONS, VISIBLE
from tests.helpers.scripts import ROOT, call
from tests.helpers.small_data_sets import smooth_image

CAT = {
    "id": 1,
    "name": "cat",
    "keypoints": ["nose", "left_ear", "right_ear"],
    "skeleton": [[1, 2], [1, 3]],
}


def annotation(id, image, keypoints, **more):
    return {
        "id": id,
        "image_id": image,
        "category_id": 1,
        "keypoints": keypoints,
    } | more


def cats():
    """Two images: two cats in the first, one in the second."""
    return {
        "images": [{"id": 7, "file_name": "a.jpg"}, {"id": 9, "file_name": "b/b.jpg"}],
        "categories": [CAT],
        "annotations": [
            annotation(1, 7, [10.5, 20, 2, 12, 25, 1, 0, 0, 0], bbox=[10, 20, 30, 50]),
            annotation(2, 7, [30, 31, 2, 32, 33, 2, 34, 35, 2]),
            annotation(3, 9, [40, 41, 2, 42, 43, 2, 44, 45, 2]),
        ],
    }


def work(folder, people):
    """(calls of functions, bytes at the most) of reading so many people in one image."""
    record = cats()
    record["annotations"] = [
        annotation(n, 7, [n % 60, n // 60, 2, n % 60, 5, 2, 0, 0, 0]) for n in range(people)
    ]
    folder.mkdir()
    calls = [0]

    def count(frame, event, argument):
        calls[0] += event in ("call", "c_call")

    tracemalloc.start()
    sys.setprofile(count)
    try:
        found = read(folder, record)
    finally:
        sys.setprofile(None)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert len(found) == people
    return calls[0], peak


def save(folder, record, *, name="annotations.json", images=True):
    """Writes the file and smooth images of 60 x 50 for its entries; returns the folder."""
    (folder / "images").mkdir(parents=True, exist_ok=True)
    text = record if isinstance(record, str) else json.dumps(record)
    (folder / name).write_text(text)
    for seed, image in enumerate(record["images"] if images else []):
        save_image(folder / "images" / image["file_name"], seed)
    return folder


def save_image(path, seed=0, size=(60, 50)):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(smooth_image(*size, seed=seed)).save(path, quality=90)


def read(folder, record, options=coco.USUAL, report=None, **where):
    source = save(folder, record, images=False, **where)
    return list(coco.read_people(source, options, report))


def changed(change):
    """`cats()` after `change(record)`."""
    record = copy.deepcopy(cats())
    change(record)
    return record


def stored(folder, split):
    """The fields of everybody in a split of a converted folder."""
    manifest = read_manifest(folder, verify=True)
    return [
        parse_example(record, len(manifest.skeleton))
        for shard in manifest.splits.get(split, ())
        for record in read_shard(os.path.join(folder, shard.file))
    ]


def ids(fields):
    return sorted(field["id"].numpy().decode() for field in fields)


class TestPeople:
    def test_joints_states_and_ids(self, tmp_path):
        first, second, third = read(tmp_path, cats())
        assert [p.id for p in (first, second, third)] == [
            "coco/a.jpg#1",
            "coco/a.jpg#2",
            "coco/b/b.jpg#3",
        ]
        assert third.image == str(tmp_path / "images" / "b" / "b.jpg")
        assert first.pose.state.tolist() == [VISIBLE, OCCLUDED, ABSENT]
        # Kept as they are: nothing is subtracted, unlike in 1-based files.
        assert first.pose.joints_px.tolist() == [[10.5, 20], [12, 25], [0, 0]]

    def test_origin(self, tmp_path):
        record = cats()
        record["images"][1]["file_name"] = "test/b.jpg"
        first, second, third = read(tmp_path, record)
        assert first.origin == Origin("coco", "a.jpg", 1, "a.jpg", image="7")
        assert third.origin == Origin("coco", "test/b.jpg", 3, "test/b.jpg", "test", image="9")
        for person in (first, second, third):
            # Records of before kept no id of the image.
            assert dataclasses.replace(person.origin, image="") == origin_of(person.id)

    def test_others_are_of_the_same_image(self, tmp_path):
        first, second, third = read(tmp_path, cats())
        assert [p.joints_px[0].tolist() for p in first.others] == [[30, 31]]
        assert [p.joints_px[0].tolist() for p in second.others] == [[10.5, 20]]
        assert third.others == ()

    def test_3000_people_in_one_image(self, tmp_path):
        """Time and memory grow with the people, not with their square."""
        record = cats()
        record["annotations"] = [
            annotation(n, 7, [n % 60, n // 60, 2, n % 60, 5, 2, 0, 0, 0]) for n in range(3000)
        ]
        found = read(tmp_path, record)
        assert len(found) == 3000
        assert {len(person.others) for person in found} == {neighbors.MOST}

    def test_work_and_memory_grow_with_the_people(self, tmp_path):
        """Four times the people: four times the calls and the memory; by the square it were 16."""
        calls, peaks = zip(*(work(tmp_path / str(n), n) for n in (250, 1000)), strict=True)
        assert calls[1] < 6 * calls[0] and peaks[1] < 6 * peaks[0]

    def test_box_gives_center_and_scale(self, tmp_path):
        first, second, _ = read(tmp_path, cats())
        # Columns 10 … 39 and rows 20 … 69; the longer side over 200 px.
        assert first.center_px == (24.5, 44.5) and first.scale == 50 / 200
        assert second.center_px is None and second.scale is None
        assert first.head_size_px is None

    @pytest.mark.parametrize("box", [None, [], [3, 4, 0, 0], [3, 4, 0.5, 0.2]])
    def test_a_box_of_nothing_says_nothing(self, box, tmp_path):
        record = changed(lambda r: r["annotations"][0].update(bbox=box))
        assert read(tmp_path, record)[0].scale is None

    def test_absent_joint_may_be_anything(self, tmp_path):
        points = [float("nan"), None, 0, 1, 2, 2, 3, 4, 2]
        record = changed(lambda r: r["annotations"][0].update(keypoints=points))
        assert read(tmp_path, record)[0].pose.state[0] == ABSENT

    def test_other_categories_are_passed_over(self, tmp_path):
        def add(record):
            record["categories"].append({"id": 5, "name": "sofa"})
            sofa = {"id": 4, "image_id": 7, "category_id": 5, "bbox": "large"}
            record["annotations"].append(sofa)

        assert len(read(tmp_path, changed(add))) == 3

    def test_only_json_file(self, tmp_path):
        assert len(read(tmp_path, cats(), name="export_7.json")) == 3

    def test_byte_order_mark(self, tmp_path):
        assert len(read(tmp_path, "\ufeff" + json.dumps(cats()))) == 3


class TestSkeleton:
    @pytest.mark.parametrize("name", sorted(SKELETONS))
    def test_known_names_in_any_order(self, name, tmp_path, seeded):
        joints = SKELETONS[name].joints
        mixed = seeded(3).permutation(len(joints))
        record = cats() | {"annotations": []}
        record["categories"] = [{"id": 1, "keypoints": [joints[p] for p in mixed]}]
        points = [v for p in mixed for v in (int(p), 10 * int(p), 2)]
        record["annotations"] = [annotation(1, 7, points)]
        (person,) = read(tmp_path, record)
        assert person.skeleton is SKELETONS[name]
        expected = [[p, 10 * p] for p in range(len(joints))]
        assert person.pose.joints_px.tolist() == expected

    def test_own(self, tmp_path):
        skeleton = read(tmp_path, cats())[0].skeleton
        assert skeleton.joints == ("nose", "left_ear", "right_ear")
        assert skeleton.limbs == (("nose", "left_ear"), ("nose", "right_ear"))
        assert skeleton.mirror.tolist() == [0, 2, 1]


STRICT = coco.Options(strict=True)


def first(record):
    return record["annotations"][0]


class TestBadFiles:
    @pytest.mark.parametrize(
        ("change", "words"),
        [
            (lambda r: r.pop("images"), "'images' is missing"),
            (lambda r: r.pop("categories"), "'categories' is missing"),
            (lambda r: r.update(annotations={}), "'annotations' is missing or no list"),
            (lambda r: r["images"].append(3), "'images' is missing or no list of obj"),
            (lambda r: first(r).pop("id"), "annotation number 1 has no 'id'"),
            (lambda r: first(r).update(id=True), "has True as 'id'"),
            (lambda r: first(r).update(id=2), "the annotation id 2 comes twice"),
            (lambda r: r["images"][1].update(id=7), "the image id 7 comes twice"),
            (lambda r: r["categories"].append(CAT), "the category id 1 comes twice"),
            (lambda r: first(r).update(image_id=8), "annotation 1 names the unknown image 8"),
            (lambda r: first(r).update(image_id=[7]), r"annotation 1 has \[7\] as 'image_id'"),
            (lambda r: first(r).update(category_id=2), "1 names the unknown category 2"),
            (lambda r: first(r)["keypoints"].pop(), "1 has 8 values as keypoints; expected 9"),
            (lambda r: first(r).update(keypoints=5), "annotation 1 has 5 as keypoints"),
            (lambda r: first(r)["keypoints"].__setitem__(2, 3), "v = 3; expected 0, 1 or 2"),
            (lambda r: first(r)["keypoints"].__setitem__(2, "2"), "v = '2'; expected 0, 1"),
            (lambda r: first(r)["keypoints"].__setitem__(0, float("nan")), "at .None, 20.; exp"),
            (lambda r: first(r)["keypoints"].__setitem__(0, 1e39), "expected two finite"),
            (lambda r: first(r)["keypoints"].__setitem__(0, 10**400), "a number of 401 digits"),
            (lambda r: first(r)["keypoints"].__setitem__(0, "9"), "at .'9', 20.; expected"),
            (lambda r: first(r).update(bbox=[1, 2, 3]), r"annotation 1 has the bbox \[1, 2, 3\]"),
            (lambda r: first(r).update(bbox=[1, 2, float("inf"), 4]), "finite numbers"),
            (lambda r: first(r).update(bbox=[1, 2, -3, 4]), "1 has the bbox"),
            (lambda r: r["images"][0].pop("file_name"), "image 7 has the file_name None"),
            (lambda r: r["images"][0].update(file_name=""), "image 7 has the file_name ''"),
            (lambda r: r["images"][0].update(file_name="\ud800.jpg"), "image 7 has the file_n"),
            (lambda r: r["images"][0].update(file_name=None), "file_name None; expected a"),
            (lambda r: r["categories"].append({"id": 2, "keypoints": ["x"]}), "1 and 2 have diff"),
            (lambda r: r.update(categories=[{"id": 1}]), "no category has keypoints"),
        ],
    )  # fmt: skip
    def test_sentence(self, change, words, tmp_path):
        with pytest.raises(UsageError, match=words) as error:
            read(tmp_path, changed(change), STRICT)
        assert "annotations.json" in str(error.value)

    @pytest.mark.parametrize("text", ["", "{", "[" * 100_000, "\x00"])
    def test_not_json(self, text, tmp_path):
        with pytest.raises(UsageError, match=r"annotations.json cannot be read"):
            read(tmp_path, text)

    def test_json_of_something_else(self, tmp_path):
        with pytest.raises(UsageError, match="expected a COCO keypoint file"):
            read(tmp_path, "[1, 2]")

    def test_no_file(self, tmp_path):
        (tmp_path / "images").mkdir()
        with pytest.raises(UsageError, match=r"has 0 .json files and none is annot.*CVAT, Label"):
            list(coco.read_people(tmp_path))

    def test_several_files(self, tmp_path):
        save(tmp_path, cats(), name="one.json", images=False)
        with pytest.raises(UsageError, match=r"has 2 .json files"):
            read(tmp_path, cats(), name="two.json")

    def test_no_images(self, tmp_path):
        (tmp_path / "annotations.json").write_text(json.dumps(cats()))
        with pytest.raises(UsageError, match="3 images missing; the first was looked for at") as e:
            datasets.convert("coco", tmp_path / "out", src=str(tmp_path))
        assert str(tmp_path / "images" / "a.jpg") in str(e.value)

    @pytest.mark.parametrize("name", [".", "a\0.jpg"])
    def test_no_name(self, name, tmp_path):
        record = changed(lambda r: r["images"][1].update(file_name=name))
        with pytest.raises(UsageError, match="image 9 has the file_name"):
            read(tmp_path, record, STRICT)

    @pytest.mark.parametrize("name", ["../secret.jpg", "/etc/secret.jpg", "b/../../secret.jpg"])
    def test_name_that_leaves_the_folder(self, name, tmp_path):
        """Nothing outside is ever opened: the image is missing."""
        save_image(tmp_path / "secret.jpg")
        source = save(tmp_path / "src", cats())
        record = changed(lambda r: r["images"][1].update(file_name=name))
        save(source, record, images=False)
        manifest = datasets.convert("coco", tmp_path / "out", src=str(source))
        (missing,) = manifest.report["left_out"]["images missing"]
        assert missing.startswith("coco/") and missing.endswith("secret.jpg#3")
        (warning,) = [note for note in manifest.report["notes"] if "looked for" in note]
        assert str(source / "images") in warning


class TestAFewWrongRecords:
    def test_the_others_are_read(self, tmp_path):
        report = Report()
        record = changed(lambda r: first(r)["keypoints"].pop())
        assert [p.id for p in read(tmp_path, record, report=report)] == [
            "coco/a.jpg#2",
            "coco/b/b.jpg#3",
        ]
        (named,) = report.left_out["wrong records"]
        assert named.startswith("annotation 1 (annotation 1 has 8 values as keypoints")

    def test_too_many_are_refused(self, tmp_path):
        def break_two(record):
            for a in record["annotations"][:2]:
                a["keypoints"].pop()

        with pytest.raises(UsageError, match=r"8 values as keyp.* .and 1 more wrong records.$"):
            read(tmp_path, changed(break_two))

    def test_an_image_without_a_name(self, tmp_path):
        report = Report()
        record = changed(lambda r: r["images"][1].pop("file_name"))
        assert len(read(tmp_path, record, report=report)) == 2
        assert report.left_out["wrong records"] == [
            "annotation 3 (image 9 has the file_name None; expected a file's name)"
        ]


class TestNothingAnnotated:
    @pytest.mark.parametrize("keypoints", [[], None, [0] * 9, [None] * 9, [5, 6, None] * 3])
    def test_keypoints(self, keypoints, tmp_path):
        record = changed(lambda r: first(r).update(keypoints=keypoints, bbox=[0, 0, 0, 0]))
        one, *others = read(tmp_path, record)
        assert not one.pose.present.any() and len(others) == 2

    def test_without_the_key(self, tmp_path):
        people = read(tmp_path, changed(lambda r: first(r).pop("keypoints")))
        assert not people[0].pose.present.any()

    @pytest.mark.parametrize("empty", [[], None])
    @pytest.mark.parametrize("place", [0, 1])
    def test_category_without_keypoints(self, empty, place, tmp_path):
        """As CVAT writes a label that is no skeleton, before or after the one that is."""
        table = {"id": 5, "name": "table", "keypoints": empty, "skeleton": []}
        record = changed(lambda r: r["categories"].insert(place, table))
        assert len(read(tmp_path, record)) == 3

    def test_keypoints_of_a_category_that_names_none(self, tmp_path):
        """They would be lost without a word."""

        def forget(record):
            record["categories"].append({"id": 2, "name": "dog"})
            record["annotations"][0]["category_id"] = 2
            record["annotations"].append(annotation(9, 7, [0] * 9) | {"category_id": 2})

        report = Report()
        assert len(read(tmp_path, changed(forget), report=report)) == 2
        (named,) = report.left_out["wrong records"]
        assert "annotation 1 has keypoints, but its category 2 names none" in named

    def test_images_without_annotations_are_counted(self, tmp_path):
        def add(record):
            record["images"] += [{"id": n, "file_name": f"{n}.jpg"} for n in (50, 51)]

        report = Report()
        assert read(tmp_path, changed(add), report=report)
        assert "2 images without annotated keypoints, of which nothing is learned" in report.notes

    def test_nan_as_tables_write_gaps(self, tmp_path):
        """json.dump of a table writes NaN for what is missing; the file was refused."""
        gap = float("nan")
        points = [9, 9, 2, gap, gap, gap, gap, gap, 0]
        gaps = dict.fromkeys(("bbox", "iscrowd", "area", "segmentation"), gap)

        def change(record):
            first(record).update(gaps, keypoints=points)
            record["images"][0].update(width=gap, height=gap)

        person, *_ = read(tmp_path, changed(change), STRICT)
        assert person.pose.state.tolist() == [2, 0, 0] and person.bbox is None
        assert person.excluded is None and person.annotated_size is None

    def test_positions_that_are_not_read(self, tmp_path):
        """Some tools write v = 0 for what is hidden; here it is not annotated."""
        report = Report()
        points = [9, 9, 2, 19, 19, 0, 12, 15, 2]
        record = changed(lambda r: first(r).update(keypoints=points))
        assert read(tmp_path, record, report=report)[0].pose.state.tolist() == [2, 0, 2]
        (note,) = [note for note in report.notes if "v = 0" in note]
        assert "1 object with positions of joints with v = 0" in note and note.endswith("#1")

    def test_nothing_but_positions_that_are_not_read(self, tmp_path):
        """The sentence that ends the conversion says why nobody is left."""

        def hide(record):
            for one in record["annotations"]:
                one["keypoints"] = [9, 9, 0, 19, 19, 0, 12, 15, 0]

        source = save(tmp_path / "src", changed(hide))
        with pytest.raises(UsageError, match=r"without any joint; .* v = 1, a visible one 2: "):
            datasets.convert("coco", tmp_path / "out", str(source))


class TestFlags:
    @pytest.mark.parametrize("crowd", [0, 0.0, False, None, "0", "false", ""])
    def test_no_crowd(self, crowd, tmp_path):
        record = changed(lambda r: first(r).update(iscrowd=crowd))
        assert read(tmp_path, record)[0].excluded is None

    @pytest.mark.parametrize("crowd", [1, 1.0, True, "1", "True"])
    def test_crowd(self, crowd, tmp_path):
        record = changed(lambda r: first(r).update(iscrowd=crowd, keypoints="of many"))
        assert read(tmp_path, record)[0].excluded == coco.CROWDS

    def test_neither(self, tmp_path):
        report = Report()
        record = changed(lambda r: first(r).update(iscrowd="perhaps"))
        assert len(read(tmp_path, record, report=report)) == 2
        assert "'perhaps' as iscrowd; expected 0 or 1" in report.left_out["wrong records"][0]


class TestSizes:
    """The images have 60 x 50 pixels (height x width)."""

    @pytest.mark.parametrize(
        "size, words",
        [
            ({"width": 100}, "50 x 60 pixels, annotated in 100 x .: take"),
            ({"height": "120.0"}, r"annotated in \? x 120"),
            ({"width": 100.4, "height": 119.6}, "annotated in 100 x 120: take the images"),
            ({"width": 60, "height": 50}, "or exchange width and height in the file"),
        ],
    )
    def test_another_size(self, size, words, tmp_path):
        source = save(tmp_path / "src", changed(lambda r: [i.update(size) for i in r["images"]]))
        with pytest.raises(UsageError, match="3 images of another size.*" + words):
            datasets.convert("coco", tmp_path / "out", str(source))

    @pytest.mark.parametrize(
        "size", [{}, {"width": 0}, {"width": "wide"}, {"width": 51, "height": "59"}, {"width": 50}]
    )
    def test_the_same_or_unknown(self, size, tmp_path):
        source = save(tmp_path / "src", changed(lambda r: [i.update(size) for i in r["images"]]))
        manifest = datasets.convert("coco", tmp_path / "out", str(source))
        assert not manifest.report["left_out"]
        assert not any("EXIF" in note for note in manifest.report["notes"])

    @pytest.mark.parametrize("orientation, size", [(3, (60, 50)), (6, None), (2, (60, 50))])
    def test_turned_by_exif_data_and_nobody_knows_which_was_annotated(
        self, orientation, size, tmp_path
    ):
        record = cats()
        source = save(tmp_path / "src", record)
        exif = Image.Exif()
        exif[0x0112] = orientation
        path = source / "images" / "a.jpg"
        Image.open(path).save(path, exif=exif)
        if size:
            record["images"][0] |= {"height": size[0], "width": size[1]}
        save(source, record, images=False)
        manifest = datasets.convert("coco", tmp_path / "out", str(source))
        (note,) = [note for note in manifest.report["notes"] if "EXIF" in note]
        assert "2 objects in images that EXIF data turns" in note and "a.jpg#1" in note


class TestSplits:
    def test_folders_that_are_alike_but_for_their_splits(self, tmp_path):
        record = cats()
        record["images"][0]["file_name"] = "cats_train/a.jpg"
        record["images"][1]["file_name"] = "cats_test/b.jpg"
        people = read(tmp_path, record)
        assert [p.origin.official_split for p in people] == ["train", "train", "test"]

    def test_names_of_files_are_warned_of(self, tmp_path):
        record, report = cats(), Report()
        record["images"][1]["file_name"] = "val_7.jpg"
        assert read(tmp_path, record, report=report)[2].origin.official_split is None
        (note,) = [note for note in report.notes if "split" in note]
        assert "1 image named after a split, but in no folder of that name" in note


class TestIds:
    def test_texts(self, tmp_path):
        def rename(record):
            for image in record["images"]:
                image["id"] = f"i{image['id']}"
            for n, a in enumerate(record["annotations"]):
                a.update(id="abc"[n], image_id=f"i{a['image_id']}", category_id="1")

        people = read(tmp_path, changed(rename))
        assert [p.id for p in people] == ["coco/a.jpg#a", "coco/a.jpg#b", "coco/b/b.jpg#c"]
        assert people[2].origin == Origin("coco", "b/b.jpg", 3, "b/b.jpg", image="i9")

    def test_an_image_under_two_ids_is_one(self, tmp_path):
        def split(record):
            record["images"].append({"id": 8, "file_name": "./a.jpg"})
            record["annotations"][1]["image_id"] = 8

        report = Report()
        one, two, _ = read(tmp_path, changed(split), report=report)
        assert (one.id, two.id) == ("coco/a.jpg#1", "coco/a.jpg#2")
        assert [p.joints_px[0].tolist() for p in one.others] == [[30, 31]]
        assert [p.joints_px[0].tolist() for p in two.others] == [[10.5, 20]]
        assert any("1 image listed under several ids" in note for note in report.notes)

    def test_a_person_annotated_under_both_is_kept_once(self, tmp_path):
        def repeat(record):
            record["images"].append({"id": 8, "file_name": "a.jpg"})
            again = copy.deepcopy(record["annotations"][0]) | {"id": 4, "image_id": 8}
            record["annotations"].append(again)

        report = Report()
        people = read(tmp_path, changed(repeat), report=report)
        assert len(people) == 3 and [len(p.others) for p in people] == [1, 1, 0]
        assert report.left_out["annotated twice"] == ["coco/a.jpg#4"]

    def test_a_person_annotated_twice_in_one_image_is_kept_once(self, tmp_path):
        def repeat(record):
            record["annotations"].append(copy.deepcopy(first(record)) | {"id": 4})

        report = Report()
        people = read(tmp_path, changed(repeat), report=report)
        assert len(people) == 3 and [len(p.others) for p in people] == [1, 1, 0]
        assert report.left_out["annotated twice"] == ["coco/a.jpg#4"]

    def test_nearly_twice_is_warned_of(self, tmp_path):
        def repeat(record):
            points = [10.5, 20.1, 2, 12, 25.1, 1, 0, 0, 0]
            record["annotations"].append(annotation(4, 7, points))

        report = Report()
        assert len(read(tmp_path, changed(repeat), report=report)) == 4
        (note,) = [note for note in report.notes if "nearly where" in note]
        assert "1 object nearly where another one" in note and note.endswith("coco/a.jpg#4")

    def test_links_are_joined_and_copies_named(self, tmp_path):
        record, report = cats(), Report()
        record["images"][1]["file_name"] = "hard.jpg"
        record["images"].append({"id": 10, "file_name": "val/copy.jpg"})
        record["annotations"].append(annotation(4, 10, [40, 41, 2, 42, 43, 2, 44, 45, 2]))
        images = tmp_path / "images"
        save_image(images / "a.jpg")
        (images / "val").mkdir()
        (images / "val" / "copy.jpg").write_bytes((images / "a.jpg").read_bytes())
        (images / "hard.jpg").hardlink_to(images / "a.jpg")
        people = read(tmp_path, record, report=report)
        assert [len(p.others) for p in people] == [2, 2, 2, 0]
        assert len({p.origin.group for p in people[:3]}) == 1  # so that they share a split
        notes = " ".join(report.notes)
        assert "joined: a.jpg = hard.jpg" in notes
        assert (
            "copies of 1 image are taken for different images, also" in notes
            and "scores are too good" in notes
        )


class TestConversion:
    def test_what_is_left_out_is_counted(self, tmp_path):
        """Crowds, people without joints; missing, truncated, huge and foreign images."""

        def add(record):
            for id, name in enumerate(["none", "half", "huge", "text"], start=20):
                record["images"].append({"id": id, "file_name": f"{name}.jpg"})
                points = [9, 9, 2, 19, 19, 2, 12, 15, 2]
                record["annotations"].append(annotation(id, id, points))
            crowd = {"id": 11, "image_id": 7, "category_id": 1, "iscrowd": 1}
            record["annotations"].append(crowd | {"bbox": [0, 0, 50, 60]})
            record["annotations"].append(annotation(12, 7, [0] * 9))

        source = save(tmp_path / "src", changed(add))
        images = source / "images"
        (images / "none.jpg").unlink()
        (images / "half.jpg").write_bytes((images / "half.jpg").read_bytes()[:700])
        save_image(images / "huge.jpg", size=(100, 90))
        (images / "text.jpg").write_text("<html>404</html>")
        manifest = datasets.convert(
            "coco", tmp_path / "out", str(source), Conversion(storage=Storage(max_pixels=8999))
        )
        left_out = manifest.report["left_out"]
        assert left_out["crowds"] == ["coco/a.jpg#11"]
        assert left_out["without any joint"] == ["coco/a.jpg#12"]
        assert left_out["images missing"] == ["coco/none.jpg#20"]
        unreadable = left_out["images unreadable"]
        assert [text.split()[0] for text in unreadable] == [
            "coco/half.jpg#21",
            "coco/huge.jpg#22",
            "coco/text.jpg#23",
        ]
        assert "90 x 100 pixels; at most 8999 are read" in unreadable[1]
        assert "--max_pixels=8999" in manifest.remake
        kept = stored(tmp_path / "out", "train") + stored(tmp_path / "out", "validation")
        assert ids(kept) == ["coco/a.jpg#1", "coco/a.jpg#2", "coco/b/b.jpg#3"]
        # Neither the crowd nor the one without joints is among the others.
        (one,) = [f for f in kept if f["id"].numpy() == b"coco/a.jpg#1"]
        assert one["state"].shape == (2, 3)

    def test_huge_image_is_read_if_allowed(self, tmp_path):
        record = cats() | {"annotations": [annotation(3, 9, [40, 41, 2] * 3)]}
        source = save(tmp_path / "src", record)

        def convert(name, max_pixels):
            storage = Storage(longest_side_px=0, max_pixels=max_pixels)
            datasets.convert("coco", tmp_path / name, str(source), Conversion(storage=storage))

        with pytest.raises(UsageError, match="1 images unreadable"):
            convert("a", 2999)
        convert("b", 3000)


def how_to_blocks():
    """The Python block of own_data.md that makes a COCO file, and the commands from cats on."""
    text = (ROOT / "docs/howto/own_data.md").read_text(encoding="utf-8")
    fenced = re.DOTALL | re.MULTILINE
    (example,) = re.findall(r"^```python\n(import json\n.*?)^```", text, fenced)
    (commands,) = re.findall(r"^```sh\n(python docs/howto/cats.*?)^```", text, fenced)
    return example, [line for line in commands.splitlines() if line]


@pytest.fixture
def photos(tmp_path, monkeypatch):
    """An empty folder in which the example of own_data.md was run on small images."""
    example, _ = how_to_blocks()
    monkeypatch.chdir(tmp_path)
    for seed, name in enumerate(re.findall(r'"([\w/]+\.jpg)"', example)):
        save_image(tmp_path / "photos" / "images" / name, seed, size=(96, 110))
    exec(compile(example, "own_data.md", "exec"), {})
    return tmp_path


class TestHowTo:
    def test_is_short(self):
        example, _ = how_to_blocks()
        assert len([line for line in example.splitlines() if line.strip()]) <= 20

    def test_makes_what_it_says(self, photos):
        datasets.convert("coco", "data/photos", src="photos")
        skeleton = read_manifest("data/photos").skeleton
        assert skeleton.joints == ("nose", "left_ear", "right_ear", "tail")
        assert skeleton.limbs[2] == ("nose", "tail")
        train, validation = (stored("data/photos", s) for s in ("train", "validation"))
        assert ids(train) == ["coco/tom.jpg#0", "coco/two.jpg#1", "coco/two.jpg#2"]
        assert ids(validation) == ["coco/validation/kit.jpg#3"]
        (kit,) = validation
        assert kit["state"].numpy().tolist() == [[2, 2, 2, 0]]
        np.testing.assert_array_equal(kit["joints_px"][0], [[44, 61], [55, 48], [33, 47], [0, 0]])
        assert kit["size"].numpy().tolist() == [96, 110]
        (two,) = [f for f in train if f["id"].numpy() == b"coco/two.jpg#1"]
        assert two["state"].numpy().tolist() == [[2, 2, 0, 0], [2, 0, 0, 2]]

    @pytest.mark.thorough
    def test_its_commands_run(self, tmp_path):
        """As they stand, but with few cats, a network that is tiny, and two steps of training."""
        tiny = ["--width=0.1", "--image_size=48", "--batch_size=2", "--steps=2", "--stages=2"]
        fewer = {
            "--count=80": "--count=8",
            "--validation=20": "--validation=3",
            "--count=40": "--count=4",
        }
        _, commands = how_to_blocks()
        assert len(commands) == 8
        for command in commands:
            _, script, *flags = command.split()
            flags = [fewer.get(flag, flag) for flag in flags]
            if script == "bin/train.py":
                flags += tiny
            done = call(ROOT / script, *flags, cwd=tmp_path)
            assert done.returncode == 0, done.stderr
        # The last command scores what was found in the new images.
        assert "| pck_box@0.1 |" in done.stdout and "4 of the 4 objects of data/new" in done.stdout
        record = json.loads((tmp_path / "runs/photos/eval/validation.json").read_text())
        assert list(record["metrics"]["pck_box@0.1"]["per_joint"]) == [
            *("nose", "left_ear", "right_ear", "left_paw", "right_paw", "tail")
        ]
