"""The table of faults: rows name tests that exist, and what failed never looks as if it held."""

import ast
import json

import pytest

from tests import reliability
from tests.helpers.reliability_rows import ROWS, Row, name_of
from tests.helpers.scripts import ROOT


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.area}: {row.fault}")
def test_rows_name_tests(row):
    tree = ast.parse((ROOT / "tests" / row.file).read_text(encoding="utf-8"))
    names = {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}
    assert {name_of(test) for test in row.tests} <= names


def test_rows_are_named_once():
    assert len({(row.area, row.fault) for row in ROWS}) == len(ROWS)


@pytest.mark.parametrize(
    "outcomes, full, short",
    [
        ([[True, True], [True]], "yes", "yes"),
        ([[True, False], [True]], "**no**", "**no**"),
        ([[], [False]], "**no**", "**no**"),
        ([[], [True]], "not run", "yes"),
        ([[], []], "not run", "not run"),
    ],
)
def test_verdict(outcomes, full, short):
    assert reliability.verdict(outcomes, short=False) == full
    assert reliability.verdict(outcomes, short=True) == short


def test_results_of_a_file_that_crashed_are_failures():
    assert reliability.results("test_a", None) == [False]
    cases = {"test_a[1]": True, "test_a[2]": False, "test_ab": False}
    assert reliability.results("test_a", cases) == [True, False]
    assert reliability.results("test_a[1", cases) == [True]


@pytest.fixture
def table(tmp_path, monkeypatch):
    """The command with two rows, in a place of its own."""
    document = tmp_path / "reliability.md"
    document.write_text(
        f"before\n{reliability.BEGIN}\nthe earlier table\n{reliability.END}\nafter\n"
    )
    rows = [Row("a", "one", "r", "a.py", ("test_1",)), Row("b", "two", "r", "b.py", ("test_2",))]
    monkeypatch.setattr(reliability, "DOCUMENT", document)
    monkeypatch.setattr(reliability, "KEPT", tmp_path / "build" / "kept.json")
    monkeypatch.setattr(reliability, "ROWS", rows)
    monkeypatch.setattr(reliability, "commit_and_day", lambda: "c0ffee0, today")
    monkeypatch.setattr("sys.argv", ["reliability"])
    return document


def test_a_table_that_was_cut_goes_on(table, monkeypatch):
    def cut(file, short):
        if file == "b.py":
            raise KeyboardInterrupt
        return {"test_1": True}

    monkeypatch.setattr(reliability, "run_file", cut)
    with pytest.raises(KeyboardInterrupt):
        reliability.main()
    assert "earlier" in table.read_text()
    ran = []
    monkeypatch.setattr(reliability, "run_file", lambda file, short: ran.append(file))
    assert reliability.main() == 1 and ran == ["b.py"]  # which crashed: None
    text = table.read_text()
    assert "1 of 2 rows hold." in text and "| b | two | r | 1 | **no** | c0ffee0, today |" in text
    assert text.startswith("before\n") and text.endswith("\nafter\n") and "earlier" not in text
    assert not reliability.KEPT.exists()


def test_one_file_is_run_alone(table, monkeypatch):
    """Its rows are replaced; the others keep what they were, and when."""
    monkeypatch.setattr(reliability, "run_file", lambda file, short: {"test_1": True})
    monkeypatch.setattr("sys.argv", ["reliability", "a.py"])
    assert reliability.main() == 1
    text = table.read_text()
    assert "1 of 2 rows hold." in text and "| b | two | r | 0 | not run | - |" in text
    monkeypatch.setattr(reliability, "commit_and_day", lambda: "0ddba11, tomorrow")
    monkeypatch.setattr(reliability, "run_file", lambda file, short: {"test_2": True})
    monkeypatch.setattr("sys.argv", ["reliability", "b.py"])
    assert reliability.main() == 0
    text = table.read_text()
    assert "2 of 2 rows hold." in text
    assert "| a | one | r | 1 | yes | c0ffee0, today |" in text
    assert "| b | two | r | 1 | yes | 0ddba11, tomorrow |" in text
    monkeypatch.setattr("sys.argv", ["reliability", "c.py"])
    assert reliability.main() == 1 and table.read_text() == text


def test_commit_and_day_names_this_checkout():
    commit, day = reliability.commit_and_day().split(", ")
    assert len(commit.split()[0]) >= 7 and len(day) == 10


def test_results_of_other_sources_are_not_taken(table):
    reliability.KEPT.parent.mkdir()
    for content in ({"key": "other", "found": {"a.py": {}}}, [], "{"):
        reliability.KEPT.write_text(content if content == "{" else json.dumps(content))
        assert reliability.kept(reliability.sources()) == {}


def test_run_file_counts_what_fails_and_what_crashes(tmp_path, table, monkeypatch):
    """By pytest itself; a process that ends in between is None."""
    (tmp_path / "tests").mkdir()
    path = tmp_path / "tests" / "a.py"
    monkeypatch.setattr(reliability, "ROOT", tmp_path)
    test = (
        "import os, pytest\n@pytest.mark.parametrize('n', [1, 2])\ndef test_1(n):\n    assert n < 2"
    )
    path.write_text(test + "\ndef test_other(): pass\n")
    assert reliability.run_file("a.py", short=False) == {"test_1[1]": True, "test_1[2]": False}
    path.write_text("import os\ndef test_1(): os._exit(0)\n")
    assert reliability.run_file("a.py", short=False) is None
