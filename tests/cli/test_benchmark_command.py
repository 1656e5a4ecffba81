"""bin/benchmark.py as a user runs it: refuses in a sentence, writes JSON and a diagram."""

import json
import pathlib

import pytest
from absl import flags as absl_flags

from cpm.cli import benchmark
from cpm.benchmark import pages
from cpm.cli.benchmark_settings import network_settings
from cpm.data.images import read_image
from cpm.errors import UsageError
from tests.helpers.in_process import caller
from tests.helpers.scripts import call

ROOT = pathlib.Path(__file__).parents[2]


def script(*flags, cwd):
    return call("benchmark.py", *flags, cwd=cwd)


@pytest.fixture
def settings_of():
    """A function of flags → the settings that --case=train_step and forward are timed with."""

    def settings(*flags):
        values = absl_flags.FLAGS
        before = {*values}
        benchmark.define_flags()
        try:
            values(["benchmark.py", *flags])
            return network_settings()
        finally:
            values.remove_flag_values([name for name in values if name not in before])

    return settings


@pytest.mark.parametrize(
    "flags, batch_size",
    [
        ([], 16),
        (["--arch=vgg"], 2),
        (["--arch=vgg", "--batch_size=3"], 3),
        (["--arch=vgg", "--set=data.batch_size=4"], 4),
        (["--arch=paper", "--batch_size=3", "--set=data.batch_size=5"], 5),
    ],
)
def test_the_batch_is_what_was_asked_for(settings_of, flags, batch_size):
    """Large networks have small batches, unless a flag or --set says otherwise."""
    assert settings_of(*flags).config.data.batch_size == batch_size


@pytest.mark.slow
def test_a_case_that_does_not_exist_is_refused(tmp_path):
    process = script("--case=speed", cwd=tmp_path)
    assert process.returncode == 2 and "Traceback" not in process.stderr
    assert "conv_layers|forward" in process.stderr


@pytest.mark.parametrize(
    "flags, sentence",
    [
        ([], "--case is missing; expected one of conv_layers"),
        (["--case=forward", "--peers=jax"], "--peers has 'jax'; expected any of torch"),
        (["--case=forward", "--ours=own"], "--ours has 'own'; expected any of graph"),
        (["--case=forward", "--ours="], "--ours is empty"),
        (["--case=heatmap", "--ours=bfloat16"], "--ours=bfloat16 is of whole networks"),
        (["--case=forward", "--read=nowhere.json"], "nowhere.json cannot be read"),
        (["--read=docs/benchmarks/records/pipeline_mini.json"], "--case is missing"),
        (
            ["--read=docs/benchmarks/records/pipeline_mini.json", "--plot=a.png", "--json=a.json"],
            "--case is missing",
        ),
        (["--case=forward", "--image_size=100"], "multiples of 8"),
        (["--case=pipeline", "--data=nowhere"], "'nowhere' is missing"),
        (["--case=forward", "--rounds=0"], "--rounds=0 is of --case=scaling"),
        (["--case=forward", "--ckpt=runs/lsp"], "--ckpt is of --case=predict"),
        (["--case=scaling", "--images=9"], "--images is of --case=predict"),
        (["--page=README.md"], "README.md has no table to make"),
        (["--case=forward", "stray"], "unexpected argument 'stray'"),
    ],
)
def test_bad_use_is_one_sentence_and_status_2(flags, sentence, capfd, monkeypatch):
    """Before anything is measured."""
    monkeypatch.setattr(benchmark.machine, "measure_limits", pytest.fail)
    status, _, error = caller(benchmark, capfd)(*flags)
    assert status == 2
    assert error.startswith("error: ") and sentence in error and error.count("\n") == 1


def test_the_model_of_many_devices_needs_no_measurement(tmp_path, capfd):
    flags = ["--case=scaling", "--arch=vgg", "--batch_size=16", "--rounds=0"]
    status, said, _ = caller(benchmark, capfd)(*flags, f"--json={tmp_path / 'a.json'}")
    assert status == 0 and "| 256" in said and "a step on" not in said
    record = json.loads((tmp_path / "a.json").read_text())
    assert record["ways"] == {} and record["predicted"]["256"]["limit"] == "compute"


def test_a_diagram_of_earlier_results_needs_no_measurement(tmp_path, capfd, monkeypatch):
    monkeypatch.setattr(benchmark.machine, "measure_limits", pytest.fail)
    records, out = ROOT / "docs" / "benchmarks" / "records", tmp_path / "a.png"
    read = f"--read={records / 'pipeline_mini.json'},{records / 'pipeline_368.json'}"
    status, said, _ = caller(benchmark, capfd)(read, f"--plot={out}")
    assert status == 0 and said == f"wrote {out}\n"
    one = tmp_path / "b.png"
    caller(benchmark, capfd)(read.split(",")[0], f"--plot={one}")
    # A panel for each: the diagram of two cases is the higher one.
    assert read_image(out).shape[0] > read_image(one).shape[0] > 100


@pytest.mark.thorough
def test_forward_writes_json_and_a_diagram(tmp_path):
    flags = ["--case=forward", "--image_size=32", "--stages=2", "--width=0.1"]
    flags += ["--peers=tf_direct,torch,openvino", "--rounds=1", "--threads=1"]
    flags += ["--ours=graph,xla,bfloat16"]
    process = script(*flags, "--json=a.json", "--plot=a.png", cwd=tmp_path)
    assert process.returncode == 0, process.stderr
    assert "limits of" in process.stdout and "÷ xla" in process.stdout
    record = json.loads((tmp_path / "a.json").read_text())
    assert {"command", "commit", "hardware", "tensorflow", "limits"} <= set(record)
    assert [case["variant"] for case in record["cases"]] == ["graph", "xla", "bfloat16"]
    assert record["cases"][0]["ours"]["limit_share"] > 0
    for peer in ("torch", "openvino"):
        took_part = peer in record["cases"][0]["peers"]
        assert took_part != (f"{peer} is skipped" in process.stdout)
    assert (tmp_path / "a.png").stat().st_size > 1000
    broken = tmp_path / "b.json"
    broken.write_text("[]")
    process = script(*flags, "--read=b.json", cwd=tmp_path)
    assert process.returncode == 2 and 'b.json has no "cases"' in process.stderr


_CASE = {"item": "a", "variant": "graph", "ours": {"median_s": 1.0}, "peers": {}}


@pytest.mark.parametrize(
    "record",
    [
        *([], {"cases": 3}, {"cases": [3]}, {"cases": [_CASE | {"ours": {}}]}),
        {"cases": [_CASE | {"peers": {"torch": {"median_s": "x"}}}]},
    ],
    ids=range(5),
)
def test_results_of_another_shape_are_a_sentence(tmp_path, record):
    path = tmp_path / "b.json"
    path.write_text(json.dumps({"cases": [_CASE]}))
    assert benchmark.read_entries(str(path)) == [_CASE]
    path.write_text(json.dumps(record))
    with pytest.raises(UsageError, match=r'b\.json has no "cases"'):
        benchmark.read_entries(str(path))
    with pytest.raises(UsageError, match=r"has no results of bin/benchmark\.py"):
        pages.table(str(path))


@pytest.mark.thorough
def test_train_step_refuses_nothing_and_skips_with_a_word(tmp_path):
    flags = ["--case=train_step", "--image_size=32", "--stages=2", "--width=0.1"]
    process = script(
        *flags, "--peers=torch,onnxruntime", "--rounds=1", "--ours=graph", cwd=tmp_path
    )
    assert process.returncode == 0, process.stderr
    assert "onnxruntime is skipped: does not do train_step" in process.stdout


@pytest.mark.thorough
def test_pipeline_and_startup(tmp_path):
    flags = ["--synthetic_people=8", "--stages=2", "--width=0.1", "--image_size=32"]
    flags += ["--rounds=1", "--ours=graph", "--batch_size=2", "--json=a.json"]
    process = script("--case=pipeline", *flags, cwd=tmp_path)
    assert process.returncode == 0, process.stderr
    [entry] = json.loads((tmp_path / "a.json").read_text())["cases"]
    assert set(entry["ratio"]) == {"read", "decode", "cached", "train_step", "fed_step"}
    process = script("--case=startup", *flags, cwd=tmp_path)
    assert process.returncode == 0, process.stderr
    [entry] = json.loads((tmp_path / "a.json").read_text())["cases"]
    assert entry["case"] == "startup" and 1 < entry["ours"]["median_s"] < 600
    assert entry["ours"]["peak_mb"] > 100
