"""`cpm-lite`: one file that needs neither TensorFlow nor the rest of the project."""

import argparse
import importlib.util
import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cpm import lite

LITE = Path(lite.__file__)


def test_it_imports_nothing_heavy():
    code = f"import runpy, sys; runpy.run_path({str(LITE)!r}); print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd="/"
    ).stdout.split()
    assert not {"tensorflow", "cpm", "matplotlib", "scipy", "absl"} & set(loaded)


@pytest.mark.parametrize("text", ["1,2,3", "1,2,0,4", "a,b,c,d", "1,2,nan,4", ""])
def test_wrong_boxes_are_refused(text):
    with pytest.raises(argparse.ArgumentTypeError, match="x,y,width,height"):
        lite.parse_box(text)


def test_a_file_that_is_none_is_a_sentence(tmp_path, capsys):
    pytest.importorskip("ai_edge_litert", reason="ai-edge-litert (requirements-export.txt)")
    path = tmp_path / "pose.tflite"
    path.write_text("nonsense")
    assert lite.main([str(path), "photo.jpg"]) == 2
    assert "cannot be used" in capsys.readouterr().err


def test_a_missing_runtime_is_a_sentence(tmp_path, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "ai_edge_litert.interpreter", None)
    path = tmp_path / "pose.tflite"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("cpm.json", "{}")
    assert lite.main([str(path), "photo.jpg"]) == 2
    assert "pip install ai-edge-litert" in capsys.readouterr().err


def test_an_image_that_is_none_is_a_sentence(tmp_path, capsys, monkeypatch):
    """A pipe is not waited for; what Pillow raises of a bomb or a broken file is no traceback."""
    monkeypatch.setattr(lite, "Pose", lambda path: None)
    os.mkfifo(tmp_path / "pipe.png")
    assert lite.main(["pose.tflite", str(tmp_path / "pipe.png")]) == 2
    assert "is no regular file" in capsys.readouterr().err
    Image.new("1", (600, 600)).save(tmp_path / "bomb.png")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1000)
    assert lite.main(["pose.tflite", str(tmp_path / "bomb.png")]) == 2
    assert "cannot be read as an image" in capsys.readouterr().err


@pytest.mark.slow
def test_its_joints_are_those_of_the_predictor(tmp_path):
    if importlib.util.find_spec("ai_edge_litert") is None:
        pytest.skip("no ai-edge-litert (requirements-export.txt)")
    from cpm.inference import Predictor
    from cpm.interchange.exporting import Exporter, Target
    from tests.helpers.tiny_networks import tiny_weights

    image = np.random.default_rng(0).integers(0, 256, [120, 77, 3]).astype(np.uint8)
    Image.fromarray(image).save(tmp_path / "photo.png")
    ckpt = tiny_weights(tmp_path / "tiny.npz", threshold=0.0)
    model = str(tmp_path / "pose.tflite")
    Exporter(ckpt).export(Target(model, "litert", functions=("image", "box")), [image])
    predictor = Predictor(ckpt)
    for arguments, box in ([], None), (["--box=5,10,50,80"], (5, 10, 50, 80)):
        out = tmp_path / "pose.json"
        done = subprocess.run(
            [sys.executable, LITE, model, "photo.png", f"--json={out}", "--out=a.png", *arguments],
            capture_output=True,
            text=True,
            cwd=tmp_path,
        )
        assert done.returncode == 0, done.stderr
        found = np.array(list(json.loads(out.read_text())["joints"].values()))
        expected = predictor(image, box).people[0]
        np.testing.assert_allclose(found[:, :2], expected.joints_px, atol=0.01)
        np.testing.assert_allclose(found[:, 2], expected.confidence, atol=1e-4)
        assert Image.open(tmp_path / "a.png").size == (77, 120)
