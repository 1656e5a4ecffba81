"""What is said of formats that are not read: whose they are, and the next step."""

import json

import pytest

from cpm.data import coco
from cpm.errors import UsageError

RESULT = [{"image_id": 1, "category_id": 1, "keypoints": [1, 2, 2], "score": 0.9}]
REGION = {"shape_attributes": {"name": "point", "cx": 3, "cy": 4}, "region_attributes": {}}


@pytest.mark.parametrize(
    "name, content, words",
    [
        ("annotations.xml", "<?xml?>\n<annotations>\n", "CVAT's XML; .*as COCO Keypoints 1.0"),
        ("Annotations/a.xml", "<annotation>", "Pascal VOC's XML, which has boxes but no keypo"),
        ("data.yaml", "kpt_shape: [3, 3]\n", "YOLO's keypoints; .* export the keypoints in COCO"),
        ("labels/train/a.txt", "0 .5 .5 .2 .2 .4 .4 2\n", "a label file of YOLO; it is not read"),
        ("via.csv", "filename,region_shape_attributes\n", "VGG Image Annotator's CSV; it is not"),
        ("v/videoDLC.csv", "scorer,a\nbodyparts,nose\n", "predictions; .* take labeled-data/"),
        ("points.csv", "image,x,y\n", "a table of no known tool; .* write the points into annot"),
        ("cats.v001.slp", "HDF", "SLEAP's project; .* in COCO's format, or write the points"),
        ("export.ndjson", "{}\n{}\n", "JSON in lines"),
        ("joints.mat", "MATLAB", "MATLAB's file"),
        ("photos.zip", "PK", "an archive; it is not read: unpack it"),
        ("project.json", [{"data": {"img": "a.jpg"}, "annotations": []}], "Label Studio's JSON"),
        ("via.json", {"a.jpg1": {"filename": "a.jpg", "regions": [REGION]}}, "VGG Image Ann"),
        ("via2.json", {"_via_settings": {}, "_via_img_metadata": {}}, "VGG Image Annotator's"),
        ("annotations/default.json", {"info": {}, "items": [], "categories": {}}, "Datumaro's"),
        ("meta.json", {"classes": [], "tags": []}, "Supervisely's JSON"),
        ("results.json", RESULT, "a list of results, without names of keypoints; .* take the"),
        ("train.json", [{"joints": [[1, 2]], "image": "a.jpg"}], "a list of joints as for MPII"),
        ("instances_default.json", {"images": [], "annotations": [], "categories": [{"id": 1}]},
         "no category has keypoints; .* in CVAT as COCO Keypoints 1.0"),
    ],
)  # fmt: skip
def test_next_step(name, content, words, tmp_path):
    path = tmp_path / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    (tmp_path / "README.txt").write_text("exported yesterday")
    with pytest.raises(UsageError, match=words) as error:
        list(coco.read_people(tmp_path))
    assert name in str(error.value)


def test_other_files_are_not_named(tmp_path):
    (tmp_path / "notes.txt").write_text("1 cat")
    (tmp_path / "a.json").write_text("{}")
    (tmp_path / "b.json").write_text("[]")
    with pytest.raises(UsageError, match=r"has 2 .json files and none is annotations.json or"):
        list(coco.read_people(tmp_path))
