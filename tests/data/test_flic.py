"""The reader of FLIC, on files of its nesting, degenerate ones too, its splits and its protocol."""

import numpy as np
import pytest
import scipy.io
from PIL import Image

from cpm.data import datasets, flic
from cpm.data.datasets import Conversion
from cpm.data.manifest import read_manifest
from cpm.data.old_records import origin_of
from cpm.data.person import Origin
from cpm.data.splits import RULES
from cpm.errors import UsageError
from cpm.evaluation import report
from cpm.prediction_files.published import FLIC_JOINTS, PROTOCOLS
from cpm.skeleton import ABSENT, SKELETONS, VISIBLE
from tests.helpers.matlab_files import EMPTY, struct_array
from tests.helpers.published_files import read_published
from tests.helpers.small_data_sets import smooth_image

FLIC = SKELETONS["flic11"]
# The first example of the real file, as its users print it: columns with a position, 1-based.
REAL_EXAMPLE = {
    1: (436.58776855, 195.15625), 2: (446.54693604, 286.796875), 3: (456.50613403, 322.65625),
    4: (265.28979492, 203.125), 5: (277.24081421, 328.6328125), 6: (380.81634521, 336.6015625),
    7: (434.59591675, 370.46875), 10: (325.04492188, 386.40625),
    13: (400.73471069, 129.4140625), 14: (374.84082031, 125.4296875),
    17: (384.80001831, 145.3515625),
}  # fmt: skip


def coords(columns=REAL_EXAMPLE):
    """2 x 29, nan but in these columns (from 1)."""
    array = np.full([2, 29], np.nan)
    for column, position in columns.items():
        array[:, column - 1] = position
    return array


def example(image="film-00000010.jpg", half="train", **fields):
    """One element of `examples`, with all fields of the official file."""
    return {
        "poselet_hit_idx": np.arange(3, dtype=np.uint16),
        "moviename": "film",
        "coords": coords(),
        "filepath": image,
        "imgdims": np.array([480, 720, 3], np.uint16),
        "currframe": 10.0,
        "torsobox": np.array([100.0, 100, 200, 300]),
        "istrain": np.uint8(half == "train"),
        "istest": np.uint8(half == "test"),
    } | fields


def save(folder, *examples):
    folder.mkdir(parents=True, exist_ok=True)
    scipy.io.savemat(folder / flic.FILE, {"examples": struct_array(examples)})
    return folder


def read(folder, *examples):
    return list(flic.read_people(save(folder, *examples)))


class TestPerson:
    def test_the_real_file_s_first_example(self, tmp_path):
        (found,) = read(tmp_path, example())
        assert found.id == "flic/film-00000010-1" and found.excluded is None
        assert found.image == str(tmp_path / "images" / "film-00000010.jpg")
        assert (found.pose.state == VISIBLE).all() and found.head_size_px is None
        joints = dict(zip(FLIC.joints, found.pose.joints_px.tolist(), strict=True))
        assert joints["right_wrist"] == pytest.approx([379.81635, 335.60156], abs=1e-4)
        assert joints["right_hip"] == pytest.approx([324.04492, 385.40625], abs=1e-4)
        assert joints["nose"] == pytest.approx([383.80002, 144.35156], abs=1e-4)
        # Seen from the front: the person's own left is on the right of the image.
        assert joints["left_shoulder"][0] > joints["right_shoulder"][0]
        assert joints["left_eye"][0] > joints["right_eye"][0]

    def test_absent_joints(self, tmp_path):
        half = coords({1: (5, 6), 2: (7, np.nan)})
        (found,) = read(tmp_path, example(coords=half))
        expected = np.where(np.arange(11) == 0, VISIBLE, ABSENT)
        np.testing.assert_array_equal(found.pose.state, expected)
        assert found.pose.joints_px[:2].tolist() == [[4, 5], [0, 0]]

    def test_people_of_one_image(self, tmp_path):
        moved = coords() + 9
        found = read(
            tmp_path,
            example("a-1.jpg"),
            example("b-1.jpg", "test"),
            example("a-1.jpg", coords=moved),
        )
        assert {person.id: len(person.others) for person in found} == {
            "flic/a-1-1": 1, "flic/a-1-2": 1, "flic/test-b-1-1": 0
        }  # fmt: skip
        np.testing.assert_array_equal(found[0].others[0].joints_px, found[1].pose.joints_px)

    @pytest.mark.parametrize(
        "fields, reason",
        [
            ({"isbad": 1, "isunchecked": 0}, "bad"),
            ({"isbad": 0, "isunchecked": np.uint8(1)}, "unchecked"),
            ({}, "in neither half"),
        ],
    )
    def test_in_neither_half(self, tmp_path, fields, reason):
        (found,) = read(tmp_path, example(half="none", **fields))
        assert found.excluded == reason


class TestBadFiles:
    @pytest.mark.parametrize(
        "fields, message",
        [
            ({"coords": np.zeros([2, 28])}, r"element 2 .*shape \(2, 28\); expected"),
            ({"coords": EMPTY}, r"coords is an array of shape \(0, 0\)"),
            ({"coords": "none"}, "coords is an array"),
            ({"filepath": EMPTY}, "no filepath"),
            ({"filepath": 7}, "expected a text"),
            ({"filepath": "../x.jpg"}, "is not inside"),
            ({"istest": 1}, "both istrain and istest"),
            ({"istrain": "yes"}, "expected a number"),
        ],
    )
    def test_fields(self, tmp_path, fields, message):
        with pytest.raises(UsageError, match=message):
            read(tmp_path, example(), example(**fields))

    def test_files(self, tmp_path):
        with pytest.raises(UsageError, match=r"examples.mat' does not exist; expected"):
            list(flic.read_people(tmp_path))
        (tmp_path / flic.FILE).write_bytes(b"junk" * 99)
        with pytest.raises(UsageError, match="is not a MATLAB file"):
            list(flic.read_people(tmp_path))
        scipy.io.savemat(tmp_path / flic.FILE, {"examples": np.zeros(3)})
        with pytest.raises(UsageError, match="no structure array `examples`"):
            list(flic.read_people(tmp_path))


class TestSplits:
    def test_scenes_stay_together(self):
        """People of half a minute of film share a split; about a tenth of the scenes validate."""
        assign = RULES["development"].assign
        splits = [
            [assign(origin_of(f"flic/a-film-{750 * scene + frame:08d}-1")) for frame in (0, 9, 749)]
            for scene in range(2000)
        ]
        assert all(len(set(scene)) == 1 for scene in splits)
        # 4 standard deviations of 2,000 coins with p = 0.1 are 54.
        assert abs(sum(scene[0] == "validation" for scene in splits) - 200) < 54
        assert flic.scene("a-film-00000749.jpg") == "a-film-0"

    def test_official_halves(self):
        for rule in RULES.values():
            assert rule.assign(origin_of("flic/test-film-00000010-1")) == "test"
        assert RULES["official"].assign(origin_of("flic/film-00000010-1")) == "train"

    def test_origin(self, tmp_path):
        people = read(tmp_path, example(), example("a-film-00000751.jpg", "test"))
        assert [person.origin for person in people] == [
            Origin("flic", "film-00000010.jpg", 1, "film-0", "train"),
            Origin("flic", "a-film-00000751.jpg", 1, "a-film-1", "test"),
        ]
        assert [person.origin for person in people] == [origin_of(p.id) for p in people]

    def test_convert(self, tmp_path):
        """By the script's own function: halves, left-out people, skeleton."""
        folder = save(
            tmp_path / "flic",
            example("film-00000010.jpg"),
            example("film-00000010.jpg", "none", isbad=1),
            example("film-00000020.jpg", "test"),
            example("film-00000030.jpg", "test"),
        )
        (folder / "images").mkdir()
        for frame in (10, 20):
            image = Image.fromarray(smooth_image(480, 720, seed=frame))
            image.save(folder / "images" / f"film-{frame:08d}.jpg")
        manifest = datasets.convert(
            "flic", tmp_path / "out", folder, Conversion(split_rule="official")
        )
        assert manifest == read_manifest(tmp_path / "out", verify=True)
        assert manifest.skeleton.name == "flic11" and manifest.source == "flic"
        assert (manifest.people("train"), manifest.people("test")) == (1, 1)
        left_out = {k: len(v) for k, v in manifest.report["left_out"].items()}
        assert left_out == {"bad": 1, "images missing": 1}


class TestProtocol:
    def test_elbows_and_wrists_of_the_test_half(self, tmp_path):
        """The limit is 0.2 × torso, from left shoulder to right hip: 44 px here."""
        torso = np.hypot(*np.subtract(REAL_EXAMPLE[1], REAL_EXAMPLE[10]))
        folder = save(tmp_path, example(), *[example(half="test")] * 2)
        predicted = np.stack([coords()[:, [flic.COLUMNS[j] - 1 for j in FLIC.joints]]] * 2)
        predicted = predicted.transpose(0, 2, 1).copy()  # [2, 11, 2], 1-based
        predicted[:, FLIC.index("nose")] += 500  # not scored
        predicted[0, FLIC.index("left_wrist")] += (0.199 * torso, 0)
        predicted[0, FLIC.index("left_elbow")] += (0, 0.201 * torso)
        predicted[1, FLIC.index("right_wrist")] = np.nan
        scipy.io.savemat(tmp_path / "preds.mat", {"preds": predicted})
        people = read_published("flic", tmp_path / "preds.mat", folder / flic.FILE)
        assert people.ids == ("flic/test-film-00000010-2", "flic/test-film-00000010-3")
        metrics = report.score(people, FLIC, joints=PROTOCOLS["flic"].joints, resamples=0)
        values = metrics["pck@0.2"]
        assert values["total"] == 100 * 6 / 8 and values["joints"] == 8
        assert values["groups"] == {"Elb": 75.0, "Wri": 75.0}
        assert values["per_joint"]["nose"] is None and "pckh@0.5" not in metrics
        counted = [j for j, value in values["per_joint"].items() if value is not None]
        assert sorted(counted) == sorted(FLIC_JOINTS)
        curves = report.curves(people, FLIC, PROTOCOLS["flic"].joints)
        assert curves["pck"]["percent"][-1] == values["total"]
