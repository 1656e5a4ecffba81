"""Section 1 of ops/fast_conv/README.md, F(2, 3) by hand: its matrices and numbers, once more."""

import doctest
import fractions
import pathlib
import re

import numpy as np
import pytest

from ops import fast_conv
from ops.fast_conv.cook_toom import cook_toom_1d

SECTION = (
    (pathlib.Path(fast_conv.__file__).parent / "README.md")
    .read_text(encoding="utf-8")
    .partition("\n## 1. ")[2]
    .partition("\n## 2. ")[0]
)
F23 = cook_toom_1d(kernel_size=3, outputs=2)
D, G = np.array([1, 10, 100, 1000]), np.array([3, 5, 7])


def printed_matrix(name):
    """The matrix that the document prints after `name`=, as floats."""
    body = re.search(re.escape(name) + r"=\\begin{pmatrix}(.*?)\\end{pmatrix}", SECTION, re.DOTALL)[
        1
    ]
    rows = [row.split("&") for row in body.split(r"\\")]
    return [[float(fractions.Fraction(entry.strip())) for entry in row] for row in rows]


def printed_row(name):
    """The numbers in the row of the table that begins with `name`."""
    row = re.search(r"^\| " + re.escape(name) + r" \|(.*)\|$", SECTION, re.MULTILINE)[1]
    return [float(cell.replace("−", "-")) for cell in row.split("|")]


@pytest.mark.parametrize(
    "name, matrix",
    [(r"B^\top", F23.B_T), ("G", F23.G), (r"A^\top", F23.A_T)],
    ids=["B_T", "G", "A_T"],
)
def test_worked_example_matrices(name, matrix):
    np.testing.assert_array_equal(printed_matrix(name), matrix)


def test_worked_example_numbers():
    v, u = F23.B_T @ D, F23.G @ G
    assert printed_row(r"$B^\top d$") == v.tolist()
    assert printed_row(r"$G\,g$") == u.tolist()
    assert printed_row("product") == (u * v).tolist()
    assert "y_0=-297+825+225=753,\\qquad y_1=825-225+6930=7530." in SECTION
    assert (F23.A_T @ (u * v)).tolist() == [753, 7530]
    np.testing.assert_array_equal(np.correlate(D, G, "valid"), [753, 7530])


def test_worked_example_products():
    """The four products as they are written out, and their sums, for numbers of no pattern."""
    d, g = np.array([2.0, -7.0, 11.0, 5.0]), np.array([13.0, 3.0, -17.0])
    m1 = (d[0] - d[2]) * g[0]
    m2 = (d[1] + d[2]) * (g[0] + g[1] + g[2]) / 2
    m3 = (d[2] - d[1]) * (g[0] - g[1] + g[2]) / 2
    m4 = (d[3] - d[1]) * g[2]
    assert ((F23.G @ g) * (F23.B_T @ d)).tolist() == [m1, m2, m3, m4]
    assert (F23.A_T @ [m1, m2, m3, m4]).tolist() == [m1 + m2 + m3, m2 - m3 + m4]
    assert np.correlate(d, g, "valid").tolist() == [m1 + m2 + m3, m2 - m3 + m4]


def test_worked_example_gradients():
    """The numbers of the paragraph: (1, 1, 1, 0), and on the way to the two gradients."""
    a_dy = F23.A_T.T @ [1, 0]
    assert a_dy.tolist() == [1, 1, 1, 0]
    assert ((F23.G @ G) * a_dy).tolist() == [3, 7.5, 2.5, 0]
    assert ((F23.B_T @ D) * a_dy).tolist() == [-99, 110, 90, 0]
    for printed in (
        "(1,1,1,0)",
        r"(3,\ 7.5,\ 2.5,\ 0)",
        "(3,5,7,0)",
        "(-99,110,90,0)",
        "(1,10,100)",
    ):
        assert f"${printed}$" in SECTION or f"={printed}$" in SECTION, printed


def test_worked_example_in_python():
    """The document's session, run."""
    [session] = re.findall(r"```pycon\n(.*?)```", SECTION, flags=re.DOTALL)
    parsed = doctest.DocTestParser().get_doctest(session, {}, "README.md", None, 0)
    results = doctest.DocTestRunner().run(parsed)
    assert results.attempted >= 10 and results.failed == 0
