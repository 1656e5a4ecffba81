"""The functions that give MATLAB's many forms of one value one meaning."""

import numpy as np
import pytest
import scipy.io

from cpm.data import matlab
from cpm.errors import UsageError


def stored(tmp_path, value):
    """The value as it comes back from a file."""
    scipy.io.savemat(tmp_path / "file.mat", {"value": value})
    return matlab.load(tmp_path / "file.mat")["value"]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (np.uint8(200), 200),
        (np.uint16(900), 900),
        (np.int16(-3), -3),
        (2.5, 2.5),
        (True, 1),
        ("1", 1),
        (" 0.5 ", 0.5),
        ([[7]], 7),
        ("", None),
        (np.zeros((0, 0)), None),
        (np.zeros((1, 0)), None),
        (np.nan, None),
        (np.inf, None),
    ],
)
def test_number_preset(value, expected, tmp_path):
    found = matlab.number(stored(tmp_path, value))
    assert found == expected and isinstance(found, (float, type(None)))


@pytest.mark.parametrize("value", ["words", [1, 2], {"a": 1}])
def test_number_raises(value, tmp_path):
    with pytest.raises(ValueError, match="expected"):
        matlab.number(stored(tmp_path, value))


def test_number_of_a_missing_field():
    assert matlab.number(None) is None and matlab.text(None) == ""


def test_text_raises(tmp_path):
    with pytest.raises(ValueError, match="expected a text"):
        matlab.text(stored(tmp_path, 3))


def test_structs_of_every_nesting(tmp_path):
    one, two = {"n": 1}, {"n": 2}
    array = np.empty((1, 2), [("n", object)])
    array["n"] = [[1, 2]]
    nested = [one, [two]]
    for value, expected in [
        (one, [1]),
        ([one], [1]),
        ([one, two], [1, 2]),
        (array, [1, 2]),
        (array.T, [1, 2]),
        (nested, [1, 2]),
        (np.zeros((0, 0)), []),
        ("text", []),
        (3.0, []),
    ]:
        found = matlab.structs(stored(tmp_path, value))
        assert [matlab.number(matlab.field(s, "n")) for s in found] == expected


def test_field(tmp_path):
    (struct,) = matlab.structs(stored(tmp_path, {"n": 1}))
    assert matlab.field(struct, "m") is None
    assert matlab.field(struct, "__class__") is None


@pytest.mark.parametrize("content", [b"", b"x" * 500])
def test_load_raises(content, tmp_path):
    (tmp_path / "file.mat").write_bytes(content)
    with pytest.raises(UsageError, match="not a MATLAB file that SciPy reads"):
        matlab.load(tmp_path / "file.mat")
