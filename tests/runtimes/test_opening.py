"""What cannot be opened is one sentence; what was written together is found together."""

import json
import os

import pytest

from cpm.errors import UsageError
from cpm.runtimes import is_exported, load_exported, opening
from cpm.runtimes.metadata import checked
from cpm.runtimes.siblings import siblings
from tests.helpers.fuzzing.readers import READERS


@pytest.mark.parametrize(
    "name, exported",
    [("a.tflite", True), ("a.onnx", True), ("a.xml", True), ("a.npz", False), ("runs/a", False)],
)
def test_the_suffix_says_whether_a_file_was_exported(name, exported):
    assert is_exported(name) is exported


@pytest.mark.parametrize("name", ["run", "run.onnx", "run.tflite"])
def test_a_run_folder_is_not_exported_whatever_its_name(name, tmp_path):
    folder = tmp_path / name
    folder.mkdir()
    assert not is_exported(folder)


def test_a_savedmodel_is_a_folder(tmp_path):
    assert not is_exported(tmp_path)
    (tmp_path / "saved_model.pb").write_text("")
    assert is_exported(tmp_path)


def test_a_missing_file_is_a_sentence():
    with pytest.raises(UsageError, match="does not exist"):
        opening.open_exported("no/such/pose.tflite")


def test_a_pipe_is_refused_at_once(tmp_path):
    os.mkfifo(tmp_path / "pose.onnx")
    with pytest.raises(UsageError, match="is a pipe, not a regular file"):
        opening.open_exported(tmp_path / "pose.onnx")


def test_a_missing_runtime_is_a_sentence(tmp_path, monkeypatch):
    path = tmp_path / "pose.onnx"
    path.write_text("")
    monkeypatch.setitem(opening.RUNTIMES, ".onnx", ("no_such_module", "X", "onnxruntime"))
    with pytest.raises(UsageError, match="needs the package onnxruntime"):
        opening.open_exported(path)


def test_a_foreign_savedmodel_is_a_sentence(tmp_path):
    (tmp_path / "saved_model.pb").write_text("")
    with pytest.raises(UsageError, match="does not say which joints it finds"):
        opening.open_exported(tmp_path)


@pytest.mark.parametrize(
    "text", [None, "no JSON", "[]", "{}", json.dumps({"format": "cpm-export", "version": 2})]
)
def test_foreign_metadata_is_a_sentence(text):
    with pytest.raises(UsageError, match=r"pose\.onnx does not say which joints"):
        checked(text, "pose.onnx")


WHOLE = {"format": "cpm-export", "version": 1, "functions": ["crops"], "joints": [], "limbs": []}
WHOLE |= {"stride": 8, "origin_px": 3.5, "config": {}}


@pytest.mark.parametrize(
    "change",
    [
        *({name: None} for name in ("functions", "joints", "limbs", "stride", "origin_px")),
        *({"functions": value} for value in ([], ["../../a"], "crops", [3])),
        *({"threshold": value} for value in (7, -5.0, "0.5")),
        *({"function": "box"}, {"config": None}, {"origin_px": "3"}, {"stride": []}),
    ],
    ids=str,
)
def test_damaged_metadata_is_a_sentence(change, tmp_path):
    """Through the loader, as a SavedModel has it; before its program is loaded."""
    assert checked(json.dumps(WHOLE), "a") == WHOLE
    (tmp_path / "saved_model.pb").write_text("")
    (tmp_path / "assets.extra").mkdir()
    record = {name: value for name, value in (WHOLE | change).items() if value is not None}
    (tmp_path / "assets.extra" / "cpm.json").write_text(json.dumps(record))
    with pytest.raises(UsageError, match=r"is damaged .* export the network again"):
        load_exported(tmp_path)


@pytest.mark.parametrize(
    "config",
    [{"network": 3}, {"network": {"skeleton": "none"}}, {"data": {"augment": 3}}, {"x": 1}],
    ids=str,
)
def test_a_damaged_configuration_is_a_sentence(config, tmp_path):
    path = tmp_path / "cpm.note"
    path.write_text(json.dumps(WHOLE | {"config": config}))
    with pytest.raises(UsageError, match=r"its configuration is none .* export the network again"):
        READERS["exported"].read(str(path))


def test_what_an_exported_file_says_of_itself_has_a_limit(tmp_path):
    """A sparse file of a terabyte, a pipe."""
    (tmp_path / "saved_model.pb").write_text("")
    note = tmp_path / "assets.extra" / "cpm.json"
    note.parent.mkdir()
    with open(note, "wb") as file:
        file.truncate(1 << 40)
    with pytest.raises(UsageError, match="at most"):
        opening.open_exported(tmp_path)
    note.unlink()
    os.mkfifo(note)
    with pytest.raises(UsageError, match="it is a pipe"):
        opening.open_exported(tmp_path)


@pytest.mark.parametrize("own", ["image", "box", "crops"])
def test_files_of_one_export_are_found_from_any_of_them(tmp_path, own):
    paths = {
        name: tmp_path / f"cat{end}.onnx"
        for name, end in (("image", ""), ("box", "_box"), ("crops", "_crops"))
    }
    for path in paths.values():
        path.write_text("")
    metadata = {"function": own, "functions": list(paths)}
    assert siblings(str(paths[own]), metadata) == {name: str(p) for name, p in paths.items()}


def test_a_file_alone_is_what_it_holds(tmp_path):
    path = tmp_path / "renamed.onnx"
    path.write_text("")
    metadata = {"function": "crops", "functions": ["image", "crops"]}
    assert siblings(str(path), metadata) == {"crops": str(path)}


def write_onnx(path, function, **metadata):
    """A file of one function without inputs, whose only belief is 1."""
    onnx = pytest.importorskip("onnx")
    floats, helper = onnx.TensorProto.FLOAT, onnx.helper
    value = helper.make_tensor("one", floats, [1], [1.0])
    node = helper.make_node("Constant", [], ["beliefs"], value=value)
    output = helper.make_tensor_value_info("beliefs", floats, [1])
    graph = helper.make_graph([node], "graph", [], [output])
    opset = helper.make_opsetid("", 18)
    model = helper.make_model(graph, opset_imports=[opset], ir_version=9)
    whole = WHOLE | {"functions": ["image", "crops"], "function": function} | metadata
    helper.set_model_props(model, {"cpm": json.dumps(whole)})
    onnx.save(model, path)


def test_a_file_of_another_export_beside_it_is_refused(tmp_path):
    """Where `pose.onnx` alone was replaced, another network's maps came out of it."""
    pytest.importorskip("onnxruntime")
    write_onnx(tmp_path / "pose.onnx", "image", commit="new")
    write_onnx(tmp_path / "pose_crops.onnx", "crops", commit="new")
    run = opening.open_exported(tmp_path / "pose.onnx").run
    assert run("crops", {})["beliefs"].tolist() == [1.0]
    write_onnx(tmp_path / "pose_crops.onnx", "crops", commit="old")
    with pytest.raises(UsageError, match=r"pose_crops\.onnx is not of the same export"):
        opening.open_exported(tmp_path / "pose.onnx").run("crops", {})
