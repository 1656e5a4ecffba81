"""Result objects: access by name, equality, one-line descriptions, plain values, files."""

import copy
import dataclasses
import json
import pickle

import numpy as np
import pytest
from PIL import Image

from cpm.errors import UsageError
from cpm.inference.person_pose import PersonPose
from cpm.inference.results import ImagePose
from cpm.plots import drawing_files
from cpm.skeleton import own_skeleton
from tests.helpers.found_people import LSP, person


def result(*people, **fields):
    return ImagePose(people, (60, 80), LSP, **({"threshold": 0.5, "file": "in/a.jpg"} | fields))


def test_equality_sees_every_field_and_treats_missing_joints_as_equal():
    assert person() == person() and result(person()) == result(person())
    others = [person(1e-9), person(id=3), person(score=0.5), person(box=(0.0, 2.0, 30.0, 40.0))]
    for other in others:
        assert person() != other and result(person()) != result(other)
    for change in ({"file": "b"}, {"frame": 1}, {"time": 0.5}, {"threshold": 0.1}):
        assert result(person()) != result(person(), **change)
    assert result(person()) == dataclasses.replace(result(person()), image=np.zeros([60, 80, 3]))
    assert person() != "person" and result() != 3


def test_one_line_descriptions():
    text = repr(result(person(), person()))
    assert text == "ImagePose(a.jpg, 80 x 60, 2 people, 7 and 7 of 14 joints)"
    assert repr(result(frame=4, file=None)) == "ImagePose(image, frame 4, 80 x 60, nobody found)"
    assert repr(person(id=7, score=0.25)) == (
        "PersonPose(14 joints, mean confidence 0.49, box (1, 2, 30, 40), id 7, score 0.25)"
    )


def test_objects_are_no_people():
    cat = own_skeleton(["nose", "tail"])
    assert ImagePose((), (60, 80), cat).summary() == "nothing found"
    found = PersonPose(cat, np.ones([2, 2]), np.ones(2), (0.0, 0.0, 2.0, 2.0))
    assert ImagePose((found,), (60, 80), cat).summary() == "1 object, 2 of 2 joints"


def test_result_is_a_sequence_of_people():
    both = result(person(), person(1.0))
    assert len(both) == 2 and both[1] == person(1.0) and list(both) == [person(), person(1.0)]
    assert not result() and both


def test_a_joint_by_name_is_that_of_the_only_person():
    assert result(person())["left_wrist"] == person()["left_wrist"]
    with pytest.raises(KeyError, match="no joint 'left_wist'; there are right_ankle"):
        result(person())["left_wist"]
    with pytest.raises(
        KeyError, match=r"of one person, and there are 2 people; name.*\[0\]\['neck'"
    ):
        result(person(), person())["neck"]
    with pytest.raises(KeyError, match="'neck' is a joint, but nobody found; ask"):
        result()["neck"]


def test_many_people_are_summed_up_in_a_line():
    """Up to four one by one, of more the fewest and the most joints."""
    surer = person()
    surer = dataclasses.replace(surer, confidence=np.maximum(surer.confidence, 0.6))
    assert result(*[person()] * 4).summary() == "4 people, 7, 7, 7 and 7 of 14 joints"
    assert result(*[person()] * 5).summary() == "5 people, 7 of 14 joints"
    assert result(*[person()] * 4, surer).summary() == "5 people, 7 to 13 of 14 joints"


def test_results_survive_copies_and_pickles():
    """As between the processes of a program; the project itself reads no pickle."""
    found = result(person(id=3), person(score=0.5), image=np.zeros([60, 80, 3], np.uint8))
    for other in (copy.copy(found), copy.deepcopy(found), pickle.loads(pickle.dumps(found))):
        assert other == found and repr(other) == repr(found)


def test_to_dict_is_plain_and_short():
    record = result(person(1 / 3, id=2, score=2 / 3)).to_dict()
    assert json.loads(json.dumps(record, allow_nan=False)) == record
    assert record["file"] == "in/a.jpg" and (record["width"], record["height"]) == (80, 60)
    (stored,) = record["people"]
    assert stored["joints"]["right_ankle"] is None  # not found
    assert stored["joints"]["right_knee"] == [6.33333, 9.33333, 0.075]
    assert stored["id"] == 2 and stored["score"] == 0.666667
    assert "frame" not in record and result().to_dict()["people"] == []


def test_save_writes_drawings_and_numbers(tmp_path):
    image = np.full([60, 80, 3], 90, np.uint8)
    kept = result(person(), image=image)
    kept.save(str(tmp_path / "a.png"))
    drawn = np.asarray(Image.open(tmp_path / "a.png"))
    assert drawn.shape == (360, 480, 3) and (drawn != 90).any()
    kept.save(str(tmp_path / "a.json"))
    with open(tmp_path / "a.json") as file:
        assert json.load(file) == {"images": [kept.to_dict()]}
    kept.save(str(tmp_path / "a.csv"))
    assert len((tmp_path / "a.csv").read_text().splitlines()) == 15
    with pytest.raises(UsageError, match=r"should end in \.png"):
        kept.save("a.gif")


def test_a_saved_drawing_is_no_photograph_of_a_later_run(tmp_path):
    kept = result(person(), image=np.full([60, 80, 3], 90, np.uint8))
    for name in ("a.png", "a.JPG", "a.jpeg"):
        kept.save(tmp_path / name)
        assert drawing_files.is_drawing(tmp_path / name)
    dataclasses.replace(kept, file=None).save(tmp_path / "b.png")
    assert drawing_files.is_drawing(tmp_path / "b.png")


def test_options_of_a_drawing_are_not_ignored_in_numbers(tmp_path):
    kept = result(person(), image=np.full([60, 80, 3], 90, np.uint8))
    kept.save(tmp_path / "a.png", panel=True)
    assert Image.open(tmp_path / "a.png").width > 480
    with pytest.raises(UsageError, match=r"panel is of a drawing, but .* takes numbers; leave it"):
        kept.save(tmp_path / "a.json", panel=True)
    assert not (tmp_path / "a.json").exists()


def test_a_person_becomes_a_dict_of_joints():
    one = person()
    joints = dict(one)
    assert list(joints) == list(one) == list(one.keys()) == list(LSP.joints)
    assert joints["neck"] == one["neck"] and len(joints) == 14


def test_draw_takes_what_a_predictor_takes(tmp_path):
    """In color, whatever the image; one of another size is refused."""
    gray = np.full([60, 80], 90, np.uint8)
    Image.fromarray(gray).save(tmp_path / "gray.png")
    expected = np.asarray(result(person()).draw(np.stack([gray] * 3, -1)))
    assert len(np.unique(expected.reshape(-1, 3), axis=0)) > 3  # the limbs have colors
    deep = np.stack([gray, np.full_like(gray, 255)], -1)
    for image in (gray, Image.fromarray(gray), tmp_path / "gray.png", gray / 255, deep):
        drawn = result(person()).draw(image)
        assert drawn.mode == "RGB"
        np.testing.assert_array_equal(np.asarray(drawn), expected)
    with pytest.raises(UsageError, match=r"80 x 61 pixels, but .* one of 80 x 60; give that one"):
        result(person()).draw(np.zeros([61, 80, 3], np.uint8))


def test_draw_reads_the_file_again(tmp_path):
    path = str(tmp_path / "a.png")
    Image.fromarray(np.full([60, 80, 3], 90, np.uint8)).save(path)
    without = result(person(), file=path)
    with_image = result(person(), image=np.full([60, 80, 3], 90, np.uint8))
    np.testing.assert_array_equal(without.draw(), with_image.draw())
    for lost in (result(person(), file=None), result(person(), frame=3)):
        with pytest.raises(UsageError, match="kept no image"):
            lost.draw()


def test_to_dataframe():
    pandas = pytest.importorskip("pandas", reason="pandas is optional, and not installed")
    table = result(person(), person(1.0)).to_dataframe()
    assert isinstance(table, pandas.DataFrame) and len(table) == 28
    assert list(table.columns)[3:] == ["person", "joint", "x", "y", "confidence"]
    nobody = result().to_dataframe()  # a frame of a video, whose tables are joined
    kept = ["person", "x", "y", "confidence"]
    assert len(nobody) == 0 and [*nobody.dtypes[kept]] == [*table.dtypes[kept]]
