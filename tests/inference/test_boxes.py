"""Files of boxes: three formats, images by path, name or number, and what is said of bad ones."""

import json

import pytest

from cpm.errors import UsageError
from cpm.inference.boxes import BoxFile


def write(tmp_path, name, content):
    path = tmp_path / name
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return str(path)


@pytest.mark.parametrize(
    "head",
    [
        "",
        "file,x,y,w,h,score\n",
        "\ufefffile,x,y,w,h,score\n",
        "Image,bbox_x1,bbox_y1,Box Width,Box Height,conf\n",
        "Datei,Spalte,Zeile,Breite,Höhe,Güte\n",
    ],
)
def test_csv(tmp_path, head):
    lines = "a.jpg,1,2,3,4,0.9\nsub/b.jpg, 5,6,7,8\n\na.jpg,1,1,2,2,0.1\n"
    boxes = BoxFile(write(tmp_path, "a.csv", head + lines), least_score=0.5)
    assert boxes.of("photos/a.jpg") == [(1.0, 2.0, 3.0, 4.0, 0.9)]
    assert boxes.of("photos/sub/b.jpg") == boxes.of("b.jpg") == [(5.0, 6.0, 7.0, 8.0)]
    assert boxes.of("c.jpg") is None and boxes.left_out == 1 and boxes.unused() == []


def test_an_image_is_found_by_the_longest_end_of_its_path(tmp_path):
    boxes = BoxFile(write(tmp_path, "a.csv", "x/a.jpg,1,1,1,1\ny/a.jpg,2,2,2,2\n"))
    assert boxes.of("in/y/a.jpg") == [(2.0, 2.0, 2.0, 2.0)]
    assert boxes.of("in/z/a.jpg") is None  # either could be meant
    assert boxes.unused() == ["x/a.jpg"]


def test_coco_results(tmp_path):
    entries = [
        {"image_id": 42, "category_id": 1, "bbox": [1, 2, 3, 4], "score": 0.75},
        {"image_id": 42, "category_id": 18, "bbox": [9, 9, 9, 9], "score": 0.99},
        {"image_id": 7, "category_id": 1, "bbox": [5, 6, 7, 8], "score": 0.5},
    ]
    boxes = BoxFile(write(tmp_path, "a.json", entries))
    assert boxes.of("val/000000000042.jpg") == [(1.0, 2.0, 3.0, 4.0, 0.75)]
    assert boxes.id_of("val/000000000042.jpg") == 42
    assert boxes.of("43.jpg") is None and boxes.left_out == 1 and boxes.unused() == ["7"]
    cats = BoxFile(write(tmp_path, "b.json", entries[1:2]))
    assert cats.of("42.png") == [(9.0, 9.0, 9.0, 9.0, 0.99)]


def test_coco_annotations(tmp_path):
    record = {
        "images": [{"id": 5, "file_name": "a.jpg"}, {"id": 6, "file_name": "sub/b.jpg"}],
        "categories": [{"id": 1, "name": "person"}, {"id": 2, "name": "dog"}],
        "annotations": [
            {"image_id": 5, "category_id": 1, "bbox": [1, 2, 3, 4]},
            {"image_id": 5, "category_id": 2, "bbox": [1, 2, 3, 4]},
        ],
    }
    boxes = BoxFile(write(tmp_path, "a.json", record))
    assert boxes.of("in/a.jpg") == [(1.0, 2.0, 3.0, 4.0)] and boxes.id_of("in/a.jpg") == 5
    assert boxes.of("in/sub/b.jpg") == [] and boxes.id_of("b.jpg") == 6
    assert boxes.lists("b.jpg") and not boxes.lists("c.jpg")
    assert boxes.left_out == 1 and boxes.id_of("c.jpg") is None and boxes.category == 1


@pytest.mark.parametrize(
    "more, category", [([], 3), ([{"id": 5, "name": "dog", "keypoints": ["nose"]}], 1)]
)
def test_results_have_the_only_category_with_keypoints(tmp_path, more, category):
    """COCO's evaluation compares no results with annotations of another category."""
    cat = {"id": 3.0, "name": "cat", "keypoints": ["nose"]}
    table = {"id": 2, "name": "table"}
    record = {"images": [], "categories": [table, cat, *more], "annotations": []}
    assert BoxFile(write(tmp_path, "a.json", record)).category == category


def test_ids_may_be_whole_floats(tmp_path):
    """As of tables in which a column had gaps: 2.0 is 2."""
    record = {
        "images": [{"id": 5.0, "file_name": "a.jpg"}],
        "categories": [{"id": 1.0, "name": "person"}, {"id": 2.0, "name": "dog"}],
        "annotations": [
            {"image_id": 5, "category_id": 1.0, "bbox": [1, 2, 3, 4]},
            {"image_id": 5.0, "category_id": 2, "bbox": [5, 6, 7, 8]},
        ],
    }
    boxes = BoxFile(write(tmp_path, "a.json", record))
    assert boxes.of("a.jpg") == [(1.0, 2.0, 3.0, 4.0)] and boxes.left_out == 1
    assert type(boxes.id_of("a.jpg")) is int
    results = [{"image_id": 42.0, "bbox": [1, 2, 3, 4]}]
    assert BoxFile(write(tmp_path, "b.json", results)).of("000042.jpg") == [(1.0, 2.0, 3.0, 4.0)]


def test_names_of_images_may_come_from_another_machine(tmp_path):
    record = {
        "images": [{"id": 5, "file_name": "sub\\a.jpg"}, {"id": 6, "file_name": "./sub/b.jpg"}],
        "annotations": [{"image_id": n, "bbox": [n, 2, 3, 4]} for n in (5, 6)],
    }
    boxes = BoxFile(write(tmp_path, "a.json", record))
    assert boxes.of("in/sub/a.jpg") == [(5.0, 2.0, 3.0, 4.0)] and boxes.id_of("sub/a.jpg") == 5
    assert boxes.of("in/sub/b.jpg") == [(6.0, 2.0, 3.0, 4.0)]


def test_a_box_around_a_crowd_is_nobodys(tmp_path):
    """COCO's annotations have such boxes, and its own evaluation counts nobody in them."""
    record = {
        "images": [{"id": 5, "file_name": "a.jpg"}, {"id": 6, "file_name": "b.jpg"}],
        "categories": [{"id": 1, "name": "person"}],
        "annotations": [
            {"image_id": 5, "category_id": 1, "bbox": [1, 2, 3, 4], "iscrowd": "0"},
            {"image_id": 5, "category_id": 1, "bbox": [0, 0, 90, 40], "iscrowd": 1},
            {"image_id": 6, "category_id": 1, "bbox": [0, 0, 90, 40], "iscrowd": 1},
        ],
    }
    boxes = BoxFile(write(tmp_path, "a.json", record))
    assert boxes.of("a.jpg") == [(1.0, 2.0, 3.0, 4.0)] and boxes.left_out == 2
    assert boxes.of("b.jpg") == [] and boxes.lists("b.jpg")


@pytest.mark.parametrize(
    "name, content, words",
    [
        ("a.csv", "a.jpg,1,2,3,4\nb.jpg,1,2,3\n", "line 2 is 'b.jpg,1,2,3'"),
        ("a.csv", "a.jpg,1,2,0,4\n", "line 1 has a box without area"),
        ("a.csv", "file,x1,y1,x2,y2\na.jpg,1,2,9,9\n", "line 1 names column 4 'x2'"),
        ("a.csv", "file,x0,y0,x1,y1\na.jpg,1,2,9,9\n", "line 1 names column 4 'x1'"),
        ("a.csv", "path,Xmin,Ymin,Xmax,Ymax\na.jpg,1,2,9,9\n", "column 4 'Xmax'"),
        ("a.csv", "file,left,top,right,bottom\na.jpg,1,2,9,9\n", "column 4 'right'"),
        ("a.csv", "file,score,x,y,w,h\na.jpg,1,2,3,4,5\n", "line 1 names column 2 'score'"),
        ("a.csv", "file,y,x,h,w\na.jpg,1,2,3,4\n", "line 1 names column 2 'y'"),
        ("a.csv", "file,x_center,y_center,w,h\na.jpg,1,2,3,4\n", "column 2 'x_center'"),
        ("a.csv", "a.jpg,1,2,nan,4\n", "line 1 has the box"),
        ("a.csv", f"a.jpg,{'1' * 200_000},2,3,4\n", "cannot be read"),
        ("a.json", {"images": 3}, "no list of objects"),
        ("a.json", [{"image_id": [1], "bbox": [1, 2, 3, 4]}], r"has the image_id \[1\]"),
        ("a.json", [{"image_id": 1.5, "bbox": [1, 2, 3, 4]}], "has the image_id 1.5"),
        ("a.json", [{"image_id": 1, "bbox": [1, 2, 3, 4], "iscrowd": 2}], "has 2 as iscrowd"),
        ("a.json", [{"bbox": [1, 2, 3, 4]}], "names no known image"),
        ("a.json", [{"image_id": 1, "bbox": [1, 2, 3]}], "image 1 has the box"),
        ("a.json", [{"image_id": 1, "bbox": [1, 2, 3, 4], "score": "x"}], "has the score 'x'"),
        ("a.csv", "a.jpg,1,2,3,4,nan", "line 1 has the score nan"),
        ("a.json", "no JSON", "cannot be read"),
        (
            "a.json",
            {"images": [], "annotations": [{"image_id": 1, "bbox": [1, 2, 3, 4]}]},
            "image 1",
        ),
    ],
)
def test_bad_files_are_refused(tmp_path, name, content, words):
    with pytest.raises(UsageError, match=words) as caught:
        BoxFile(write(tmp_path, name, content))
    assert "expected COCO results" in str(caught.value)


def test_missing_files_are_refused(tmp_path):
    for name in ("a.csv", "a.json"):
        with pytest.raises(UsageError, match="cannot be read"):
            BoxFile(str(tmp_path / name))
