"""The wall around ops/fast_conv: others use what its door exports, and it uses only `ops`."""

import ast
import pathlib

import ops
from ops import fast_conv

ROOT = pathlib.Path(ops.__file__).parent.parent
INSIDE = ROOT / "ops" / "fast_conv"


def imports(path):
    """(module, name) of everything that a file imports, name "" for a whole module."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from ((alias.name, "") for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from ((node.module, alias.name) for alias in node.names)


def test_the_door_has_a_handful_of_names():
    assert len(fast_conv.__all__) < 10
    assert {*fast_conv.__all__} <= {*ops.__all__}
    for name in fast_conv.__all__:
        assert getattr(ops, name) is getattr(fast_conv, name)


def test_others_come_through_the_door():
    files = [path for top in ("ops", "cpm", "bin") for path in (ROOT / top).rglob("*.py")]
    outside = [path for path in files if INSIDE not in path.parents]
    assert len(outside) > 50
    for path in outside:
        for module, name in imports(path):
            assert not module.startswith("ops.fast_conv."), f"{path} imports {module}"
            assert module != "ops.fast_conv" or name in fast_conv.__all__, f"{path} imports {name}"


def test_it_imports_only_ops():
    foreign = {
        (path.name, module)
        for path in INSIDE.glob("*.py")
        for module, _ in imports(path)
        if module.split(".")[0] in ("cpm", "bin", "tests")
    }
    assert not foreign
