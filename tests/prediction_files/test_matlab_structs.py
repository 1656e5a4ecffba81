"""Cells and structs become arrays that can be looked at by shape; odd ones stay."""

import numpy as np
import scipy.io

from cpm.prediction_files.matlab_structs import unfold
from tests.helpers.matlab_files import EMPTY, struct_array

PEOPLE = np.random.default_rng(0).uniform(0, 200, [5, 14, 2])


def cells(items):
    array = np.empty((1, len(items)), object)
    for n, item in enumerate(items):
        array[0, n] = item
    return array


def loaded(folder, **arrays):
    scipy.io.savemat(folder / "a.mat", arrays)
    content = scipy.io.loadmat(folder / "a.mat")
    return unfold({k: v for k, v in content.items() if not k.startswith("__")})


def test_unfold_preset_plain_arrays_stay(tmp_path):
    found = loaded(tmp_path, preds=PEOPLE, n=3.0)
    np.testing.assert_array_equal(found["preds"], PEOPLE)
    assert set(found) == {"preds", "n"}


def test_unfold_preset_cell(tmp_path):
    np.testing.assert_array_equal(loaded(tmp_path, x=cells(PEOPLE))["x"], PEOPLE)
    found = loaded(tmp_path, x=cells([PEOPLE[0], EMPTY, PEOPLE[2]]))["x"]
    np.testing.assert_array_equal(found[[0, 2]], PEOPLE[[0, 2]])
    assert np.isnan(found[1]).all()


def test_unfold_preset_structs(tmp_path):
    people = struct_array([{"point": person} for person in PEOPLE])
    np.testing.assert_array_equal(loaded(tmp_path, x=people)["x/point"], PEOPLE)
    inside = {"preds": PEOPLE, "method": "ours"}
    np.testing.assert_array_equal(loaded(tmp_path, r=inside)["r/preds"], PEOPLE)
    found = loaded(tmp_path, c=cells([{"p": person} for person in PEOPLE]))
    np.testing.assert_array_equal(found["c/p"], PEOPLE)  # a cell of structs


def test_unfold_preset_x_and_y(tmp_path):
    found = loaded(tmp_path, x=PEOPLE[..., 0], y=PEOPLE[..., 1])
    np.testing.assert_array_equal(found["x,y"], PEOPLE)
    people = struct_array([{"x": p[:, :1].T, "y": p[:, 1:].T} for p in PEOPLE])
    found = loaded(tmp_path, s=people)["s/x,y"]
    np.testing.assert_array_equal(found[:, 0], PEOPLE)
    assert "max,y" not in loaded(tmp_path, max=PEOPLE[..., 0], may=PEOPLE[..., 1])


def test_unfold_preset_what_does_not_fit_stays(tmp_path):
    found = loaded(tmp_path, x=cells([np.ones([14, 2]), np.ones([9, 2])]))
    assert found["x"].shape == (1, 2) and found["x"].dtype == object
    names = loaded(tmp_path, names=np.array(["neck", "head"], object))["names"]
    assert names.dtype == object
    deep = EMPTY
    for _ in range(20):
        deep = cells([deep])
    assert unfold({"deep": deep})["deep"].dtype == object  # no endless descent
