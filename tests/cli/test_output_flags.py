"""No script writes over a file that a run or a folder of data is made of."""

import pytest

from cpm.cli import benchmark, export, predict, report
from cpm.cli import eval as evaluation
from tests.helpers.in_process import caller

FILES = (
    *("run/config.json", "run/metrics.jsonl", "run/checkpoints/checkpoints.json"),
    *("data/manifest.json", "data/train-00000-of-00001.tfrecord"),
)
OUTPUTS = [
    (evaluation, ["--ckpt=run"], ("json", "write_predictions", "write_suspects")),
    (report, ["run", "other"], ("out", "json")),
    (benchmark, ["--case=forward"], ("json", "plot")),
    (export, ["--ckpt=run", "--format=onnx", "--out=a.onnx"], ("json",)),
    (predict, ["--ckpt=run", "--input=a.jpg"], ("json", "csv", "coco")),
]


@pytest.mark.parametrize(
    "script, flags, output",
    [
        pytest.param(script, flags, output, id=f"{script.__name__.split('.')[-1]} --{output}")
        for script, flags, outputs in OUTPUTS
        for output in outputs
    ],
)
def test_what_a_run_or_data_are_made_of_is_no_output(
    tmp_path, monkeypatch, capfd, script, flags, output
):
    monkeypatch.chdir(tmp_path)
    for name in (*FILES, "a.jpg"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("kept")
    for name in FILES:
        status, _, error = caller(script, capfd)(*flags, f"--{output}={name}")
        assert status == 2
        assert f"--{output}={name} is a file of a " in error
        assert (tmp_path / name).read_text() == "kept"


@pytest.mark.parametrize(
    "flags",
    [
        ["--ckpt=a.npz", "--json=a.json"],
        ["--ckpt=run", "--json=a.json", "--write_predictions=a.npz"],
        ["--ckpt=run", "--json=a.json", "--write_suspects=a.md"],
    ],
)
def test_nothing_is_overwritten_beside_the_numbers_of_an_evaluation(
    tmp_path, monkeypatch, capfd, flags
):
    """Tables and joints lie there, under the same name."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.npz").write_text("kept")
    status, _, error = caller(evaluation, capfd)(*flags)
    assert status == 2 and "--json=a.json also writes a." in error
    assert (tmp_path / "a.npz").read_text() == "kept"


@pytest.mark.parametrize("name", ["a.npz", "a.md", "./a.npz"])
def test_the_numbers_of_an_evaluation_are_not_replaced_by_its_joints(
    tmp_path, monkeypatch, capfd, name
):
    monkeypatch.chdir(tmp_path)
    status, _, error = caller(evaluation, capfd)("--ckpt=run", f"--json={name}")
    assert status == 2 and f"--json={name} would be replaced by what is written beside" in error
