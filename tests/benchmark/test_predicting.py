"""The case `predict`: images that are there, a script that is run and timed."""

import subprocess

import pytest
from PIL import Image

from cpm.benchmark import predicting
from cpm.benchmark.processes import Failed
from cpm.benchmark.report import format_entries


def test_images_have_the_size_that_is_said(tmp_path):
    paths = predicting.write_images(str(tmp_path / "images"), 2)
    assert [Image.open(path).size for path in paths] == [predicting.SIZE] * 2


@pytest.mark.slow
def test_one_image_counts_from_the_launch(tmp_path):
    """TensorFlow alone takes longer to import than half a second."""
    (path,) = predicting.write_images(str(tmp_path / "images"), 1)
    seconds, peak = predicting.one_run([f"--input={path}"])
    assert 0.5 < seconds < 120 and peak > 100


def test_of_several_images_the_first_does_not_count(tmp_path):
    """A script that takes two seconds for its first image and a tenth for each other one."""
    script = tmp_path / "script.py"
    lines = "for n in range(4): time.sleep(0.1 if n else 2); print(f'{n}.jpg: 14 of 14 joints')"
    script.write_text(f"import time\n{lines}\n")
    seconds, peak = predicting.one_run([], str(script))
    assert 0.1 <= seconds < 1 and peak > 1


@pytest.mark.slow
def test_one_run_says_why_there_is_no_result(tmp_path):
    with pytest.raises(Failed, match=r"missing\.jpg does not exist"):
        predicting.one_run([f"--input={tmp_path}/missing.jpg"])


def test_all_sides_take_turns(monkeypatch):
    """Ours, then the peers, round after round; cpm-lite on one image alone."""
    runs = []

    def run(arguments, script=predicting.SCRIPT):
        ckpt = next((a for a in arguments if a.startswith("--ckpt=")), None)
        runs.append(ckpt if script == predicting.SCRIPT else arguments[0])
        return {"--ckpt=w": 2.0, "--ckpt=pose.onnx": 1.0}.get(runs[-1], 0.5), 100.0

    monkeypatch.setattr(predicting, "one_run", run)
    paths = {"onnxruntime": "pose.onnx", "cpm_lite": "pose.tflite", "cpm_lite_int8": "8.tflite"}
    monkeypatch.setattr(predicting, "write_exports", lambda *_: paths)
    said = []
    entries = predicting.measure_predicting(3, 2, [None], list(paths), "w", said.append)
    one, json, drawings = entries
    assert runs[:8] == 2 * ["--ckpt=w", "--ckpt=pose.onnx", "pose.tflite", "8.tflite"]
    assert len(runs) == 8 + 4 + 4
    assert one["ratio"] == {"onnxruntime": 0.5, "cpm_lite": 0.25, "cpm_lite_int8": 0.25}
    assert json["peers"].keys() == drawings["peers"].keys() == {"onnxruntime"}
    assert json["ours"]["images_per_s"] == 0.5 and json["ours"]["peak_mb"] == 100
    table = format_entries(entries)
    assert "ours, default" in table and "cpm_lite" in table
    header, _, *rows = [
        [c.strip() for c in line.split("|")[1:-1]]
        for line in table.splitlines()
        if line.startswith("|")
    ][:6]
    assert header[-2:] == ["images/s", "÷ default"]
    assert [(row[0], *row[-2:]) for row in rows] == [
        *(("ours, default", "0.50", "1.00"), ("onnxruntime", "1.00", "0.50")),
        *(("cpm_lite", "2.00", "0.25"), ("cpm_lite_int8", "2.00", "0.25")),
    ]


def test_every_kind_of_file_is_exported_once(monkeypatch, tmp_path):
    commands = []

    def run(command, **_):
        commands.append(command[2:])
        return subprocess.CompletedProcess(command, 0, "", "")

    monkeypatch.setattr(predicting.subprocess, "run", run)
    paths = predicting.write_exports(str(tmp_path), [*predicting.PEERS], "w", lambda _: None)
    assert commands == [
        ["--ckpt=w", "--format=onnx", "--precision=float32", f"--out={tmp_path}/pose.onnx"],
        ["--ckpt=w", "--format=litert", "--precision=float32", f"--out={tmp_path}/pose.tflite"],
        ["--ckpt=w", "--format=litert", "--precision=int8", f"--out={tmp_path}/pose_int8.tflite"],
    ]
    assert paths["litert"] == paths["cpm_lite"] != paths["cpm_lite_int8"]


@pytest.mark.thorough
def test_what_cannot_be_exported_says_why(tmp_path):
    with pytest.raises(Failed, match="wrote no litert"):
        predicting.write_exports(str(tmp_path), ["litert"], str(tmp_path / "missing"), print)
