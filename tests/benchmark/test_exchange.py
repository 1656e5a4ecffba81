"""What two processes exchange: layers as plain values, arrays, the comparison."""

import numpy as np
import pytest

from cpm.benchmark import exchange
from cpm.errors import UsageError
from cpm.network import architecture, preset


@pytest.fixture
def folder(tmp_path):
    reference = {"a": np.arange(1.0, 4.0), "b": np.ones([2, 2])}
    exchange.write_arrays(tmp_path, exchange.REFERENCE, reference)
    return tmp_path


def test_plan_comes_back_as_plain_values(tmp_path):
    exchange.write_plan(tmp_path, architecture(preset("paper")), {"batch": 2})
    layers, settings = exchange.read_plan(tmp_path)
    assert settings == {"batch": 2} and layers["concat"][0] == "features"
    assert [s["kind"] for s in layers["trunk"]] == ["Conv", "MaxPool"] * 3
    assert layers["trunk"][0]["kernel"] == 9 and len(layers["later_stages"]) == 5
    assert layers["first_head"][2] == {
        "kind": "Dropout",
        "name": "drop5_stage1",
        "rate": 0.5,
    }


def test_a_plan_of_another_shape_is_a_sentence(tmp_path):
    for text in ("[]", "{}", '{"architecture": 3, "settings": {}}', "[" * 100_000, "no JSON"):
        (tmp_path / exchange.PLAN).write_text(text)
        with pytest.raises(UsageError, match=r"plan.json cannot be read .*; measure again"):
            exchange.read_plan(tmp_path)


def test_arrays_come_back(tmp_path, seeded):
    arrays = {"layer/kernel": seeded(1).normal(size=[3, 2])}
    exchange.write_arrays(tmp_path, exchange.WEIGHTS, arrays)
    found = exchange.read_arrays(tmp_path, exchange.WEIGHTS)
    np.testing.assert_array_equal(found["layer/kernel"], arrays["layer/kernel"])
    assert not exchange.has_reference(tmp_path)


def test_largest_error_names_the_worst(folder):
    """||(0, 0, 0.3)|| / ||(1, 2, 3)|| = 0.3 / sqrt(14)."""
    outputs = [("a", np.array([1.0, 2.0, 3.3])), ("b", np.full([2, 2], 1.01))]
    error, name = exchange.largest_error(folder, outputs)
    assert name == "a" and error == pytest.approx(0.3 / 14**0.5)


def test_a_gradient_does_not_hide_a_loss(tmp_path):
    ones = np.ones(4)
    names = ("losses", "gradient of conv1_1/kernel")
    exchange.write_arrays(tmp_path, exchange.REFERENCE, dict.fromkeys(names, ones))
    outputs = [(names[0], 1.001 * ones), (names[1], 1.01 * ones)]
    error, name = exchange.largest_error(tmp_path, outputs)
    assert name == "losses" and error == pytest.approx(1e-3)


def test_largest_error_of_what_is_no_number(folder):
    outputs = [("a", np.array([1.0, np.nan, 3.0])), ("b", np.ones([2, 2]))]
    assert exchange.largest_error(folder, outputs) == (float("inf"), "a")


@pytest.mark.parametrize(
    "outputs, message",
    [
        ([("a", np.ones(3))], "there is no b"),
        ([("c", np.ones(3))], "c is not in the reference"),
        ([("a", np.ones(3)), ("a", np.ones(3))], "came twice"),
        ([("a", np.ones([3, 1]))], r"shape \(3, 1\)"),
    ],
)
def test_largest_error_raises(folder, outputs, message):
    with pytest.raises(exchange.Mismatch, match=message):
        exchange.largest_error(folder, outputs)
