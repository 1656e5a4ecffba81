"""JSON predictions by joint name, in both layouts, and messages about others."""

import json

import numpy as np
import pytest

from cpm.errors import UsageError
from cpm.evaluation.named_joints import read_json
from cpm.skeleton import SKELETONS, own_skeleton

LSP = SKELETONS["lsp14"]


def read(folder, record, skeleton=LSP):
    (folder / "a.json").write_text(json.dumps(record))
    return read_json(str(folder / "a.json"), skeleton)


def test_read_json_preset_simple(tmp_path):
    people = [
        {"id": 7, "joints": {"neck": [1, 2.5, 0.5], "nose": [3, 4]}},
        {"id": "b", "joints": {"nose": None, "left_hip": [5, None]}},
    ]
    names, values, ids, origin = read(tmp_path, {"people": people, "origin": 1})
    assert names == ("neck", "nose", "left_hip") and ids == ("7", "b") and origin == 1
    nan = np.nan
    expected = [
        [[1, 2.5, 0.5], [3, 4, nan], [nan] * 3],
        [[nan] * 3, [nan] * 3, [5, nan, nan]],
    ]
    np.testing.assert_array_equal(values, expected)


def test_read_json_preset_of_predict(tmp_path):
    joints = {"neck": [1, 2, 0.5]}
    box = {"box": [0, 0, 9, 9], "joints": joints}
    images = [{"file": f"photos/{n}.jpg", "people": [box]} for n in "ab"]
    names, values, ids, origin = read(tmp_path, {"images": images, "skipped": []})
    assert names == ("neck",) and ids == ("a.jpg", "b.jpg") and origin is None
    assert values.tolist() == [[[1, 2, 0.5]]] * 2
    images[1]["people"] *= 2
    with pytest.raises(UsageError, match="photos/b.jpg has 2 people; expected one"):
        read(tmp_path, {"images": images})


def test_read_json_preset_own_joints(tmp_path):
    cat = own_skeleton(["nose", "tail"])
    people = [{"joints": {"tail": [1, 2]}}]
    assert read(tmp_path, {"people": people}, cat)[0] == ("tail",)
    with pytest.raises(
        UsageError, match="names the joints 'tail'; known are right_ankle"
    ):
        read(tmp_path, {"people": people})


@pytest.mark.parametrize(
    "record, message",
    [
        ([1, 2], "holds list; expected"),
        (3, "holds int; expected"),
        ({"metrics": {}, "seed": 0}, "holds metrics, seed; expected"),
        ({"people": [{"keypoints": []}]}, "holds people; expected"),
        ({"people": [7]}, "holds people; expected"),
        ({"people": []}, "holds no people"),
        ({"images": [{"file": "a"}]}, "holds images; expected"),
        ({"people": [{"joints": {"neck": [1]}}]}, r"neck of person 1 is \[1\]; expected"),
        ({"people": [{"joints": {"neck": "here"}}]}, "neck of person 1 is 'here'"),
        ({"people": [{"joints": {"neck": [1, "x"]}}]}, "neck of person 1 is"),
        ({"people": [{"id": 1, "joints": {}}, {"joints": {}}]}, "1 of 2 people have no"),
        ({"people": [{"joints": {}}], "origin": 5}, "`origin` is 5; expected 0 or 1"),
        ({"people": [{"joints": {"neck": None, "upper_neck": None}}]}, "several times"),
    ],
)  # fmt: skip
def test_read_json_raises(tmp_path, record, message):
    with pytest.raises(UsageError, match=message):
        read(tmp_path, record)


def test_read_json_raises_on_broken_json(tmp_path):
    (tmp_path / "a.json").write_text('{"people": [')
    with pytest.raises(UsageError, match="cannot be read .*; expected"):
        read_json(str(tmp_path / "a.json"), LSP)
