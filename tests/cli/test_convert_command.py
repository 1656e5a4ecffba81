"""bin/convert.py and bin/inspect_batch.py as users run them: reports, exit statuses, sentences."""

import json
import os
import re

import numpy as np
import pytest
from PIL import Image

from cpm.cli import convert
from cpm.data import coco, datasets
from cpm.data.datasets import Conversion
from cpm.data.manifest import read_manifest
from cpm.data.report import table
from cpm.errors import UsageError
from tests.helpers.scripts import ROOT, check_sentence, run
from tests.helpers.small_data_sets import lsp_joints, save_leeds


@pytest.fixture(scope="module")
def converted(tmp_path_factory):
    """An LSP of 12 people, two of them without an image, converted by the script."""
    folder = tmp_path_factory.mktemp("convert")
    save_leeds(folder / "lsp", lsp_joints(12), 4, missing=(4, 9))
    out = folder / "out"
    status, text, error = run(
        "convert.py", "--dataset=lsp", f"--src={folder / 'lsp'}", f"--out={out}"
    )
    assert status == 0, error
    return out, text


def test_report(converted):
    out, text = converted
    assert "2 images missing: lsp/im0004, lsp/im0009" in text
    assert f"--data={out}" in text
    lines = [line.split() for line in text.splitlines() if line.startswith("train")]
    assert lines[0][:2] == ["train", "10"]


def test_result(converted):
    out, _ = converted
    manifest = read_manifest(out, verify=True)
    assert manifest.people("train") == 10 and manifest.skeleton.name == "lsp14"
    assert manifest.split_rule["name"] == "development"
    assert manifest.remake.startswith("python bin/convert.py --dataset=lsp")
    assert sorted(os.listdir(out)) == ["manifest.json", "train-00000-of-00001.tfrecord"]
    assert json.loads((out / "manifest.json").read_text())["picture"] == "JPEG"


def test_listed_people_are_not_trained_on(tmp_path):
    """The listed leave the training half, not the validation half; strangers are named."""
    save_leeds(tmp_path / "lspet", lsp_joints(40), 5)
    listed = tmp_path / "list.txt"
    listed.write_text("# these\nlspet/im00003\t0 of 14\nlspet/im00020\nlspet/im99999\n")
    out = tmp_path / "out"
    status, text, error = run(
        "convert.py",
        *("--dataset=lspet", f"--src={tmp_path / 'lspet'}", f"--out={out}"),
        f"--leave_out={listed}",
    )
    assert status == 0, error
    assert "1 listed by --leave_out: lspet/im00003" in text
    assert f"2 of 3 ids in {listed} are not among those to train on, like 'lspet/im00020'" in text
    manifest = read_manifest(out)
    assert (manifest.people("train"), manifest.people("validation")) == (37, 2)
    assert manifest.report["left_out"] == {"listed by --leave_out": ["lspet/im00003"]}
    assert "--leave_out=FILE" in manifest.remake


def test_inspect_batch(converted, tmp_path):
    out, _ = converted
    drawing = tmp_path / "batch.png"
    options = "--image_size=64x48", "--batch_size=3", f"--out={drawing}"
    status, text, error = run("inspect_batch.py", f"--data={out}", *options)
    assert status == 0, error
    assert f"wrote {drawing}" in text
    pixels = np.array(Image.open(drawing))
    assert min(pixels.shape[:2]) > 200 and pixels.std() > 20


def test_synthetic_is_reproducible(tmp_path):
    made = []
    for name in ("a", "b"):
        out = tmp_path / name
        datasets.convert("synthetic", out, options=Conversion(count=3, held_out=2, seed=5))
        made.append({p.name: p.read_bytes() for p in out.glob("*.tfrecord")})
    assert made[0] == made[1]
    manifest = read_manifest(out)
    assert (manifest.people("train"), manifest.people("validation")) == (3, 2)
    assert manifest.skeleton.name == "mpii16"


@pytest.fixture(scope="module")
def animals(tmp_path_factory):
    """A COCO file of two animals, one of them wrong, whose ears are called p1 and p2."""
    folder = tmp_path_factory.mktemp("animals")
    (folder / "images").mkdir()
    for n in range(3):
        pixels = np.full((40, 60, 3), 90 + n, np.uint8)
        Image.fromarray(pixels).save(folder / "images" / f"{n}.jpg")
    record = {
        "images": [{"id": n, "file_name": f"{n}.jpg"} for n in range(3)],
        "categories": [{"id": 1, "keypoints": ["nose", "p1", "p2"]}],
        "annotations": [
            {"id": n, "image_id": n, "category_id": 1, "keypoints": [9, 9, 2, 30, 5, 2, 1, 20, 2]}
            for n in range(3)
        ],
    }
    record["annotations"][2]["keypoints"] = [1, 2]
    (folder / "annotations.json").write_text(json.dumps(record))
    return folder


def test_a_whole_folder_with_pairs(animals, tmp_path):
    out = tmp_path / "two words"
    flags = "--split=validation", "--pairs=p1:p2", f"--src={animals}", f"--out={out}"
    status, text, error = run("convert.py", "--dataset=coco", *flags)
    assert status == 0, error
    manifest = read_manifest(out)
    assert manifest.people("validation") == 2 and manifest.people("train") == 0
    assert manifest.skeleton.mirror.tolist() == [0, 2, 1]
    assert "left and right: p1:p2" in text
    assert "left out: 1 wrong records: annotation 2 (annotation 2 has 2 values" in text
    for flag in ("--split=validation", "--pairs=p1:p2"):
        assert flag in manifest.remake
    # Commands to copy, for a shell.
    assert f"--data='{out}'" in text and f"--out='{out}'" in manifest.remake


def test_pairs_that_leave_out_a_side(tmp_path):
    """--pairs names all pairs: an ear that it leaves out keeps its side in a mirrored image."""
    Image.fromarray(np.full((40, 60, 3), 90, np.uint8)).save(tmp_path / "a.jpg")
    names = ["p1", "p2", "left_ear", "right_ear"]
    record = {
        "images": [{"id": 1, "file_name": "a.jpg"}],
        "categories": [{"id": 1, "keypoints": names}],
        "annotations": [
            {"id": 1, "image_id": 1, "category_id": 1, "keypoints": [9, 9, 2, 30, 5, 1] * 2}
        ],
    }
    (tmp_path / "annotations.json").write_text(json.dumps(record))
    pairs = (("p1", "p2"),)
    some = Conversion(own=coco.Options(pairs))
    text = table(datasets.convert("coco", tmp_path / "out", str(tmp_path), some).report)
    assert "left_ear, right_ear: named after a side, but not in --pairs" in text
    every = Conversion(own=coco.Options((*pairs, ("left_ear", "right_ear"))))
    text = table(datasets.convert("coco", tmp_path / "out", str(tmp_path), every).report)
    assert "named after a side" not in text


def test_no_mirror_image(animals, tmp_path):
    options = Conversion(own=coco.Options(mirrored=False))
    manifest = datasets.convert("coco", tmp_path / "out", str(animals), options)
    assert not read_manifest(tmp_path / "out").skeleton.has_mirror_image
    assert "--flip_pairs=none" in manifest.remake
    text = table(manifest.report)
    assert "left and right: no two joints; --pairs=A:B,C:D" in text
    assert "mirror image: none" in text and "to train on, fewer than in a usual batch" in text


def test_help_lists_the_flags():
    status, text, _ = run("convert.py", "--help")
    assert status == 0
    for flag in ("--dataset", "--src", "--out", "--split:", "--pairs", "--flip_pairs", "--strict"):
        assert flag in text.replace("--[no]", "--")


class TestBadUse:
    @pytest.mark.parametrize(
        "options, words",
        [
            (coco.Options(strict=True), "annotation 2 has 2 values as keypoints"),
            (coco.Options((("p1", "p9"),)), "--pairs names 'p9'; expected two of the keypoints"),
        ],
    )
    def test_own_data(self, options, words, animals, tmp_path):
        with pytest.raises(UsageError, match=words):
            datasets.convert("coco", tmp_path / "out", str(animals), Conversion(own=options))

    @pytest.mark.parametrize("texts", [["p1"], ["p1:p2:p3"], ["p1:"], ["p1:p2", "p2:nose"], [""]])
    def test_pairs(self, texts):
        with pytest.raises(UsageError, match="expected two names for each pair, each name once"):
            convert.parse_pairs(texts)

    def test_flags_of_own_data_for_another(self, tmp_path):
        options = Conversion(own=coco.Options(strict=True))
        with pytest.raises(UsageError, match="are for --dataset=coco, not for 'lsp'"):
            datasets.convert("lsp", tmp_path / "out", str(tmp_path), options)

    def test_status_and_sentence(self, tmp_path):
        status, _, error = run(
            "convert.py",
            "--dataset=lsp",
            f"--src={tmp_path / 'none'}",
            f"--out={tmp_path / 'out'}",
        )
        check_sentence(status, error, "none", "is not a folder", "lsp")
        assert not (tmp_path / "out").exists()

    def test_misspelt_flag(self, tmp_path):
        status, _, error = run("convert.py", "--dataset=coco99", f"--out={tmp_path}")
        assert status == 2 and "coco99" in error and "Traceback" not in error

    @pytest.mark.parametrize("flag", ["--count", "--held_out"])
    def test_numbers_of_synthetic_people_for_data_that_are_read(self, tmp_path, flag):
        flags = f"--src={tmp_path}", f"--out={tmp_path / 'out'}", f"{flag}=5"
        status, _, error = run("convert.py", "--dataset=coco", *flags)
        check_sentence(status, error, f"{flag} is for --dataset=synthetic", "of coco everybody is")

    def test_list_that_is_not_there(self, tmp_path):
        (tmp_path / "lspet").mkdir()
        flags = f"--src={tmp_path / 'lspet'}", f"--out={tmp_path / 'out'}"
        listed = f"--leave_out={tmp_path / 'list.txt'}"
        status, _, error = run("convert.py", "--dataset=lspet", *flags, listed)
        check_sentence(status, error, "there is no file", "list.txt", "--write_suspects")
        status, _, error = run(
            "convert.py", "--dataset=synthetic", f"--out={tmp_path / 'out'}", listed
        )
        check_sentence(status, error, "--leave_out is not for synthetic people")

    def test_source_without_annotations(self, tmp_path):
        (tmp_path / "lspet").mkdir()
        with pytest.raises(UsageError, match=r"no joints.mat; expected the unpacked"):
            datasets.convert("lspet", tmp_path / "out", src=tmp_path / "lspet")
        assert not os.path.exists(tmp_path / "out" / "manifest.json")

    def test_somebody_elses_folder(self, tmp_path):
        save_leeds(tmp_path / "lsp", lsp_joints(1), 4)
        (tmp_path / "thesis.tex").write_text("years of work")
        with pytest.raises(UsageError, match=r"are not a conversion.*--out"):
            datasets.convert("lsp", tmp_path, src=tmp_path / "lsp")
        assert (tmp_path / "thesis.tex").read_text() == "years of work"

    def test_unknown_names(self, tmp_path):
        with pytest.raises(UsageError, match="unknown data set 'coco99'; expected one"):
            datasets.convert("coco99", tmp_path / "out", src=tmp_path)
        with pytest.raises(UsageError, match="unknown split rule 'mine'; expected one"):
            datasets.convert("lsp", tmp_path / "out", tmp_path, Conversion(split_rule="mine"))

    @pytest.mark.parametrize("numbers", [(0, 1, 0), (1, 0, 0), (1, 1, -1)])
    def test_synthetic_numbers(self, numbers):
        with pytest.raises(UsageError, match="at least one person"):
            next(datasets.draw_people(*numbers))


@pytest.mark.parametrize("path", sorted((ROOT / "bin").glob("*.py")), ids=lambda p: p.stem)
def test_help_starts_with_an_example(path):
    # absl's --help starts with the docstring of the script.
    example = re.compile(rf"^    python bin/{path.name}( |$)", re.MULTILINE)
    assert example.search(path.read_text().split('"""')[1])


@pytest.mark.parametrize(
    "arguments, word",
    [
        (["--out=batch.png"], "--data=DIR"),
        (["--data=data/lsp", "--out=batch.txt"], "--out=batch.txt should end in .png"),
        (["--data=data/lsp", "--out=."], "--out=. should end in .png"),
    ],
)
def test_inspect_batch_refuses(arguments, word):
    status, _, error = run("inspect_batch.py", *arguments)
    check_sentence(status, error, word)
    assert "Warning" not in error
