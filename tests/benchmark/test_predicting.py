"""The case `predict`: images that are there, a script that is run and timed."""

import pytest
from PIL import Image

from cpm.benchmark import predicting
from cpm.benchmark.processes import Failed
from cpm.benchmark.report import format_entries


@pytest.mark.slow
def test_one_run_times_the_images_after_the_first(tmp_path):
    paths = predicting.write_images(str(tmp_path / "images"), 3)
    assert [Image.open(path).size for path in paths] == [predicting.SIZE] * 3
    seconds, peak = predicting.one_run([f"--input={tmp_path}/images"])
    assert 0 < seconds < 60 and peak > 100


@pytest.mark.slow
def test_one_image_counts_from_the_launch(tmp_path):
    """TensorFlow alone takes longer to import than half a second."""
    (path,) = predicting.write_images(str(tmp_path / "images"), 1)
    seconds, _ = predicting.one_run([f"--input={path}"])
    assert 0.5 < seconds < 120


@pytest.mark.slow
def test_one_run_says_why_there_is_no_result(tmp_path):
    with pytest.raises(Failed, match=r"missing\.jpg does not exist"):
        predicting.one_run([f"--input={tmp_path}/missing.jpg"])


def test_all_sides_take_turns(monkeypatch):
    """Ours, then the peers, round after round; cpm-lite on one image alone."""
    runs = []

    def run(arguments, script=predicting.SCRIPT):
        ckpt = next((a for a in arguments if a.startswith("--ckpt=")), None)
        runs.append(ckpt if script == predicting.SCRIPT else "lite")
        return {"--ckpt=w": 2.0, "--ckpt=pose.onnx": 1.0}.get(runs[-1], 0.5), 100.0

    monkeypatch.setattr(predicting, "one_run", run)
    paths = {"onnxruntime": "pose.onnx", "cpm_lite": "pose.tflite"}
    monkeypatch.setattr(predicting, "write_exports", lambda *_: paths)
    said = []
    entries = predicting.measure_predicting(3, 2, [None], list(paths), "w", said.append)
    one, json, drawings = entries
    assert runs[:6] == 2 * ["--ckpt=w", "--ckpt=pose.onnx", "lite"] and len(runs) == 6 + 4 + 4
    assert one["ratio"] == {"onnxruntime": 0.5, "cpm_lite": 0.25}
    assert json["peers"].keys() == drawings["peers"].keys() == {"onnxruntime"}
    assert json["ours"]["images_per_s"] == 0.5 and json["ours"]["peak_mb"] == 100
    table = format_entries(entries)
    assert "ours, default" in table and "cpm_lite" in table


@pytest.mark.thorough
def test_what_cannot_be_exported_says_why(tmp_path):
    with pytest.raises(Failed, match="wrote no litert"):
        predicting.write_exports(str(tmp_path), ["litert"], str(tmp_path / "missing"), print)
