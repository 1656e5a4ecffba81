"""What bin/predict.py makes of its results: names, files, and what its last lines say."""

import json

import numpy as np
import pytest
from PIL import Image

from cpm.cli import predict
from tests.helpers.animals import AP10K
from tests.helpers.in_process import caller
from tests.helpers.tiny_networks import tiny_config, tiny_weights


@pytest.fixture(scope="module")
def work(tmp_path_factory):
    """A folder with a tiny network, `w.npz`, and two images in `in`."""
    folder = tmp_path_factory.mktemp("predict_output")
    tiny_weights(folder / "w.npz")
    (folder / "in").mkdir()
    rng = np.random.default_rng(1)
    for name in ("1.jpg", "2.png"):
        Image.fromarray(rng.integers(0, 256, [50, 70, 3], np.uint8)).save(folder / "in" / name)
    return folder


@pytest.fixture
def run(capfd):
    return caller(predict, capfd)


def lines_of(text):
    return [line for line in text.splitlines() if " joints" in line]


def test_openpose_says_whose_joints_it_has(work, tmp_path, run):
    """Of a dog, whose paws BODY_25 lacks; people's files need no word."""
    dog = tiny_weights(work / "dog.npz", tiny_config(skeleton=AP10K.name))
    for weights, said in ((dog, True), (f"{work}/w.npz", False)):
        status, text, error = run(f"{work}/in", f"--ckpt={weights}", f"--openpose={tmp_path}")
        assert status == 0, error
        assert ("BODY_25 lacks some of them, in this order: left_eye, " in text) == said
        assert ("1 object, " in text) == said


def test_pages_are_told_apart(work, tmp_path, run):
    page = Image.new("RGB", (30, 20))
    page.save(tmp_path / "a.tif", save_all=True, append_images=[page])
    status, text, error = run(f"{tmp_path}/a.tif", f"--ckpt={work}/w.npz", "--threshold=0")
    assert status == 0, error
    assert [text.count(f"a.tif, page {page}: ") for page in (1, 2, 3)] == [1, 1, 0]


def test_nobody_is_a_result(work, tmp_path, run):
    """In words and in JSON, where no joint is certain; a box has its person all the same."""
    weights = tiny_weights(tmp_path / "unsure.npz", threshold=0.999)
    arguments = [f"{work}/in", f"--ckpt={weights}", f"--json={tmp_path}/a.json"]
    status, text, error = run(*arguments)
    assert status == 0, error
    assert text.count("nobody found") == 2
    assert (
        "2 images done, 0 skipped, 2 without anybody\nwith --box or --threshold=0, joints are found"
        " however unsure the network is\nwith --people=all, all of each image is searched" in text
    )
    images = json.loads((tmp_path / "a.json").read_text())["images"]
    assert [image["people"] for image in images] == [[], []]
    for more in ("--box=5,5,30,40", "--threshold=0"):
        status, text, error = run(f"{work}/in/1.jpg", *arguments[1:], more)
        assert status == 0 and "1 person, " in text and "without" not in text


def test_boxes_of_a_file(work, run):
    """A detector's results: people in order, scores kept, unlisted images told apart and named."""
    entries = [
        {"image_id": 1, "category_id": 1, "bbox": [5, 5, 30, 40], "score": 0.75},
        {"image_id": 1, "category_id": 1, "bbox": [20, 5, 30, 40], "score": 0.5},
        {"image_id": 9, "category_id": 1, "bbox": [1, 2, 3, 4], "score": 0.5},
    ]
    (work / "boxes.json").write_text(json.dumps(entries))
    arguments = [f"--ckpt={work}/w.npz", f"--boxes={work}/boxes.json", f"--json={work}/b.jsonl"]
    status, text, error = run(f"{work}/in", *arguments)
    assert status == 0, error
    assert "2 people" in lines_of(text)[0] and "2.png: not in the file of boxes" in text
    assert f"{work}/boxes.json does not list them: 1 image, {work}/in/2.png" in text
    assert "without anybody" not in text
    assert "boxes of 1 image not among the inputs: 9" in text
    first, second = (json.loads(line) for line in (work / "b.jsonl").read_text().splitlines())
    assert [person["box"] for person in first["people"]] == [[5, 5, 30, 40], [20, 5, 30, 40]]
    assert [person["score"] for person in first["people"]] == [0.75, 0.5]
    assert second["people"] == [] and first["in_box_file"] and second["in_box_file"] is False


def test_an_image_listed_without_boxes_has_nobody(work, run):
    """COCO's annotations list images in which nobody is, and a low score leaves out a box."""
    names = [{"id": 1, "file_name": "1.jpg"}, {"id": 2, "file_name": "2.png"}]
    entry = {"image_id": 2, "category_id": 1, "bbox": [5, 5, 30, 40], "score": 0.1}
    (work / "listed.json").write_text(json.dumps({"images": names, "annotations": [entry]}))
    arguments = [f"--boxes={work}/listed.json", "--box_score=0.5", f"--json={work}/c.json"]
    status, text, error = run(f"{work}/in", f"--ckpt={work}/w.npz", *arguments)
    assert status == 0, error
    assert text.count("nobody found") == 2 and "2 without anybody" in text
    assert "not searched" not in text
    images = json.loads((work / "c.json").read_text())["images"]
    assert [(image["people"], image["in_box_file"]) for image in images] == [([], True)] * 2


def test_a_box_outside_its_image_ends_no_run(work, run):
    """It is left out and named; the others of the image and the other images have theirs."""
    rows = ["1.jpg,5,5,30,40", "1.jpg,900,5,30,40", "2.png,5,900,30,40", "2.png,-50,5,50,40"]
    (work / "outside.csv").write_text("\n".join(rows))
    arguments = [f"--boxes={work}/outside.csv", f"--json={work}/d.jsonl"]
    status, text, error = run(f"{work}/in", f"--ckpt={work}/w.npz", *arguments)
    assert status == 0, error
    first, second = (json.loads(line) for line in (work / "d.jsonl").read_text().splitlines())
    assert [person["box"] for person in first["people"]] == [[5, 5, 30, 40]]
    assert second["people"] == [] and second["in_box_file"]
    assert (
        f"left out: 3, of {work}/in/1.jpg, {work}/in/2.png; were they found in images of an" in text
    )


def test_any_name_of_an_image(work, tmp_path, run):
    """Mathematics of a drawing library, a line break, Latin-1, an option, a pattern, a long one."""
    names = ["price_$5_and_$6", "a\nb", "M\udcfcller", "-x", "a[1]*", 250 * "n"]
    for name in names:
        Image.new("RGB", (30, 20), "gray").save(tmp_path / "1.jpg")
        (tmp_path / "1.jpg").rename(tmp_path / f"{name}.jpg")
    out = tmp_path / "out"
    files = f"--out={out}", f"--json={out}/a.json", f"--csv={out}/a.csv", f"--openpose={out}/o"
    status, text, error = run(
        tmp_path, f"--ckpt={work}/w.npz", "--passes=1", "--noflip", "--heatmaps", *files
    )
    assert status == 0, error
    assert len(lines_of(text)) == len(names) and f"{tmp_path}/a\\nb.jpg: 1 person" in text
    assert len(list(out.glob("*_pose.jpg"))) == len(list((out / "o").iterdir())) == len(names)
    with open(out / "a.json") as file:
        found = {image["file"] for image in json.load(file)["images"]}
    assert found == {f"{tmp_path}/{name}.jpg" for name in names}
