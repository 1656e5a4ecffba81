"""bin/report.py as a user runs it: a page of one run, a comparison of several, sentences."""

import json
import types

import pytest

from cpm.cli import eval, eval_network, report
from cpm import output_files
from tests.helpers.in_process import caller
from tests.helpers.scripts import check_sentence, run
from tests.helpers.small_runs import write_data, write_run


class Given(types.SimpleNamespace):
    """Flags of these values, of which the others were not given."""

    def __init__(self, values):
        super().__init__(**values)

    def __getitem__(self, name):
        return types.SimpleNamespace(present=0)


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("work")
    data = write_data(folder / "photos")
    return [write_run(folder / name, data, seed=k)[0] for k, name in enumerate("ab", start=1)]


@pytest.mark.thorough
def test_pages_of_one_run_and_of_two(runs, tmp_path):
    status, text, error = run("report.py", runs[0])
    assert status == 0, error
    assert text == f"wrote {runs[0]}/report.html\n"
    with open(f"{runs[0]}/report.html", encoding="utf-8") as file:
        assert "What each stage believes" in file.read()
    status, _, error = run("report.py", *runs, f"--out={tmp_path}/c.html")
    check_sentence(status, error, "validation.json cannot be read", f"bin/eval.py --ckpt={runs[0]}")
    for path in runs:
        status, text, error = run("eval.py", f"--ckpt={path}")
        assert status == 0 and "with the true boxes" in text, error
    flags = [f"--out={tmp_path}/c.html", f"--json={tmp_path}/c.json"]
    status, text, error = run("report.py", *runs, *flags)
    assert status == 0, error
    assert "points (95 % interval" in text and "The settings do not differ." in text
    assert "<h1>" in (tmp_path / "c.html").read_text(encoding="utf-8")
    record = json.loads((tmp_path / "c.json").read_text())
    assert record["metric"] == "pck_box@0.1" and "command" in record


@pytest.mark.parametrize(
    "flags, words",
    [
        (["--json=a/eval/validation.json"], "is what --json of bin/eval.py names"),
        (["--out=b/eval/validation.npz"], "is what --json of bin/eval.py names"),
        (["--json=comparison.html"], "--json=comparison.html is what --out names"),
    ],
)
def test_no_input_and_no_other_output_is_overwritten(tmp_path, monkeypatch, capfd, flags, words):
    monkeypatch.chdir(tmp_path)
    for name in ("a/eval/validation.json", "b/eval/validation.npz", "comparison.html"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("kept")
    status, _, error = caller(report, capfd)("a", "b", *flags)
    assert status == 2 and words in error
    assert all(p.read_text() == "kept" for p in tmp_path.rglob("*") if p.is_file())


@pytest.mark.parametrize("script, flags", [(report, []), (eval, ["--ckpt={}"])])
def test_a_run_on_a_read_only_disk_is_said_before_the_work(runs, monkeypatch, capfd, script, flags):
    monkeypatch.setattr(output_files, "_is_writable", lambda path: False)
    arguments = [flag.format(runs[0]) for flag in flags] or [runs[0]]
    status, text, error = caller(script, capfd)(*arguments)
    assert status == 2 and "cannot be written; make room or permission" in error, error
    assert not text


def test_names_of_results_are_not_longer_than_file_systems_take(monkeypatch):
    given = {"split": "test", "crop": None, "people": "1", "flip": False, "passes": None}
    given |= {"data": ",".join(f"data/{letter * 40}" for letter in "abcdefgäj")}
    monkeypatch.setattr(eval_network, "FLAGS", Given(given))
    monkeypatch.setattr(eval_network, "people_from_flags", lambda: 1)
    first = eval_network.default_name()
    monkeypatch.setattr(eval_network, "FLAGS", Given(given | {"data": given["data"] + "k"}))
    assert len(first.encode()) < 255 and first.startswith("test-aaaa") and first.endswith(".json")
    assert eval_network.default_name() != first


@pytest.mark.parametrize("data", ["{}/lsp", "{}/lsp/", "{}/lsp/.", "{}/lsp/../lsp//"])
def test_scores_of_other_data_never_replace_those_of_the_run(tmp_path, monkeypatch, data):
    """With a slash behind the folder they were written to the run's own validation.json."""
    given = {"split": "validation", "crop": None, "people": "1", "flip": False, "passes": None}
    given["data"] = data.format(tmp_path)
    monkeypatch.setattr(eval_network, "FLAGS", Given(given))
    monkeypatch.setattr(eval_network, "people_from_flags", lambda: 1)
    assert eval_network.default_name() == "validation-lsp.json"


@pytest.mark.slow
@pytest.mark.parametrize(
    "arguments, words",
    [([], "name one run folder"), (["nowhere"], "nowhere"), (["a", "--out=x.html"], "comparison")],
)
def test_bad_use_is_a_sentence(arguments, words):
    status, _, error = run("report.py", *arguments)
    check_sentence(status, error, words)
