"""No op without its definition: the same name, the same arguments, and a test that compares the two."""

import inspect
import pathlib

import pytest

import ops
from ops import reference

# Algorithms are data (tests/test_bilinear.py has the identity they satisfy), their choice is made of
# counts, and the two halves of fast_conv2d are defined by the whole.
PARTS = {
    *("cook_toom", "fourier", "cook_toom_line", "fourier_line"),
    *("library_has_groups", "best_algorithm", "candidate_algorithms", "fast_cost"),
    *("transform_kernel", "fast_conv2d_transformed", "fast_conv2d_multiply_adds"),
}
OPS = [
    n
    for n in ops.__all__
    if inspect.isfunction(getattr(ops, n)) and "check_" not in n and n not in PARTS
]


def arguments(function):
    """Those that say what is computed, not how."""
    names = inspect.signature(function).parameters
    how = {"name", "compiled", "differentiable"}
    return [name for name in names if name not in how]


def test_there_is_something_to_check():
    assert len(OPS) >= 11 and {"conv2d", "gaussian_heatmap", "find_peaks"} <= {*OPS}


@pytest.mark.parametrize("name", OPS)
def test_every_op_is_defined_again_in_plain_numpy(name):
    assert hasattr(reference, name), f"ops/reference.py lacks {name}"
    assert arguments(getattr(reference, name)) == arguments(getattr(ops, name))
    assert "tf." not in inspect.getsource(getattr(reference, name))


@pytest.mark.parametrize("name", OPS)
def test_every_op_is_compared_with_its_definition(name):
    tests = pathlib.Path(__file__).parent.rglob("test_*.py")
    text = "".join(path.read_text() for path in tests if path != pathlib.Path(__file__))
    assert f"reference.{name}" in text
