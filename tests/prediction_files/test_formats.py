"""Which array, which axes, which numbering, which joint: recognized, or refused with findings."""

import itertools
import json

import h5py
import numpy as np
import pytest
import scipy.io

from cpm.errors import UsageError
from cpm.prediction_files.formats import read_predictions
from cpm.skeleton import SKELETONS, own_skeleton
from tests.helpers.array_files import save_as

LSP, MPII = SKELETONS["lsp14"], SKELETONS["mpii16"]
PEOPLE = np.random.default_rng(0).uniform(0, 200, [5, 14, 3])


@pytest.mark.parametrize("coordinates", [2, 3])
@pytest.mark.parametrize("axes", itertools.permutations(range(3)))
@pytest.mark.parametrize("kind", ["mat", "mat73", "h5", "npz"])
def test_read_predictions_preset_any_order(tmp_path, kind, axes, coordinates):
    path = tmp_path / "preds"
    save_as(kind, path, PEOPLE[..., :coordinates].transpose(axes))
    found = read_predictions(path, LSP)
    origin = 0 if kind == "npz" else 1
    np.testing.assert_allclose(found.joints_px, PEOPLE[..., :2] - origin, rtol=1e-12)
    if coordinates == 3:
        np.testing.assert_array_equal(found.confidence, PEOPLE[..., 2])
    else:
        assert np.isnan(found.confidence).all()
    assert found.ids is None


def test_read_predictions_preset_unsigned_integers(tmp_path):
    """The CPM authors' file holds uint8: 0 - 1 must not become 255."""
    scipy.io.savemat(tmp_path / "a.mat", {"x": np.zeros([14, 2, 5], np.uint8)})
    assert (read_predictions(tmp_path / "a.mat", LSP).joints_px == -1).all()


@pytest.mark.parametrize("origin, stated", [(None, 0), (0, 1), (0, None), (1, None)])
def test_read_predictions_preset_origin(tmp_path, origin, stated):
    """The caller's word, before the file's own, before the kind of file."""
    content = {"preds": PEOPLE[..., :2]} | ({} if stated is None else {"origin": stated})
    scipy.io.savemat(tmp_path / "a.mat", content)
    found = read_predictions(tmp_path / "a.mat", LSP, origin=origin)
    expected = stated if origin is None else origin
    np.testing.assert_array_equal(found.joints_px, PEOPLE[..., :2] - expected)


def test_read_predictions_preset_by_name(tmp_path):
    """A file that names its joints may have them in any order, and joints nobody asks for."""
    names = [*MPII.joints][::-1]
    array = np.random.default_rng(1).uniform(0, 99, [3, 16, 2])
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["preds"], file["joints"], file["ids"] = array, names, ["c", "a", "b"]
        file["confidence"] = array[..., 0]
    found = read_predictions(tmp_path / "a.h5", LSP)
    assert found.ids == ("c", "a", "b")
    for p, joint in enumerate(LSP.joints):
        source = names.index("upper_neck" if joint == "neck" else joint)
        np.testing.assert_array_equal(found.joints_px[:, p], array[:, source] - 1)
        np.testing.assert_array_equal(found.confidence[:, p], array[:, source, 0])


def test_read_predictions_preset_equal_axes(tmp_path):
    """14 people of 14 joints: two ways, unless the number of people decides."""
    scipy.io.savemat(tmp_path / "a.mat", {"x": np.zeros([14, 2, 14])})
    with pytest.raises(UsageError, match=r"x \[14, 2, 14\]; that can be read in several"):
        read_predictions(tmp_path / "a.mat", LSP, counts=(14,))
    array = np.arange(2 * 14 * 3.0).reshape(2, 14, 3)  # [2, J, 3 people] or [2 people, J, 3]
    scipy.io.savemat(tmp_path / "b.mat", {"x": array})
    with pytest.raises(UsageError, match="3 people x 14 joints x 2"):
        read_predictions(tmp_path / "b.mat", LSP)
    found = read_predictions(tmp_path / "b.mat", LSP, counts=(3, 2000))
    np.testing.assert_array_equal(found.joints_px, array.transpose(2, 1, 0) - 1)
    found = read_predictions(tmp_path / "b.mat", LSP, counts=(2,))
    np.testing.assert_array_equal(found.confidence, array[..., 2])


def test_read_predictions_preset_called_preds(tmp_path):
    """The usual name settles what would be ambiguous under another."""
    array = np.arange(2 * 14 * 2.0).reshape(2, 14, 2)
    np.savez(tmp_path / "a.npz", preds=array)
    found = read_predictions(tmp_path / "a.npz", LSP)
    np.testing.assert_array_equal(found.joints_px, array)
    np.savez(tmp_path / "a.npz", x=array)
    with pytest.raises(UsageError, match="in several ways"):
        read_predictions(tmp_path / "a.npz", LSP)


def test_read_predictions_preset_several_arrays(tmp_path):
    arrays = {"truth": np.ones([5, 14, 2]), "preds": PEOPLE[..., :2], "n": 3}
    scipy.io.savemat(tmp_path / "a.mat", arrays)
    found = read_predictions(tmp_path / "a.mat", LSP)
    np.testing.assert_array_equal(found.joints_px, PEOPLE[..., :2] - 1)
    arrays["others"] = arrays.pop("preds")
    scipy.io.savemat(tmp_path / "a.mat", arrays)
    with pytest.raises(UsageError) as caught:
        read_predictions(tmp_path / "a.mat", LSP)
    for words in (
        "truth [5, 14, 2]",
        "others [5, 14, 2]",
        "n [1, 1]",
        "called 'preds'",
    ):
        assert words in str(caught.value)


@pytest.mark.parametrize(
    "arrays, message",
    [
        ({"x": np.zeros([5, 16, 2])}, r"holds x \[5, 16, 2\]; expected .* 14 joints"),
        ({"x": np.zeros([5, 14, 4])}, r"holds x \[5, 14, 4\]; expected"),
        ({"x": np.zeros([5, 28])}, r"holds x \[5, 28\]; expected"),
        ({"x": np.array(["a", "b"])}, r"holds x \[2\] of texts; expected"),
        ({"x": np.zeros([5, 14, 2], complex)}, r"x \[5, 14, 2\] of complex128; expected .* real"),
        ({"x": np.zeros([5, 14, 2], "U3")}, r"x \[5, 14, 2\] of texts; expected .* real"),
        ({}, "holds no array"),
        ({"x": np.zeros([5, 14, 2]), "origin": 2}, "`origin` is .2.; expected 0 or 1"),
        ({"x": np.zeros([5, 2, 2]), "joints": ["neck", "tail"]}, "the joints 'tail'; known are"),
        ({"x": np.zeros([5, 2, 2]), "joints": ["neck", "upper_neck"]}, "one joint several"),
        ({"x": np.zeros([5, 14, 2]), "ids": ["a"]}, "`ids` names 1 people, but x holds 5"),
    ],
)  # fmt: skip
def test_read_predictions_raises(tmp_path, arrays, message):
    np.savez(tmp_path / "a.npz", **arrays)
    with pytest.raises(UsageError, match=message):
        read_predictions(tmp_path / "a.npz", LSP)


def test_read_predictions_preset_json(tmp_path):
    people = {"people": [{"joints": {"left_wrist": [1, 2], "head_top": None}}]}
    (tmp_path / "a").write_text(json.dumps(people))
    found = read_predictions(tmp_path / "a", LSP)
    wrist = LSP.index("left_wrist")
    assert found.joints_px[0, wrist].tolist() == [1, 2]  # 0-based
    assert np.isnan(np.delete(found.joints_px[0], wrist, 0)).all()
    found = read_predictions(tmp_path / "a", LSP, origin=1)
    assert found.joints_px[0, wrist].tolist() == [0, 1]


def test_read_predictions_preset_in_cells_and_structs(tmp_path):
    """MATLAB's ways to hold one array a person; the axis of length 1 does not count."""
    cell = np.empty((1, 5), object)
    for n in range(5):
        cell[0, n] = PEOPLE[n, :, :2].T
    for arrays in ({"x": cell}, {"results": {"x": PEOPLE[:, np.newaxis, :, :2]}}):
        scipy.io.savemat(tmp_path / "a.mat", arrays)
        found = read_predictions(tmp_path / "a.mat", LSP)
        np.testing.assert_allclose(found.joints_px, PEOPLE[..., :2] - 1, rtol=1e-12)


def test_read_predictions_preset_called_like_predictions(tmp_path):
    """Tompson's file holds `pos_pred_src` beside `pos_gt_src`."""
    arrays = {"pos_gt_src": PEOPLE * 0, "pos_pred_src": PEOPLE}
    scipy.io.savemat(tmp_path / "a.mat", arrays)
    found = read_predictions(tmp_path / "a.mat", LSP)
    np.testing.assert_array_equal(found.joints_px, PEOPLE[..., :2] - 1)
    assert found.source == ("array 'pos_pred_src' as 5 people x 14 joints x 3, first pixel 1")


def test_read_predictions_preset_names_under_another_name(tmp_path):
    """`output_joints` of Tompson's file; texts that are no joints are not taken for names."""
    names = ["head", "neck", "rsho", "lsho"]
    array = PEOPLE[:, :4, :2]
    texts = {"method": "ours", "output_joints": np.array(names, object)}
    scipy.io.savemat(tmp_path / "a.mat", texts | {"x": array})
    found = read_predictions(tmp_path / "a.mat", LSP)
    for p, joint in enumerate(["head_top", "neck", "right_shoulder", "left_shoulder"]):
        np.testing.assert_array_equal(found.joints_px[:, LSP.index(joint)], array[:, p] - 1)
    assert np.isfinite(found.joints_px).all(-1).sum() == 5 * 4


def test_read_predictions_preset_sleap(tmp_path):
    """Its analysis of one animal: 0-based, and a limb whose two ends are names of joints, too."""
    joints_px = np.random.default_rng(0).uniform(1, 90, [5, 3, 2])
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["edge_names"] = np.array([[b"tail", b"chin"]])
        file["node_names"] = np.array([b"tail", b"nose", b"chin"])
        file["tracks"] = joints_px.transpose(2, 1, 0)[None]
        file["point_scores"] = np.ones([1, 3, 5])
    skeleton = own_skeleton(["nose", "chin", "tail"])
    found = read_predictions(str(tmp_path / "a.h5"), skeleton)
    np.testing.assert_array_equal(found.joints_px, joints_px[:, [1, 2, 0]])
    assert "first pixel 0" in found.source


def test_read_predictions_preset_numbers_in_json(tmp_path):
    for record in (PEOPLE.tolist(), {"preds": PEOPLE.transpose(1, 2, 0).tolist()}):
        (tmp_path / "a.json").write_text(json.dumps(record))
        found = read_predictions(tmp_path / "a.json", LSP)
        np.testing.assert_array_equal(found.joints_px, PEOPLE[..., :2])


def test_read_predictions_raises_on_broken_json(tmp_path):
    (tmp_path / "a.json").write_text('{"people": [')
    with pytest.raises(UsageError, match=r"cannot be read .*; expected"):
        read_predictions(tmp_path / "a.json", LSP)
