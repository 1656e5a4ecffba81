"""The page of a run: what it must say, escaped, with parts left out where there is nothing."""

import html

import pytest

from cpm.report import run_page
from cpm.report.run import step_seconds
from cpm.skeleton import SKELETONS
from tests.helpers.run_reports import report


def test_headline_says_how_people_were_found():
    source = run_page(report())
    assert "<b>90.0 %</b>" in source and "87.0 … 92.0" in source
    assert "60 validation objects found without a box, one in each image" in source
    assert "With the true box: 95.0 %" in source and "Step 400 of 500" in source
    boxed = run_page(report(box_metrics=None))
    assert "in their true boxes" in boxed and "With the true box" not in boxed


def test_every_part_is_there():
    source = run_page(report())
    for title in (
        *("How it went", "Joints", "Stages", "Objects", "Belief maps", "A training batch"),
        *("Settings", "Data and speed", "Versions", "How to go on"),
    ):
        assert f"<h2>{title}" in source
    assert source.count("<img") == 2 + 1 + 12 + 2
    assert "0.500 s a step of 16 objects (median), 32 objects a second" in source


def test_only_changed_settings_stand_beside_the_recipe():
    same = {"seed": "0"}
    source = run_page(
        report(settings={"steps": "500"} | same, recipe=("own", {"steps": "9"} | same))
    )
    changed, everything = source.split("<details>")
    assert "<td>steps</td><td>9</td><td>500</td>" in changed and "<td>seed</td>" not in changed
    assert "<td>seed</td><td>0</td>" in everything
    assert "Nothing." in run_page(report(settings=same, recipe=("own", same)))


def test_words_of_people_are_for_people():
    """Nobody's limbs are orange where joints have no sides."""
    cats, people = run_page(report()), run_page(report(joints=SKELETONS["lsp14"].joints))
    assert "Typical objects" in cats and "people" not in cats and "right limbs are orange" in cats
    assert "Typical people" in people and "60 validation people found" in people
    assert "objects" not in people and "<h2>People" in people
    assert "orange" not in run_page(report(joints=("stem", "petal")))
    boxed = report().metrics["pcp25"]
    source = run_page(report(main="pck_box@0.1", metrics={"pck_box@0.1": boxed}))
    assert "PCK@0.1 by box: 95 %" in source


def test_names_are_escaped_everywhere():
    name = "<img src=x onerror=alert(1)>'\"&"
    source = run_page(report(name))
    assert "<img src=x" not in source
    assert source.count(html.escape(name)) > 15


def test_page_of_a_run_that_was_never_scored():
    source = run_page(
        report(
            metrics={},
            main=None,
            box_metrics=None,
            curves=(),
            stages=None,
            examples={},
            beliefs=None,
            augmentation=None,
            step_seconds=0.0,
        )
    )
    assert "Nothing was scored yet" in source
    assert "<h2>Joints" not in source and "<h2>Objects" not in source and "<img" not in source


@pytest.mark.parametrize("count, expected", [(0, 0.0), (1, 0.0), (2, 0.5), (9, 0.5)])
def test_step_seconds(count, expected):
    """Of the later half: the first steps hold the compilation."""
    times = [30.0 * (n > 0) + 0.5 * n for n in range(count)] if count > 2 else [1.0, 1.5][:count]
    records = [{"step": n, "loss": 1.0, "seconds": time} for n, time in enumerate(times)]
    assert step_seconds([*records, {"step": count, "evaluation": {}, "seconds": 99.0}]) == expected
