"""Scores, their sums by body part, bootstrap intervals, reports and tables."""

import json

import numpy as np
import pytest
import scipy.stats

from cpm.evaluation import predictions as predicted
from cpm.evaluation import report, tables
from cpm.evaluation.bootstrap import bootstrap_interval, joint_intervals
from cpm.evaluation.predictions import Predictions
from cpm.evaluation.scores import GROUPS, merge_groups, only, score_from_credit
from cpm.skeleton import SKELETONS
from tests.helpers.random_predictions import select, some_people

LSP = SKELETONS["lsp14"]


def test_score_from_credit_preset_pools_joints():
    credit, counted = np.zeros([3, 14]), np.zeros([3, 14], bool)
    counted[:, 0], counted[0, 1] = True, True
    credit[:, 0] = 1.0
    score = score_from_credit("x", "y", credit, counted, LSP.joints)
    assert score.total == 75.0  # 3 of 4, not the mean of 100 and 0
    assert score.counts["right_ankle"] == 3 and score.people == 3
    assert score.mean == 50.0  # and this is the mean of 100 and 0


def test_only_preset():
    credit, counted = np.zeros([3, 14]), np.ones([3, 14], bool)
    credit[:, LSP.index("left_wrist")] = 1.0
    score = only(
        score_from_credit("x", "y", credit, counted, LSP.joints),
        ("left_wrist", "left_elbow"),
    )
    assert score.total == 50.0 and score.groups == {"Elb": 0.0, "Wri": 100.0}
    assert score.counts["neck"] == 0 and score.people == 3


def test_score_from_credit_raises():
    with pytest.raises(ValueError, match=r"both be \[N, 14\]"):
        score_from_credit("x", "y", np.zeros([2, 13]), np.zeros([2, 13], bool), LSP.joints)


def test_merge_groups_preset():
    assert merge_groups({"neck": 90.0, "head_top": 100.0, "pelvis": 3.0}) == {"Head": 95.0}
    assert merge_groups({"left_knee": np.nan, "right_knee": 60.0}) == {"Kne": 60.0}


def test_bootstrap_interval_random_matches_the_binomial(seeded):
    """One joint a person: the total is a binomial share, whose spread is known in closed form."""
    people, share = 400, 0.8
    credit = (seeded(5).random([people, 1]) < share).astype(float)
    low, high = bootstrap_interval(credit, np.ones([people, 1], bool), seed=1)
    found = credit.mean()
    exact = scipy.stats.binom.ppf([0.025, 0.975], people, found) / people * 100
    # The ends are quantiles of 1000 draws of a spread of 2 %: uncertain by about 0.2 %.
    assert (low, high) == pytest.approx(tuple(exact), abs=0.6)


def test_bootstrap_interval_preset_is_seeded_and_by_person():
    credit = np.array([[1.0, 1.0], [0.0, 0.0], [1.0, 0.0], [0.0, 0.0]])
    counted = np.array([[1, 1], [1, 1], [1, 1], [0, 0]], bool)
    one = bootstrap_interval(credit, counted, seed=7)
    assert one == bootstrap_interval(credit, counted, seed=7)
    # A person without counted joints changes nothing, not even the draws.
    assert one == bootstrap_interval(credit[:3], counted[:3], seed=7)
    assert np.isnan(bootstrap_interval(credit[3:], counted[3:])).all()


def test_joint_intervals_random_are_those_of_each_joint_alone(seeded):
    """A joint whose every person counts is drawn as if it were the only one."""
    credit = (seeded(6).random([50, 3]) < 0.7).astype(float)
    counted = np.ones([50, 3], bool)
    counted[:, 2] = False
    found = joint_intervals(credit * counted, counted, seed=3)
    for p in range(2):
        alone = bootstrap_interval(credit[:, [p]], counted[:, [p]], seed=3)
        assert found[p] == pytest.approx(alone)
    assert found[2] is None


def test_report_score_preset_names_and_values():
    people = some_people()
    metrics = report.score(people, LSP)
    joints = ["pcp25", "pck@0.2", "pckh@0.5", "pckh@0.1", "pck_auc", "pckh_auc"]
    assert list(metrics) == [*joints, "pcp_strict", "pcp_average"]
    values = metrics["pckh@0.5"]
    assert len(values["per_stage"]) == 3
    assert values["per_stage"][-1] == values["total"]
    assert values["per_stage"] == sorted(values["per_stage"])
    assert set(values["per_joint"]) == set(LSP.joints)
    low, high = values["interval"]
    assert low <= values["total"] <= high
    assert values["per_stage_interval"][-1] == values["interval"]
    for joint, (low, high) in values["per_joint_interval"].items():
        assert low <= values["per_joint"][joint] <= high
    assert values["joints"] == int((people.state > 0).sum())
    assert report.main_score(metrics) == values["total"]
    json.dumps(metrics, allow_nan=False)


def test_report_score_preset_leaves_out_what_was_not_annotated():
    people = some_people(head_px=0.0)
    people.state[:, LSP.index("left_wrist")] = 0
    metrics = report.score(people, LSP, resamples=0)
    assert list(metrics) == ["pcp25", "pck@0.2", "pck_auc", "pcp_strict", "pcp_average"]
    assert metrics["pcp25"]["per_joint"]["left_wrist"] is None
    for name in ("interval", "per_stage_interval", "per_joint_interval"):
        assert metrics["pcp25"][name] is None
    assert report.main_score(metrics) == metrics["pck@0.2"]["total"]
    people.state[:] = 0
    assert report.score(people, LSP) == {}
    with pytest.raises(ValueError, match="nothing was scored"):
        report.main_score({})


def test_report_curves_preset():
    found = report.curves(some_people(), LSP)
    assert list(found) == ["pck", "pckh"]
    percent = found["pckh"]["percent"]
    assert len(percent) == 51 and percent == sorted(percent)
    metrics = report.score(some_people(), LSP, resamples=0)
    assert percent[-1] == pytest.approx(metrics["pckh@0.5"]["total"])


def test_tables_preset():
    metrics = report.score(some_people(), LSP)
    text = tables.full_report(metrics, report.curves(some_people(), LSP))
    assert "left_lower_leg" in text and "mean of joints" in text and "| pckh@" in text
    assert "stage 3" in text and "left_wrist" in text and "95 % interval" in text
    for block in text.split("\n\n"):
        rows = [line for line in block.splitlines() if line.startswith("|")]
        assert len({len(row) for row in rows}) <= 1  # aligned
        assert len({row.count("|") for row in rows}) <= 1
    row = next(line for line in text.splitlines() if line.startswith("| pckh@0.5 "))
    assert f"{metrics['pckh@0.5']['total']:.1f}" in row


def test_source_table_preset():
    metrics = report.score(some_people(), LSP)
    text = tables.source_table("pcp25", {"a": metrics, "b": {}})
    assert "| a " in text and "| b " not in text


def test_concatenate_joins_what_was_apart():
    people = some_people()
    first, rest = select(people, np.arange(10)), select(people, np.arange(30) >= 10)
    joined = predicted.concatenate([first, rest])
    assert joined.ids == people.ids and joined.stages == 3
    np.testing.assert_array_equal(joined.joints_px, people.joints_px)
    np.testing.assert_array_equal(joined.state, people.state)
    with pytest.raises(ValueError, match="nothing to concatenate"):
        predicted.concatenate([])


def test_predictions_raises():
    people = some_people()
    with pytest.raises(ValueError, match=r"state should be \[30, 14\]"):
        Predictions(**vars(people) | {"state": people.state[:, :3]})
    with pytest.raises(ValueError, match=r"\[T, N, P, 2\]"):
        Predictions(**vars(people) | {"joints_px": people.truth_px})


def test_mean_errors_preset():
    people = some_people(people=3)
    people.state[:] = 0
    people.state[:2, :2] = 2
    people.joints_px[-1] = people.truth_px
    people.joints_px[-1, 0, 0] += (3.0, 4.0)
    people.joints_px[-1, 1, 1] = np.nan
    errors = predicted.mean_errors(people)
    assert errors[0] == pytest.approx(1.5 * (5.0 + 0.0) / 2)
    assert np.isinf(errors[1]) and np.isnan(errors[2])


@pytest.mark.parametrize(
    "joints, columns",
    [
        (("tip", "neck", "end"), ("tip", "neck", "end")),  # a bottle's neck is no head
        (("nose", "left_hip", "right_hip"), ("nose", "left_hip", "right_hip")),  # no shoulders
        (tuple(f"p{n}" for n in range(9)), ()),  # too many; stage tables have them
        (SKELETONS["coco17"].joints, tuple(GROUPS)),
    ],
)
def test_columns_are_parts_of_a_body_only_where_joints_are(joints, columns):
    credit = np.ones([2, len(joints)])
    score = score_from_credit("pcp25", "y", credit, credit > 0, joints)
    values = {"per_joint": score.per_joint, "groups": score.groups}
    assert tuple(tables.columns_of("pcp25", values)) == columns
