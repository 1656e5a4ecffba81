"""Who won, in words that the intervals allow, and the page of it."""

import html

from cpm.report import Comparison, Difference, comparison_page
from cpm.skeleton import SKELETONS

JOINTS = SKELETONS["lsp14"].joints
NASTY = '<b>&"'


def compared(*differences, **changes):
    names = ("a", "b", "c")[: 1 + len(differences)]
    values = {
        "metric": "pck@0.2",
        "names": names,
        "scores": {name: (80.0 - k, [78.0 - k, 82.0 - k], 60) for k, name in enumerate(names)},
        "differences": dict(zip(names[1:], differences, strict=True)),
        "settings": {"network.stages": ["3", "6", "6"][: len(names)]},
        "minutes": dict.fromkeys(names, 4.5),
        "steps": dict.fromkeys(names, 500),
        "joints": dict.fromkeys(JOINTS, [81.0, None, 3.0][: len(names)]),
    }
    return Comparison(**values | changes)


def test_verdict_follows_the_interval():
    found = compared(Difference(-1.5, (-2.5, -0.5)), Difference(-2.0, (-4.5, 0.5)))
    assert found.verdict() == [
        "a is better than b: +1.5 points (95 % interval +0.5 … +2.5, same people).",
        "a is not clearly better than c: +2.0 points (95 % interval -0.5 … +4.5, same people).",
    ]


def test_equal_scores_have_no_sign():
    found = compared(Difference(0.0, (0.0, 0.0)), Difference(0.0, None)).verdict()
    assert "+0.0 points (95 % interval +0.0 … +0.0" in found[0]
    assert found[1] == "a scores 0.0 points more than c, on other people."


def test_verdict_without_an_interval():
    assert "on other people" in compared(Difference(-1.0, None)).verdict()[0]
    cats = {"nose": [81.0, 80.0]}
    assert "on other objects" in compared(Difference(-1.0, None), joints=cats).verdict()[0]
    assert "cannot be compared" in compared(None).verdict()[0]


def test_text_has_scores_and_settings():
    text = compared(Difference(-1.0, (-2.0, -0.1))).text()
    assert "PCK@0.2, %" in text and "78.0 … 82.0" in text and "network.stages" in text
    assert "do not differ" in compared(Difference(0.0, (-1, 1)), settings={}).text()


def test_page_is_escaped():
    differing = {NASTY: [NASTY, "6"]}
    source = comparison_page(compared(None, settings=differing, notes=(NASTY,)))
    assert NASTY not in source and source.count(html.escape(NASTY)) == 3
    assert "<h1>a against b</h1>" in source and "Score against time" not in source
