"""bin/export.py: what it writes is used by other scripts; flags that do not go together."""

import datetime
import importlib.util
import json

import pytest
from absl import flags
from PIL import Image

from cpm.cli import export
from cpm.data.records import write_records
from cpm.data.splits import SplitRule
from tests.helpers.scripts import call
from tests.helpers.small_data_sets import make_people
from tests.helpers.tiny_networks import tiny_weights

USUAL = ("--ckpt=nowhere", "--format=stablehlo", "--out=packed")


@pytest.mark.slow
@pytest.mark.parametrize(
    "flags, words",
    [
        (["--what=train_step,crops"], "written alone"),
        (["--what=train_step", "--precision=int8"], "--precision is not for --what=train_step"),
        (["--what=train_step", "--flip"], "--flip is not for --what=train_step"),
        (["--what=crops", "--batches=3"], "--batches is for --what=train_step alone"),
    ],
)
def test_flags_that_do_not_go_together(flags, words, tmp_path):
    done = call("export.py", *USUAL, *flags, cwd=tmp_path)
    assert done.returncode == 2 and words in done.stderr


def asked(*arguments):
    """(format, precision, path) of each target that a command line asks for."""
    before = {*flags.FLAGS}
    export.define_flags()
    try:
        flags.FLAGS(["export.py", "--ckpt=pretrained", *arguments])
        return [
            (target.name, target.precision, target.path)
            for target in export.targets(flags.FLAGS.out)
        ]
    finally:
        flags.FLAGS.remove_flag_values([name for name in flags.FLAGS if name not in before])


def test_all_is_every_format_in_every_precision():
    every = asked("--format=all", "--out=exports")
    assert len({path for _, _, path in every}) == len(every) == 15
    assert every[3] == ("litert", "float32", "exports/pose_float32.tflite")
    assert asked("--format=all", "--precision=all", "--out=exports") == every
    narrow = asked("--format=all", "--precision=int8", "--out=exports")
    assert narrow == [row for row in every if row[1] == "int8"]
    onnx = asked("--format=onnx", "--precision=all", "--out=exports")
    assert onnx == [row for row in every if row[0] == "onnx"]
    assert asked("--format=onnx", "--out=a.onnx") == [("onnx", "float32", "a.onnx")]
    assert asked("--format=onnx", "--precision=int8", "--out=a.onnx") == [
        ("onnx", "int8", "a.onnx")
    ]


@pytest.mark.thorough
@pytest.mark.parametrize(
    "name, out, packages",
    [
        ("savedmodel", "pose", ()),
        ("litert", "pose.tflite", ("ai_edge_litert",)),
        ("onnx", "pose.onnx", ("onnx", "tf2onnx", "onnxruntime")),
    ],
)
def test_an_exported_file_is_scored_like_its_checkpoint(tmp_path, name, out, packages):
    for package in packages:
        if importlib.util.find_spec(package) is None:
            pytest.skip(f"no {package} (requirements-export.txt)")
    # 25 px are much in these images: pcp25 is not 0.
    ckpt = tiny_weights(tmp_path / "tiny.npz")
    rule = SplitRule("all", "Everybody is for validation.", lambda _: "validation")
    write_records(make_people(6), tmp_path / "data", source="made", rule=rule)
    data = f"--data={tmp_path / 'data'}"
    flags = [f"--ckpt={ckpt}", f"--format={name}", "--what=image,crops", data]
    done = call("export.py", *flags, f"--out={out}", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "PCK@0.2" in done.stdout and f"{name} float32" in done.stdout
    with open(tmp_path / f"{out}.deviations.json") as file:
        record = json.load(file)
    assert {*packages} - {"ai_edge_litert"} <= {*record["versions"]} and record["commit"]
    assert datetime.date.fromisoformat(record["date"]) <= datetime.date.today()
    row = record["rows"][f"{name} float32"]
    assert row["pck"] == pytest.approx(row["ours_pck"], abs=0.01) and row["unsure_px"] < 0.01
    assert row["ms"] > 0 and row["ours_ms"] > 0 and row["mb"] > 0

    scores = []
    for path in (ckpt, out):
        done = call("eval.py", f"--ckpt={path}", data, "--json=scores.json", cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        with open(tmp_path / "scores.json") as file:
            metrics = json.load(file)["metrics"]
        scores.append({name: values["total"] for name, values in metrics.items()})
    assert scores[0]["pcp25"] > 0 and scores[1] == pytest.approx(scores[0], abs=0.01)
    (image,) = (person.image for person in make_people(1))
    Image.fromarray(image).save(tmp_path / "person.png")
    flags = [f"--ckpt={out}", "--input=person.png", "--out=found", "--json=found.json"]
    done = call("predict.py", *flags, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    with open(tmp_path / "found.json") as file:
        (found,) = json.load(file)["images"]
    assert "left_wrist" in found["people"][0]["joints"]
