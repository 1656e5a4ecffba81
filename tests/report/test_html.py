"""The elements of a page: escaped, well-formed, self-contained."""

import base64
import html.parser
import io

import numpy as np
import pytest
from PIL import Image

from cpm.report.html import element, figure, image, joined, page, section, table, text

NASTY = "<script>alert('1')</script>\"&"


class Reader(html.parser.HTMLParser):
    """Checks that elements are closed in order; keeps tags, attributes and text."""

    def __init__(self, source):
        super().__init__()
        self.open, self.tags, self.attributes, self.words = [], [], [], []
        self.feed(source)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        self.attributes += attributes
        if tag not in ("img", "meta", "br"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.words.append(data)


def test_text_and_attributes_are_escaped_once():
    read = Reader(element("p", NASTY, element("b", NASTY), title=NASTY))
    assert read.tags == ["p", "b"]
    assert read.words == [NASTY, NASTY] and read.attributes == [("title", NASTY)]
    assert joined(None, NASTY) == text(NASTY)


@pytest.mark.parametrize("words", [False, True])
def test_table_has_all_cells(words):
    read = Reader(table(["a", NASTY], [["1", NASTY], ["<2", element("i", "3")]], words=words))
    assert read.words == ["a", NASTY, "1", NASTY, "<2", "3"]
    assert read.tags.count("tr") == 3 and "script" not in read.tags


@pytest.mark.parametrize("photo", [False, True])
def test_image_is_in_the_page(photo):
    pixels = np.arange(6 * 4 * 3, dtype=np.uint8).reshape(6, 4, 3)
    attributes = dict(Reader(figure(pixels, NASTY, photo=photo)).attributes)
    kind, data = attributes["src"].split(";base64,")
    assert kind == ("data:image/jpeg" if photo else "data:image/png")
    stored = np.asarray(Image.open(io.BytesIO(base64.b64decode(data))))
    assert stored.shape == pixels.shape and (attributes["width"], attributes["height"]) == (
        "4",
        "6",
    )
    if not photo:
        np.testing.assert_array_equal(stored, pixels)


def test_page_loads_nothing_from_elsewhere():
    pixels = np.zeros([2, 2, 3], np.uint8)
    source = page(
        NASTY, section("empty", None), section(NASTY, element("p", "x")), image(pixels, "")
    )
    read = Reader(source)
    assert source.startswith("<!DOCTYPE html>") and read.tags.count("section") == 1
    for name, value in read.attributes:
        assert name not in ("href", "onload", "onerror")
        assert name != "src" or value.startswith("data:")
    assert ("http-equiv", "Content-Security-Policy") in read.attributes
