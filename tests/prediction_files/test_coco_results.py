"""COCO's results beside annotated people: by the id of the image, the best scores by distance."""

import dataclasses
import json
import re

import numpy as np
import pytest

from cpm.errors import UsageError
from cpm.prediction_files import coco_results, published, scoring
from cpm.prediction_files.truth import Truth
from cpm.skeleton import own_skeleton

SKELETON = own_skeleton(["tip", "neck", "end"])  # three joints of three numbers: two readings
TRUTH_PX = np.array([[[10, 20], [30, 40], [50, 60]], [[110, 20], [130, 40], [150, 60]]], float)


def truth(images=("7", "7"), **fields):
    people = len(images)
    joints_px = np.concatenate([TRUTH_PX] * people)[:people]
    return Truth(
        name="data",
        skeleton=SKELETON,
        ids=tuple(f"coco/a.jpg#{n}" for n in range(people)),
        joints_px=joints_px,
        state=np.full((people, 3), 2),
        head_size_px=np.zeros(people),
        images=images,
        **fields,
    )


def result(image, joints_px, score=0.9, confidence=0.8):
    keypoints = [v for x, y in joints_px for v in (float(x), float(y), confidence)]
    return {"image_id": image, "category_id": 1, "keypoints": keypoints, "score": score}


def attach(results, beside, tmp_path):
    path = tmp_path / "results.json"
    path.write_text(json.dumps(results))
    return published.attach(str(path), beside)


def test_two_people_of_one_image(tmp_path):
    """In the other order than the truth, and with a third result of a lower score between them."""
    results = [result(7, TRUTH_PX[1]), result(7, TRUTH_PX[0], 0.1), result(7, TRUTH_PX[0] + 1)]
    people, found = attach(results, truth(), tmp_path)
    np.testing.assert_array_equal(people.joints_px[0], [TRUTH_PX[0] + 1, TRUTH_PX[1]])
    assert found.source == "3 results of 1 images, first pixel 0"


def test_zeros_are_no_joint(tmp_path):
    """As `bin/predict.py --coco` writes them; they were a joint in the image's corner."""
    beside = truth(("7", "7"))
    beside.joints_px[1] = TRUTH_PX[0] + [[2.0, 3.0], [-30, -40], [2, 3]]
    half = np.stack([TRUTH_PX[0, 0], [0, 0], TRUTH_PX[0, 2]])
    results = [result(7, half), result(7, beside.joints_px[1])]
    results[0]["keypoints"][5] = 0.0
    people, _ = attach(results, beside, tmp_path)
    expected = np.stack([half, beside.joints_px[1]])
    expected[0, 1] = np.nan
    np.testing.assert_array_equal(people.joints_px[0], expected)


def test_an_image_without_results_was_not_found(tmp_path):
    people, _ = attach([result(7, TRUTH_PX[0])], truth(("7", "8")), tmp_path)
    assert np.isnan(people.joints_px[0, 1]).all() and np.isnan(people.confidence[0, 1]).all()
    np.testing.assert_array_equal(people.joints_px[0, 0], TRUTH_PX[0])


@pytest.mark.parametrize(
    "named, words",
    [
        ((7, 8), None),
        ((7, 8, 9), None),  # the truth may be a part of the images
        ((7,), "no result of 1 of 2 images, the first '8': their people count as not found"),
        ((6, 7), "the first '8': .*; it names 1 others, the first '6': are its ids the same"),
    ],
)
def test_images_that_are_left_out_are_warned_of(named, words, tmp_path):
    """Ids that one program counts from 0 and another from 1 agree but for one."""
    path = tmp_path / "results.json"
    path.write_text(json.dumps([result(image, TRUTH_PX[0]) for image in named]))
    _, record = scoring.score_file(str(path), truth(("7", "8")))
    assert len(record["warnings"]) == (words is not None)
    assert words is None or re.search(words, record["warnings"][0])


def test_results_are_in_original_pixels(tmp_path):
    """The stored image of the second person is a cut of the original, shrunk to half."""
    to_stored = np.stack([np.eye(2, 3), [[0.5, 0, -10], [0, 0.5, -5]]])
    results = [result(7, TRUTH_PX[0]), result(7, 2 * (TRUTH_PX[1] + [10, 5]))]
    people, _ = attach(results, truth(to_stored=to_stored), tmp_path)
    np.testing.assert_allclose(people.joints_px[0], TRUTH_PX)


@pytest.mark.parametrize("called", ["image_id", "file"])
@pytest.mark.parametrize("name, id_of_file", [("val/cat.jpg", "cat"), ("val/000012.png", 12)])
def test_images_by_ids_or_by_the_names_of_their_files(called, name, id_of_file, tmp_path):
    """As `bin/predict.py --coco` names them; ids may be floats, as of tools that know no others."""
    beside = truth(("7", "8"), image_names=(name, "val/dog.jpg"))
    ids = (7.0, 8.0) if called == "image_id" else (id_of_file, "dog")
    people, found = attach(
        [result(ids[1], TRUTH_PX[1]), result(ids[0], TRUTH_PX[0])], beside, tmp_path
    )
    np.testing.assert_array_equal(people.joints_px[0], TRUTH_PX)
    assert found.source.endswith("names of their files") == (called == "file")


@pytest.mark.parametrize("of_files", [True, False])
def test_numbers_that_are_ids_and_names_of_other_files(of_files, tmp_path):
    """Files 1.jpg, 2.jpg under the ids 2, 1: both can be meant, and one gives the wrong image."""
    beside = truth(("2", "1"), image_names=("1.jpg", "2.jpg"))
    first, second = TRUTH_PX if of_files else TRUTH_PX[::-1]
    results = [result(1, first), result(2, second)]
    if of_files:
        with pytest.raises(UsageError, match=r"its image_ids are the names of files .*--json"):
            attach(results, beside, tmp_path)
    else:
        people, _ = attach(results, beside, tmp_path)
        np.testing.assert_array_equal(people.joints_px[0], TRUTH_PX)


def test_other_images(tmp_path):
    with pytest.raises(
        UsageError, match="names no image of data: there the first is '7', here '9'"
    ):
        attach([result(9, TRUTH_PX[0])], truth(), tmp_path)


def test_without_ids_of_images_the_order_counts(tmp_path):
    beside = dataclasses.replace(truth(), images=None)
    people, _ = attach([result(9, TRUTH_PX[1]), result(3, TRUTH_PX[0])], beside, tmp_path)
    np.testing.assert_array_equal(people.joints_px[0], TRUTH_PX[::-1])


@pytest.mark.parametrize("keypoints", [[1, 2, 3], None, ["x"] * 9, [[1, 2, 3]] * 2])
def test_bad_results(keypoints, tmp_path):
    record = [{"image_id": 7, "keypoints": keypoints}]
    assert coco_results.is_results(record)
    with pytest.raises(UsageError, match=r"result 1 has .* as keypoints; expected 9 numbers"):
        coco_results.read_results(record, "results.json", 3)


@pytest.mark.parametrize("id", [None, 1.5, [], True, " "])
def test_ids_that_are_none(id):
    record = [{"image_id": id, "keypoints": [0.0] * 9}]
    with pytest.raises(UsageError, match=r"results.json: result 1 has .* as 'image_id'"):
        coco_results.read_results(record, "results.json", 3)
