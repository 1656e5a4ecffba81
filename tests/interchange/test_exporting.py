"""Exported files run in their runtimes, give our joints, and are used like checkpoints."""

import importlib
import json
import os
import pathlib
import zipfile

import numpy as np
import pytest
import tensorflow as tf

from cpm.checkpoints import load_network
from cpm.config_json import to_dict
from cpm.errors import UsageError
from cpm.inference import Predictor
from cpm.interchange.exporting import (
    FLOAT32_ALONE,
    FORMATS,
    PACKAGES,
    PRECISIONS,
    SUFFIXES,
    Exporter,
    Target,
    paths_of,
    versions,
)
from cpm.runtimes import load_exported, open_exported
from cpm.runtimes.siblings import file_of
from tests.helpers.tiny_networks import tiny_weights

ROOT = pathlib.Path(__file__).parents[2]
IMAGES = [
    np.random.default_rng(n).integers(0, 256, [height, width, 3]).astype(np.uint8)
    for n, (height, width) in enumerate([(16, 16), (51, 133), (200, 97)])
]


@pytest.fixture(scope="module")
def ckpt(tmp_path_factory):
    return tiny_weights(tmp_path_factory.mktemp("weights") / "tiny.npz")


@pytest.fixture(scope="module")
def exporter(ckpt):
    return Exporter(ckpt, terms="for tests")


def require(name):
    """Skips where a format's packages are not installed."""
    try:
        return Target(f"pose{SUFFIXES[name]}", name).writer()
    except UsageError as error:
        assert "requirements-export.txt" in str(error)  # nothing else is a reason to skip
        pytest.skip(str(error))


def stored_metadata(target):
    """What each file of an export says of itself, read as its format's other programs read it."""
    if target.name == "savedmodel":
        with open(os.path.join(target.path, "assets.extra", "cpm.json")) as file:
            return [json.load(file)]
    if target.name == "litert":
        with zipfile.ZipFile(target.path) as archive:
            return [json.loads(archive.read("cpm.json"))]
    if target.name == "stablehlo":
        with open(f"{target.path}.json") as file:
            return [json.load(file)]
    paths = [file_of(target.path, function, target.functions) for function in target.functions]
    if target.name == "onnx":
        import onnx

        models = [onnx.load(path) for path in paths]
        texts = [{p.key: p.value for p in model.metadata_props}["cpm"] for model in models]
    else:
        import openvino

        texts = [openvino.Core().read_model(path).get_rt_info("cpm").astype(str) for path in paths]
    return [json.loads(text) for text in texts]


def check_metadata(target, ckpt):
    """Every file of an export says whose joints it finds and how, and where it comes from."""
    network, config, _ = load_network(ckpt)
    skeleton = network.skeleton
    stored = stored_metadata(target)
    if len(stored) > 1 or target.name == "stablehlo":  # a file for each function
        assert [metadata["function"] for metadata in stored] == list(target.functions)
    for metadata in stored:
        assert metadata["joints"] == list(skeleton.joints)
        assert metadata["limbs"] == [list(limb) for limb in skeleton.limbs]
        assert metadata["mirror"] == skeleton.mirror.tolist() != list(range(len(skeleton)))
        assert metadata["threshold"] == 0.001 and metadata["terms"] == "for tests"
        assert metadata["crop"] == {
            "rule": "middle",
            "margin": 1.25,
            "border": config.data.border,
            "size": list(config.network.image_size),
        }
        assert (metadata["passes"], metadata["flip"]) == (2, True)
        assert (metadata["stride"], metadata["origin_px"]) == (network.stride, network.origin_px)
        assert metadata["sigma_px"] == config.target.sigma_px
        assert metadata["stages"] == config.network.stages
        assert metadata["config"] == json.loads(json.dumps(to_dict(config)))
        assert (metadata["target"], metadata["precision"]) == (target.name, target.precision)
        assert (metadata["format"], metadata["version"]) == ("cpm-export", 1)
        assert metadata["commit"] and metadata["command"]
        assert metadata["tensorflow"] and metadata["numpy"] == np.__version__


@pytest.mark.parametrize(
    "path, name, written",
    [
        ("a.tflite", "litert", "a.tflite"),
        ("a.onnx", "onnx", "a.onnx a_crops.onnx"),
        ("a.xml", "openvino", "a.xml a.bin a_crops.xml a_crops.bin"),
        ("a.stablehlo", "stablehlo", "a.stablehlo a.stablehlo.json"),
    ],
)
def test_all_files_of_an_export_are_named(path, name, written):
    """Whoever copies what "wrote …" names has the weights, too."""
    functions = ("crops",) if name == "stablehlo" else ("image", "crops")
    assert paths_of(Target(path, name, functions=functions)) == written.split()


@pytest.mark.thorough
@pytest.mark.parametrize("name", ["savedmodel", "litert", "onnx", "openvino"])
def test_an_exported_file_is_used_like_a_checkpoint(tmp_path, ckpt, exporter, name):
    writer = require(name)
    path = str(tmp_path / f"pose{writer.SUFFIX}")
    target = Target(path, name)
    row = exporter.export(target, IMAGES)
    # Random weights: every joint is unsure, and all of them are compared.
    assert row["unsure_px"] < 0.01 and row["confidence"] < 1e-4 and row["mb"] > 0
    assert set(row["functions"]) == {"image", "box", "crops"}
    assert all(own["joints"] and own["px"] < 0.01 for own in row["functions"].values())
    assert row["functions"]["crops"]["beliefs"] < 1e-4
    check_metadata(target, ckpt)
    opened = open_exported(path)
    assert set(opened.functions) == {"image", "box", "crops"}
    assert opened.metadata in stored_metadata(target)
    network, config, description = load_exported(path)
    assert config == exporter.config and description["prefix"] == path
    ours, theirs = Predictor(ckpt), Predictor(path)
    assert theirs.threshold == 0.001 and network.skeleton == ours.network.skeleton
    for box in (None, (10, 5, 60, 90)):
        expected, found = (predict(IMAGES[2], box).people[0] for predict in (ours, theirs))
        np.testing.assert_allclose(found.joints_px, expected.joints_px, atol=0.01)
        np.testing.assert_allclose(found.confidence, expected.confidence, atol=1e-4)


@pytest.mark.thorough
def test_stablehlo_is_the_network_alone(tmp_path, ckpt, exporter):
    require("stablehlo")
    target = Target(str(tmp_path / "pose.stablehlo"), "stablehlo", functions=("crops",))
    row = exporter.export(target, IMAGES)
    assert row["images"] == len(IMAGES) and row["joints"] > 0
    assert row["unsure_px"] < 0.01 and row["confidence"] < 1e-4 and row["mb"] > 0
    check_metadata(target, ckpt)
    assert load_exported(target.path)[1] == exporter.config


@pytest.mark.thorough
@pytest.mark.parametrize(
    "name, precision",
    [
        ("litert", "float16"),
        ("litert", "int8"),
        ("onnx", "float16"),
        ("onnx", "int8"),
        ("openvino", "float16"),
        ("openvino", "int8"),
    ],
)
def test_narrow_weights_are_smaller(tmp_path, exporter, name, precision):
    writer = require(name)
    functions = ("crops",)
    sizes = {}
    for kind in ("float32", precision):
        path = str(tmp_path / f"{kind}{writer.SUFFIX}")
        exporter.export(Target(path, name, kind, functions), IMAGES)
        parts = tmp_path.glob(f"{kind}*")  # OpenVINO's weights lie beside the file
        sizes[kind] = sum(part.stat().st_size for part in parts if part.suffix != ".json")
    assert sizes[precision] < sizes["float32"]
    crops = np.random.default_rng(0).uniform(0, 255, [2, 64, 64, 3]).astype(np.float32)
    inputs = {"crops": crops, "center_px": np.full([2, 2], 31.5, np.float32)}
    ours, narrow = (
        open_exported(str(tmp_path / f"{kind}{writer.SUFFIX}")).run("crops", inputs)["beliefs"]
        for kind in ("float32", precision)
    )
    # A weight of 8 bits is off by up to 1/254 of the largest, one of 16 bits by 1/4096 of itself,
    # maps by a few times that. The weights' file has 16 bits already, which ONNX keeps as they are;
    # LiteRT and OpenVINO fold norms into them and round again.
    off = np.abs(ours - narrow).max() / np.abs(ours).max()
    bounds = {"float16": 1e-5 if name == "onnx" else 1e-3, "int8": 0.1}
    print(f"{name} {precision}: beliefs are off by {off:.1e} of the largest, {sizes} bytes")
    assert off < bounds[precision]
    assert off > 0 or precision == "float16"


def test_a_file_that_does_not_run_is_not_left(tmp_path, exporter, monkeypatch):
    writer = importlib.import_module("cpm.interchange.to_savedmodel")

    def write_nonsense(_, path, metadata):
        os.makedirs(path)
        with open(os.path.join(path, "saved_model.pb"), "w") as file:
            file.write("nonsense")

    monkeypatch.setattr(writer, "write", write_nonsense)
    with pytest.raises(UsageError, match=r"does not (say which joints|run)"):
        exporter.export(Target(str(tmp_path / "pose"), "savedmodel"), IMAGES)
    assert os.listdir(tmp_path) == []


def test_a_full_disk_is_no_fault_of_the_format(tmp_path, exporter, monkeypatch):
    writer = importlib.import_module("cpm.interchange.to_savedmodel")

    def fill(_, path, metadata):
        raise tf.errors.ResourceExhaustedError(None, None, f"{path}; No space left on device")

    monkeypatch.setattr(writer, "write", fill)
    words = r"pose cannot be written: No space left on device; make room there, or name another"
    with pytest.raises(UsageError, match=words):
        exporter.export(Target(str(tmp_path / "pose"), "savedmodel"), IMAGES)
    assert os.listdir(tmp_path) == []


def test_images_that_show_nobody_are_compared(tmp_path):
    """Prediction finds nobody where no joint is sure; the functions of a file have an answer."""
    ckpt = tiny_weights(tmp_path / "tiny.npz", threshold=1.0)
    assert not Predictor(ckpt)(IMAGES[1]).people
    exporter = Exporter(ckpt)
    joints_px, confidence = exporter.find_joints(IMAGES[1])
    assert np.isfinite(joints_px).all() and confidence.max() < 1
    assert exporter.origin["threshold"] == 1.0
    (question,) = exporter.own.questions("crops", IMAGES[:1])
    assert np.isfinite(question["crops"]).all()


def test_moved_joints_in_float32_are_refused(tmp_path, exporter, monkeypatch):
    monkeypatch.setattr("cpm.interchange.deviations.SURE", 0.0)
    answer = {"joints_px": np.zeros([14, 2]), "confidence": np.ones(14)}
    monkeypatch.setattr(exporter.own, "answer", lambda question: answer)
    with pytest.raises(UsageError, match=r"moves joints by .* in its function image"):
        exporter.export(Target(str(tmp_path / "pose"), "savedmodel"), IMAGES[:1])
    assert os.listdir(tmp_path) == []


@pytest.mark.slow
@pytest.mark.parametrize("function", ["box", "crops"])
def test_every_function_of_a_file_is_compared(tmp_path, exporter, monkeypatch, function):
    # A file whose function for images is right, and another one is off by a pixel.
    monkeypatch.setattr("cpm.interchange.deviations.SURE", 0.0)
    right = getattr(exporter.portable, f"find_in_{function}")

    def moved(*inputs):
        found = right(*inputs)
        return found | {"joints_px": found["joints_px"] + 1.0}

    monkeypatch.setattr(exporter.portable, f"find_in_{function}", moved)
    target = Target(str(tmp_path / "pose"), "savedmodel", functions=("image", function))
    with pytest.raises(UsageError, match=f"in its function {function}"):
        exporter.export(target, IMAGES[:1])
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize(
    "target, words",
    [
        (Target("pose.onnx", "savedmodel"), "should be a folder without a suffix"),
        (
            Target("pose", "savedmodel", "int8"),
            "--precision=int8 is not there .* as they are stored",
        ),
    ],
)
def test_wrong_targets_are_sentences(target, words):
    with pytest.raises(UsageError, match=words):
        target.writer()


def test_a_folder_of_something_else_is_never_replaced(tmp_path):
    """A SavedModel takes the place of a folder, with all that is in it."""
    photos = tmp_path / "photos"
    photos.mkdir()
    Target(str(photos), "savedmodel").writer()  # nothing would be lost
    for name in ("saved_model.pb", "variables", "assets.extra"):
        (photos / name).touch()
    Target(str(photos), "savedmodel").writer()  # an earlier export
    (photos / "a.jpg").touch()
    with pytest.raises(UsageError, match=r"photos is a folder that holds a\.jpg, .* new folder"):
        Target(str(photos), "savedmodel").writer()
    with pytest.raises(UsageError, match="is a file; name a folder"):
        Target(str(photos / "variables"), "savedmodel").writer()
    assert (photos / "a.jpg").exists()


def test_no_export_is_written_over_something_else(tmp_path, exporter):
    (tmp_path / "pose").mkdir()
    (tmp_path / "pose" / "notes").write_text("mine")
    with pytest.raises(UsageError, match="holds notes"):
        exporter.export(Target(str(tmp_path / "pose"), "savedmodel"), [])
    assert (tmp_path / "pose" / "notes").read_text() == "mine"


@pytest.mark.parametrize("name", sorted(FORMATS))
def test_a_format_has_every_precision_or_says_why_not(name):
    writer = require(name)
    assert SUFFIXES[name] == writer.SUFFIX
    expected = ("float32",) if name in FLOAT32_ALONE else PRECISIONS
    assert writer.PRECISIONS == expected


def test_versions_are_those_of_the_packages_that_exports_need(monkeypatch):
    named = (ROOT / "requirements-export.txt").read_text().splitlines()
    assert {*PACKAGES} == {line.split("==")[0] for line in named if "==" in line}
    monkeypatch.setattr("cpm.interchange.exporting.PACKAGES", ("numpy", "no-such-package"))
    assert versions() == {"numpy": np.__version__}


def test_a_missing_package_is_a_sentence(monkeypatch):
    monkeypatch.setitem(FORMATS, "onnx", ("no_such_module", "onnx_file", "tf2onnx"))
    with pytest.raises(UsageError, match=r"needs tf2onnx .* requirements-export.txt"):
        Target("pose.onnx", "onnx").writer()
