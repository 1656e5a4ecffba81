"""docs/tour.ipynb: its cells run as they stand, without Jupyter; it is stored without results."""

import json
import re

import pytest

from tests.helpers.markdown_files import ROOT

PATH = ROOT / "docs" / "tour.ipynb"
NOTEBOOK = json.loads(PATH.read_text(encoding="utf-8"))


def cells(kind):
    return ["".join(cell["source"]) for cell in NOTEBOOK["cells"] if cell["cell_type"] == kind]


def test_is_a_small_notebook_without_outputs():
    assert NOTEBOOK["nbformat"] == 4 and NOTEBOOK["metadata"]["kernelspec"]["name"] == "python3"
    code = [cell for cell in NOTEBOOK["cells"] if cell["cell_type"] == "code"]
    assert len(code) > 5
    for cell in code:
        assert not cell["outputs"] and cell["execution_count"] is None, "clear all outputs"
    assert len({cell["id"] for cell in NOTEBOOK["cells"]}) == len(NOTEBOOK["cells"])
    assert PATH.stat().st_size < 50_000


def test_links_lead_somewhere():
    targets = re.findall(r"\]\(([^)#]+)", "\n".join(cells("markdown")))
    assert targets
    missing = [target for target in targets if not (PATH.parent / target).exists()]
    assert not missing


@pytest.mark.slow
def test_cells_run_in_order(capsys):
    """The cells themselves compare what they compute by hand with the package."""
    namespace = {}
    for number, source in enumerate(cells("code"), start=1):
        exec(compile(source, f"tour.ipynb, code cell {number}", "exec"), namespace)
    printed = capsys.readouterr().out
    for found in (
        r"stacked \(1, \d+, \d+, \d+\)",
        r"F = \d+",
        r"step in cells \[",
        r"\d+ of 14 joints",
    ):
        assert re.search(found, printed), found
