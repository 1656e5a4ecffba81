"""Tables as text: aligned columns, in Markdown or plain; its examples show both."""

import pytest

from cpm.text_table import format_table, listed


def test_columns_are_as_wide_as_their_longest_cell():
    lines = format_table(["name", "n"], [["a", "1,234"], ["longer", ""]]).splitlines()
    assert lines == [
        "| name   |     n |",
        "|--------|------:|",
        "| a      | 1,234 |",
        "| longer |       |",
    ]
    assert len({len(line) for line in lines}) == 1


def test_left_says_which_columns_are_text():
    header, row = ["stage", "layer", "kind"], ["1", "conv1_long", "conv 9×9"]
    table = format_table(header, [row], left=(1, 2), markdown=False)
    assert table == "stage  layer       kind\n    1  conv1_long  conv 9×9"


def test_no_rows_leave_the_header():
    assert format_table(["a", "b"], [], markdown=False) == "a  b"


def test_a_row_of_another_length_raises():
    with pytest.raises(ValueError):
        format_table(["a", "b"], [["1"]])


def test_listed():
    assert listed(["a", "b"], 5) == "a, b"
    assert listed(list("abcdefg"), 5) == "a, b, c, d, e and 2 more"
    assert listed([], 5) == ""
