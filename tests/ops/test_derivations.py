"""The derivations beside the code (ops/*.md) quote lines of it; they have to be there."""

import pathlib
import re

import pytest

import ops

FOLDER = pathlib.Path(ops.__file__).parent


@pytest.mark.parametrize("name", ["conv2d", "fast_conv2d", "gaussian_heatmap"])
def test_derivation_quotes_the_code(name):
    text = (FOLDER / f"{name}.md").read_text()
    blocks = re.findall(r"```python\n(.*?)```", text, flags=re.DOTALL)
    quoted = [line.strip() for block in blocks for line in block.splitlines()]
    code = {line.strip() for path in FOLDER.glob("*.py") for line in path.read_text().splitlines()}
    assert quoted
    assert [line for line in quoted if line not in code] == []


@pytest.mark.parametrize("name", ["conv2d", "fast_conv2d", "gaussian_heatmap"])
def test_derivation_names_tests_that_exist(name):
    text = (FOLDER / f"{name}.md").read_text()
    tests = "".join(p.read_text() for p in pathlib.Path(__file__).parents[1].rglob("*.py"))
    for test in set(re.findall(r"`(test_\w+)`", text)):
        assert f"def {test}(" in tests, test
