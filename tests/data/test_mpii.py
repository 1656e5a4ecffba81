"""The reader of MPII, on files of the official nesting, degenerate ones too, and on real ones."""

import os
import re
from pathlib import Path

import numpy as np
import pytest
import scipy.io
from PIL import Image

from cpm.data import datasets, matlab, mpii
from cpm.data.datasets import Conversion
from cpm.data.examples import parse_example
from cpm.data.manifest import read_manifest
from cpm.data.old_records import origin_of
from cpm.data.person import Origin
from cpm.data.records import read_shard
from cpm.data.report import compare, table
from cpm.errors import UsageError
from cpm.skeleton import ABSENT, OCCLUDED, VISIBLE
from tests.helpers.matlab_files import EMPTY, struct_array
from tests.helpers.scripts import ROOT, call
from tests.helpers.small_data_sets import smooth_image

REAL = Path(os.environ.get("CPM_DATA", ROOT.parent / "shared" / "data"))
RECTANGLE = {"x1": 20.0, "y1": 5.0, "x2": 50.0, "y2": 45.0}  # a diagonal of 50


def points(*records):
    """`annopoints` of some points."""
    return struct_array([{"point": struct_array(records)}])


def point(joint, x, y, **fields):
    return {"x": x, "y": y, "id": np.uint8(joint), **fields}


def person(*joints, **fields):
    """One element of `annorect` with a scale, a center and a head rectangle."""
    center = struct_array([{"x": np.uint8(40), "y": np.uint8(50)}])
    joints = joints or (point(0, 10.5, 20, is_visible=np.uint8(1)),)
    return {
        **RECTANGLE,
        "annopoints": points(*joints),
        "scale": 0.25,
        "objpos": center,
    } | fields


def entry(name, *people, **fields):
    """One element of `annolist`."""
    image = struct_array([{"name": name}])
    return {
        "image": image,
        "annorect": struct_array(people) if people else EMPTY,
        **fields,
    }


def cells(values):
    """A cell array, N x 1."""
    array = np.empty((len(values), 1), object)
    for row, value in zip(array, values, strict=True):
        row[0] = value
    return array


def save(folder, entries, train=None, single=None, **fields):
    """Writes the MATLAB file with everything that the official one holds."""
    folder.mkdir(parents=True, exist_ok=True)
    count = len(entries)
    activity = {"cat_name": "sports", "act_name": "skiing", "act_id": np.uint16(1)}
    release = {
        "annolist": struct_array(entries),
        "img_train": np.array([train or [1] * count], np.uint8),
        "version": "12",
        "single_person": cells(single or [EMPTY] * count),
        "act": struct_array([activity] * count).T,
        "video_list": cells(["8G4P6Zc"]).T,
    } | fields
    release = {name: value for name, value in release.items() if value is not None}
    content = {"RELEASE": struct_array([release])}
    scipy.io.savemat(folder / mpii.FILE, content, do_compression=True)


def read(folder, *entries, **fields):
    save(folder, entries, **fields)
    return list(mpii.read_people(folder))


def read_one(folder, *joints, **fields):
    """The only person of the only image."""
    (found,) = read(folder, entry("1.jpg", person(*joints, **fields)))
    return found


class TestPerson:
    def test_everything(self, tmp_path):
        found = read_one(
            tmp_path,
            point(0, np.uint16(610), np.uint8(9), is_visible=np.uint8(1)),
            point(9, 33.25, 44.5, is_visible=EMPTY),
            point(15, np.uint8(7), np.uint16(300), is_visible=np.uint8(0)),
        )
        assert found.id == "mpii/1-1" and found.skeleton.name == "mpii16"
        assert found.image == str(tmp_path / "images" / "1.jpg")
        assert found.center_px == (39, 49) and found.scale == 0.25
        assert found.head_size_px == pytest.approx(0.6 * 50, rel=1e-12)
        expected = np.zeros([16, 2], np.float32)
        expected[0], expected[9], expected[15] = (609, 8), (32.25, 43.5), (6, 299)
        np.testing.assert_array_equal(found.pose.joints_px, expected)
        state = np.full(16, ABSENT)
        state[[0, 9, 15]] = VISIBLE, VISIBLE, OCCLUDED
        np.testing.assert_array_equal(found.pose.state, state)

    def test_others_are_everybody_else_with_a_joint(self, tmp_path):
        people = [person(point(joint, 5 + joint, 9)) for joint in range(3)]
        people.append(person(annopoints=EMPTY))
        found = read(tmp_path, entry("1.jpg", *people))
        assert [p.id for p in found] == [f"mpii/1-{k}" for k in (1, 2, 3, 4)]
        seen = [[int(o.state.argmax()) for o in p.others] for p in found]
        assert seen == [[1, 2], [0, 2], [0, 1], [0, 1, 2]]

    def test_test_half_says_so_in_its_id(self, tmp_path):
        bare = {"scale": 2.5, "objpos": struct_array([{"x": 5.0, "y": 6.0}])}
        people = read(tmp_path, entry("1.jpg", bare), entry("2.jpg", person()), train=[0, 1])
        assert [p.id for p in people] == ["mpii/test-1-1", "mpii/2-1"]
        assert not people[0].pose.present.any() and people[0].scale == 2.5

    def test_single_person(self, tmp_path):
        entries = [entry("1.jpg", person(), person()), entry("2.jpg", person())]
        save(tmp_path, entries, single=[np.array([[2]], np.uint8), EMPTY])
        (found,) = mpii.read_people(tmp_path, single_person=True)
        assert found.id == "mpii/1-2" and len(found.others) == 1

    def test_an_image_listed_twice_gives_no_id_twice(self, tmp_path):
        people = read(tmp_path, entry("1.jpg", person(), person()), entry("1.jpg", person()))
        assert [p.id for p in people] == ["mpii/1-1", "mpii/1-2", "mpii/1-3"]

    def test_origin(self, tmp_path):
        entries = entry("000004812.jpg", person(), person()), entry("7.jpg", person())
        people = read(tmp_path, *entries, train=[1, 0])
        assert [found.origin for found in people] == [
            Origin("mpii", "000004812.jpg", 1, "000004812.jpg", "train"),
            Origin("mpii", "000004812.jpg", 2, "000004812.jpg", "train"),
            Origin("mpii", "7.jpg", 1, "7.jpg", "test"),
        ]
        assert [found.origin for found in people] == [origin_of(p.id) for p in people]

    def test_the_official_archive_s_folder(self, tmp_path):
        save(tmp_path / mpii.UNPACKED, [entry("1.jpg", person())])
        (found,) = mpii.read_people(tmp_path)
        assert found.image == str(tmp_path / "images" / "1.jpg")


def test_ids_there_and_back():
    for train in (True, False):
        for person_in in (("000004812.jpg", 1), ("a-7.jpg", 12)):
            origin = origin_of(mpii.person_id(*person_in, train))
            assert (origin.image_name, origin.number) == person_in
            assert origin.official_split == ("train" if train else "test")


class TestDegenerateEntries:
    """What the real file has, beside the entries that all guides describe."""

    @pytest.mark.parametrize("nobody", [EMPTY, "", np.empty((1, 0), [("x1", object)])])
    def test_nobody(self, nobody, tmp_path):
        first = entry("1.jpg", annorect=nobody)
        (found,) = read(tmp_path, first, entry("2.jpg", person()))
        assert found.id == "mpii/2-1"

    def test_no_field_annorect_at_all(self, tmp_path):
        first = entry("1.jpg")
        del first["annorect"]
        assert read(tmp_path, first) == []

    @pytest.mark.parametrize(
        "annopoints",
        [
            EMPTY,
            "",
            struct_array([{"point": EMPTY}]),
            struct_array([{"other": 1.0}]),
            np.empty((1, 0), [("point", object)]),
        ],
    )
    def test_empty_annopoints(self, annopoints, tmp_path):
        found = read_one(tmp_path, annopoints=annopoints)
        assert not found.pose.present.any() and found.scale == 0.25

    def test_no_field_annopoints(self, tmp_path):
        alone = person()
        del alone["annopoints"]
        (found,) = read(tmp_path, entry("1.jpg", alone))
        assert not found.pose.present.any()

    @pytest.mark.parametrize(
        ("value", "state"),
        [
            (None, VISIBLE),  # no such field
            (EMPTY, VISIBLE),
            ("", VISIBLE),
            (" ", VISIBLE),
            (np.uint8(1), VISIBLE),
            (1.0, VISIBLE),
            ("1", VISIBLE),
            (np.uint8(0), OCCLUDED),
            (0.0, OCCLUDED),
            ("0", OCCLUDED),
        ],
    )
    def test_is_visible(self, value, state, tmp_path):
        fields = {} if value is None else {"is_visible": value}
        found = read_one(tmp_path, point(3, 4.0, 5.0, **fields))
        assert found.pose.state.tolist() == [0] * 3 + [state] + [0] * 12

    @pytest.mark.parametrize("name", ["scale", "objpos", "x1", "y2"])
    @pytest.mark.parametrize("value", [None, EMPTY, ""])
    def test_missing(self, name, value, tmp_path):
        alone = person()
        del alone[name]
        if value is not None:
            alone[name] = value
        (found,) = read(tmp_path, entry("1.jpg", alone))
        assert (found.scale is None) == (name == "scale")
        assert (found.center_px is None) == (name == "objpos")
        assert (found.head_size_px is None) == (name in ("x1", "y2"))
        assert found.pose.present.any()

    def test_scale_missing_for_one_of_two(self, tmp_path):
        one, two = person(), person()
        del two["scale"]
        people = read(tmp_path, entry("1.jpg", one, two))
        assert [p.scale for p in people] == [0.25, None]

    @pytest.mark.parametrize("objpos", [{"x": EMPTY, "y": 3.0}, {"y": 3.0}])
    def test_half_an_objpos(self, objpos, tmp_path):
        found = read_one(tmp_path, objpos=struct_array([objpos]))
        assert found.center_px is None

    @pytest.mark.parametrize("sizes", [{"x2": 20.0, "y2": 5.0}, {"scale": 0.0}])
    def test_sizes_of_zero(self, sizes, tmp_path):
        found = read_one(tmp_path, **sizes)
        assert (found.scale is None) == ("scale" in sizes)
        assert (found.head_size_px is None) == ("x2" in sizes)

    @pytest.mark.parametrize("value", [EMPTY, np.nan, ""])
    def test_joint_without_a_position(self, value, tmp_path):
        found = read_one(tmp_path, point(3, value, 5.0), point(4, 6.0, 7.0))
        assert np.flatnonzero(found.pose.state).tolist() == [4]

    def test_joint_outside_the_image(self, tmp_path):
        found = read_one(tmp_path, point(3, np.int16(-12), np.uint16(9000)))
        assert found.pose.joints_px[3].tolist() == [-13, 8999]
        assert found.pose.state[3] == VISIBLE

    def test_small_unsigned_types(self, tmp_path):
        """200 - 250 is 206 in uint8, and 1 - 2 is 255."""
        rectangle = dict(
            zip(("x1", "y1", "x2", "y2"), map(np.uint8, (250, 2, 200, 1)), strict=True)
        )
        rectangle["y2"] = np.uint16(1)
        found = read_one(tmp_path, point(3, np.uint8(0), np.uint16(1)), **rectangle)
        assert found.head_size_px == pytest.approx(0.6 * np.hypot(50, 1), rel=1e-12)
        assert found.pose.joints_px[3].tolist() == [-1, 0]

    def test_cell_arrays_instead_of_structure_arrays(self, tmp_path):
        joints = point(0, 10.0, 20.0), point(7, 30.0, 40.0)
        listed = person(annopoints={"point": list(joints)})
        entries = [
            entry("1.jpg", person(*joints)),
            {"image": {"name": "2.jpg"}, "annorect": [listed, listed]},
        ]
        people = read(tmp_path, *entries, annolist=cells(entries))
        assert [p.id for p in people] == ["mpii/1-1", "mpii/2-1", "mpii/2-2"]
        for other in people[1:]:
            np.testing.assert_array_equal(people[0].pose.joints_px, other.pose.joints_px)

    def test_one_structure_instead_of_a_list(self, tmp_path):
        alone = person(annopoints={"point": point(5, 6.0, 7.0)})
        only = {"image": {"name": "1.jpg"}, "annorect": alone}
        (found,) = read(tmp_path, only, annolist=only)
        assert found.pose.joints_px[5].tolist() == [5, 6] and found.others == ()


class TestBadFiles:
    def test_no_file(self, tmp_path):
        with pytest.raises(UsageError, match=f"has no {mpii.FILE}; expected"):
            list(mpii.read_people(tmp_path))

    def test_not_matlab(self, tmp_path):
        (tmp_path / mpii.FILE).write_bytes(b"x" * 500)
        with pytest.raises(UsageError, match="not a MATLAB file that SciPy reads"):
            list(mpii.read_people(tmp_path))

    def test_truncated(self, tmp_path):
        save(tmp_path, [entry("1.jpg", person())])
        content = (tmp_path / mpii.FILE).read_bytes()
        (tmp_path / mpii.FILE).write_bytes(content[: len(content) // 2])
        with pytest.raises(UsageError, match="download it again"):
            list(mpii.read_people(tmp_path))

    def test_another_file(self, tmp_path):
        scipy.io.savemat(tmp_path / mpii.FILE, {"joints": np.zeros(3)})
        with pytest.raises(UsageError, match="holds no structure RELEASE"):
            list(mpii.read_people(tmp_path))

    @pytest.mark.parametrize(
        "fields",
        [
            {"img_train": np.ones((1, 2))},
            {"img_train": None},
            {"single_person": None},
            {"annolist": EMPTY},
        ],
    )
    def test_lists_of_different_lengths(self, fields, tmp_path):
        with pytest.raises(UsageError, match="expected as many of each"):
            read(tmp_path, entry("1.jpg", person()), **fields)

    @pytest.mark.parametrize("name", ["../1.jpg", "/etc/passwd", "a/../../1.jpg", "."])
    def test_names_that_leave_the_folder(self, name, tmp_path):
        with pytest.raises(UsageError, match="which is not inside"):
            read(tmp_path, entry(name, person()))

    @pytest.mark.parametrize(
        ("bad", "sentence"),
        [
            (entry("", person()), "people, but no image.name"),
            (entry("1.jpg", person(), image=EMPTY), "people, but no image.name"),
            (entry("1.jpg", person(point(16, 1, 1))), "id 16.0, expected 0 to 15"),
            (entry("1.jpg", person({"x": 1.0, "y": 1.0})), "id None"),
            (entry("1.jpg", person(scale="tall")), "a number, found 'tall'"),
            (entry("1.jpg", person(scale=np.ones(2))), "one value, found 2"),
            (entry(np.ones(1), person()), "expected a text, found '1.0'"),
        ],
    )
    def test_values_of_another_kind(self, bad, sentence, tmp_path):
        sentence = f"entry 2 of annolist.*{re.escape(sentence)}.*download"
        with pytest.raises(UsageError, match=sentence):
            read(tmp_path, entry("2.jpg", person()), bad)


class TestConversion:
    """Images: one for validation, two for training, one of the test half; two are lost."""

    @pytest.fixture
    def folder(self, tmp_path):
        listed = entry("005808361.jpg", person(), person(point(2, 30, 30)))
        pair = entry("2.jpg", person(), person(point(2, 500, 30), is_visible="0"))
        unscaled = person(annopoints=points(point(9, 20.0, 21.0)), scale=EMPTY)
        entries = [listed, pair, entry("3.jpg", unscaled), entry("4.jpg", person())]
        entries += [entry("missing.jpg", person()), entry("cut.jpg", person())]
        entries += [entry("empty.jpg")]
        folder = tmp_path / "mpii"
        single = [EMPTY, EMPTY, np.array([[1]], np.uint8), *[EMPTY] * 4]
        save(folder, entries, train=[1, 1, 1, 0, 1, 1, 1], single=single)
        (folder / "images").mkdir()
        for name in ("005808361", "2", "3", "4", "cut"):
            image = Image.fromarray(smooth_image(60, 80))
            image.save(folder / "images" / f"{name}.jpg", quality=90)
        cut = folder / "images" / "cut.jpg"
        cut.write_bytes(cut.read_bytes()[:300])
        return folder

    def test_records_and_report(self, folder, tmp_path):
        out = tmp_path / "out"
        manifest = datasets.convert("mpii", out, src=folder)
        assert {split: manifest.people(split) for split in manifest.splits} == {
            "train": 3,
            "validation": 1,
            "test": 1,
        }
        left_out = manifest.report["left_out"]
        assert left_out["in no split of this rule"] == ["mpii/005808361-2"]
        assert left_out["images missing"] == ["mpii/missing-1"]
        (unreadable,) = left_out["images unreadable"]
        assert unreadable.startswith("mpii/cut-1 (")
        assert manifest.report["splits"]["train"]["outside"] == 1
        assert "1 in no split of this rule: mpii/005808361-2" in table(manifest.report)
        assert compare(manifest.report, mpii.KNOWN_PEOPLE["development"]) == (
            "train: 3 people, 22,246 are known: 22,243 fewer; 1 of the 3 has no scale\n"
            "validation: 1 people, 2,958 are known: 2,957 fewer"
        )
        assert read_manifest(out, verify=True).skeleton.name == "mpii16"

    def test_script_compares_with_the_known_counts(self, folder, tmp_path):
        options = "--dataset=mpii", f"--src={folder}", f"--out={tmp_path / 'out'}"
        done = call("convert.py", *options)
        assert done.returncode == 0, done.stderr
        assert "validation: 1 people, 2,958 are known: 2,957 fewer" in done.stdout

    def test_record_of_a_validation_person(self, folder, tmp_path):
        datasets.convert("mpii", tmp_path / "out", src=folder)
        (shard,) = (tmp_path / "out").glob("validation-*")
        (serialized,) = read_shard(str(shard))
        fields = parse_example(serialized, 16)
        assert fields["id"].numpy() == b"mpii/005808361-1"
        assert fields["center_px"].numpy().tolist() == [39, 49]
        assert fields["scale"].numpy().tolist() == [0.25]
        np.testing.assert_allclose(fields["head_size_px"], [30], rtol=1e-6)
        # The other person of the image is kept for the first stage's target.
        assert fields["joints_px"].shape == (2, 16, 2)
        assert fields["joints_px"][0, 0].numpy().tolist() == [9.5, 19]
        assert fields["joints_px"][1, 2].numpy().tolist() == [29, 29]

    def test_single_person(self, folder, tmp_path):
        manifest = datasets.convert(
            "mpii", tmp_path / "out", folder, Conversion(single_person=True)
        )
        assert manifest.people("train") == 1 and "--single_person" in manifest.remake
        assert not manifest.report["left_out"]

    def test_single_person_is_of_mpii(self, folder, tmp_path):
        with pytest.raises(UsageError, match=r"--single_person.*'lsp' has none"):
            datasets.convert("lsp", tmp_path / "out", folder, Conversion(single_person=True))


class TestRealData:
    """The 2,958 validation people: MPII's own annolist, and the same as plain arrays."""

    @pytest.fixture(scope="class")
    def folder(self):
        if not (REAL / "mpii" / "detections.mat").exists():
            pytest.skip(f"no mpii in {REAL}; name its parent folder in $CPM_DATA")
        return REAL / "mpii"

    @pytest.fixture(scope="class")
    def content(self, folder):
        return matlab.load(folder / "detections.mat")

    @pytest.fixture(scope="class")
    def people(self, content):
        entries = matlab.structs(content["annolist"])
        found = [mpii.read_annorect(matlab.field(e, "annorect")) for e in entries]
        assert {len(of_one) for of_one in found} == {1}
        return [of_one[0] for of_one in found]

    def test_counts(self, people):
        assert len(people) == 2958
        states = np.stack([p.pose.state for p in people])
        assert np.bincount(states.ravel()).tolist() == [3088, 10_243, 33_997]
        assert all(p.scale and p.center_px and p.head_size_px for p in people)

    def test_joints_are_those_of_the_evaluation_file(self, people, folder):
        truth = scipy.io.loadmat(folder / "detections_our_format.mat")
        expected = truth["pos_gt_src"].transpose(2, 0, 1)  # 1-based
        missing = truth["jnt_missing"].T != 0
        found = np.stack([p.pose.joints_px for p in people])
        states = np.stack([p.pose.state for p in people])
        np.testing.assert_array_equal(states == ABSENT, missing)
        # pos_gt_src lost a coordinate (it is 0) in 13 of the 44,240 joints. The others agree to
        # the rounding of its own computation and of float32: 2e-4 px at 2,000.
        away = np.abs(found + 1 - expected).max(-1) > 1e-3
        assert (away & ~missing).sum() == 13
        assert (np.abs(expected[away & ~missing]).min(-1) < 1e-3).all()

    def test_head_sizes(self, people, folder):
        corners = scipy.io.loadmat(folder / "detections_our_format.mat")["headboxes_src"]
        expected = 0.6 * np.linalg.norm(corners[1] - corners[0], axis=0)
        found = [p.head_size_px for p in people]
        np.testing.assert_allclose(found, expected, atol=1e-3)
        np.testing.assert_allclose(found, [25 * p.scale for p in people], rtol=1e-9)

    def test_validation_list_is_theirs(self, content, folder):
        h5py = pytest.importorskip("h5py")
        indices = content["RELEASE_person_index"].ravel()
        with h5py.File(folder / "valid.h5") as file:
            # Both files list the same people in the same order; only one has the images' names.
            images = file["index"][:] + 1
            np.testing.assert_array_equal(images, content["RELEASE_img_index"].ravel())
            np.testing.assert_array_equal(file["person"][:] + 1, indices)
            names = [name.decode() for name in file["imgname"][:]]
        lines = Path(mpii.__file__).with_name("mpii_validation.txt").read_text()
        expected = [f"{name}\t{index}" for name, index in zip(names, indices, strict=True)]
        assert lines.splitlines() == expected
