"""bin/benchmark.py as a user runs it: refuses in a sentence, writes JSON and a diagram."""

import json

import pytest

from tests.helpers.scripts import call


def script(*flags, cwd):
    return call("benchmark.py", *flags, cwd=cwd)


@pytest.mark.slow
@pytest.mark.parametrize(
    "flags, sentence",
    [
        ([], "case"),
        (["--case=speed"], "conv_layers|forward"),
        (["--case=forward", "--peers=jax"], "--peers has 'jax'; expected any of torch"),
        (["--case=forward", "--ours=own"], "--ours has 'own'; expected any of graph"),
        (["--case=forward", "--ours="], "--ours is empty"),
        (["--case=forward", "--ours=bfloat16"], "--ours=bfloat16 is of a training"),
        (["--case=forward", "--read=nowhere.json"], "nowhere.json cannot be read"),
        (["--case=forward", "--image_size=100"], "multiples of 8"),
        (["--case=pipeline", "--data=nowhere"], "'nowhere' is missing"),
        (["--case=forward", "--rounds=0"], "rounds"),
        (["--case=forward", "stray"], "unexpected argument 'stray'"),
    ],
)
def test_bad_use_is_one_sentence_and_status_2(flags, sentence, tmp_path):
    process = script(*flags, cwd=tmp_path)
    assert process.returncode == 2
    assert sentence in process.stderr and "Traceback" not in process.stderr


@pytest.mark.thorough
def test_forward_writes_json_and_a_diagram(tmp_path):
    flags = ["--case=forward", "--image_size=32", "--stages=2", "--width=0.1"]
    flags += ["--peers=tf_direct,torch,openvino", "--rounds=1", "--threads=1"]
    process = script(*flags, "--json=a.json", "--plot=a.png", cwd=tmp_path)
    assert process.returncode == 0, process.stderr
    assert "limits of" in process.stdout and "÷ xla" in process.stdout
    record = json.loads((tmp_path / "a.json").read_text())
    assert {"command", "commit", "hardware", "tensorflow", "limits"} <= set(record)
    assert [case["variant"] for case in record["cases"]] == ["graph", "xla"]
    assert record["cases"][0]["ours"]["limit_share"] > 0
    for peer in ("torch", "openvino"):
        took_part = peer in record["cases"][0]["peers"]
        assert took_part != (f"{peer} is skipped" in process.stdout)
    assert (tmp_path / "a.png").stat().st_size > 1000
    broken = tmp_path / "b.json"
    broken.write_text("[]")
    process = script(*flags, "--read=b.json", cwd=tmp_path)
    assert process.returncode == 2 and 'b.json has no "cases"' in process.stderr


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
    assert set(entry["ratio"]) == {"train_step", "fed_step"}
    process = script("--case=startup", *flags, cwd=tmp_path)
    assert process.returncode == 0, process.stderr
    [entry] = json.loads((tmp_path / "a.json").read_text())["cases"]
    assert entry["case"] == "startup" and 1 < entry["ours"]["median_s"] < 600
    assert entry["ours"]["peak_mb"] > 100
