"""The rules that keep the house in order, checked on the source itself.

The permitted imports are in tests/test_architecture.py.
"""

import ast
import pathlib
import re

import pytest

from tests.helpers.dialect import DIALECT

ROOT = pathlib.Path(__file__).parent.parent
SOURCES = sorted(path for top in ("ops", "cpm", "bin") for path in (ROOT / top).rglob("*.py"))
# Keras and friends hide what this project shows; the others leave the graph or run unsafe code.
# `'keras': None` keeps it out (cpm/quiet_start.py).
BANNED = re.compile(
    r"keras(?!': None)|sonnet|compat\.v1|py_function|numpy_function|from_generator|\bpickle\b"
    r"|allow_pickle=True|sys\.path",
    re.IGNORECASE,
)
VAGUE = {"utils", "util", "common", "helpers", "helper", "misc"}


def name(path):
    return str(path.relative_to(ROOT))


def imported_modules(tree):
    """Dotted names of everything that a module imports, inside functions too."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "relative import"
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def code_only(path):
    """The source without docstrings and comments: prose may name what code must not use."""
    tree = ast.parse(path.read_text())
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if not isinstance(body, list) or not body:
            continue
        first = body[0]
        if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant):
            first.value.value = ""
    return ast.unparse(tree)


def test_there_is_something_to_check():
    assert len(SOURCES) > 50


@pytest.mark.parametrize("path", SOURCES, ids=name)
def test_no_banned_code(path):
    found = BANNED.search(code_only(path))
    assert not found, f"{name(path)} uses {found.group()}"


@pytest.mark.parametrize("path", SOURCES, ids=name)
def test_every_file_says_what_it_is(path):
    assert VAGUE.isdisjoint(path.relative_to(ROOT).with_suffix("").parts)
    tree = ast.parse(path.read_text())
    assert ast.get_docstring(tree), "no module docstring"
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef | ast.FunctionDef):
            first = (ast.get_docstring(node) or "").partition("\n")[0]
            assert first not in ("Args:", "Attributes:", "Returns:"), f"{node.name} says nothing"


@pytest.mark.parametrize("top", ["ops", "cpm", "bin", "tests", "docs"])
def test_the_fields_words_are_used(top):
    """In documents: tests/docs/test_documents.py."""
    for path in (ROOT / top).rglob("*.py"):
        if path.name not in ("dialect.py", "test_house_rules.py"):  # which name them
            assert [match[0] for match in DIALECT.finditer(path.read_text())] == [], name(path)


@pytest.mark.parametrize(
    "text", ["changes wild", "Optimisers", "a network doubts", "for room in x", "Light changes"]
)
def test_other_words_are_found(text):
    assert DIALECT.search(text)


@pytest.mark.parametrize(
    "text", ["changes of scale", "a room", "optimism", "precise", "centimeter", "no doubt", "model"]
)
def test_plain_words_pass(text):
    assert not DIALECT.search(text)


def imports_under(folder):
    for path in sorted((ROOT / folder).rglob("*.py")):
        yield from (
            (name(path), module) for module in imported_modules(ast.parse(path.read_text()))
        )


def test_the_network_is_plain():
    """What makes it fast stands in cpm/execution (docs/decisions/0040)."""
    fast = re.compile(
        r"slice|algorithm|frozen|xla|recompute|\bagain\b|_narrow|thread", re.IGNORECASE
    )
    sources = sorted((ROOT / "cpm" / "network").glob("*.py"))
    assert len(sources) > 5
    assert {name(path): fast.findall(path.read_text()) for path in sources} == {
        name(path): [] for path in sources
    }


@pytest.mark.parametrize("path", SOURCES, ids=name)
def test_no_function_takes_ten_arguments(path):
    """Beyond that they are fields of an options dataclass."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef):
            every = node.args
            names = [a.arg for a in (*every.posonlyargs, *every.args, *every.kwonlyargs)]
            assert len(set(names) - {"self", "cls"}) < 10, node.name


def test_metrics_need_no_tensorflow():
    offenders = [p for p, m in imports_under("cpm/evaluation") if "tensorflow" in m]
    assert not offenders


def test_matplotlib_lives_in_plots():
    users = {p for p, m in imports_under("cpm") if m.split(".")[0] == "matplotlib"}
    assert users and all(p.startswith("cpm/plots/") for p in users)


def test_library_code_never_reads_flags():
    users = {p for p, m in imports_under("cpm") if m in ("absl.flags", "absl.app")}
    assert users and all(p.startswith("cpm/cli/") for p in users)


def converted(source):
    """The `tf.function`s of a source that AutoGraph would convert, as texts."""
    for node in ast.walk(ast.parse(source)):
        calls = [node] if isinstance(node, ast.Call) else getattr(node, "decorator_list", [])
        for call in calls:
            text = ast.unparse(call)
            if text.startswith("tf.function") and "autograph=False" not in text:
                yield text


@pytest.mark.parametrize("path", [p for p in SOURCES if p.parent.name != "bin"], ids=name)
def test_no_function_is_converted_by_autograph(path):
    """docs/decisions/0057-no-autograph.md."""
    assert list(converted(path.read_text())) == []


def test_functions_that_would_be_converted_are_found():
    source = "f = tf.function(g, jit_compile=True)\n@tf.function\ndef h(): pass\n"
    assert sorted(converted(source)) == ["tf.function", "tf.function(g, jit_compile=True)"]
    assert list(converted("f = tf.function(g, autograph=False)")) == []


# A package, its version, perhaps the Pythons that it is for, and the reason.
PIN = re.compile(r"([\w.-]+)==([\w.]+)(; python_version [<>=]+ \"[\d.]+\")?\s+# .{10,}")


def test_requirements_are_pinned_with_a_reason():
    packages = []
    for file in ("requirements.txt", "requirements-dev.txt", "requirements-bench.txt"):
        for line in (ROOT / file).read_text().splitlines():
            if line and not line.startswith(("#", "-")):
                pin = PIN.fullmatch(line)
                assert pin, line
                packages.append((pin[1], pin[3]))
    assert len(set(packages)) == len(packages), "a package is named twice"


def test_packages_for_exports_are_pinned_as_elsewhere():
    """requirements-export.txt may name packages of the benchmark again, in the same versions."""
    lines = (ROOT / "requirements-export.txt").read_text().splitlines()
    pins = [line for line in lines if line and not line.startswith(("#", "-"))]
    assert pins
    others = ("requirements.txt", "requirements-dev.txt", "requirements-bench.txt")
    lines = [line for other in others for line in (ROOT / other).read_text().splitlines()]
    elsewhere = {(pin[1], pin[3]): pin[2] for line in lines if (pin := PIN.fullmatch(line))}
    for line in pins:
        pin = PIN.fullmatch(line)
        assert pin, line
        name, version, marker = pin.groups()
        assert elsewhere.get((name, marker), version) == version, f"{name} elsewhere"


@pytest.mark.parametrize("file", ["requirements-export.txt", "requirements-bench.txt"])
def test_a_runtime_is_there_for_every_python(file):
    """ONNX Runtime 1.32 has no build for Python 3.10, and pip refused the whole file."""
    pins = [PIN.fullmatch(line) for line in (ROOT / file).read_text().splitlines()]
    runtimes = {pin[2]: pin[3] for pin in pins if pin and pin[1] == "onnxruntime"}
    assert runtimes == {
        "1.32.0": '; python_version >= "3.11"',
        "1.23.2": '; python_version < "3.11"',
    }
