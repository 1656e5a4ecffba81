"""Prediction files against converted folders, comparisons, a network's way to a file and back."""

import dataclasses
import json

import numpy as np
import pytest
import scipy.io

from cpm.data import datasets
from cpm.data.annotations import read_annotations
from cpm.data.old_records import origin_of
from cpm.data.person import Origin, Person, Pose
from cpm.data.records import Storage, write_records
from cpm.data.splits import SplitRule
from cpm.errors import UsageError
from cpm.evaluation import report, tables
from cpm.evaluation.predictions import Predictions
from cpm.prediction_files import published, scoring
from cpm.prediction_files.writing import SUFFIXES, write_predictions
from cpm.skeleton import own_skeleton
from tests.helpers.random_predictions import select
from tests.helpers.scripts import call
from tests.helpers.small_data_sets import LSP14, lsp_joints, make_people, save_leeds

EVERYBODY = SplitRule("everybody", "validation", lambda _: "validation")


@pytest.fixture(scope="module")
def lsp(tmp_path_factory):
    """LSP's joints.mat of 8 people and the folder it was converted to."""
    folder = tmp_path_factory.mktemp("lsp")
    joints = lsp_joints(8)
    save_leeds(folder / "lsp", joints, 4)
    datasets.convert("lsp", folder / "data", src=folder / "lsp")
    return str(folder / "lsp" / "joints.mat"), str(folder / "data"), joints


def network_predictions(folder, split, stages=2, noise_px=3.0):
    """What `evaluate.evaluate_folders` would return for a folder: stored pixels, record order."""
    found = read_annotations(folder, split)
    generator = np.random.default_rng(0)
    shape = stages, len(found.ids), len(found.skeleton)
    return Predictions(
        ids=found.ids,
        joints_px=found.joints_px + noise_px * generator.normal(size=[*shape, 2]),
        confidence=generator.random(shape),
        truth_px=found.joints_px,
        state=found.state,
        head_size_px=found.head_size_px,
        crop_scale=np.full(len(found.ids), np.nan),
    )


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_written_predictions_score_the_same(lsp, tmp_path, suffix):
    """Network → file → folder, and network → file → the data set's own file."""
    truth_file, folder, _ = lsp
    people, path = network_predictions(folder, "train"), f"{tmp_path}/p{suffix}"
    scoring.write_network_predictions(path, people, LSP14, [folder], "train")
    expected = report.score(people, LSP14)
    assert 20 < expected["pck@0.2"]["total"] < 95  # the case decides something
    expected = {name: values["total"] for name, values in expected.items()}
    for truth in (
        scoring.read_truth(folder, "lsp", "train"),
        scoring.read_truth(folder, None, "train"),
        scoring.read_truth(truth_file, "lsp"),
    ):
        text, record = scoring.score_file(path, truth)
        totals = {name: values["total"] for name, values in record["metrics"].items()}
        assert totals == pytest.approx(expected, abs=1e-9)
        assert f"{expected['pck@0.2']:.2f}" in text
        assert f"8 of the 8 people of {truth.name}" in text


def test_written_predictions_are_in_the_original_s_pixels(tmp_path):
    """A large image is stored cut and shrunk; a file says where joints are in the original."""
    (person,) = make_people(1, size=(300, 420))
    joints_px = person.pose.joints_px + np.array((200, 100))
    person = dataclasses.replace(person, pose=Pose(joints_px, person.pose.state), head_size_px=30.0)
    folder = str(tmp_path / "data")
    write_records(
        [person], folder, source="made", rule=EVERYBODY, storage=Storage(longest_side_px=160)
    )
    people = network_predictions(folder, "validation", noise_px=0.0)
    assert np.abs(people.truth_px[0] - joints_px).max() > 20  # it was cut
    path = f"{tmp_path}/p.npz"
    scoring.write_network_predictions(path, people, LSP14, [folder], "validation")
    with np.load(path) as written:
        # float32 records: 420 px * 2^-24, a few roundings.
        np.testing.assert_allclose(written["preds"][0], joints_px, atol=2e-4)
    _, record = scoring.score_file(path, scoring.read_truth(folder))
    assert record["median_offset_px"] == pytest.approx([0, 0], abs=1e-4)
    assert record["metrics"]["pckh@0.1"]["total"] == 100.0


def test_written_predictions_come_in_the_published_order(tmp_path):
    """Tools without ids count rows: MPII's as in the published files, LSP's by number."""
    published_ids = [
        "mpii/052475643-1",
        "mpii/005808361-1",
    ]  # second and first of the list
    folder, pose = str(tmp_path / "data"), Pose(np.ones([14, 2]) * 9, np.full(14, 2))
    write_records(
        [
            Person(id, np.zeros([32, 32, 3], np.uint8), LSP14, pose, origin=origin_of(id))
            for id in [*published_ids, "lsp/im0010", "lsp/im0002"]
        ],
        folder,
        source="made",
        rule=EVERYBODY,
    )
    people = network_predictions(folder, "validation")
    path = f"{tmp_path}/p.npz"
    scoring.write_network_predictions(path, people, LSP14, [folder], "validation")
    with np.load(path) as written:
        assert written["ids"].tolist() == [
            *published_ids[::-1], "lsp/im0002", "lsp/im0010"
        ]  # fmt: skip
        for id, joints_px in zip(written["ids"], written["preds"], strict=True):
            n = people.ids.index(id)
            np.testing.assert_allclose(joints_px, people.joints_px[-1, n], atol=1e-9)


def test_read_annotations_preset(lsp):
    _, folder, joints = lsp
    found = read_annotations(folder, "train")
    assert sorted(found.ids) == [f"lsp/im{n:04d}" for n in range(1, 9)]
    for id, joints_px, state in zip(found.ids, found.joints_px, found.state, strict=True):
        column = int(id[-4:]) - 1
        np.testing.assert_allclose(joints_px, joints[:2, :, column].T - 1, atol=1e-5)
        np.testing.assert_array_equal(state, np.where(joints[2, :, column] == 1, 1, 2))


def test_compare_files_preset(lsp, tmp_path):
    truth_file, folder, _ = lsp
    paths = [f"{tmp_path}/{name}" for name in ("near.h5", "far.json")]
    for path, noise_px in zip(paths, (0.5, 9.0), strict=True):
        people = network_predictions(folder, "train", noise_px=noise_px)
        scoring.write_network_predictions(path, people, LSP14, [folder], "train")
    truth = scoring.read_truth(truth_file, "lsp")
    text, record = scoring.compare_files(paths, truth, "lsp")
    assert "near better" in text and "far better: nowhere" in text
    comparison = record["comparison"]
    assert comparison["metric"] == published.PROTOCOLS["lsp"].metric
    total = comparison["rows"][-1]
    for name, which in (("near", "first"), ("far", "second")):
        assert total[which] == record["metrics"][name]["pck@0.2"]["total"]
    assert total["better"] == "first" and total["interval"][1] < 0
    json.dumps(record, allow_nan=False)


def test_compare_files_raises_on_different_people(lsp, tmp_path):
    truth_file, folder, _ = lsp
    people = network_predictions(folder, "train")
    paths = [f"{tmp_path}/{name}.mat" for name in "ab"]
    for path, rows in zip(paths, (slice(8), slice(2, 8)), strict=True):
        few = select(people, rows)
        write_predictions(path, few.ids, few.joints_px[-1], few.confidence[-1], LSP14)
    with pytest.raises(UsageError, match=r"a.mat has 8 people, .*b.mat 6, and 6 are in"):
        scoring.compare_files(paths, scoring.read_truth(truth_file, "lsp"))


def test_read_truth_raises(lsp, tmp_path):
    truth_file, folder, _ = lsp
    with pytest.raises(UsageError, match=r"also needs --protocol=lsp\|mpii\|flic"):
        scoring.read_truth(truth_file)
    with pytest.raises(UsageError, match="has the joints of lsp14, the protocol mpii"):
        scoring.read_truth(folder, "mpii", "train")
    with pytest.raises(UsageError, match=r"nothing in its split 'test'; .*: train"):
        scoring.read_truth(folder, "lsp", "test")
    with pytest.raises(UsageError, match="is not a complete data folder"):
        scoring.read_truth(str(tmp_path), "lsp")


def test_write_network_predictions_raises_on_the_same_person_twice(lsp, tmp_path):
    _, folder, _ = lsp
    people = select(network_predictions(folder, "train"), [0, 0])
    with pytest.raises(UsageError, match=r"same id, '.*', .*a file for each data folder"):
        scoring.write_network_predictions(f"{tmp_path}/p.mat", people, LSP14, [folder], "train")


def test_score_file_preset_whole_report(lsp, tmp_path):
    """All tables of the metrics come out, and nothing that needs a crop."""
    truth_file, _, joints = lsp
    scipy.io.savemat(tmp_path / "p.mat", {"x": joints[:2].transpose(1, 0, 2)})
    truth = scoring.read_truth(truth_file, "lsp")
    text, record = scoring.score_file(str(tmp_path / "p.mat"), truth, "lsp")
    assert list(record["metrics"]) == [
        "pck@0.2",
        "pck_auc",
        "pcp_strict",
        "pcp_average",
    ]
    assert {values["total"] for values in record["metrics"].values()} == {100.0}
    assert tables.full_report(record["metrics"], record["curves"]) in text


def test_script(lsp, tmp_path):
    """bin/eval.py as a user runs it, both ways, and what it refuses."""
    truth_file, folder, _ = lsp
    people = network_predictions(folder, "train")
    for name in ("a.h5", "b.npz"):
        path = str(tmp_path / name)
        scoring.write_network_predictions(path, people, LSP14, [folder], "train")

    def run(*arguments):
        return call("eval.py", *arguments, cwd=tmp_path)

    files = f"--ground_truth={truth_file}", "--protocol=lsp"
    done = run("--predictions=a.h5,b.npz", *files, "--json=c.json")
    assert done.returncode == 0, done.stderr
    assert "| Total " in done.stdout and "no clear difference" in done.stdout
    with open(tmp_path / "c.json") as file:
        record = json.load(file)
    assert record["comparison"]["rows"][-1]["difference"] == 0
    assert "commit" in record and record["seed"] == 0
    done = run("--predictions=a.h5", *files, "--write_predictions=x.mat")
    assert done.returncode == 2 and "leave one of them out" in done.stderr
    assert "Traceback" not in done.stderr
    done = run("--predictions=a.h5,b.npz", *files, "--json=./b.npz")
    assert done.returncode == 2 and "--json=./b.npz is what --predictions names" in done.stderr


def test_own_joints_are_scored_by_the_crop(tmp_path):
    """Nothing else says what "near" is without torso and head; files spell ids and names freely."""
    skeleton = own_skeleton(["tip", "left_end", "right_end"])
    rng = np.random.default_rng(0)
    image = rng.integers(0, 256, (120, 160, 3), dtype=np.uint8)
    made = [
        Person(
            f"coco/val/f{n}.jpg#{n}",
            image,
            skeleton,
            Pose(rng.uniform(10, 110, (3, 2)), np.full(3, 2)),
            origin=Origin("coco", f"val/f{n}.jpg", n, image=str(n)),
        )
        for n in range(4)
    ]
    write_records(made, str(tmp_path / "data"), source="coco", rule=EVERYBODY)
    truth = scoring.read_truth(str(tmp_path / "data"))
    assert set(truth.images) == {"0", "1", "2", "3"}
    names = ("tip", "LEnd", "REnd")
    for file, ids in (("ids", [p.id for p in made]), ("files", [f"f{n}.jpg" for n in range(4)])):
        people = [
            {"id": id, "joints": dict(zip(names, p.pose.joints_px.tolist(), strict=True))}
            for id, p in zip(ids, made, strict=True)
        ]
        people[0]["joints"]["tip"] = None
        path = tmp_path / f"{file}.json"
        path.write_text(json.dumps({"people": people}))
        _, record = scoring.score_file(str(path), truth)
        # 11 of the 12 joints.
        assert record["metrics"]["pcp25"]["total"] == pytest.approx(100 * 11 / 12)


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("joints", [1, 3])
def test_written_predictions_of_own_joints_score_the_same(joints, suffix, tmp_path):
    """As many people as joints, so that shapes do not tell which axis is which; in one image."""
    skeleton = own_skeleton(["tip", "left_end", "right_end"][:joints])
    rng = np.random.default_rng(1)
    image = rng.integers(0, 256, (120, 160, 3), dtype=np.uint8)
    people = [
        Person(
            f"coco/f.jpg#{n}",
            image,
            skeleton,
            Pose(rng.uniform(10, 110, (joints, 2)), np.full(joints, 2)),
            origin=Origin("coco", "f.jpg", n, image="0"),
            center_px=(60.0, 60.0),
            scale=0.5,
        )
        for n in range(joints)
    ]
    folder = str(tmp_path / "data")
    write_records(people, folder, source="coco", rule=EVERYBODY)
    side_px = read_annotations(folder, "validation").crop_side_px
    found = dataclasses.replace(
        network_predictions(folder, "validation", noise_px=8.0), crop_scale=368 / side_px
    )
    path = f"{tmp_path}/p{suffix}"
    scoring.write_network_predictions(path, found, skeleton, [folder], "validation")
    _, record = scoring.score_file(path, scoring.read_truth(folder))
    expected = {name: v["total"] for name, v in report.score(found, skeleton).items()}
    assert {name: v["total"] for name, v in record["metrics"].items()} == pytest.approx(expected)
    assert "pcp25" in expected and ("pck_box@0.1" in expected) == (joints > 1)
