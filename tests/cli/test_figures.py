"""bin/figures.py as a user runs it: a file for each figure, sentences for what is missing."""

import json
import types

import numpy as np
import pytest
from PIL import Image

from cpm.cli import figures_of_runs
from cpm.errors import UsageError
from tests.helpers.scripts import call
from tests.helpers.small_runs import write_run

pytestmark = pytest.mark.slow


def run(*arguments):
    return call("figures.py", *arguments, timeout=120)


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Two run folders as far as figures look at them: measurements and final scores."""
    root = tmp_path_factory.mktemp("runs")
    for number in (1, 2):
        folder = root / f"run-{number}"
        (folder / "eval").mkdir(parents=True)
        lines = [
            {
                "step": step,
                "seconds": 60.0 * step,
                "loss": 9.0 / step,
                "loss_stage_1": 5.0 / step,
                "loss_stage_2": 4.0 / step,
            }
            for step in range(1, 30)
        ]
        for step in (10, 20):
            score = {"pck@0.2": step * number}
            lines.append({"step": step, "seconds": 60.0 * step, "evaluation": score})
        text = "".join(json.dumps(line) + "\n" for line in lines)
        (folder / "metrics.jsonl").write_text(text)
        metrics = {"pck@0.2": {"per_stage": [10.0 * number, 15.0 * number]}}
        (folder / "eval" / "validation.json").write_text(json.dumps({"metrics": metrics}))
    return [root / "run-1", root / "run-2"]


@pytest.mark.parametrize("figure", ["training", "comparison", "stages"])
def test_figures_of_runs(runs, tmp_path, figure):
    named = runs[:1] if figure == "training" else runs
    done = run(
        f"--figure={figure}", f"--runs={','.join(map(str, named))}", f"--out={tmp_path}/a.png"
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    pixels = np.asarray(Image.open(tmp_path / "a.png"))
    assert pixels.shape[2] == 3 and pixels.std() > 5  # something is drawn


@pytest.mark.parametrize("figure", ["stages", "reliability"])
@pytest.mark.parametrize(
    "record",
    [
        [],
        {"metrics": []},
        {"metrics": {"pck@0.2": {"per_stage": "x"}}, "reliability": 3},
        {"metrics": {"pck@0.2": {}}, "reliability": {"bins": []}},
        {"metrics": {"pck@0.2": {"per_stage": [1e308, 1e308]}}},
        {"metrics": {"pck@0.2": {"per_stage": []}}},
        {"metrics": {"pck@0.2": {"per_stage": [None]}}}
        | {"reliability": {"rule": "", "bins": [], "ece": 0, "threshold": 0.5}},
    ],
    ids=range(7),
)
def test_scores_of_another_shape_are_a_sentence(runs, tmp_path, monkeypatch, figure, record):
    (tmp_path / "run" / "eval").mkdir(parents=True)
    lines = (runs[0] / "metrics.jsonl").read_bytes()
    (tmp_path / "run" / "metrics.jsonl").write_bytes(lines)
    (tmp_path / "run" / "eval" / "validation.json").write_text(json.dumps(record))
    given = {"runs": [str(tmp_path / "run")], "metric": "pck@0.2", "figure": figure}
    monkeypatch.setattr(figures_of_runs, "FLAGS", types.SimpleNamespace(**given))
    with pytest.raises(UsageError, match=r"validation.json .*make it with: python bin/eval.py"):
        getattr(figures_of_runs, figure)()


def test_records_without_losses_or_times(tmp_path, monkeypatch):
    """Of a run whose metrics.jsonl was damaged."""
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "metrics.jsonl").write_text('{"step": 4, "evaluation": {"pck@0.2": 5}}\n')
    given = {"runs": [str(tmp_path / "run")], "metric": "pck@0.2"}
    monkeypatch.setattr(figures_of_runs, "FLAGS", types.SimpleNamespace(**given))
    with pytest.raises(UsageError, match=r"metrics\.jsonl: these records hold no loss_stage_1"):
        figures_of_runs.training()
    with pytest.raises(UsageError, match=r"none of the runs has measured 'pck@0\.2'"):
        figures_of_runs.comparison()


def test_runs_of_one_name_in_several_folders_are_all_shown(tmp_path, monkeypatch):
    """The last one stood for all of them."""
    for score, folder in ((20, "a"), (80, "b")):
        run = tmp_path / folder / "run"
        (run / "eval").mkdir(parents=True)
        lines = [{"step": s, "seconds": s, "evaluation": {"pck@0.2": score}} for s in (1, 2)]
        (run / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
        record = {"metrics": {"pck@0.2": {"per_stage": [score]}}}
        (run / "eval" / "validation.json").write_text(json.dumps(record))
    seen = []
    monkeypatch.setattr(figures_of_runs.curves, "compare_runs", lambda runs, *_: seen.append(runs))
    monkeypatch.setattr(figures_of_runs.curves, "stage_curve", seen.append)
    paths = [str(tmp_path / folder / "run") for folder in "ab"]
    given = {"runs": paths, "metric": "pck@0.2", "figure": "stages"}
    monkeypatch.setattr(figures_of_runs, "FLAGS", types.SimpleNamespace(**given))
    figures_of_runs.comparison()
    figures_of_runs.stages()
    assert [list(runs) for runs in seen] == [paths, paths]
    given["runs"].append(paths[0] + "/")
    with pytest.raises(UsageError, match="named twice"):
        figures_of_runs.comparison()


def test_samples(tmp_path):
    done = run("--figure=samples", "--count=2", f"--out={tmp_path}/a.jpg")
    assert done.returncode == 0, done.stderr
    assert Image.open(tmp_path / "a.jpg").format == "JPEG"


GUIDE = [
    *(["--figure=architecture", f"--arch={arch}"] for arch in ("mini", "deep", "vgg", "paper")),
    ["--figure=data_road", "--seed=26"],
    *([f"--figure={name}"] for name in ("targets", "receptive_fields", "learning_rate")),
]
# One process for all of them: most of the time goes into its start.


@pytest.mark.parametrize(
    "figures",
    [
        pytest.param(GUIDE[:1] + GUIDE[5:6] + GUIDE[7:], id="without large networks"),
        pytest.param(GUIDE, id="all", marks=pytest.mark.thorough),
    ],
)
def test_figures_of_the_guide(figures, tmp_path):
    files = [tmp_path / f"{n}.jpg" for n in range(len(figures))]
    wanted = [[*a, f"--out={file}"] for a, file in zip(figures, files, strict=True)]
    for arguments in wanted:
        done = call("figures.py", *arguments)
        assert done.returncode == 0, done.stderr
    drawn = [np.asarray(Image.open(file)) for file in files]
    for pixels, file in zip(drawn, files, strict=True):
        assert pixels.shape[2] == 3 and pixels.std() > 5
        assert file.stat().st_size < 200_000  # a guide's page loads quickly
    assert len({pixels.tobytes() for pixels in drawn}) == len(figures), "two are the same"


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["--figure=samples", "--out=a.txt"], "--out=a.txt should end in .png"),
        (["--figure=architecture", "--arch=x", "--out=a.png"], "--arch"),
        (["--figure=training", "--out=a.png"], "needs one run: --runs=DIR"),
        (["--figure=stages", "--runs=none", "--out=a.png"], "none is not a run folder"),
        (["--figure=comparison", "--runs={0}", "--metric=x", "--out=a.png"], "'x'"),
    ],
)
def test_figures_refuse(runs, arguments, message):
    done = run(*[argument.format(runs[0]) for argument in arguments])
    assert done.returncode == 2 and message in done.stderr
    assert "Traceback" not in done.stderr


def test_the_comparison_says_what_runs_find(runs, tmp_path):
    """Runs that do not say it find people."""
    write_run(tmp_path / "cats", "data/cats")
    assert figures_of_runs._who([str(tmp_path / "cats")]) == "objects"
    assert figures_of_runs._who(list(map(str, runs))) == "people"
