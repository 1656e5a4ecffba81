"""Predictions written in every format: what others find in the files, and the way back."""

import json
import os

import h5py
import numpy as np
import pytest
import scipy.io

from cpm.errors import UsageError
from cpm.prediction_files.formats import read_predictions
from cpm.prediction_files.writing import SUFFIXES, write_predictions
from cpm.skeleton import SKELETONS

LSP = SKELETONS["lsp14"]


def some_predictions(people):
    """ids, joints, confidence; one joint was not found, one confidence is unknown."""
    generator = np.random.default_rng(people)
    joints_px = generator.uniform(-20, 300, [people, 14, 2])
    confidence = generator.random([people, 14])
    joints_px[0, 3] = np.nan
    confidence[0, 5] = np.nan
    return [f"lsp/im{n:04d}" for n in range(people)], joints_px, confidence


@pytest.mark.parametrize("people", [1, 2, 3, 14, 30])
@pytest.mark.parametrize("suffix", SUFFIXES)
def test_write_predictions_round_trip(tmp_path, suffix, people):
    """Also where the numbers of people, joints and coordinates are the same."""
    path = tmp_path / f"p{suffix}"
    ids, joints_px, confidence = some_predictions(people)
    write_predictions(str(path), ids, joints_px, confidence, LSP)
    found = read_predictions(str(path), LSP)
    assert found.ids == tuple(ids)
    # Adding 1 and taking it away again rounds once, at 300 px to 2^-45 = 3e-14.
    np.testing.assert_allclose(found.joints_px, joints_px, rtol=0, atol=6e-14)
    known = np.isfinite(joints_px).all(-1)  # JSON's null holds no confidence
    np.testing.assert_array_equal(found.confidence[known], confidence[known])
    assert os.listdir(tmp_path) == [path.name]


def test_write_predictions_preset_what_others_see(tmp_path):
    ids, joints_px, confidence = some_predictions(4)
    for suffix in SUFFIXES:
        write_predictions(f"{tmp_path}/p{suffix}", ids, joints_px, confidence, LSP)
    mat = scipy.io.loadmat(tmp_path / "p.mat", simplify_cells=True)
    np.testing.assert_array_equal(mat["preds"], joints_px + 1)
    assert mat["joints"].tolist() == list(LSP.joints) and mat["origin"] == 1
    with h5py.File(tmp_path / "p.h5") as file:
        np.testing.assert_array_equal(file["preds"], joints_px + 1)
        assert file["ids"].asstr()[0] == "lsp/im0000"
    with np.load(tmp_path / "p.npz", allow_pickle=False) as npz:
        np.testing.assert_array_equal(npz["preds"], joints_px)
    with open(tmp_path / "p.json") as file:
        record = json.load(file, parse_constant=lambda word: pytest.fail(word))
    joints = record["people"][0]["joints"]
    assert joints[LSP.joints[3]] is None and len(joints[LSP.joints[5]]) == 2
    assert joints[LSP.joints[0]] == [*joints_px[0, 0], confidence[0, 0]]


def test_write_predictions_raises(tmp_path):
    ids, joints_px, confidence = some_predictions(2)
    with pytest.raises(UsageError, match=r"no known suffix; expected .* .mat, .h5"):
        write_predictions(f"{tmp_path}/p.pkl", ids, joints_px, confidence, LSP)
    with pytest.raises(ValueError, match="joints_px and confidence should be"):
        write_predictions(f"{tmp_path}/p.mat", ids[:1], joints_px, confidence, LSP)
    assert not os.listdir(tmp_path)
