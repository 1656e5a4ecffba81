"""The readers of LSP and LSPet, on files built in the same layouts and on the real ones."""

import os
from pathlib import Path

import numpy as np
import pytest
import scipy.io

from cpm.data import lsp, lspet
from cpm.errors import UsageError
from cpm.skeleton import ABSENT, OCCLUDED, VISIBLE
from tests.helpers.scripts import ROOT
from tests.helpers.small_data_sets import lsp_joints, save_leeds

REAL = Path(os.environ.get("CPM_DATA", ROOT.parent / "shared" / "data"))


def real(name):
    """Folder of the real data set; skips the test where it is not there."""
    if not (REAL / name / "joints.mat").exists():
        pytest.skip(f"no {name} in {REAL}; name its parent folder in $CPM_DATA")
    return REAL / name


class TestLayouts:
    def test_lsp(self, tmp_path):
        joints = lsp_joints(5)
        save_leeds(tmp_path / "lsp", joints, 4)
        people = list(lsp.read_people(tmp_path / "lsp"))
        assert [p.id for p in people] == [f"lsp/im000{n}" for n in range(1, 6)]
        for n, person in enumerate(people):
            assert Path(person.image).is_file()
            np.testing.assert_allclose(person.pose.joints_px, joints[:2, :, n].T - 1, rtol=1e-6)
            expected = np.where(joints[2, :, n] == 1, OCCLUDED, VISIBLE)
            np.testing.assert_array_equal(person.pose.state, expected)

    def test_lspet_means_the_opposite(self, tmp_path):
        joints = lsp_joints(5)
        save_leeds(tmp_path / "lspet", joints.transpose(1, 0, 2), 5)
        for n, person in enumerate(lspet.read_people(tmp_path / "lspet")):
            labeled = joints[2, :, n] == 1
            assert person.image.endswith(f"im0000{n + 1}.jpg")
            np.testing.assert_array_equal(person.pose.state, np.where(labeled, VISIBLE, ABSENT))
            np.testing.assert_allclose(
                person.pose.joints_px[labeled],
                joints[:2, labeled, n].T - 1,
                rtol=1e-6,
            )
            assert not person.pose.joints_px[~labeled].any()

    @pytest.mark.parametrize("reader", [lsp.read_people, lspet.read_people])
    def test_either_layout_in_either(self, reader, tmp_path):
        joints = lsp_joints(2)
        save_leeds(tmp_path / "a", joints, 4)
        save_leeds(tmp_path / "b", joints.transpose(1, 0, 2), 4)
        for one, other in zip(reader(tmp_path / "a"), reader(tmp_path / "b"), strict=True):
            np.testing.assert_array_equal(one.pose.joints_px, other.pose.joints_px)
            np.testing.assert_array_equal(one.pose.state, other.pose.state)

    def test_unlabeled_joint_may_be_anything(self, tmp_path):
        joints = lsp_joints(1)
        joints[:, 3, 0] = np.nan, -1e9, 0
        save_leeds(tmp_path / "lspet", joints, 5)
        (person,) = lspet.read_people(tmp_path / "lspet")
        assert person.pose.state[3] == ABSENT


class TestBadFiles:
    def test_no_file(self, tmp_path):
        with pytest.raises(UsageError, match=r"has no joints.mat; expected the unpacked"):
            list(lsp.read_people(tmp_path))

    def test_not_matlab(self, tmp_path):
        (tmp_path / "joints.mat").write_bytes(b"x" * 500)
        with pytest.raises(UsageError, match="is not a MATLAB file"):
            list(lsp.read_people(tmp_path))

    @pytest.mark.parametrize(
        "value",
        [np.zeros((3, 13, 5)), np.zeros((14, 3)), "words", np.zeros((14, 5, 3))],
    )
    def test_other_shapes(self, value, tmp_path):
        scipy.io.savemat(tmp_path / "joints.mat", {"joints": value})
        with pytest.raises(UsageError, match="expected numbers, 3 x 14 x N or 14 x 3"):
            list(lsp.read_people(tmp_path))

    def test_no_array(self, tmp_path):
        scipy.io.savemat(tmp_path / "joints.mat", {"other": np.zeros(3)})
        with pytest.raises(UsageError, match="array `joints`"):
            list(lsp.read_people(tmp_path))

    def test_flag_is_not_a_flag(self, tmp_path):
        scipy.io.savemat(tmp_path / "joints.mat", {"joints": np.full((3, 14, 2), 7.0)})
        with pytest.raises(UsageError, match="neither 0 nor 1"):
            list(lsp.read_people(tmp_path))

    def test_present_joint_without_a_position(self, tmp_path):
        joints = lsp_joints(2)
        joints[0, 4, 1] = np.nan
        scipy.io.savemat(tmp_path / "joints.mat", {"joints": joints})
        with pytest.raises(UsageError, match=r"column 2 of joints.mat.*not finite"):
            list(lsp.read_people(tmp_path))


class TestRealData:
    def test_lsp(self):
        folder = real("lsp")
        people = list(lsp.read_people(folder))
        states = np.stack([person.pose.state for person in people])
        assert states.shape == (2000, 14)
        assert not (states == ABSENT).any()
        # The training half, or the whole data set.
        assert sum(Path(person.image).is_file() for person in people) in (1000, 2000)
        # Column 1 of the file, read by hand: right ankle (29.746, 143.345), 1-based.
        np.testing.assert_allclose(
            people[0].pose.joints_px[0], [28.74645941, 142.34544031], rtol=1e-6
        )

    def test_lspet(self):
        folder = real("lspet")
        people = list(lspet.read_people(folder))
        assert len(people) == 10_000
        here = [person for person in people if Path(person.image).is_file()]
        if len(here) == 10_000:
            pytest.skip("these are the original images; the numbers are of cut ones")
        assert len(here) == 7091
        labeled = np.array([(person.pose.state == VISIBLE).sum() for person in here])
        assert labeled.min() == 12
        assert not any((person.pose.state == OCCLUDED).any() for person in here)
        # Column 1: the right ankle is unlabeled, the right knee at (26.031, 86.410), 1-based.
        assert people[0].pose.state[0] == ABSENT
        np.testing.assert_allclose(
            people[0].pose.joints_px[1], [25.03094352, 85.41022512], rtol=1e-6
        )
