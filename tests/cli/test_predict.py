"""bin/predict.py as a user runs it: inputs, boxes, outputs, and what it says of mistakes."""

import csv
import dataclasses
import json

import numpy as np
import pytest
from PIL import Image

from cpm.cli import predict
from cpm.config import AUGMENTATIONS, DataConfig
from cpm.inference import Predictor
from tests.helpers.in_process import caller
from tests.helpers.scripts import check_sentence
from tests.helpers.scripts import run as run_script
from tests.helpers.tiny_networks import tiny_config, tiny_weights


@pytest.fixture(scope="module")
def work(tmp_path_factory):
    """A folder with a tiny network, `w.npz`, and images in `in`."""
    folder = tmp_path_factory.mktemp("predict")
    tiny_weights(folder / "w.npz")
    rng = np.random.default_rng(1)
    for name in ("1.jpg", "2.png", "sub/1.jpg", "sub/3.bmp"):
        path = folder / "in" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(rng.integers(0, 256, [50, 70, 3], np.uint8)).save(path)
    (folder / "in" / "notes.txt").write_text("no image")
    (folder / "bad.jpg").write_bytes(b"no image")
    return folder


@pytest.fixture
def run(capfd):
    return caller(predict, capfd)


def lines_of(text):
    return [line for line in text.splitlines() if " joints" in line]


def test_all_inputs_and_outputs(work, run):
    """Arguments and --input, folders and patterns; every kind of file beside the drawings."""
    out = work / "out"
    status, text, error = run(
        work / "in" / "2.png",
        f"--ckpt={work}/w.npz",
        f"--input={work}/in",
        f"--input={work}/in/s*/*.jpg",
        "--recursive",
        f"--out={out}",
        f"--json={out}/a.json",
        f"--csv={out}/a.csv",
        f"--openpose={out}/openpose",
    )
    assert status == 0, error
    order = ["in/2.png", "in/1.jpg", "in/sub/1.jpg", "in/sub/3.bmp"]
    inputs = [str(work / name) for name in (order[1], order[0], *order[2:])]
    assert [line.split(": ")[0] for line in lines_of(text)] == inputs
    assert "4 images done, 1 skipped" in text and "notes.txt (neither image nor video)" in text
    drawings = sorted(path.name for path in out.glob("*.jpg"))
    assert drawings == ["1.jpg_pose.jpg", "1_pose.jpg", "2_pose.jpg", "3_pose.jpg"]
    with open(out / "a.json") as file:
        record = json.load(file)
    assert [entry["file"] for entry in record["images"]] == inputs
    assert (
        record["skipped"] == [f"{work}/in/notes.txt"]
        and record["threshold"] == 0.001
        and record["searched_for"] == 1
        and "commit" in record
    )
    with open(out / "a.csv", newline="") as file:
        assert len(list(csv.DictReader(file))) == 4 * 14
    assert len(list((out / "openpose").iterdir())) == 4


def test_coco_results_of_different_names(work, run, tmp_path):
    status, _, error = run(
        work / "in" / "sub" / "3.bmp", work / "in" / "2.png", f"--ckpt={work}/w.npz",
        f"--coco={tmp_path}/c.json",
    )  # fmt: skip
    assert status == 0, error
    found = json.loads((tmp_path / "c.json").read_text())
    assert [entry["image_id"] for entry in found] == [3, 2]


def test_the_line_of_an_image_counts_by_the_threshold_that_was_given(work, run):
    """As the drawing does."""
    box = "--box=5,5,30,40"
    usual = (work / "in" / "1.jpg", f"--ckpt={work}/w.npz", box)
    for threshold, expected in ((0, "14 of 14 joints"), (1, "0 of 14 joints")):
        assert f"1 person, {expected}" in run(*usual, f"--threshold={threshold}")[1]


def test_drawings_of_an_earlier_run_are_passed_over(work, tmp_path, run):
    """Drawings in the folder of the images; a drawing that is named alone is what is meant."""
    image = Image.open(work / "in" / "1.jpg")
    image.save(tmp_path / "1.jpg")
    predicted = (f"--ckpt={work}/w.npz", f"--out={tmp_path}", "--passes=1", "--noflip")
    drawing = tmp_path / "1_pose.jpg"
    for inputs in ([tmp_path], [tmp_path], [f"{tmp_path}/*.jpg"], [tmp_path / "1.jpg", drawing]):
        status, text, error = run(*inputs, *predicted)
        assert status == 0, error
        assert [line.split(": ")[0] for line in lines_of(text)] == [f"{tmp_path}/1.jpg"]
    assert "1_pose.jpg (a drawing of an earlier run)" in text
    assert sorted(path.name for path in tmp_path.iterdir()) == ["1.jpg", "1_pose.jpg"]
    status, text, error = run(drawing, f"--ckpt={work}/w.npz", "--passes=1", "--noflip")
    assert status == 0 and f"{drawing}: 1 person" in text, error


def test_many_images_name_the_faster_precision(work, run, monkeypatch):
    """Where the processor has it, and nobody chose another."""
    monkeypatch.setattr(predict, "MANY", 2)
    usual = (f"--ckpt={work}/w.npz", "--passes=1", "--noflip", work / "in" / "1.jpg")
    both = (*usual, work / "in" / "2.png")
    for pays, arguments, said in (
        (True, both, True),
        (False, both, False),
        (True, usual, False),
        (True, (*both, "--precision=float32"), False),
    ):
        monkeypatch.setattr(predict, "bfloat16_pays", lambda arch, pays=pays: pays)
        status, text, error = run(*arguments)
        assert status == 0, error
        assert ("--precision=bfloat16 is faster" in text) == said, arguments


def test_weights_of_crops_around_people_say_so(work, run):
    """In whole images they may miss somebody; not where a box or a region is given."""
    config = dataclasses.replace(tiny_config(), data=DataConfig(crop="joints"))
    weights = tiny_weights(work / "boxes.npz", config)
    usual = (work / "in" / "1.jpg", "--passes=1", "--noflip")
    note = f"note: {weights} was trained on crops around people"
    for more in ([], ["--box=5,5,30,40"], ["--crop=whole"]):
        status, text, error = run(*usual, f"--ckpt={weights}", *more)
        assert status == 0, error
        assert (note in text) == (not more), more
    assert "note:" not in run(*usual, f"--ckpt={work}/w.npz")[1]


@pytest.fixture(scope="module")
def crowd_weights(work):
    """Weights of a network that was trained with several people."""
    data = DataConfig(augment=AUGMENTATIONS["crowd"])
    return tiny_weights(work / "crowd.npz", dataclasses.replace(tiny_config(), data=data))


@pytest.mark.parametrize(
    "flags, people, noted",
    [
        ([], "all", None),
        (["--threshold=0.3", "--noflip"], "all", None),
        (["--people=1"], 1, None),
        (["--people=3"], 3, None),
        (["--people=1", "--passes=1"], 1, None),
        (["--box=5,5,30,40", "--passes=1"], 1, None),
        (["--passes=1"], 1, "--passes"),
        (["--passes=1", "--crop=whole"], 1, "--crop and --passes"),
        (["--belief_maps={0}/maps.npz"], 1, "--belief_maps"),
        (["--heatmaps", "--out={0}/maps"], 1, "--heatmaps"),
    ],
    ids=str,
)
def test_everybody_is_the_default(work, crowd_weights, run, monkeypatch, flags, people, noted):
    """Of weights that were trained with several people, unless a flag is about one: it is said."""
    asked = []
    original = Predictor.predict_many

    def predict_many(self, images, **options):
        asked.append(options["people"])
        return original(self, images, **options | {"people": 1})

    monkeypatch.setattr(Predictor, "predict_many", predict_many)
    image = work / "in" / "1.jpg"
    flags = [flag.format(work) for flag in flags]
    status, text, error = run(image, f"--ckpt={crowd_weights}", *flags)
    assert status == 0, error
    assert ("note: with" in text) == (noted is not None)
    assert noted is None or f"note: with {noted} one person is found, the one near the" in text
    assert run(image, f"--ckpt={work}/w.npz", "--noflip")[0] == 0
    assert asked == [people, 1]


def test_a_search_of_many_images_names_the_faster_way(work, crowd_weights, run, monkeypatch):
    monkeypatch.setattr(predict, "MANY", 2)
    inputs = [work / "in" / "1.jpg", work / "in" / "2.png"]
    for few, flags, said in (([], [], True), (inputs[:1], [], False), ([], ["--people=1"], False)):
        status, text, error = run(*(few or inputs), f"--ckpt={crowd_weights}", *flags)
        assert status == 0, error
        assert ("all people are searched for in 2 images; --people=1 takes" in text) == said


@pytest.mark.parametrize(
    "arguments, words",
    [
        ([], ["no input", "--help"]),
        (["{0}/nothing"], ["does not exist"]),
        (["{0}/empty"], ["holds no image"]),
        (["{0}/bad.jpg"], ["bad.jpg", "cannot be decoded"]),
        (["{0}/in/1.jpg", "--box=1,2,3"], ["expected 4 numbers"]),
        (["{0}/in/1.jpg", "--box=900,2,3,4"], ["outside the image, which is 70 x 50"]),
        (
            ["{0}/in/1.jpg", "--heatmaps", "--out={0}/o", "--people=all"],
            ["belief maps are not kept"],
        ),
        (["{0}/in/1.jpg", "--boxes={0}/in/notes.txt"], ["notes.txt", "cannot be read"]),
    ],
)
def test_mistakes_end_in_a_sentence(work, run, arguments, words):
    (work / "empty").mkdir(exist_ok=True)
    arguments = [argument.format(work) for argument in arguments]
    status, _, error = run(f"--ckpt={work}/w.npz", *arguments)
    check_sentence(status, error, *words)


@pytest.mark.slow
def test_help_lists_the_flags():
    status, text, _ = run_script("predict.py", "--help")
    assert status == 0
    for flag in ("--input", "--box", "--boxes", "--[no]flip", "--conv", "--people", "--csv"):
        assert flag in text
    assert "python bin/predict.py photo.jpg" in text
