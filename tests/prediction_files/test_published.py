"""Prediction files beside the truth: who is who, subsets, messages about files that do not fit."""

import json
import os

import h5py
import numpy as np
import pytest
import scipy.io

from cpm.errors import UsageError
from cpm.evaluation import pck, report
from cpm.prediction_files.published import attach, median_offset, read_truth
from cpm.prediction_files.truth import Truth
from cpm.skeleton import SKELETONS
from tests.helpers.published_files import (
    CPM_ON_LSP,
    HOURGLASS_ON_MPII,
    published,
    read_published,
    real_file,
)


def lsp_files(folder, predictions, people=2000):
    truth = np.random.default_rng(0).uniform(1, 100, [3, 14, people])
    truth[2] = np.arange(people) % 2
    scipy.io.savemat(folder / "truth.mat", {"joints": truth})
    scipy.io.savemat(folder / "predictions.mat", predictions)
    return folder / "predictions.mat", folder / "truth.mat", truth


def mpii_arrays(people=4):
    """What detections_our_format.mat holds; joint n of person n is missing."""
    return {
        "pos_gt_src": np.arange(16 * 2 * people, dtype=float).reshape(16, 2, people),
        "jnt_missing": np.eye(16, people),
        "headboxes_src": np.stack([np.zeros([2, people]), np.full([2, people], [[30], [40]])]),
    }


@pytest.mark.parametrize("axes", [(0, 1, 2), (2, 0, 1), (1, 2, 0)])
def test_read_published_lsp_preset(tmp_path, axes):
    array = np.random.default_rng(1).uniform(1, 100, [14, 2, 1000])
    files = lsp_files(tmp_path, {"prediction_all": array.transpose(axes)})
    people = read_published("lsp", *files[:2])
    assert people.joints_px.shape == (1, 1000, 14, 2)
    np.testing.assert_array_equal(people.joints_px[0], array.transpose(2, 0, 1) - 1)
    # The test half of the truth; third value 1 = occluded.
    np.testing.assert_array_equal(people.truth_px[3], files[2][:2, :, 1003].T - 1)
    assert people.state[3, 0] == 1 and people.state[2, 0] == 2
    assert people.ids[0] == "lsp/im1001"


def test_read_published_mpii_preset(tmp_path):
    scipy.io.savemat(tmp_path / "truth.mat", mpii_arrays())
    scipy.io.savemat(tmp_path / "preds.mat", {"preds": np.zeros([4, 16, 2])})
    people = read_published("mpii", tmp_path / "preds.mat", tmp_path / "truth.mat")
    assert people.head_size_px.tolist() == [30.0] * 4  # 0.6 × 50
    assert people.state[1].tolist() == [2, 0] + [2] * 14
    np.testing.assert_array_equal(
        people.truth_px, mpii_arrays()["pos_gt_src"].transpose(2, 0, 1) - 1
    )


def test_read_published_preset_by_ids(tmp_path):
    """Ids find their person in any order, and an image's name its one person."""
    array = np.random.default_rng(1).uniform(1, 100, [3, 14, 2])
    ids = np.array(["lsp/im0007", "lsp/im2000", "lsp/im0003"], object)
    files = lsp_files(tmp_path, {"preds": array, "ids": ids})
    people = read_published("lsp", *files[:2])
    assert people.ids == ("lsp/im0003", "lsp/im0007", "lsp/im2000")
    np.testing.assert_array_equal(people.joints_px[0], array[[2, 0, 1]] - 1)
    np.testing.assert_array_equal(
        people.truth_px, files[2][:2, :, [2, 6, 1999]].transpose(2, 1, 0) - 1
    )
    person = {"joints": {"neck": [1.0, 2.0, 0.5]}}
    images = [{"file": f"x/im{n}.jpg", "people": [person]} for n in ("0002", "0001")]
    (tmp_path / "poses.json").write_text(json.dumps({"images": images}))
    people = read_published("lsp", tmp_path / "poses.json", files[1])
    assert people.ids == ("lsp/im0001", "lsp/im0002")


@pytest.mark.parametrize(
    "id, row",
    [
        *(("x/b-2", 2), ("x/c", 3), ("one/a.png", 0), ("a.png", 0), ("d", 4), ("d.jpg", 4)),
        *(("photos/one/a.png", 0), ("/x/y/d.jpg", 4), ("photos/two/e.png", 6)),
        *(("b-1", None), ("c", None), ("", None), ("one/", None)),
        *(("b", "several"), ("x/b.jpg", "several"), ("e.png", "several")),
    ],
)
def test_an_image_name_finds_the_one_person_of_the_image(tmp_path, id, row):
    """The names are fields of the truth: nothing is taken out of an id."""
    truth = Truth(
        name="t",
        skeleton=SKELETONS["lsp14"],
        ids=("x/a-1", "x/b-1", "x/b-2", "x/c", "x/d-7", "x/e-1", "x/e-2"),
        joints_px=np.ones([7, 14, 2]),
        state=np.full([7, 14], 2),
        head_size_px=np.zeros(7),
        image_names=("one/a.png", "b", "b", "", "d", "one/e.png", "two/e.png"),
    )
    person = {"id": id, "joints": {"neck": [1.0, 2.0, 0.5]}}
    (tmp_path / "p.json").write_text(json.dumps({"people": [person]}))
    if row in (None, "several"):
        words = "of which t has several people; score COCO results" if row else "1 of 1 people that"
        with pytest.raises(UsageError, match=words):
            attach(str(tmp_path / "p.json"), truth)
    else:
        assert attach(str(tmp_path / "p.json"), truth)[0].ids == (truth.ids[row],)


@pytest.mark.parametrize(
    "ids, message",
    [
        (["lsp/im0001", "lsp/im9999"], "1 of 2 people that .* the first 'lsp/im9999'"),
        (["lsp/im0001", "lsp/im0001"], "the same person twice"),
        (["lsp/im0001", "im0001.jpg"], "the same person in two ways"),
    ],
)
def test_read_published_raises_on_ids(tmp_path, ids, message):
    content = {"preds": np.zeros([2, 14, 2]), "ids": np.array(ids, object)}
    files = lsp_files(tmp_path, content)
    with pytest.raises(UsageError, match=message):
        read_published("lsp", *files[:2])


def test_read_published_raises(tmp_path):
    predictions, truth, _ = lsp_files(tmp_path, {"x": np.zeros([14, 2, 7])})
    with pytest.raises(UsageError, match=r"holds 7 people, but .* 1000 or 2000"):
        read_published("lsp", predictions, truth)
    scipy.io.savemat(tmp_path / "mpii.mat", mpii_arrays())
    with pytest.raises(UsageError, match=r"x \[14, 2, 7\]; expected .* 16 joints"):
        read_published("mpii", predictions, tmp_path / "mpii.mat")
    with pytest.raises(UsageError, match="does not exist"):
        read_published("lsp", tmp_path / "none.mat", truth)
    (tmp_path / "junk.mat").write_bytes(b"junk" * 100)
    with pytest.raises(UsageError, match="cannot be read as a MATLAB file"):
        read_published("lsp", tmp_path / "junk.mat", truth)
    lsp_files(tmp_path, {"x": np.zeros([14, 2, 1000])})
    scipy.io.savemat(truth, {"joints": np.zeros([2, 14, 10])})
    with pytest.raises(UsageError, match="expected an array 'joints' of shape"):
        read_published("lsp", predictions, truth)


def test_read_truth_raises_on_different_people(tmp_path):
    scipy.io.savemat(tmp_path / "a.mat", mpii_arrays() | {"jnt_missing": np.zeros([16, 5])})
    with pytest.raises(UsageError, match="expected the same people in pos_gt_src"):
        read_truth("mpii", tmp_path / "a.mat")


def test_read_truth_valid_h5_preset(tmp_path):
    part = np.random.default_rng(0).uniform(1, 99, [3, 16, 2])
    part[1, 4] = 0  # not annotated
    visible = np.ones([3, 16])
    visible[0, 2] = visible[1, 4] = 0
    with h5py.File(tmp_path / "valid.h5", "w") as file:
        file["part"], file["visible"], file["normalize"] = (
            part,
            visible,
            np.full(3, 9.0),
        )
    truth = read_truth("mpii", tmp_path / "valid.h5")
    np.testing.assert_array_equal(truth.joints_px, part - 1)
    assert truth.state[1, 4] == 0 and truth.state[0, 2] == 1 and truth.state.sum() == 93
    assert truth.head_size_px.tolist() == [9.0] * 3


def test_median_offset_preset(tmp_path):
    """A file read with the wrong numbering shows it, and nothing else changes by itself."""
    files = lsp_files(tmp_path, {})
    scipy.io.savemat(files[0], {"preds": files[2][:2].transpose(2, 1, 0)})
    truth = read_truth("lsp", files[1])
    assert median_offset(read_published("lsp", *files[:2]), truth) == (0.0, 0.0)
    shifted = median_offset(read_published("lsp", *files[:2], origin=0), truth)
    assert shifted == pytest.approx((1.0, 1.0), abs=1e-9)


def test_median_offset_is_in_pixels_of_the_original_images(tmp_path):
    """Stored at half the size, a pixel of the numbering looked like half of one."""
    joints_px = np.random.default_rng(0).uniform(1, 100, [3, 14, 2])
    truth = Truth(
        name="t",
        skeleton=SKELETONS["lsp14"],
        ids=("a", "b", "c"),
        joints_px=joints_px / 2 - 5,
        state=np.full([3, 14], 2),
        head_size_px=np.zeros(3),
        to_stored=np.tile([[0.5, 0, -5], [0, 0.5, -5]], [3, 1, 1]),
    )
    np.savez(tmp_path / "p.npz", preds=joints_px + np.array([1, 2]))
    people, _ = attach(str(tmp_path / "p.npz"), truth)
    assert median_offset(people, truth) == pytest.approx((1, 2))


class TestRealData:
    def test_valid_h5_is_the_same_people(self):
        """Head sizes, states and positions; necks cut to whole pixels, and 13 joints elsewhere."""
        truth = [
            read_truth("mpii", real_file(f"mpii/{name}"))
            for name in ("detections_our_format.mat", "valid.h5")
        ]
        assert truth[0].ids == truth[1].ids and truth[0].ids[0] == "mpii/005808361-1"
        np.testing.assert_allclose(truth[0].head_size_px, truth[1].head_size_px, atol=1e-3)
        np.testing.assert_array_equal(truth[0].state > 0, truth[1].state > 0)
        difference = np.abs(truth[0].joints_px - truth[1].joints_px).max(-1)
        assert (difference > 1).sum() == 13 and np.median(difference) < 1e-3

    def test_hourglass_against_valid_h5(self):
        """The cut necks cost nothing at 0.5, but are worth half a point at 0.1."""
        names = HOURGLASS_ON_MPII[0], "mpii/valid.h5"
        people, skeleton = published("mpii", names)
        score = report.last_score(people, skeleton, "pckh@0.5")
        assert score.total == pytest.approx(87.30, abs=0.005)
        near = report.last_score(people, skeleton, "pckh@0.1")
        assert near.total == pytest.approx(24.5, abs=0.05)

    @pytest.mark.parametrize("kind", ["h5", "npz", "reordered.mat"])
    def test_cpm_in_another_format(self, tmp_path, kind):
        """The same predictions in another container and order of axes have the same score."""
        array = scipy.io.loadmat(real_file(CPM_ON_LSP[0]))["prediction_all"]
        path = tmp_path / f"preds.{kind}"
        if kind == "h5":
            with h5py.File(path, "w") as file:
                file["preds"] = array.transpose(2, 0, 1)
        elif kind == "npz":
            np.savez(path, preds=array.astype(float).transpose(1, 2, 0) - 1)
        else:
            scipy.io.savemat(path, {"joints_found": array.transpose(1, 0, 2)})
        people = read_published("lsp", path, real_file(CPM_ON_LSP[1]))
        truth = read_truth("lsp", os.fspath(real_file(CPM_ON_LSP[1])))
        score = pck.pck(people.joints_px[0], people.truth_px, people.state, truth.skeleton)
        assert score.total == pytest.approx(84.32, abs=0.005)


def test_read_published_of_tompson_in_both_files():
    """One method in two published files: cells with joint names, and plain arrays."""
    truth = real_file("mpii/detections_our_format.mat")
    first, second = (
        read_published("mpii", real_file(f"mpii/{name}.mat"), truth)
        for name in ("detections", "detections_our_format")
    )
    named = np.isfinite(first.joints_px).all(-1)
    assert named.sum() == 2958 * 14  # no pelvis, no thorax
    np.testing.assert_allclose(first.joints_px[named], second.joints_px[named], rtol=1e-9)
