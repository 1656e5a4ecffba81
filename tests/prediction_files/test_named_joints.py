"""JSON predictions by joint name, in both layouts, and messages about others."""

import json

import numpy as np
import pytest

from cpm.errors import UsageError
from cpm.prediction_files.formats import read_predictions
from cpm.prediction_files.named_joints import are_names, from_record, several_people
from cpm.skeleton import SKELETONS, get_skeleton, own_skeleton

LSP = SKELETONS["lsp14"]


def read(record, skeleton=LSP):
    return from_record(json.loads(json.dumps(record)), "a.json", skeleton)


def test_from_record_preset_simple():
    people = [
        {"id": 7, "joints": {"neck": [1, 2.5, 0.5], "nose": [3, 4]}},
        {"id": "b", "joints": {"nose": None, "left_hip": [5, None]}},
    ]
    names, values, ids, origin = read({"people": people, "origin": 1})
    assert names == ("neck", "nose", "left_hip") and ids == ("7", "b") and origin == 1
    nan = np.nan
    expected = [
        [[1, 2.5, 0.5], [3, 4, nan], [nan] * 3],
        [[nan] * 3, [nan] * 3, [5, nan, nan]],
    ]
    np.testing.assert_array_equal(values, expected)


def test_from_record_preset_of_predict():
    joints = {"neck": [1, 2, 0.5]}
    box = {"box": [0, 0, 9, 9], "joints": joints}
    images = [{"file": f"photos/{n}.jpg", "people": [box]} for n in "ab"]
    names, values, ids, origin = read({"images": images, "skipped": []})
    assert names == ("neck",) and ids == ("photos/a.jpg", "photos/b.jpg") and origin is None
    assert values.tolist() == [[[1, 2, 0.5]]] * 2
    nobody = {"file": "photos/c.jpg", "people": []}
    names, values, ids, _ = read({"images": [*images, nobody]})
    assert ids[2] == "photos/c.jpg" and np.isnan(values[2]).all()
    with pytest.raises(UsageError, match=r"photos/c.jpg has 0 people; expected one"):
        read({"images": [nobody | {"in_box_file": False}]})
    with pytest.raises(UsageError, match="nobody has any joint"):
        read({"images": [nobody]})
    images[1]["people"] *= 2
    with pytest.raises(UsageError, match=r"photos/b.jpg has 2 people; expected one.*--coco writes"):
        read({"images": images})


def test_of_several_people_of_a_search_the_surest_counts():
    """Not of people in boxes, even where a detector scored them: those were asked for."""

    def person(x, score):
        return {"joints": {"neck": [x, 2, 0.5]}, "score": score}

    images = [
        {"file": "a.jpg", "people": [person(1, 0.25), person(3, 0.5), person(5, 0)]},
        {"file": "b.jpg", "people": [person(7, 0.125)]},
    ]
    _, values, ids, _ = read({"images": images})
    assert values[:, 0, 0].tolist() == [3, 7] and ids == ("a.jpg", "b.jpg")
    assert several_people({"images": images}) == 1
    for change in ({"in_box_file": True}, {"people": [person(1, 0.25), person(3, None)]}):
        with pytest.raises(UsageError, match=r"a.jpg has \d people; expected one"):
            read({"images": [images[0] | change]})


def test_from_record_preset_own_joints():
    cat = own_skeleton(["nose", "tail"])
    people = [{"joints": {"tail": [1, 2]}}]
    assert read({"people": people}, cat)[0] == ("tail",)
    with pytest.raises(UsageError, match="names the joints 'tail'; known are right_ankle"):
        read({"people": people})


@pytest.mark.parametrize(
    "record, message",
    [
        ([1, 2], "holds 'people'; expected"),
        (3, "holds int; expected"),
        ({"metrics": {}, "seed": 0}, "holds 'metrics, seed'; expected"),
        ({"people": [{"keypoints": []}]}, "holds 'people'; expected"),
        ({"people": [7]}, "holds 'people'; expected"),
        ({"people": []}, "holds no people"),
        ({"images": [{"file": "a"}]}, "holds 'images'; expected"),
        ({"people": [{"joints": {"neck": [1]}}]}, r"neck of person 1 is \[1\]; expected"),
        ({"people": [{"joints": {"neck": "here"}}]}, "neck of person 1 is 'here'"),
        ({"people": [{"joints": {"neck": [1, "x"]}}]}, "neck of person 1 is"),
        ({"people": [{"id": 1, "joints": {}}, {"joints": {}}]}, "1 of 2 people have no"),
        ({"people": [{"joints": {}}], "origin": 5}, "`origin` is 5; expected 0 or 1"),
        ({"people": [{"joints": {"neck": None, "upper_neck": None}}]}, "several times"),
    ],
)  # fmt: skip
def test_from_record_raises(record, message):
    with pytest.raises(UsageError, match=message):
        read(record)


def test_from_record_preset_list_of_people():
    """The list alone; and other spellings of the names."""
    people = [{"joints": {"LWri": [1, 2], "head": None}}, {"joints": {"LWri": [3, 4]}}]
    names, values, ids, origin = read(people)
    assert names == ("left_wrist", "head_top") and ids is None and origin is None
    np.testing.assert_array_equal(values[:, 0, :2], [[1, 2], [3, 4]])
    with pytest.raises(UsageError, match="one joint several times: LWri, left_wrist"):
        read([{"joints": {"LWri": [1, 2], "left_wrist": [1, 2]}}])


def test_are_names():
    assert are_names(["rank", "RightKnee", "neck"], LSP)
    assert not are_names(["rank", "right_ankle"], LSP)  # one joint twice
    assert not are_names(["im0001.jpg", "im0002.jpg"], LSP)
    assert not are_names(["neck"], LSP)  # one word says nothing


@pytest.mark.parametrize(
    "people",
    [
        [{"joints": [1, 2]}],
        [{"joints": [["neck", [1, 2]]]}],
        [{"joints": {"neck": 5}}],
        [{"joints": {"neck": "ab"}}],
        [{"joints": {"neck": [[1], [2]]}}],
        [{"joints": {"neck": [10**39, 2]}, "id": 10**39}],
        [5],
        [[]],
        {"joints": 1},
        None,
    ],
)
def test_other_shapes_are_a_sentence(tmp_path, people):
    path = tmp_path / "a.json"
    path.write_text(json.dumps({"people": people}))
    with pytest.raises(UsageError) as caught:
        read_predictions(str(path), get_skeleton("lsp14"))
    assert len(str(caught.value)) < 1000


@pytest.mark.parametrize("file", [5, None, ["a"]])
def test_file_names_that_are_none_are_a_sentence(tmp_path, file):
    path = tmp_path / "a.json"
    image = {"file": file, "people": [{"joints": {"neck": [1, 2]}}]}
    path.write_text(json.dumps({"images": [image]}))
    with pytest.raises(UsageError):
        read_predictions(str(path), get_skeleton("lsp14"))


def test_positions_beyond_every_image_are_refused(tmp_path):
    path = tmp_path / "a.json"
    for number in (1e38, -1e30):
        path.write_text(json.dumps({"people": [{"joints": {"neck": [number, 2]}}]}))
        with pytest.raises(UsageError, match="positions beyond"):
            read_predictions(str(path), get_skeleton("lsp14"))
