"""What a run asks for while it trains."""

from cpm.training.validation import Validation


def test_a_validation_needs_no_box():
    found = Validation({"pcp25": 1.0}, 1.0, "pcp25 1.0 %", draw=lambda: None)
    assert found.box_totals is None and found.details is None
