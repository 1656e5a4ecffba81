"""Nested lists of numbers and COCO's results become arrays; all else is left to named joints."""

import numpy as np
import pytest

from cpm.prediction_files.json_numbers import arrays_in

PEOPLE = np.random.default_rng(0).uniform(0, 200, [5, 14, 3])


def test_arrays_in_preset_lists():
    np.testing.assert_array_equal(arrays_in(PEOPLE.tolist())["list"], PEOPLE)
    found = arrays_in({"preds": PEOPLE.tolist(), "note": "x", "n": 3})
    np.testing.assert_array_equal(found["preds"], PEOPLE)
    assert set(found) == {"preds"}
    holes = [[[1, None]], [[None, 2]]]
    np.testing.assert_array_equal(arrays_in(holes)["list"], [[[1, np.nan]], [[np.nan, 2]]])


def test_arrays_in_preset_coco_results():
    results = [{"image_id": 1, "keypoints": p.ravel().tolist()} for p in PEOPLE]
    np.testing.assert_array_equal(arrays_in(results)["keypoints"], PEOPLE)


@pytest.mark.parametrize(
    "record",
    [
        {"people": [{"joints": {"neck": [1, 2]}}]},
        [{"joints": {"neck": [1, 2]}}],
        [{"keypoints": [1, 2, 3]}, {"keypoints": [1, 2]}],
        [[[1, 2]], [[1, 2], [3, 4]]],
        [1, 2],
        [],
        3,
        "x",
        None,
    ],
)
def test_arrays_in_preset_nothing(record):
    assert arrays_in(record) == {}
