"""`cpm-lite`: one file that needs neither TensorFlow nor the rest of the project."""

import argparse
import importlib.util
import itertools
import json
import os
import struct
import subprocess
import sys
import types
import zipfile
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import EpsImagePlugin, Image

from cpm import lite
from cpm.data import images
from cpm.inference.person_pose import PersonPose
from cpm.inference.results import ImagePose
from cpm.plots.pose_drawing import draw_pose, joint_colors
from cpm.skeleton import SKELETONS, own_skeleton

LITE = Path(lite.__file__)


def test_it_imports_nothing_heavy():
    code = f"import runpy, sys; runpy.run_path({str(LITE)!r}); print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd="/"
    ).stdout.split()
    assert not {"tensorflow", "cpm", "matplotlib", "scipy", "absl"} & set(loaded)


@pytest.mark.parametrize("text", ["1,2,3", "1,2,0,4", "a,b,c,d", "1,2,nan,4", "1,2,3,1e39", ""])
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
    assert "it is no regular file" in capsys.readouterr().err
    Image.new("1", (600, 600)).save(tmp_path / "bomb.png")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1000)
    assert lite.main(["pose.tflite", str(tmp_path / "bomb.png")]) == 2
    assert "cannot be read as an image" in capsys.readouterr().err


def test_gray_of_16_bits_is_read_as_in_the_project(tmp_path):
    """A small part of the range, H != W: cut to 8 bits it would be white."""
    path = tmp_path / "thermal.png"
    gray = np.random.default_rng(0).integers(7000, 8020, (20, 31)).astype(np.uint16)
    Image.fromarray(gray).save(path)
    image = lite.read_image(str(path))
    assert image.shape == (20, 31, 3) and (image.min(), image.max()) == (0, 255)
    np.testing.assert_array_equal(image, images.read_image(str(path)))


def test_every_image_is_read_as_in_the_project(tmp_path):
    """All modes of the four formats, transparent ones among them, and cameras' orientations."""
    rng = np.random.default_rng(0)
    image = Image.fromarray(rng.integers(0, 256, (20, 31, 3), dtype=np.uint8))
    gray, palette, key = image.convert("L"), image.quantize(16), image.getpixel((3, 2))
    seen = Image.fromarray(rng.integers(0, 256, (20, 31), dtype=np.uint8))
    rgba, la = image.copy(), gray.copy()
    rgba.putalpha(seen)
    la.putalpha(seen)
    for mode in ("1", "L", "P", "RGB", "RGBA"):
        rgba.convert(mode).save(tmp_path / f"{mode}.bmp")
        rgba.convert(mode).save(tmp_path / f"{mode}.png")
    la.save(tmp_path / "la.png")
    palette.save(tmp_path / "one_color.png", transparency=3)
    palette.save(tmp_path / "palette.png", transparency=bytes(range(0, 256, 16)))
    image.save(tmp_path / "key.png", transparency=key)
    gray.save(tmp_path / "gray_key.png", transparency=gray.getpixel((3, 2)))
    gray.convert("1").save(tmp_path / "bit_key.png", transparency=0)
    image.convert("CMYK").save(tmp_path / "cmyk.jpg")
    rgba.save(tmp_path / "lossy.webp")
    rgba.save(tmp_path / "moves.png", save_all=True, append_images=[rgba.rotate(180)])
    image.save(tmp_path / "two.mpo", save_all=True, append_images=[image.rotate(180)])
    image.save(tmp_path / "bad_exif.png", exif=b"MM\0")
    for orientation in range(1, 9):
        exif = Image.Exif()
        exif[0x0112] = orientation
        image.save(tmp_path / f"turned{orientation}.jpg", exif=exif)
        rgba.save(tmp_path / f"turned{orientation}.png", exif=exif)
        rgba.save(tmp_path / f"turned{orientation}.webp", exif=exif, lossless=True)
    for path in sorted(tmp_path.iterdir()):
        np.testing.assert_array_equal(
            lite.read_image(str(path)), images.read_image(path), err_msg=path.name
        )


def test_colors_of_16_bits_are_refused(tmp_path, capsys, monkeypatch):
    """Pillow alone cuts them to 8 bits, which may be a black image."""
    monkeypatch.setattr(lite, "Pose", lambda path: None)

    def chunk(name, content):
        check = struct.pack(">I", zlib.crc32(name + content))
        return struct.pack(">I", len(content)) + name + content + check

    header = struct.pack(">IIBBBBB", 2, 1, 16, 2, 0, 0, 0)  # width, height, bits, RGB
    pixels = zlib.compress(b"\0" + struct.pack(">6H", 1000, 1100, 1200, 1300, 1400, 1500))
    path = tmp_path / "deep.png"
    parts = chunk(b"IHDR", header), chunk(b"IDAT", pixels), chunk(b"IEND", b"")
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(parts))
    assert lite.main(["pose.tflite", str(path)]) == 2
    assert "it has 16 bits a color" in capsys.readouterr().err


EPS = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 30 20\n%%EndComments\n"


@pytest.mark.parametrize(
    "content",
    [
        *(EPS, b"%PDF-1.7\n", b"<svg xmlns='http://www.w3.org/2000/svg'/>", b"#!/bin/sh\n"),
        *("TIFF", "GIF", "ICO", "PPM"),
    ],
    ids=lambda content: content if isinstance(content, str) else content.decode()[:4],
)
def test_what_is_named_like_an_image_is_none(tmp_path, capsys, monkeypatch, content):
    """Pillow would start Ghostscript for the first."""
    monkeypatch.setattr(lite, "Pose", lambda path: None)
    begun = []
    monkeypatch.setattr(EpsImagePlugin, "Ghostscript", lambda *given, **more: begun.append(given))
    path = tmp_path / "photo.jpg"
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        Image.new("RGB", (16, 16)).save(path, content)
    assert lite.main(["pose.tflite", str(path)]) == 2
    said = capsys.readouterr().err
    assert "cannot be read as an image (it is none of JPEG, PNG, WEBP, BMP)" in said and not begun


METADATA = {"joints": ["a", "b"], "limbs": [["a", "b"]], "threshold": 0.5, "terms": "any"}


@pytest.mark.parametrize(
    "text, words",
    [
        ("[" * 100_000, "cannot be used"),
        ("[]", "is no object"),
        ("{}", "'joints'"),
        (json.dumps(METADATA | {"joints": 3}), "joints are no names"),
        (json.dumps(METADATA | {"limbs": [["a", "c"]]}), "limbs are no pairs"),
        (json.dumps(METADATA | {"threshold": "0.5"}), "threshold is no number"),
        (json.dumps(METADATA | {"threshold": 7}), "threshold is no number from 0 to 1"),
        (" " * (lite.MOST_METADATA + 1), "too much"),
        ("no JSON", "cannot be used"),
    ],
    ids=range(9),
)
def test_other_metadata_is_a_sentence(tmp_path, capsys, monkeypatch, text, words):
    monkeypatch.setitem(sys.modules, "ai_edge_litert.interpreter", types.SimpleNamespace())
    sys.modules["ai_edge_litert.interpreter"].Interpreter = lambda path, num_threads: None
    with zipfile.ZipFile(tmp_path / "pose.tflite", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("cpm.json", text)
    assert lite.main([str(tmp_path / "pose.tflite"), "photo.jpg"]) == 2
    assert words in capsys.readouterr().err


def test_damaged_lzma_is_a_sentence(tmp_path, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "ai_edge_litert.interpreter", types.SimpleNamespace())
    sys.modules["ai_edge_litert.interpreter"].Interpreter = lambda path, num_threads: None
    path = tmp_path / "pose.tflite"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_LZMA) as archive:
        archive.writestr("cpm.json", json.dumps(METADATA | {"terms": [*range(500)]}))
    content = bytearray(path.read_bytes())
    for at in range(100, 160):
        content[at] ^= 0xA5
    path.write_bytes(content)
    assert lite.main([str(path), "photo.jpg"]) == 2
    assert "cannot be used" in capsys.readouterr().err


# The command with a network that finds two joints, whose names are a stranger's.
SCRIPT = """
import sys, types
import numpy as np
sys.path.insert(0, {folder!r})
import lite
class Pose:
    joints, limbs, threshold = ["na\\x1b[2Jse", "Kopf\\u00e9\\n"], [], 0.5
    def __init__(self, path): pass
    def __call__(self, image, box): return np.ones([2, 2]), np.ones([2])
lite.Pose = Pose
sys.exit(lite.main(sys.argv[1:]))
"""


def command(folder, *arguments, **streams):
    Image.new("RGB", (9, 9)).save(folder / "photo.jpg")
    code = SCRIPT.format(folder=str(LITE.parent))
    return subprocess.run(
        [sys.executable, "-c", code, "pose.tflite", *arguments, f"--json={folder / 'a.json'}"],
        cwd=folder,
        **streams,
    )


def test_names_cannot_steer_a_terminal_of_any_encoding(tmp_path):
    ascii_terminal = os.environ | {"PYTHONIOENCODING": "ascii"}
    done = command(tmp_path, "photo.jpg", capture_output=True, env=ascii_terminal)
    assert done.returncode == 0, done.stderr
    assert done.stdout.isascii() and b"na\\x1b[2Jse" in done.stdout
    assert b"Kopf\\xe9\\n" in done.stdout and done.stdout.count(b"\n") == 2
    done = command(tmp_path, "\x1b[2J\u00e9.jpg", capture_output=True, env=ascii_terminal)
    assert done.returncode == 2
    assert b"\\x1b[2J\\xe9.jpg cannot be read" in done.stderr


class Found:
    """Stands for the network, and finds two joints in every image."""

    joints, limbs, threshold = ("nose", "neck"), (), 0.5

    def __init__(self, path):
        pass

    def __call__(self, image, box):
        return np.ones([2, 2]), np.ones([2])


@pytest.mark.parametrize(
    "arguments, words",
    [
        (["--out=photo.png"], "--out=photo.png is what image names, and would be lost"),
        (["--json=./photo.png"], "--json=./photo.png is what image names"),
        (["--json=pose.tflite"], "--json=pose.tflite is what model names"),
        (["--json="], "json has no value"),
        (["--out=a.png", "--json=a.png"], "--json=a.png is what out names"),
        (["--box=9,0,5,5"], "lies outside the image, which is 9 x 9 pixels"),
        (["--box=0,-5,5,5"], "lies outside the image"),
    ],
)
def test_nothing_is_lost_and_no_place_invented(tmp_path, monkeypatch, capfd, arguments, words):
    """--out=photo.png drew over the photograph; joints of a box outside lay outside, too."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(lite, "Pose", Found)
    Image.new("RGB", (9, 9)).save("photo.png")
    (tmp_path / "pose.tflite").write_bytes(b"network")
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert lite.main(["pose.tflite", "photo.png", *arguments]) == 2
    said = capfd.readouterr()
    assert words in said.err and said.err.count("\n") == 1 and not said.out
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before
    assert lite.main(["pose.tflite", "photo.png", "--json=/dev/null", "--box=8,0,1e9,5"]) == 0


def test_a_closed_pipe_and_a_full_device(tmp_path):
    """Silence, or a sentence; the files are written."""
    out, into = os.pipe()
    os.close(out)
    done = command(tmp_path, "photo.jpg", stdout=into, stderr=subprocess.PIPE)
    os.close(into)
    assert (done.returncode, done.stderr) == (0, b"") and (tmp_path / "a.json").exists()
    with open("/dev/full", "wb") as full:
        done = command(tmp_path, "photo.jpg", stdout=full, stderr=subprocess.PIPE)
    assert done.returncode == 1 and done.stderr.startswith(b"error: standard output")
    assert b"Traceback" not in done.stderr and done.stderr.count(b"\n") == 1


@pytest.mark.parametrize(
    "joints",
    [
        ("nose", "neck", "spine", "hip", *(f"tail_{n}" for n in range(6))),  # more than colors
        ("left_ear", "nose", "right_ear", "neck", "tail"),
        ("nose", "left_ear", "neck", "right_ear"),
    ],
    ids=["without sides", "outer ends first", "outer ends last"],
)
def test_its_colors_are_those_of_the_other_drawings(joints):
    """A chain of joints across an image with H != W: joints and middles of limbs."""
    limbs = [*itertools.pairwise(joints)]
    skeleton = own_skeleton(joints, limbs)
    x = np.linspace(30, 470, len(joints))
    joints_px = np.stack([x, np.where(np.arange(len(joints)) % 2, 60.0, 220.0)], -1).round()
    image, sure = np.full([280, 500, 3], 100, np.uint8), np.full(len(joints), 0.9)
    pose = types.SimpleNamespace(joints=[*joints], limbs=limbs, threshold=0.5)
    ours = np.asarray(lite.draw(image, pose, joints_px, sure))
    person = PersonPose(skeleton, joints_px, sure, (0.0, 0.0, 500.0, 280.0))
    theirs = draw_pose(image, ImagePose((person,), (280, 500), skeleton, threshold=0.5), zoom=1.0)
    places = np.concatenate([joints_px, (joints_px[1:] + joints_px[:-1]) / 2])
    columns, rows = np.rint(places).astype(int).T
    np.testing.assert_array_equal(ours[rows, columns], theirs[rows, columns])
    assert (theirs[rows, columns] != 100).any(-1).all()
    assert lite.joint_colors(joints) == joint_colors(skeleton)


def test_its_colors_of_people_are_those_of_the_other_drawings():
    for skeleton in SKELETONS.values():
        assert lite.joint_colors(skeleton.joints) == joint_colors(skeleton)


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
