"""No op without its definition: the same name, the same arguments, a test that compares the two."""

import inspect
import pathlib
import re

import pytest

import ops
import ops.fast_conv.reference
import ops.reference
from ops.fast_conv.grouped_conv2d import grouped_conv2d

DEFINITIONS = vars(ops.reference) | vars(ops.fast_conv.reference)
# The choice of an algorithm is made from counts, and the two halves of fast_conv2d are defined by
# the whole.
PARTS = {
    *("library_has_groups", "best_algorithm", "candidate_algorithms"),
    *("transform_kernel", "fast_conv2d_transformed", "fast_conv2d_multiply_adds"),
}
OPS = {
    name: getattr(ops, name)
    for name in ops.__all__
    if inspect.isfunction(getattr(ops, name)) and "check_" not in name and name not in PARTS
} | {"grouped_conv2d": grouped_conv2d}  # behind the door of ops/fast_conv


def arguments(function):
    """Those that say what is computed, not how."""
    names = inspect.signature(function).parameters
    how = {"name", "compiled", "differentiable"}
    return [name for name in names if name not in how]


def test_there_is_something_to_check():
    assert len(OPS) >= 11 and {"conv2d", "gaussian_heatmap", "find_peaks"} <= {*OPS}


@pytest.mark.parametrize("name", OPS)
def test_every_op_is_defined_again_in_plain_numpy(name):
    assert name in DEFINITIONS, f"ops/reference.py lacks {name}"
    assert arguments(DEFINITIONS[name]) == arguments(OPS[name])
    assert "tf." not in inspect.getsource(DEFINITIONS[name])


@pytest.mark.parametrize("name", OPS)
def test_every_op_is_compared_with_its_definition(name):
    tests = pathlib.Path(__file__).parent.rglob("test_*.py")
    text = "".join(path.read_text() for path in tests if path != pathlib.Path(__file__))
    assert re.search(rf"\breference\.{name}\b", text), (
        f"no test compares {name} with its definition"
    )
