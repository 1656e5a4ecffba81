"""The public API has type hints: every parameter and result of what a program may call.

The modules are those that pyproject.toml lists for mypy, which checks what the hints say
(`make check`). Here it is checked that they are there, and that Python can resolve them.
"""

import ast
import importlib
import inspect
import pathlib
import re
import typing

import pytest

ROOT = pathlib.Path(__file__).parent.parent
SETTINGS = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
# Packages whose `__all__` is what other programs import.
DOORS = (
    *("cpm", "ops", "cpm.network", "cpm.execution", "cpm.checkpoints", "cpm.inference"),
    *("cpm.runtimes", "cpm.synthetic"),
)


def typed_modules():
    """Paths of the modules in pyproject.toml's list."""
    listed = re.search(r"^module = \[(.*?)^\]", SETTINGS, re.M | re.S)[1]
    for name in re.findall(r'"([\w.*]+)"', listed):
        path = ROOT / name.removesuffix(".*").replace(".", "/")
        if name.endswith(".*"):
            yield from sorted(path.rglob("*.py"))
        else:
            yield path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


MODULES = list(typed_modules())


def is_public(name):
    return not name.startswith("_") or (name.startswith("__") and name.endswith("__"))


def unhinted(body, owner=""):
    """What lacks a hint in a module or a class: `Class.method: parameter`, or `…: result`."""
    for node in body:
        if isinstance(node, ast.ClassDef) and is_public(node.name):
            yield from unhinted(node.body, f"{owner}{node.name}.")
        if isinstance(node, ast.FunctionDef) and is_public(node.name):
            every = node.args
            arguments = [*every.posonlyargs, *every.args, *every.kwonlyargs]
            arguments += [more for more in (every.vararg, every.kwarg) if more]
            for number, argument in enumerate(arguments):
                if argument.annotation is None and not (owner and number == 0):  # self, cls
                    yield f"{owner}{node.name}: {argument.arg}"
            if node.returns is None:
                yield f"{owner}{node.name}: result"


def test_there_is_something_to_check():
    assert len(MODULES) > 80 and all(path.is_file() for path in MODULES)


def test_missing_hints_are_found():
    source = """
def f(a: int, b, *, c=1, **d) -> int: ...
class A:
    def __init__(self, x): ...
    def _private(self, y): ...
class _B:
    def method(self, z): ...
"""
    missing = ["f: b", "f: c", "f: d", "A.__init__: x", "A.__init__: result"]
    assert list(unhinted(ast.parse(source).body)) == missing


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_public_function_has_hints(path):
    assert list(unhinted(ast.parse(path.read_text(encoding="utf-8")).body)) == []


def callables_of(value):
    """A function, or a class with its methods and the functions behind its properties."""
    if inspect.isfunction(inspect.unwrap(value)):
        yield inspect.unwrap(value)
    if inspect.isclass(value):
        yield value
        for name, member in vars(value).items():
            function = getattr(member, "fget", getattr(member, "func", member))
            function = getattr(function, "__func__", function)  # of a class method
            if is_public(name) and inspect.isfunction(function):
                yield function


@pytest.mark.parametrize("door", DOORS)
def test_hints_of_what_programs_import_can_be_resolved(door):
    module = importlib.import_module(door)
    checked = 0
    for name in module.__all__:
        value = getattr(module, name)
        for function in callables_of(value) if callable(value) else ():
            typing.get_type_hints(function)
            checked += 1
    assert checked


def assigned_in_branches(function):
    """Names that a function assigns inside of a branch or a loop."""
    for branch in ast.walk(function):
        if isinstance(branch, ast.If | ast.For | ast.While):
            for node in ast.walk(branch):
                if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                    yield node.id


def hinted_and_assigned_in_branches(source):
    """Local variables with a hint that AutoGraph could not convert."""
    for function in ast.walk(ast.parse(source)):
        if isinstance(function, ast.FunctionDef):
            hinted = {
                node.target.id
                for node in ast.walk(function)
                if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name)
            }
            yield from hinted & set(assigned_in_branches(function))


def test_hints_that_autograph_cannot_convert_are_found():
    source = """
def f(x):
    y: list = []
    total: float = 0.0
    for a in x:
        total += a
        y.append(a)
    return total, y
"""
    assert list(hinted_and_assigned_in_branches(source)) == ["total"]


def test_no_traced_function_hints_a_variable_of_a_loop():
    """AutoGraph makes such a variable nonlocal, which Python forbids beside a hint.

    It then warns, and traces the function without converting its branches and loops.
    """
    for path in MODULES:
        source = path.read_text(encoding="utf-8")
        if "import tensorflow" in source:
            assert list(hinted_and_assigned_in_branches(source)) == [], path


def test_programs_that_install_the_package_get_its_hints():
    for package in ("cpm", "ops"):
        assert (ROOT / package / "py.typed").is_file()
        assert f'"{package}" = ["py.typed"]' in SETTINGS
