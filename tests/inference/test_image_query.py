"""What is asked of an image: what it is called, whose boxes count, boxes that are none."""

import json
import pathlib
import types

import numpy as np
import pytest

from cpm.data.images import ImageError
from cpm.errors import UsageError
from cpm.inference.image_query import check_box, image_query

IMAGE = np.zeros([20, 30, 3], np.uint8)
BOX = (1.0, 2.0, 3.0, 4.0)


def test_pixels_alone_have_neither_name_nor_boxes():
    query = image_query(IMAGE, None)
    np.testing.assert_array_equal(query.image, IMAGE)
    assert (query.boxes, query.file, query.frame, query.time) == (None, None, None, None)


def test_an_object_with_an_image_says_more():
    named = types.SimpleNamespace(image=IMAGE, file="b", frame=3, time=0.5, boxes=[BOX])
    query = image_query(named, None)
    assert (query.boxes, query.file, query.frame, query.time) == ([BOX], "b", 3, 0.5)
    loose = types.SimpleNamespace(
        image=IMAGE, file=pathlib.Path("b"), frame=np.int64(3), time=np.float32(0.5)
    )
    query = image_query(loose, None)  # plain values, which JSON takes
    assert json.dumps((query.file, query.frame, query.time)) == '["b", 3, 0.5]'
    assert image_query(named, []).boxes == []  # boxes that are given count
    assert image_query(types.SimpleNamespace(image=IMAGE), None).boxes is None


def test_what_is_no_image_is_an_error():
    for value in ("missing.jpg", types.SimpleNamespace(image="missing.jpg")):
        with pytest.raises(ImageError, match=r"missing\.jpg"):
            image_query(value, None)


@pytest.mark.parametrize(
    "box, message",
    [
        ((0, 0, 10), "expected x, y, width, height"),
        ((0, 0, 0, 10), "expected x, y, width, height"),
        ((0, np.nan, 5, 10), "expected x, y, width, height"),
        ("0,0,5,10", "box is '0,0,5,10'; expected four numbers"),
        ("1234", r"box is \(1234\.0,\); expected x, y"),
        ([(0, 0, 5, 10)], r"box is \[\(0, 0, 5, 10\)\]; expected four numbers"),
        (7, "box is 7; expected four numbers"),
        (None, "expected four numbers"),
        ((170, 0, 5, 10), "outside the image, which is 170 x 110"),
        ((-20, -20, 10, 10), "outside the image"),
    ],
)
def test_check_box_raises(box, message):
    with pytest.raises(UsageError, match=message):
        check_box(box, 110, 170)
