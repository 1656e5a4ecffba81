"""Reading others' prediction files: layouts, and messages about files that are something else."""

import numpy as np
import pytest
import scipy.io

from cpm.errors import UsageError
from cpm.evaluation.published import read_published


def lsp_files(folder, predictions, people=2000):
    truth = np.random.default_rng(0).uniform(1, 100, [3, 14, people])
    truth[2] = np.arange(people) % 2
    scipy.io.savemat(folder / "truth.mat", {"joints": truth})
    scipy.io.savemat(folder / "predictions.mat", predictions)
    return folder / "predictions.mat", folder / "truth.mat", truth


@pytest.mark.parametrize("axes", [(0, 1, 2), (2, 0, 1), (1, 2, 0)])
def test_read_published_lsp_preset(tmp_path, axes):
    array = np.random.default_rng(1).uniform(1, 100, [14, 2, 1000])
    files = lsp_files(tmp_path, {"prediction_all": array.transpose(axes)})
    people = read_published("lsp", *files[:2])
    assert people.joints_px.shape == (1, 1000, 14, 2)
    np.testing.assert_array_equal(people.joints_px[0], array.transpose(2, 0, 1))
    # The test half of the truth; third value 1 = occluded.
    np.testing.assert_array_equal(people.truth_px[3], files[2][:2, :, 1003].T)
    assert people.state[3, 0] == 1 and people.state[2, 0] == 2


def test_read_published_mpii_preset(tmp_path):
    truth = {
        "pos_gt_src": np.zeros([16, 2, 4]),
        "jnt_missing": np.eye(16, 4),
        "headboxes_src": np.stack([np.zeros([2, 4]), np.full([2, 4], [[30], [40]])]),
    }
    scipy.io.savemat(tmp_path / "truth.mat", truth)
    scipy.io.savemat(tmp_path / "preds.mat", {"preds": np.zeros([4, 16, 2])})
    people = read_published("mpii", tmp_path / "preds.mat", tmp_path / "truth.mat")
    assert people.head_size_px.tolist() == [30.0] * 4  # 0.6 × 50
    assert people.state[1].tolist() == [2, 0] + [2] * 14


def test_read_published_raises(tmp_path):
    predictions, truth, _ = lsp_files(tmp_path, {"x": np.zeros([14, 2, 7])})
    with pytest.raises(UsageError, match="holds 7 people, but .* 2000"):
        read_published("lsp", predictions, truth)
    with pytest.raises(UsageError, match="no array with the axes people, 16 joints"):
        read_published("mpii", predictions, truth)
    with pytest.raises(UsageError, match="does not exist"):
        read_published("lsp", tmp_path / "none.mat", truth)
    (tmp_path / "junk.mat").write_bytes(b"junk" * 100)
    with pytest.raises(UsageError, match="cannot be read as a .mat file"):
        read_published("lsp", tmp_path / "junk.mat", truth)
    lsp_files(tmp_path, {"x": np.zeros([14, 2, 1000])})
    scipy.io.savemat(truth, {"joints": np.zeros([2, 14, 10])})
    with pytest.raises(UsageError, match="expected an array 'joints' of shape"):
        read_published("lsp", predictions, truth)
