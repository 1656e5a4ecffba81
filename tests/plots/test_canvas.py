"""Text on figures: names of files are shown as they are, whatever they hold."""

import warnings

import numpy as np
import pytest

from cpm.plots.canvas import Canvas, drawable

NAMES = [
    "price_$5_and_$6.jpg",
    r"a$\frac{1}$b.jpg",
    "x$^$y.jpg",
    "猫.jpg",
    "M\udcfcller.jpg",
    "a\tb",
]


def drawn(text, **options):
    canvas = Canvas(400, 40)
    canvas.text(10, 20, text, **options)
    return canvas.pixels()


@pytest.mark.parametrize("name", NAMES, ids=ascii)
def test_any_name_is_drawn_without_a_warning(name):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert drawn(name).min() < 128


def test_dollars_are_shown():
    """Mathematics would swallow them: the text would be narrower."""
    ink = [np.flatnonzero((drawn(t) < 128).any((0, 2)))[-1] for t in ("$a$b", "ab")]
    assert ink[0] > ink[1] + 10
    assert np.array_equal(drawn("$a$b", math=True), drawn("$a$b", math=True))
    assert not np.array_equal(drawn("$a$b", math=True), drawn("$a$b"))


def test_lines_stay_lines():
    assert drawable("a\nb") == "a\nb"
