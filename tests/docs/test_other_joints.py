"""The people of docs/results/fine_tuning.md: LSP's, with joints of other names."""

import importlib.util
import json

import numpy as np
import pytest
import scipy.io

from tests.helpers.markdown_files import ROOT

PATH = ROOT / "docs/howto/other_joints.py"


@pytest.fixture
def written(tmp_path):
    """The record that is written of six images, and LSP's joints `[3, 14, 6]`."""
    spec = importlib.util.spec_from_file_location("other_joints", PATH)
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    joints = np.random.default_rng(0).uniform(1, 90, [3, 14, 6])
    joints[2] = 0
    joints[2, script.LSP14.index("left_wrist"), 4] = 1  # hidden
    (tmp_path / "images").mkdir()
    for n in range(1, 7):
        (tmp_path / f"images/im{n:04d}.jpg").write_bytes(b"%d" % n)
    scipy.io.savemat(tmp_path / "joints.mat", {"joints": joints})
    script.write_people(tmp_path, tmp_path / "out", first=3, train=1, count=3)
    return script, joints, json.loads((tmp_path / "out/annotations.json").read_text()), tmp_path


def test_joints_are_lsps_under_other_names(written):
    script, joints, record, _ = written
    assert list(record["categories"][0]["keypoints"]) == list(script.KEYPOINTS)
    points = np.reshape([person["keypoints"] for person in record["annotations"]], [3, -1, 3])
    at = {name: points[:, j] for j, name in enumerate(script.KEYPOINTS)}

    def of(joint, people=slice(2, 5)):  # images 3 to 5; LSP counts pixels from 1
        return joints[:2, script.LSP14.index(joint), people].T - 1

    np.testing.assert_allclose(at["left_hand"][:, :2], of("left_wrist"), atol=0.006)
    np.testing.assert_allclose(at["crown"][:, :2], of("head_top"), atol=0.006)
    trunk = [of(f"{side}_{joint}") for side in ("left", "right") for joint in ("hip", "shoulder")]
    np.testing.assert_allclose(at["body"][:, :2], np.mean(trunk, 0), atol=0.006)
    assert at["left_hand"][:, 2].tolist() == [2, 2, 1]  # COCO's 1: labeled, but not visible
    assert at["right_hand"][:, 2].tolist() == [2, 2, 2]


def test_images_are_copied_into_both_splits(written):
    _, _, record, folder = written
    names = [image["file_name"] for image in record["images"]]
    assert names == ["train/im0003.jpg", "validation/im0004.jpg", "validation/im0005.jpg"]
    for name in names:
        number = int(name[-8:-4])
        assert (folder / "out/images" / name).read_bytes() == b"%d" % number
