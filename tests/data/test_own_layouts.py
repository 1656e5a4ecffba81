"""Exports of labeling tools as they are: where annotations and images lie, and whose split."""

import json
import os

import pytest

from cpm.data import coco, own_layouts
from cpm.data.report import Report
from cpm.errors import UsageError
from cpm.skeleton import ABSENT

POINTS = {"nose": (10, 11), "left_ear": (20, 5), "right_ear": (2, 6)}


def record(*names, **category):
    """A COCO file of one animal in each of these images."""
    keypoints = [v for point in POINTS.values() for v in (*point, 2)]
    cat = {"id": 1, "name": "cat", "keypoints": list(POINTS)} | category
    return {
        "images": [{"id": n, "file_name": name} for n, name in enumerate(names)],
        "categories": [{"id": 9, "name": "box"}, cat],
        "annotations": [
            {"id": n, "image_id": n, "category_id": 1, "keypoints": keypoints}
            for n in range(len(names))
        ],
    }


def write(folder, files):
    """Files with these contents: JSON, text, or an empty image for None."""
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content if isinstance(content, str) else json.dumps(content or ""))
    return folder


def splits(folder):
    """{id: official split} of everybody; all their images have to exist."""
    people = list(coco.read_people(folder))
    assert all((folder / p.image).is_file() for p in people)
    return {p.id: p.origin.official_split for p in people}


def test_coco(tmp_path):
    write(
        tmp_path,
        {
            "annotations/person_keypoints_train2017.json": record("a.jpg"),
            "annotations/person_keypoints_val2017.json": record("a.jpg"),
            "annotations/instances_val2017.json": "{",  # hundreds of megabytes: is not opened
            "annotations/captions_val2017.json": {"images": [], "annotations": []},
            "train2017/a.jpg": None,
            "val2017/a.jpg": None,
        },
    )
    assert splits(tmp_path) == {
        "coco/train2017/a.jpg#0": "train",
        "coco/val2017/a.jpg#0": "validation",
    }


def cvat(*names):
    """What CVAT writes as "COCO Keypoints 1.0" of a skeleton with three points and of a box.

    Points are named by numbers unless somebody renames them. Each is a category of its own, too. Of
    a track every frame has a row, also those outside.
    """
    empty = {"keypoints": [], "skeleton": []}
    categories = [
        {"id": 1, "name": "cat", "supercategory": "", "keypoints": ["1", "2", "3"]},
        *({"id": k + 1, "name": str(k), "supercategory": "cat"} | empty for k in (1, 2, 3)),
        {"id": 5, "name": "box", "supercategory": ""} | empty,
    ]
    categories[0]["skeleton"] = [[1, 2], [1, 3]]
    usual = {"segmentation": [], "area": 108.0, "bbox": [2.0, 5.0, 18.0, 6.0], "iscrowd": 0}
    attributes = {"occluded": False, "track_id": 0, "keyframe": True}
    annotations = []
    for image, _ in enumerate(names, start=1):
        for category, keypoints in (
            (1, [10.0, 11.0, 2, 20.5, 5.0, 1, 0, 0, 0]),
            (1, []),
            (5, []),
        ):
            ids = {"id": len(annotations) + 1, "image_id": image, "category_id": category}
            points = {"keypoints": keypoints, "num_keypoints": len(keypoints) // 3}
            annotations.append(ids | usual | {"attributes": attributes} | points)
    info = {"contributor": "", "date_created": "", "description": "", "url": "", "version": ""}
    more = {"license": 0, "flickr_url": "", "coco_url": "", "date_captured": 0}
    return {
        "licenses": [{"name": "", "id": 0, "url": ""}],
        "info": info | {"year": ""},
        "categories": categories,
        "images": [
            {"id": n, "width": 40, "height": 30, "file_name": name} | more
            for n, name in enumerate(names, start=1)
        ],
        "annotations": annotations,
    }


def test_cvat(tmp_path):
    files = {
        "annotations/person_keypoints_default.json": cvat("a.jpg", "day 2/frame_000001.PNG"),
        "images/default/a.jpg": None,
        "images/default/day 2/frame_000001.PNG": None,
    }
    people = list(coco.read_people(write(tmp_path, files)))
    assert [p.id for p in people if p.pose.present.any()] == [
        "coco/default/a.jpg#1",
        "coco/default/day 2/frame_000001.PNG#4",
    ]
    assert len(people) == 4 and all(os.path.isfile(p.image) for p in people)
    first = people[0]
    assert first.skeleton.joints == ("1", "2", "3") and first.skeleton.has_mirror_image
    assert first.skeleton.limb_indices.tolist() == [[0, 1], [0, 2]]
    assert first.pose.joints_px.tolist() == [[10, 11], [20.5, 5], [0, 0]]
    assert first.pose.state.tolist() == [2, 1, ABSENT] and first.annotated_size == (30, 40)
    assert first.scale == 18 / 200 and first.origin.official_split is None


def test_cvat_subsets_may_repeat_names(tmp_path):
    files = {
        "annotations/person_keypoints_Train.json": record("a.jpg"),
        "annotations/person_keypoints_Validation.json": record("a.jpg"),
        "images/Train/a.jpg": None,
        "images/Validation/a.jpg": None,
    }
    assert splits(write(tmp_path, files)) == {
        "coco/Train/a.jpg#0": "train",
        "coco/Validation/a.jpg#0": "validation",
    }


def roboflow(name):
    """What Roboflow writes as "COCO" of a keypoint project: the project is a category, too."""
    cats = {"id": 0, "name": "cats", "supercategory": "none"}
    cat = {"id": 1, "name": "cat", "supercategory": "cats", "keypoints": list(POINTS)}
    image = {"id": 0, "license": 1, "file_name": name, "height": 30, "width": 40}
    annotation = {"id": 0, "image_id": 0, "category_id": 1, "bbox": [2, 5, 18, 6], "area": 108}
    keypoints = [v for point in POINTS.values() for v in (*point, 2)]
    annotation |= {"segmentation": [], "iscrowd": 0, "keypoints": keypoints}
    return {
        "info": {"year": "2025", "version": "1", "contributor": "", "url": "https://x"},
        "licenses": [{"id": 1, "url": "https://x", "name": "CC BY 4.0"}],
        "categories": [cats, cat | {"skeleton": [[1, 2], [1, 3]]}],
        "images": [image | {"date_captured": "2025-01-01T00:00:00+00:00", "extra": {"name": "a"}}],
        "annotations": [annotation],
    }


def test_roboflow(tmp_path):
    name = "a_jpg.rf.0a1b2c3d4e5f.jpg"
    files = {"README.roboflow.txt": "export", "README.dataset.txt": "cats"}
    for split in ("train", "valid", "test"):
        files |= {f"{split}/_annotations.coco.json": roboflow(name), f"{split}/{name}": None}
    assert splits(write(tmp_path, files)) == {
        f"coco/train/{name}#0": "train",
        f"coco/valid/{name}#0": "validation",
        f"coco/test/{name}#0": "test",
    }
    assert splits(tmp_path / "train") == {f"coco/{name}#0": None}
    person = next(coco.read_people(tmp_path))
    assert person.skeleton.joints == tuple(POINTS) and person.scale == 18 / 200
    assert [person.skeleton.joints[k] for k in person.skeleton.mirror] == [
        *("nose", "right_ear", "left_ear"),
    ]


def label_studio(name):
    """What Label Studio writes as "COCO" of `KeyPointLabels` with a `model_index` and a rectangle.

    After its SDK, label_studio_sdk/converter/keypoints.py: one object for all points of an image.
    """
    default = {"id": 1, "name": "default", "supercategory": "default", "keypoints": list(POINTS)}
    box = {"id": 0, "image_id": 0, "category_id": 0, "segmentation": [], "bbox": [1.5, 4.2, 20, 9]}
    keypoints = [v for point in POINTS.values() for v in (*point, 2)]
    points = {"id": 1, "image_id": 0, "category_id": 1, "keypoints": keypoints, "num_keypoints": 3}
    return {
        "images": [{"width": 40, "height": 30, "id": 0, "file_name": name}],
        "categories": [{"id": 0, "name": "cat"}, default | {"skeleton": []}],
        "annotations": [
            box | {"ignore": 0, "iscrowd": 0, "area": 180.0},
            points | {"bbox": [2, 5, 18, 6], "iscrowd": 0},
        ],
        "info": {"year": 2025, "version": "1.0", "contributor": "Label Studio", "url": ""},
    }


@pytest.mark.parametrize(
    "name", ["images/3f2a-a.jpg", "images\\3f2a-a.jpg", "..\\media\\images\\3f2a-a.jpg"]
)
def test_label_studio(name, tmp_path):
    folder = write(tmp_path, {"result.json": label_studio(name), "images/3f2a-a.jpg": None})
    assert splits(folder) == {"coco/3f2a-a.jpg#1": None}
    report = Report()
    (person,) = coco.read_people(folder, report=report)
    assert person.pose.joints_px.tolist() == [list(point) for point in POINTS.values()]
    assert any("Label Studio writes one object for each image" in note for note in report.notes)


def test_images_beside_the_file(tmp_path):
    assert splits(write(tmp_path, {"annotations.json": record("a.jpg"), "a.jpg": None}))


def test_two_files_named_after_splits(tmp_path):
    files = {"train.json": record("a.jpg"), "val.json": record("b.jpg")}
    write(tmp_path, files | {"images/a.jpg": None, "images/b.jpg": None})
    assert splits(tmp_path) == {"coco/a.jpg#0": "train", "coco/b.jpg#0": "validation"}


def test_an_image_for_two_splits_is_not_trained_on(tmp_path):
    files = {"train.json": record("a.jpg"), "val.json": record("a.jpg"), "images/a.jpg": None}
    report = Report()
    people = list(coco.read_people(write(tmp_path, files), report=report))
    assert [p.origin.official_split for p in people] == ["validation"]
    assert any("is listed for train and validation" in note for note in report.notes)


def test_a_file_that_is_no_json_is_named(tmp_path):
    """Roboflow's train/, cut off by a full disk, beside a whole valid/."""
    files = {"train/_annotations.coco.json": "{", "valid/_annotations.coco.json": record("a.jpg")}
    write(tmp_path, files | {"valid/a.jpg": None})
    report = Report()
    assert len(list(coco.read_people(tmp_path, report=report))) == 1
    (named,) = report.left_out["wrong records"]
    assert named.startswith("train/_annotations.coco.json (") and "cannot be read" in named
    with pytest.raises(UsageError, match="cannot be read"):
        list(coco.read_people(tmp_path, coco.Options(strict=True)))


@pytest.mark.parametrize(
    "read, other",
    [
        ("train.json", "val/val.json"),
        ("annotations/train_keypoints.json", "annotations/val.json"),
    ],
)
def test_a_file_of_another_split_that_is_not_read_is_named(read, other, tmp_path):
    files = {read: record("a.jpg"), other: record("b.jpg"), "images/a.jpg": None}
    report = Report()
    assert len(list(coco.read_people(write(tmp_path, files), report=report))) == 1
    assert any(f"not read, since other files have keypoints in their names or lie above: {other}"
               in note for note in report.notes)  # fmt: skip


def test_a_folder_for_each_split(tmp_path):
    """Two exports of CVAT in train/ and val/, whose images have the same names."""
    files = {}
    for split in ("train", "val"):
        files[f"{split}/annotations/person_keypoints_default.json"] = cvat("a.jpg")
        files[f"{split}/images/default/a.jpg"] = None
    people = list(coco.read_people(write(tmp_path, files)))
    assert [(os.path.relpath(p.image, tmp_path), p.origin.official_split) for p in people[::2]] == [
        ("train/images/default/a.jpg", "train"),
        ("val/images/default/a.jpg", "validation"),
    ]


def test_a_folder_of_images_that_is_missing(tmp_path):
    """cam2/ was not copied: cam1/ has images of the same names, which are others."""
    both = record("cam2/a.jpg", "cam1/a.jpg", "cam1/b.jpg")
    report = Report()
    folder = write(tmp_path / "both", {"annotations.json": both, "images/cam1/a.jpg": None})
    people = list(coco.read_people(folder, report=report))
    assert [p.origin.image_name for p in people] == ["cam1/a.jpg", "cam1/b.jpg"]
    (named,) = report.left_out["wrong records"]
    assert "'cam2/a.jpg', which is not there; 'cam1/a.jpg' is that of image 1" in named
    one = {"annotations.json": record("cam2/a.jpg"), "images/cam1/a.jpg": None}
    list(coco.read_people(write(tmp_path / "one", one), report=report))
    assert any(
        "1 image found in another folder than named: cam2/a.jpg at cam1/a.jpg" in note
        for note in report.notes
    )


def test_an_image_of_another_split_is_not_taken(tmp_path):
    """a.jpg is missing in Train/, and there is one in Validation/."""
    files = {
        "annotations/person_keypoints_Train.json": record("a.jpg", "b.jpg"),
        "annotations/person_keypoints_Validation.json": record("a.jpg"),
        "images/Train/b.jpg": None,
        "images/Validation/a.jpg": None,
    }
    people = list(coco.read_people(write(tmp_path, files)))
    missing, *others = (os.path.relpath(p.image, tmp_path) for p in people)
    assert missing == "images/Train/a.jpg"
    assert others == ["images/Train/b.jpg", "images/Validation/a.jpg"]


def test_files_that_are_alike_but_for_their_splits(tmp_path):
    files = {f"annotations/cats_{s}.json": record(f"{s}.jpg") for s in ("train", "test")}
    write(tmp_path, files | {"images/train.jpg": None, "images/test.jpg": None})
    assert splits(tmp_path) == {"coco/test.jpg#0": "test", "coco/train.jpg#0": "train"}


def test_files_of_different_keypoints(tmp_path):
    files = {"train.json": record("a.jpg"), "val.json": record("a.jpg", keypoints=["x", "y", "z"])}
    with pytest.raises(UsageError, match=r"val.json.*other keypoints than in the other files"):
        splits(write(tmp_path, files))


def test_two_that_could_be_meant(tmp_path):
    files = {"one.json": record("a.jpg"), "two.json": record("a.jpg"), "images/a.jpg": None}
    with pytest.raises(UsageError, match=r"has 2 .json files .*: one.json, two.json; rename"):
        splits(write(tmp_path, files))


def labelme(name, *groups, boxes=()):
    """A file of labelme: for each group some joints."""
    shapes = [
        {"label": joint, "shape_type": "point", "points": [POINTS[joint]], "group_id": group}
        for group, joints in enumerate(groups)
        for joint in joints
    ]
    for group, corners in boxes:
        rectangle = {"label": "cat", "shape_type": "rectangle", "points": corners}
        shapes.append(rectangle | {"group_id": group})
    return {"imagePath": name, "imageWidth": 40, "imageHeight": 30, "shapes": shapes}


def test_labelme(tmp_path):
    files = {
        "a.json": labelme(
            "a.jpg", ["nose", "left_ear"], ["right_ear"], boxes=[(1, [[9, 8], [1, 2]])]
        ),
        "val/b.json": labelme("b.jpg", ["right_ear"]),
        "a.jpg": None,
        "val/b.jpg": None,
    }
    one, two, three = coco.read_people(write(tmp_path, files))
    assert one.skeleton.joints == ("nose", "left_ear", "right_ear")
    assert one.pose.joints_px.tolist() == [[10, 11], [20, 5], [0, 0]]
    assert one.pose.state.tolist() == [2, 2, ABSENT] and len(one.others) == 1
    assert two.center_px == (4.5, 4.5) and two.scale == 8 / 200
    assert three.id == "coco/val/b.jpg#3" and three.origin.official_split == "validation"
    assert three.annotated_size == (30, 40)


def test_labelme_points_of_several_objects_in_one_group(tmp_path):
    """Nothing says which nose is whose; the other files are converted."""
    two = labelme("b.jpg", ["nose", "left_ear", "nose"])
    files = {"b.json": two, "b.jpg": None}
    for name in ("a", "c"):
        files |= {f"{name}.json": labelme(f"{name}.jpg", list(POINTS)), f"{name}.jpg": None}
    report = Report()
    people = list(coco.read_people(write(tmp_path, files), report=report))
    assert [p.id for p in people] == ["coco/a.jpg#1", "coco/c.jpg#2"]
    (left_out,) = report.left_out["wrong records"]
    assert left_out.startswith("b.json, group 0 (b.json has two points 'nose'; give each object")
    with pytest.raises(UsageError, match=r": b.json has two points 'nose'; give"):
        list(coco.read_people(tmp_path, coco.Options(strict=True)))


@pytest.mark.parametrize(
    "change",
    [
        {"points": [5]},
        {"points": None},
        {"points": []},
        {"points": [[1]]},
        {"points": [["1", 2]]},
        {"group_id": [1]},
        {"label": 7},
    ],
)
@pytest.mark.parametrize("kind", ["point", "rectangle"])
def test_labelme_groups_with_a_shape_that_is_none_are_named(kind, change, tmp_path):
    """Its group is left out; a rectangle of all four corners is a box, too."""
    odd = labelme("a.jpg", list(POINTS), boxes=[(0, [[9, 8], [1, 8], [1, 2], [9, 2]])])
    shape = {"label": "tail", "shape_type": kind, "points": [[1, 2], [3, 4]], "group_id": 7}
    odd["shapes"].append(shape | change)
    report = Report()
    folder = write(tmp_path, {"a.json": odd, "a.jpg": None})
    (person,) = coco.read_people(folder, report=report)
    assert person.skeleton.joints == tuple(POINTS) and person.center_px == (4.5, 4.5)
    (left_out,) = report.left_out["wrong records"]
    named = "points without a group_id" if "group_id" in change else "group 7"
    assert left_out.startswith(f"a.json, {named} (a.json has a {kind} ")
    with pytest.raises(UsageError, match="that is none"):
        list(coco.read_people(folder, coco.Options(strict=True)))


@pytest.mark.parametrize(
    "named, on_disk",
    [
        ("C:\\data\\a.jpg", "sub/a.jpg"),
        ("/home/somebody/a.jpg", "sub/a.jpg"),
        ("..\\images\\a.jpg", "images/a.jpg"),
        ("a.png", "sub/a.jpg"),  # converted afterwards
        (None, "sub/a.png"),
        ("", "sub/a.JPG"),
    ],
)
def test_labelme_image_of_another_place(named, on_disk, tmp_path):
    """Another folder has an image of the same name."""
    files = {"sub/a.json": labelme(named, list(POINTS)), on_disk: None, "other/a.jpg": None}
    (person,) = coco.read_people(write(tmp_path, files))
    assert os.path.relpath(person.image, tmp_path) == on_disk


def test_labelme_image_outside_of_the_data_set(tmp_path):
    """The original is still where it was labeled; its copy beside the file is taken."""
    original = tmp_path / "original" / "a.jpg"
    write(tmp_path, {"original/a.jpg": None})
    files = {"train/a.jpg": None, "val/a.jpg": None}
    for split in ("train", "val"):
        files[f"{split}/a.json"] = labelme(str(original), list(POINTS))
    people = list(coco.read_people(write(tmp_path / "data", files)))
    found = [os.path.relpath(p.image, tmp_path / "data") for p in people]
    assert found == ["train/a.jpg", "val/a.jpg"]


def test_labelme_file_that_was_renamed_with_its_image(tmp_path):
    """b.json says a.jpg, and there are images of both names."""
    files = {"a.json": labelme("a.jpg", list(POINTS)), "b.json": labelme("a.jpg", list(POINTS))}
    report = Report()
    write(tmp_path, files | {"a.jpg": None, "b.jpg": None})
    assert [p.id for p in coco.read_people(tmp_path, report=report)] == ["coco/a.jpg#1"]
    (named,) = report.left_out["wrong records"]
    assert "b.json names the image 'a.jpg', but beside it lies 'b.jpg'" in named


def test_labelme_other_shapes(tmp_path):
    """Outlines are passed over, joints that are no points named; old files have no shape_type."""
    odd, old = (labelme(f"{name}.jpg", list(POINTS)) for name in "bc")
    odd["shapes"][1] |= {"shape_type": "circle", "points": [[20, 5], [22, 5]]}
    outline = {"label": "cat", "shape_type": "polygon", "points": [[1, 2]] * 3}
    old["shapes"] = [{k: v for k, v in s.items() if k != "shape_type"} for s in old["shapes"]]
    old["shapes"].append(outline)
    files = {"a.json": labelme("a.jpg", list(POINTS)), "b.json": odd, "c.json": old}
    report = Report()
    folder = write(tmp_path, files | dict.fromkeys(["a.jpg", "b.jpg", "c.jpg"]))
    people = list(coco.read_people(folder, report=report))
    assert [p.pose.state.tolist() for p in people] == [[2, 2, 2], [2, 2, 2]]
    (named,) = report.left_out["wrong records"]
    assert "b.json has a circle 'left_ear', where other files have a point" in named


def test_labelme_without_points(tmp_path):
    outline = {"label": "cat", "shape_type": "polygon", "points": [[1, 2]] * 3}
    files = {f"{n}.json": labelme(f"{n}.jpg") | {"shapes": [outline]} for n in range(2)}
    with pytest.raises(UsageError, match=r"2 files of labelme, whose shapes are no points; label"):
        splits(write(tmp_path, files))


@pytest.mark.parametrize("columns", [1, 3])
def test_deeplabcut(columns, tmp_path):
    empty = [""] * (columns - 1)
    name = ["labeled-data/mice/img1.png"] if columns == 1 else ["labeled-data", "mice", "img1.png"]
    rows = [
        ["scorer", *empty, *["me"] * 4],
        ["bodyparts", *empty, "nose", "nose", "leftear", "leftear"],
        ["coords", *empty, "x", "y", "x", "y"],
        [*name, "12.5", "40", "", ""],
    ]
    table = "\n".join(map(",".join, rows)) + "\n"
    files = {
        "labeled-data/mice/CollectedData_me.csv": table,
        "labeled-data/mice/img1.png": None,
    }
    (person,) = coco.read_people(write(tmp_path, files))
    assert person.skeleton.joints == ("nose", "leftear")
    assert person.pose.joints_px.tolist() == [[12.5, 40], [0, 0]]
    assert person.pose.state.tolist() == [2, ABSENT]
    assert person.image == str(tmp_path / "labeled-data/mice/img1.png")


def test_deeplabcut_of_several_animals(tmp_path):
    table = (
        "scorer,me,me,me,me\nindividuals,a,a,b,b\nbodyparts,nose,nose,nose,nose\n"
        "coords,x,y,x,y\nimg1.png,1,2,3,4\nimg2.png,,,5,6\n"
    )
    files = {"CollectedData_me.csv": table, "img1.png": None, "img2.png": None}
    people = list(coco.read_people(write(tmp_path, files)))
    assert [p.pose.joints_px.tolist() for p in people] == [[[1, 2]], [[3, 4]], [[5, 6]]]
    assert [len(p.others) for p in people] == [1, 1, 0]


@pytest.mark.parametrize("other, said", [("mouse", True), ("single", False)])
def test_deeplabcut_s_unique_parts_are_named(other, said, tmp_path):
    """Those of the individual `single`, such as corners; nothing said that they are learned."""
    table = (
        f"scorer,me,me,me,me\nindividuals,{other},{other},single,single\n"
        "bodyparts,nose,nose,corner,corner\ncoords,x,y,x,y\nimg1.png,1,2,3,4\n"
    )
    report = Report()
    people = list(
        coco.read_people(
            write(tmp_path, {"CollectedData_me.csv": table, "img1.png": None}), report=report
        )
    )
    assert len(people) == 1 + said
    words = "unique parts (corner) are learned as an object of their own"
    assert any(words in note for note in report.notes) == said


def test_deeplabcut_s_pickled_table_names_the_one_that_is_read(tmp_path):
    place = tmp_path / "labeled-data" / "mice"
    write(place, {"CollectedData_me.h5": "HDF", "img1.png": None})
    with pytest.raises(UsageError, match=r"is not read; expected '.*/CollectedData_me.csv' beside"):
        splits(tmp_path)
    table = "scorer,me,me\nbodyparts,nose,nose\ncoords,x,y\nimg1.png,1,2\n"
    write(place, {"CollectedData_me.csv": table})
    assert len(splits(tmp_path)) == 1


@pytest.mark.parametrize("text", ["", "a,b\n1,2\n", "bodyparts,nose\n"])
def test_no_table_of_deeplabcut(text, tmp_path):
    write(tmp_path, {"CollectedData_me.csv": text})
    with pytest.raises(UsageError, match="is no table of DeepLabCut: expected the rows scorer"):
        splits(tmp_path)


@pytest.mark.parametrize("text", ["x" * 200_000, "scorer\0", None])
def test_bytes_that_are_no_table_end_in_a_sentence(text, tmp_path):
    path = tmp_path / "CollectedData_me.csv"
    if text is None:
        os.mkfifo(path)  # would be waited for
    else:
        path.write_text(text)
    with pytest.raises(UsageError, match="is no table of DeepLabCut"):
        splits(tmp_path)


def test_nothing_there(tmp_path):
    with pytest.raises(UsageError, match=r"0 .json files.*export of CVAT, Label Studio, Roboflow"):
        splits(tmp_path)


def test_other_json_files(tmp_path):
    write(tmp_path, {"a.json": {"x": 1}, "b.json": [1]})
    with pytest.raises(UsageError, match=r"has 2 .json files and none is annotations.json or ano"):
        splits(tmp_path)


def test_what_fills_a_file_is_not_kept(tmp_path):
    """Outlines and images in base64 are most of a file of 200 MB; their objects would be a GB."""
    outlined = record("a.jpg")
    outlined["annotations"][0]["segmentation"] = [[1.5] * 100]
    (part,) = own_layouts.find_parts(write(tmp_path / "coco", {"annotations.json": outlined}))
    assert part.record == record("a.jpg")
    encoded = labelme("a.jpg", ["nose"]) | {"imageData": "QUJD" * 100}
    folder = write(tmp_path / "labelme", {"a.json": encoded, "a.jpg": None})
    (person,) = coco.read_people(folder)
    assert person.pose.joints_px.tolist() == [[10, 11]]
