"""Two methods on the same people: differences, paired intervals, who is better where."""

import json

import numpy as np
import pytest
import scipy.stats

from cpm.evaluation import compare, report
from cpm.evaluation.bootstrap import bootstrap_interval, paired_intervals
from cpm.evaluation.predictions import Predictions
from cpm.skeleton import SKELETONS
from tests.helpers.random_predictions import select, some_people

LSP = SKELETONS["lsp14"]


def changed(people, joints, shift_px):
    """The same predictions with these joints moved away from where they were found."""
    joints_px = people.joints_px.copy()
    for joint in joints:
        joints_px[:, :, LSP.index(joint)] += shift_px
    return Predictions(**vars(people) | {"joints_px": joints_px})


def test_paired_intervals_random_matches_the_normal(seeded):
    """One joint a person: the mean of the differences has a known standard error."""
    gain = seeded(3).choice([-1.0, 0.0, 0.0, 1.0, 1.0], [800, 1])
    low, high = paired_intervals(gain, np.ones_like(gain, bool), seed=1)
    half = 100 * scipy.stats.norm.ppf(0.975) * gain.std() / np.sqrt(800)
    # The ends are quantiles of 1000 draws of a spread of 2.8: uncertain by about 0.2.
    expected = 100 * gain.mean() - half, 100 * gain.mean() + half
    assert (low[0], high[0]) == pytest.approx(expected, abs=0.7)
    assert (low[1], high[1]) == (
        low[0],
        high[0],
    )  # the total of one joint is that joint


def test_paired_intervals_preset_of_one_method_are_its_own():
    """Against a method that has nothing right the difference is the score itself."""
    people = some_people()
    score = report.last_score(people, LSP, "pckh@0.5")
    low, high = paired_intervals(score.credit, score.counted, seed=5)
    own = bootstrap_interval(score.credit, score.counted, seed=5)
    assert (low[-1], high[-1]) == pytest.approx(own, abs=1e-9)


def test_paired_intervals_preset_nothing_counted():
    counted = np.zeros([4, 3], bool)
    low, high = paired_intervals(np.zeros([4, 3]), counted)
    assert low.shape == (4,) and np.isnan([low, high]).all()
    counted[:, 0] = True
    low, high = paired_intervals(np.zeros([4, 3]), counted)
    assert low[0] == high[3] == 0 and np.isnan(low[1:3]).all()


def test_compare_preset():
    people = some_people(people=200, noise_px=1.0)
    first = changed(people, ["left_wrist"], 99.0)
    second = changed(people, ["neck"], 99.0)
    rows = {r.part: r for r in compare.compare(first, second, LSP, "pckh@0.5")}
    assert list(rows) == [*LSP.joints, "Total"]
    wrist, neck, knee = rows["left_wrist"], rows["neck"], rows["left_knee"]
    assert (wrist.first, wrist.second, wrist.better) == (0.0, 100.0, "second")
    assert (neck.difference, neck.better) == (-100.0, "first")
    assert knee.interval == (0.0, 0.0) and knee.better is None
    assert wrist.only_second == wrist.counted and wrist.only_first == 0
    total = rows["Total"]
    assert total.counted == (people.state > 0).sum()
    assert total.difference == pytest.approx(100 * (wrist.counted - neck.counted) / total.counted)
    assert (total.only_first, total.only_second) == (neck.counted, wrist.counted)


def test_compare_preset_against_the_report():
    """Every number is the difference of two that `report.score` gives."""
    first = some_people(seed=1)
    second = changed(first, ["left_knee", "neck"], 7.0)
    second.state[:, LSP.index("right_ankle")] = 0
    for name in ("pckh@0.5", "pck_auc", "pcp_strict"):
        metrics = [report.score(p, LSP, resamples=0)[name] for p in (first, second)]
        rows = compare.compare(first, second, LSP, name)
        for row in rows:
            before, after = (
                m["total"] if row.part == "Total" else m["per_joint"][row.part] for m in metrics
            )
            assert (row.first, row.second) == (before, after)
            assert row.difference == pytest.approx(after - before)
            low, high = row.interval
            assert low <= row.difference <= high
        assert "right_ankle" not in [row.part for row in rows]


def test_comparison_table_preset():
    first = some_people(people=100, noise_px=1.0)
    second = changed(first, ["left_wrist"], 99.0)
    rows = compare.compare(first, second, LSP, "pckh@0.5")
    text = compare.comparison_table(rows, "pckh@0.5", ("ours", "theirs"))
    lines = text.splitlines()
    assert "ours better: left_wrist" in lines and "theirs better: nowhere" in lines
    wrist = next(line.split("|")[1:-1] for line in lines if "| left_wrist" in line)
    assert [cell.strip() for cell in wrist[:4]] == [
        "left_wrist",
        "100.0",
        "0.0",
        "-100.0",
    ]
    assert wrist[-1].strip() == "ours"
    assert len({len(line) for line in lines if line.startswith("|")}) == 1
    record = compare.as_json(rows, "pckh@0.5", ("ours", "theirs"))
    record = json.loads(json.dumps(record, allow_nan=False))
    assert record["rows"][-1]["part"] == "Total" and record["second"] == "theirs"
    assert record["rows"][LSP.index("left_wrist")]["better"] == "first"


def test_compare_raises():
    people = some_people()
    with pytest.raises(ValueError, match="different people"):
        compare.compare(people, select(people, np.arange(5)), LSP, "pck@0.2")
    with pytest.raises(ValueError, match="no metric 'pck@7'"):
        compare.compare(people, people, LSP, "pck@7")
    headless = some_people(head_px=0.0)
    with pytest.raises(ValueError, match="counts nobody"):
        compare.compare(headless, headless, LSP, "pckh@0.5")
