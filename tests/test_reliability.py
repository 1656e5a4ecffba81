"""The table of faults: rows name tests that exist, and what failed never looks as if it held."""

import ast
import functools
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests import reliability
from tests.helpers import junit_reports
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
    "outcomes, whole, without_second",
    [
        ([[True, True], [True]], "yes", "yes"),
        ([[True, False], [True]], "**no**", "**no**"),
        ([[], [False]], "**no**", "**no**"),
        ([[None, True], [True]], "yes", "yes"),
        ([[True], []], "**missing**", "yes"),
        ([[], [True]], "**missing**", "**missing**"),
        ([[], []], "**missing**", "**missing**"),
        ([[None], [True]], "not run", "not run"),
        ([[True], [None]], "not run", "not run"),
    ],
)
def test_verdict(outcomes, whole, without_second):
    assert junit_reports.verdict(outcomes) == whole
    assert junit_reports.verdict(outcomes, [False, True]) == without_second


def test_a_row_of_nothing_but_what_was_left_out_was_not_run():
    assert junit_reports.verdict([[], []], [True, True]) == "not run"
    assert junit_reports.verdict([[], [False]], [True, True]) == "**no**"


def test_results_of_a_file_that_crashed_are_failures():
    assert junit_reports.results("test_a", None) == [False]
    cases = {"test_a[1]": True, "test_a[2]": False, "test_ab": False}
    assert junit_reports.results("test_a", cases) == [True, False]
    assert junit_reports.results("test_a[1", cases) == [True]


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
    def cut(file):
        if file == "b.py":
            raise KeyboardInterrupt
        return {"test_1": True}

    monkeypatch.setattr(reliability, "run_file", cut)
    with pytest.raises(KeyboardInterrupt):
        reliability.main()
    assert "earlier" in table.read_text()
    ran = []
    monkeypatch.setattr(reliability, "run_file", lambda file: ran.append(file))
    assert reliability.main() == 1 and ran == ["b.py"]  # which crashed: None
    text = table.read_text()
    assert "1 of 2 rows hold; " in text and "| b | two | r | 1 | **no** | c0ffee0, today |" in text
    assert text.startswith("before\n") and text.endswith("\nafter\n") and "earlier" not in text
    assert not reliability.KEPT.exists()


def test_one_file_is_run_alone(table, monkeypatch):
    """Its rows are replaced; the others keep what they were, and when."""
    monkeypatch.setattr(reliability, "run_file", lambda file: {"test_1": True})
    monkeypatch.setattr("sys.argv", ["reliability", "a.py"])
    assert reliability.main() == 1
    text = table.read_text()
    assert "1 of 2 rows hold; " in text and "| b | two | r | 0 | not run | - |" in text
    monkeypatch.setattr(reliability, "commit_and_day", lambda: "0ddba11, tomorrow")
    monkeypatch.setattr(reliability, "run_file", lambda file: {"test_2": True})
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
    assert reliability.run_file("a.py") == {"test_1[1]": True, "test_1[2]": False}
    path.write_text("import os\ndef test_1(): os._exit(0)\n")
    assert reliability.run_file("a.py") is None


_TESTS = """
import pytest

@pytest.mark.parametrize("n", [1, 2])
def test_1(n): pass

@pytest.mark.thorough
def test_long(): pass

def test_skipped(): pytest.skip("not here")

class TestMore:
    @pytest.mark.slow
    def test_2(self): pass

class TestLong:
    pytestmark = [pytest.mark.thorough]
    def test_3(self): pass

@pytest.mark.parametrize("n", [1, pytest.param(2, marks=pytest.mark.thorough)])
def test_one_case_is_long(n): pass

@pytest.fixture
def broken():
    yield
    assert False

def test_taken_down(broken): assert False
"""


@pytest.fixture(scope="module")
def checkout(tmp_path_factory):
    """A folder with tests, and the report that pytest wrote of them as `make test` does."""
    root = tmp_path_factory.mktemp("checkout")
    (root / "tests" / "deep").mkdir(parents=True)
    (root / "tests" / "deep" / "test_a.py").write_text(_TESTS)
    (root / "pytest.ini").write_text("[pytest]\nmarkers =\n    slow\n    thorough\n")
    flags = ["-q", "-n", "1", "-m", "not thorough", "--import-mode=importlib"]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *flags, "--junitxml=build/tests.xml", "tests"],
        cwd=root,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1, done.stdout
    return root


@pytest.fixture
def report(tmp_path, checkout, table, monkeypatch):
    """A copy of that report, which the command is to read."""
    written = shutil.copy(checkout / "build" / "tests.xml", tmp_path)
    thorough = functools.partial(junit_reports.is_thorough, tests=checkout / "tests")
    monkeypatch.setattr(junit_reports, "is_thorough", thorough)
    monkeypatch.setattr(reliability, "ROOT", checkout)
    monkeypatch.setattr(reliability, "run_file", None)
    monkeypatch.setattr("sys.argv", ["reliability", f"--report={written}"])
    return written


def test_outcomes_of_a_report(checkout):
    assert junit_reports.outcomes(checkout / "build" / "tests.xml", checkout / "tests") == {
        "deep/test_a.py": {
            **{"test_1[1]": True, "test_1[2]": True, "test_skipped": None, "test_2": True},
            **{"test_one_case_is_long[1]": True, "test_taken_down": False},
        }
    }


def test_tests_that_are_thorough_as_a_whole(checkout):
    tests = ["test_1", "test_long", "test_2", "test_3", "test_one_case_is_long"]
    found = [junit_reports.is_thorough("deep/test_a.py", t, checkout / "tests") for t in tests]
    assert found == [False, True, False, True, False]
    assert junit_reports.is_thorough(
        "training/test_killed_runs.py", "test_a_save_is_killed_at_every_operation"
    )
    assert not junit_reports.is_thorough(
        "training/test_loop.py", "test_data_that_changed_under_a_run_are_refused"
    )


@pytest.mark.parametrize(
    "tests, status, says",
    [
        (("test_1", "test_2"), 0, "1 of 1 rows hold"),
        (("test_1[2", "test_long"), 0, "1 of 1 rows hold"),
        (("test_long", "test_3"), 0, "0 of 1 rows hold; not run: 1"),
        (("test_1", "test_skipped"), 0, "0 of 1 rows hold; not run: 1"),
        (("test_1", "test_gone"), 1, "0 of 1 rows hold; miss tests: 1"),
        (("test_1", "test_taken_down"), 1, "0 of 1 rows hold; do not hold: 1"),
    ],
)
def test_a_report_is_read_and_nothing_is_run(
    report, table, monkeypatch, capsys, tests, status, says
):
    monkeypatch.setattr(reliability, "ROWS", [Row("a", "one", "r", "deep/test_a.py", tests)])
    before = table.read_text()
    assert reliability.main() == status
    assert capsys.readouterr().out.endswith(f"\n\n{says}\n")
    assert table.read_text() == before


@pytest.mark.parametrize("content", [None, "", "<testsuites>"])
def test_a_report_that_cannot_be_read_is_a_sentence(report, capsys, content):
    os.remove(report)
    if content is not None:
        Path(report).write_text(content)
    assert reliability.main() == 1
    assert "make test" in capsys.readouterr().err


def test_ci_reads_the_report_that_the_tests_write():
    written = re.search(r"--junitxml=(\S+)", (ROOT / "Makefile").read_text())[1]
    assert f"tests.reliability --report={written}\n" in (ROOT / ".ci" / "run").read_text()
