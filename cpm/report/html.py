"""HTML as nested calls. What is not `Markup` is text, and text is escaped: nothing slips through.

    element("p", "1 < 2, ", element("b", "always"), class_="note")

A page is self-contained: styles and images are in it, and it loads and runs nothing.
"""

import base64
import html
import io
from collections.abc import Iterable
from typing import Any

import numpy as np
from PIL import Image

VOID = ("img", "meta", "br")  # elements that are never closed
STYLE = """
:root { color-scheme: light; --ink: #222; --soft: #666; --line: #ddd; --blue: #2a6fb0; }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 1080px; padding: 1rem; color: var(--ink); background: #fff;
  font: 16px/1.5 system-ui, "Segoe UI", "DejaVu Sans", sans-serif; }
h1 { font-size: 1.5rem; margin: .5rem 0; overflow-wrap: anywhere; }
h2 { font-size: 1.15rem; margin: 2rem 0 .5rem; border-bottom: 1px solid var(--line); }
h3 { font-size: 1rem; margin: 1rem 0 .25rem; }
p { margin: .4rem 0; max-width: 75ch; overflow-wrap: anywhere; }
.headline { font-size: 1.15rem; }
.headline b { font-size: 2rem; color: var(--blue); margin-right: .3rem; }
.note, figcaption { color: var(--soft); font-size: .9rem; overflow-wrap: anywhere; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-size: .9rem; font-variant-numeric: tabular-nums; }
th, td { padding: .15rem .6rem .15rem 0; text-align: right; white-space: nowrap; }
th { border-bottom: 1px solid var(--line); font-weight: 600; }
td:first-child, th:first-child, .words td, .words th { text-align: left; }
.words td { white-space: normal; overflow-wrap: anywhere; vertical-align: top; }
.bar { display: inline-block; width: clamp(3rem, 15vw, 7rem); height: .7rem; background: #eee; }
.bar i { display: block; height: 100%; background: var(--blue); }
.words td:first-child { white-space: nowrap; }
pre { background: #f5f5f5; padding: .6rem; margin: .3rem 0; overflow-x: auto; font-size: .85rem; }
figure { margin: 0 0 .4rem; }
.scroll + figure { margin-top: 1rem; }
img { max-width: 100%; height: auto; display: block; }
.row { display: grid; gap: .8rem;
  grid-template-columns: repeat(auto-fill, minmax(max(140px, 23%), 1fr)); }
.wide { display: grid; gap: .8rem; grid-template-columns: repeat(auto-fit, minmax(310px, 1fr)); }
.row img { width: 100%; }
summary { cursor: pointer; font-weight: 600; }
"""


class Markup(str):
    """Text that is HTML already."""


def text(value: object) -> Markup:
    """`Markup` as it is, everything else escaped.

    >>> text("a < b"), text(Markup("<b>")), text(7)
    ('a &lt; b', '<b>', '7')
    """
    return value if isinstance(value, Markup) else Markup(html.escape(str(value)))


def element(name: str, /, *children: object, **attributes: object) -> Markup:
    """An element.

    Args:
      name: e.g. `p`.
      *children: texts or `Markup`; None is left out.
      **attributes: `class_` is written `class`, `http_equiv` is written `http-equiv`.

    >>> element("p", "1 < 2", element("br"), class_='a"b')
    '<p class="a&quot;b">1 &lt; 2<br></p>'
    """
    written = "".join(
        f' {_attribute(key)}="{html.escape(str(value))}"' for key, value in attributes.items()
    )
    if name in VOID:
        return Markup(f"<{name}{written}>")
    inner = "".join(text(child) for child in children if child is not None)
    return Markup(f"<{name}{written}>{inner}</{name}>")


def _attribute(key):
    return key.rstrip("_").replace("_", "-")


def joined(*parts: object) -> Markup:
    """Several pieces as one; None is left out.

    >>> joined("<", None, element("b", "x"))
    '&lt;<b>x</b>'
    """
    return Markup("".join(text(part) for part in parts if part is not None))


def table(
    header: Iterable[object], rows: Iterable[Iterable[object]], *, words: bool = False
) -> Markup:
    """A table that scrolls on a narrow screen.

    Args:
      header: titles.
      rows: lists of texts or `Markup`.
      words: the cells are words, which wrap; else numbers, which end at the right.
    """
    head = element("tr", *(element("th", title) for title in header))
    body = (element("tr", *(element("td", cell) for cell in row)) for row in rows)
    return element(
        "div",
        element(
            "table",
            element("thead", head),
            element("tbody", *body),
            **({"class_": "words"} if words else {}),
        ),
        class_="scroll",
    )


def bar(percent: float | None) -> Markup:
    """A percentage as a bar; nothing for None.

    >>> "width: 50.0%" in bar(50.0), bar(None)
    (True, '')
    """
    if percent is None:
        return Markup("")
    width = min(max(percent, 0.0), 100.0)
    return element("span", element("i", style=f"width: {width:.1f}%"), class_="bar")


def image(pixels: np.ndarray, description: str, *, photo: bool = False) -> Markup:
    """An image inside the page.

    Args:
      pixels: `[H, W, 3]` uint8.
      description: what it shows, for readers who do not see it.
      photo: as JPEG, for photographs; else PNG, for what is drawn.
    """
    buffer = io.BytesIO()
    options: dict[str, Any] = {"format": "PNG", "optimize": True}
    if photo:
        options = {"format": "JPEG", "quality": 85}
    Image.fromarray(np.asarray(pixels)).save(buffer, **options)
    data = base64.b64encode(buffer.getvalue()).decode()
    height, width = pixels.shape[:2]
    kind = options["format"].lower()
    return element(
        "img",
        src=f"data:image/{kind};base64,{data}",
        alt=description,
        width=width,
        height=height,
    )


def figure(pixels: np.ndarray, caption: str, *, photo: bool = False) -> Markup:
    """An image with its caption."""
    return element("figure", image(pixels, caption, photo=photo), element("figcaption", caption))


def section(title: str, *children: object) -> Markup | None:
    """A part of a page; None if it has nothing to say."""
    said = [child for child in children if child is not None]
    return element("section", element("h2", title), *said) if said else None


def page(title: str, *parts: object) -> str:
    """A whole document, as text."""
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        # Nothing is loaded, whatever a name in the run says.
        element(
            "meta",
            http_equiv="Content-Security-Policy",
            content="default-src 'none'; img-src data:; style-src 'unsafe-inline'",
        ),
        element("title", title),
        element("style", Markup(STYLE)),
    )
    body = element("body", element("h1", title), *parts)
    return "<!DOCTYPE html>\n" + element("html", head, body, lang="en") + "\n"
