"""Every row of the table of faults names tests that exist."""

import ast

import pytest

from tests.helpers.reliability_rows import ROWS, name_of
from tests.helpers.scripts import ROOT


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.area}: {row.fault}")
def test_rows_name_tests(row):
    tree = ast.parse((ROOT / "tests" / row.file).read_text(encoding="utf-8"))
    names = {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}
    assert {name_of(test) for test in row.tests} <= names
