"""The derivations beside the code (`ops/**/*.md`) quote it and name its tests: both must exist."""

import pathlib
import re
import textwrap

import pytest

import ops

FOLDER = pathlib.Path(ops.__file__).parent
TESTS = pathlib.Path(__file__).parent
by_document = pytest.mark.parametrize(
    "name", sorted(str(path.relative_to(FOLDER)) for path in FOLDER.rglob("*.md"))
)


def quotations(text):
    """Pieces of the Python blocks, cut at blank lines, without their common indentation."""
    for block in re.findall(r"```python\n(.*?)```", text, flags=re.DOTALL):
        for piece in re.split(r"\n\s*\n", block.strip("\n")):
            yield textwrap.dedent(piece)


def is_quoted(piece, lines):
    """Whether lines of a file, one after the other and indented alike, are the piece."""
    size = piece.count("\n") + 1
    pieces = ("\n".join(lines[n : n + size]) for n in range(len(lines) - size + 1))
    return any(textwrap.dedent(other) == piece for other in pieces)


@by_document
def test_derivation_quotes_the_code(name):
    pieces = list(quotations((FOLDER / name).read_text()))
    files = [path.read_text().splitlines() for path in FOLDER.rglob("*.py")]
    assert pieces, f"ops/{name} quotes no line of the code"
    lost = [piece for piece in pieces if not any(is_quoted(piece, lines) for lines in files)]
    assert not lost, "\n\n".join(["not in the code, or indented otherwise:", *lost])


@by_document
def test_derivation_names_tests_that_exist(name):
    text = (FOLDER / name).read_text()
    tests = "".join(path.read_text() for path in TESTS.rglob("*.py"))
    named = set(re.findall(r"`(test_\w+)`", text))
    assert named, f"ops/{name} names no test"
    for test in named:
        assert f"def {test}(" in tests, test


def test_quotations_keep_their_indentation():
    code = ["def f(x):", "    if x:", "        return 1"]
    [whole, inner] = quotations("```python\nif x:\n    return 1\n\nreturn 1\n```")
    assert is_quoted(whole, code) and is_quoted(inner, code)
    assert not is_quoted("if x:\nreturn 1", code)
    assert not is_quoted("def f(x):\n    return 1", code)
