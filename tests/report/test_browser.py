"""The pages in a real browser, as wide as a phone and as a screen; skipped where there is none."""

import html
import json
import re
import shutil
import subprocess

import pytest

from cpm.report import run_page
from tests.helpers.run_reports import report

BROWSER = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), ""
)
WIDTHS = (390, 1280)
# A name that would run in the page, and one that is as long as a path can be.
NAMES = ('<img src=x onerror="parent.ran=1"><script>parent.ran=1</script>', "long_name" * 25)
FRAME = '<iframe width="{width}" height="900" srcdoc="{page}"></iframe>'
# Measures every frame when all are there, and leaves the numbers in the document.
SCRIPT = """
addEventListener("load", () => {
  const measured = [...document.querySelectorAll("iframe")].map(frame => {
    const page = frame.contentDocument, root = page.documentElement;
    const images = [...page.images];
    return {
      width: root.clientWidth,
      needed: root.scrollWidth,
      images: images.length,
      drawn: images.filter(i => i.naturalWidth > 1 && i.clientWidth <= root.clientWidth).length,
      text: page.body.innerText.length,
      scripts: page.scripts.length,
    };
  });
  document.getElementById("result").textContent = JSON.stringify({measured, ran: window.ran || 0});
});
"""

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not BROWSER, reason="no Chromium is installed"),
]


def opened(pages, folder):
    """What the browser measures of each page, inside a page of ours that may run scripts."""
    frames = [FRAME.format(width=width, page=html.escape(page)) for page, width in pages]
    path = folder / "frames.html"
    path.write_text(
        f"<!DOCTYPE html><meta charset=utf-8><script>{SCRIPT}</script>{''.join(frames)}"
        "<pre id=result></pre>",
        encoding="utf-8",
    )
    flags = ["--headless", "--no-sandbox", "--disable-gpu", "--virtual-time-budget=20000"]
    done = subprocess.run(
        [BROWSER, *flags, f"--user-data-dir={folder / 'profile'}", "--dump-dom", path.as_uri()],
        capture_output=True,
        text=True,
        timeout=120,
    )
    found = re.search(r'<pre id="result">(.+?)</pre>', done.stdout, re.DOTALL)
    assert found, done.stderr[-2000:]
    return json.loads(html.unescape(found[1]))


def test_pages_fit_two_widths_and_run_nothing(tmp_path):
    """No sideways scrolling, every image drawn, no name of a run becomes an element."""
    pages = [(run_page(report(name)), width) for name in NAMES for width in WIDTHS]
    found = opened(pages, tmp_path)
    assert found["ran"] == 0
    for (_, width), measured in zip(pages, found["measured"], strict=True):
        assert width - 20 <= measured["width"] <= width
        assert measured["needed"] <= measured["width"]
        assert measured["images"] == measured["drawn"] == 17
        assert measured["text"] > 1000 and measured["scripts"] == 0
