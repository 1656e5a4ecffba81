"""bin/export.py of several formats or networks: it goes on, says how far it is, and keeps rows."""

import json
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from cpm.cli import export, export_rows
from cpm.benchmark import pages
from cpm.checkpoints import load_network, weights_file
from cpm.errors import UsageError
from cpm.interchange.exporting import FORMATS, PRECISIONS, Exporter, Target
from tests.helpers.in_process import caller
from tests.helpers.scripts import ROOT
from tests.helpers.tiny_networks import tiny_weights

OFF = {"px": 0.5, "unsure_px": 0.5, "moved_percent": 0.0, "confidence": 0.25, "joints": 14}
ROW = OFF | {"sure": True, "functions": {"image": OFF}, "ms": 2.0, "ours_ms": 4.0, "mb": 1.0}
EVERY = [f"{name} {precision}" for name in FORMATS for precision in PRECISIONS]


@pytest.fixture
def ckpt(tmp_path):
    return tiny_weights(tmp_path / "tiny.npz")


@pytest.fixture
def exported(monkeypatch):
    """Names of what is exported, in order; every format has its packages and every precision."""
    names = []

    def write(self, target, images):
        names.append(export_rows.name_of(target))
        return dict(ROW)

    monkeypatch.setattr(Target, "writer", lambda self: None)
    monkeypatch.setattr(Exporter, "export", write)
    return names


@pytest.fixture
def call(capfd):
    return caller(export, capfd)


def table(path):
    return json.loads(path.read_text())


def test_all_rows_and_where_they_come_from(tmp_path, ckpt, exported, call):
    status, said, _ = call(f"--ckpt={ckpt}", "--format=all", f"--out={tmp_path}/all")
    assert status == 0 and exported == EVERY
    record = table(tmp_path / "all.deviations.json")
    assert [*record["rows"]] == EVERY and record["left_out"] == {} and record["to_do"] == []
    assert record["checkpoint"] == ckpt and record["commit"] and record["tensorflow"]
    network, config, _ = load_network(ckpt)
    assert record["weights"] == weights_file.digest(network) and record["seed"] == config.seed
    lines = said.splitlines()
    assert "all.deviations.json has the rows so far" in lines[0]
    assert lines[1] == "savedmodel float32, 1 of 15"
    assert lines[2].endswith("pose_float32: 14 joints are within 0.500 px of this project's own")
    assert lines[3].startswith("savedmodel float16, 2 of 15, about ")
    assert lines[3].endswith(" s left")
    shown = pages.table(str(tmp_path / "all.deviations.json"))
    assert [name for name in EVERY if f"| {name} " not in shown] == []
    assert f"commit {record['commit']}" in " ".join(shown.split())


def test_a_missing_runtime_is_said_first_and_the_rest_is_written(
    tmp_path, ckpt, exported, call, monkeypatch
):
    def writer(self):
        if self.name == "openvino":
            raise UsageError("--format=openvino needs openvino")

    monkeypatch.setattr(Target, "writer", writer)
    status, said, _ = call(f"--ckpt={ckpt}", "--format=all", f"--out={tmp_path}/all")
    rest = [name for name in EVERY if not name.startswith("openvino")]
    assert status == 0 and exported == rest
    record = table(tmp_path / "all.deviations.json")
    assert [*record["rows"]] == rest and len(record["left_out"]) == 3
    assert said.count("left out: openvino float16: --format=openvino needs openvino") == 1
    assert said.index("left out: openvino int8") < said.index("savedmodel float32, 1 of 12")


def test_one_that_fails_does_not_end_the_others(tmp_path, ckpt, exported, call, monkeypatch):
    write = Exporter.export
    (tmp_path / "all").mkdir()
    (tmp_path / "all" / "pose_int8.tflite").touch()

    def fail(self, target, images):
        if target.name == "litert":
            raise UsageError("it moves joints by 9 px; nothing is left")
        return write(self, target, images)

    monkeypatch.setattr(Exporter, "export", fail)
    status, said, _ = call(f"--ckpt={ckpt}", "--format=all", f"--out={tmp_path}/all")
    assert status == 0 and exported == [n for n in EVERY if not n.startswith("litert")]
    left_out = table(tmp_path / "all.deviations.json")["left_out"]
    assert left_out["litert float32"] == "it moves joints by 9 px; nothing is left"
    assert left_out["litert int8"].endswith("pose_int8.tflite is of an earlier export")
    assert "left out: litert float32: it moves joints by 9 px" in said


def test_nothing_at_all_is_an_error_that_keeps_an_earlier_table(
    tmp_path, ckpt, exported, call, monkeypatch
):
    def fail(self, target, images):
        raise UsageError("it does not run")

    monkeypatch.setattr(Exporter, "export", fail)
    (tmp_path / "all.deviations.json").write_text("earlier")
    status, _, errors = call(f"--ckpt={ckpt}", "--format=all", f"--out={tmp_path}/all")
    assert status == 2 and "nothing was written" in errors
    assert (tmp_path / "all.deviations.json").read_text() == "earlier"
    status, _, errors = call(f"--ckpt={ckpt}", "--format=onnx", f"--out={tmp_path}/a.onnx")
    assert status == 2 and "it does not run" in errors


@pytest.mark.parametrize("error", [KeyboardInterrupt, RuntimeError])
def test_a_cut_run_keeps_its_rows(tmp_path, ckpt, exported, call, monkeypatch, error):
    """Ctrl-C, a signal, a mistake of a runtime: the table has what was done."""
    write = Exporter.export

    def cut(self, target, images):
        if len(exported) == 4:
            raise error
        return write(self, target, images)

    monkeypatch.setattr(Exporter, "export", cut)
    arguments = (f"--ckpt={ckpt}", "--format=all", f"--out={tmp_path}/all")
    if error is KeyboardInterrupt:
        status, said, errors = call(*arguments)
        assert status == 1 and errors.strip().endswith("interrupted")
        assert f"4 of 15 rows are in {tmp_path}/all.deviations.json" in said
    else:
        with pytest.raises(error):
            call(*arguments)
    record = table(tmp_path / "all.deviations.json")
    assert [*record["rows"]] == EVERY[:4] and record["to_do"] == EVERY[4:]


def test_several_networks_have_a_folder_and_a_table_each(tmp_path, exported, call):
    names = ["tiny", "other"]
    paths = [tiny_weights(tmp_path / f"{name}.npz", seed=n) for n, name in enumerate(names)]
    out = tmp_path / "both"
    status, said, _ = call(f"--ckpt={','.join(paths)}", "--format=all", f"--out={out}")
    assert status == 0 and exported == 2 * EVERY
    records = [table(out / f"{name}.deviations.json") for name in names]
    assert [record["checkpoint"] for record in records] == paths
    assert records[0]["weights"] != records[1]["weights"]
    assert f"wrote {out}/tiny/pose_float32: " in said
    assert f"wrote {out}/other/pose_int8.tflite: " in said


@pytest.mark.parametrize(
    "ckpt, more, words",
    [
        ("{a},{b}", ["--format=onnx"], "use --format=all or --precision=all"),
        ("{a},{b}", ["--format=all", "--json=a.json"], "leave out --json"),
        ("{a},{a}", ["--format=all"], "networks of different names"),
        ("{a},", ["--format=all"], "networks of different names"),
        ("{a},missing.npz", ["--format=all"], "missing.npz does not exist"),
    ],
)
def test_networks_that_do_not_go_together(tmp_path, exported, call, ckpt, more, words):
    """Said before the first one is written."""
    paths = {name: tiny_weights(tmp_path / f"{name}.npz") for name in "ab"}
    status, _, errors = call(f"--ckpt={ckpt.format(**paths)}", f"--out={tmp_path}/x", *more)
    assert status == 2 and words in errors and exported == []


def test_a_network_whose_name_has_a_comma(tmp_path, exported, call):
    path = tiny_weights(tmp_path / "a,b.npz")
    status, _, errors = call(f"--ckpt={path}", "--format=onnx", f"--out={tmp_path}/a.onnx")
    assert status == 0, errors
    assert table(tmp_path / "a.onnx.deviations.json")["checkpoint"] == path


@pytest.mark.slow
def test_twice_into_the_same_place(tmp_path, ckpt):
    """A SavedModel takes the place of the first one, and nothing of either is left beside it."""
    images = [np.zeros([20, 30, 3], np.uint8)]
    target = Target(str(tmp_path / "out" / "pose"), "savedmodel", functions=("crops",))
    for _ in range(2):
        Exporter(ckpt).export(target, images)
        assert os.listdir(tmp_path / "out") == ["pose"]
        assert {*os.listdir(target.path)} >= {"saved_model.pb", "assets.extra"}


def test_a_signal_while_the_partial_folder_is_made(tmp_path, ckpt, monkeypatch):
    make = os.mkdir

    def interrupted(path, *mode):
        make(path, *mode)
        raise KeyboardInterrupt

    exporter = Exporter(ckpt)
    (tmp_path / "out").mkdir()
    monkeypatch.setattr("cpm.interchange.exporting.os.mkdir", interrupted)
    with pytest.raises(KeyboardInterrupt):
        exporter.export(Target(str(tmp_path / "out" / "pose"), "savedmodel"), [])
    assert os.listdir(tmp_path / "out") == []


@pytest.mark.thorough
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_keeps_the_rows_and_leaves_no_half_file(tmp_path, ckpt, number):
    pytest.importorskip("ai_edge_litert", reason="no ai_edge_litert (requirements-export.txt)")
    flags = ["--format=litert", "--precision=all", "--what=crops", f"--out={tmp_path}/all"]
    command = [sys.executable, str(ROOT / "bin" / "export.py"), f"--ckpt={ckpt}", *flags]
    record = tmp_path / "all.deviations.json"
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        while not record.exists() and process.poll() is None:
            time.sleep(0.05)
        process.send_signal(number)
        said, errors = process.communicate(timeout=300)
    assert process.returncode == 1 and errors.endswith(b"interrupted\n")
    rows, to_do = (table(record)[key] for key in ("rows", "to_do"))
    assert rows and to_do and f"{len(rows)} of 3 rows are in".encode() in said
    files = {f"pose_{name.split()[1]}.tflite" for name in rows}
    assert {*os.listdir(tmp_path / "all")} == files
