"""Runs against each other, from the files that evaluations leave."""

import dataclasses
import json
import os

import numpy as np
import pytest

from cpm import files
from cpm.errors import UsageError
from cpm.evaluation import report
from cpm.evaluation.predictions import Predictions
from cpm.plots import curves
from cpm.scoring import comparing
from cpm.scoring.comparing import compare_runs
from cpm.scoring.people_file import read_people, write_people
from tests.helpers.small_runs import CAT, CONFIG, write_run

HOW = {"split": "validation", "box": {"rule": "whole", "margin": 1.1}, "passes": 2, "flip": True}


def people(wrong, count=40):
    """People; the noses of the first `wrong` are predicted far off."""
    truth = np.random.default_rng(0).uniform(10, 90, (count, len(CAT), 2))
    found = np.stack([truth, truth])
    found[:, :wrong, 0] += 50
    return Predictions(
        ids=tuple(f"coco/{n}" for n in range(count)),
        joints_px=found,
        confidence=np.ones(found.shape[:3]),
        truth_px=truth,
        state=np.full(truth.shape[:2], 2),
        head_size_px=np.zeros(count),
        crop_scale=np.ones(count),
    )


def scored_run(folder, wrong, config=CONFIG, **how):
    """A run whose eval/ says this of `people(wrong)`; returns its path."""
    path, _ = write_run(folder, "data/cats", config=config)
    found = people(wrong)
    record = HOW | how | {"metrics": report.score(found, CAT, resamples=50)}
    os.makedirs(os.path.join(path, "eval"))
    with open(os.path.join(path, "eval", "validation.json"), "w") as file:
        json.dump(record, file)
    write_people(os.path.join(path, "eval", "validation.npz"), found, CAT.name)
    return path


def test_people_survive_their_file(tmp_path):
    path = str(tmp_path / "p.npz")
    write_people(path, people(3), CAT.name)
    found, skeleton = read_people(path)
    assert skeleton == CAT and found.ids == people(3).ids
    for field in dataclasses.fields(Predictions)[1:]:
        np.testing.assert_array_equal(getattr(found, field.name), getattr(people(3), field.name))
    (tmp_path / "broken.npz").write_bytes(b"PK no")
    with pytest.raises(UsageError, match=r"broken\.npz cannot be read"):
        read_people(str(tmp_path / "broken.npz"))


def test_the_better_run_is_named_with_its_interval(tmp_path):
    """20 of 40 noses less: 12.5 points of all joints, and the pairing knows it is no luck."""
    other = dataclasses.replace(CONFIG, seed=7)
    worse = scored_run(tmp_path / "worse", 22, config=other)
    better = scored_run(tmp_path / "better", 2)
    found = compare_runs([worse, better])
    assert found.names == ("better", "worse") and found.metric == "pck_box@0.1"
    difference = found.differences["worse"]
    assert difference.points == pytest.approx(-12.5) and difference.clear
    assert found.settings == {"seed": ["0", "7"]}
    assert found.joints["nose"] == pytest.approx([95.0, 45.0])
    assert "better is better than worse: +12.5 points" in found.text()


def test_the_diagram_says_whose_scores_it_shows(tmp_path, monkeypatch):
    """Cats are no people."""
    titles = []
    monkeypatch.setattr(curves, "plain_axes", lambda axes, title, label: titles.append(title))
    compare_runs([scored_run(tmp_path / name, 5) for name in "ab"])
    assert titles == []  # nobody has measured this score in the course of training
    for name in "ab":
        with open(tmp_path / name / "metrics.jsonl", "a") as file:
            file.write(json.dumps({"step": 3, "seconds": 60, "evaluation": {"pck_box@0.1": 7.0}}))
    found = compare_runs([str(tmp_path / name) for name in "ab"])
    assert titles == ["pck_box@0.1 of the validation objects, %"]
    assert "validation objects" in found.curves.caption


def test_equal_runs_are_not_told_apart(tmp_path):
    runs = [scored_run(tmp_path / "a", 5), scored_run(tmp_path / "b", 5)]
    found = compare_runs(runs)
    assert not found.differences["b"].clear and found.settings == {}
    assert "is not clearly better" in found.verdict()[0]


def test_data_and_weights_to_start_from_are_settings(tmp_path):
    """Of runs that differ in these alone, it said that their settings did not differ."""
    runs = [scored_run(tmp_path / "a", 5), scored_run(tmp_path / "b", 5)]
    path = tmp_path / "b" / "config.json"
    record = json.loads(path.read_text())
    path.write_text(json.dumps(record | {"data": ["data/cats", "more"], "init_from": "pretrained"}))
    assert compare_runs(runs).settings == {
        "data": ["data/cats", "data/cats,more"],
        "init_from": ["none", "pretrained"],
    }


def test_what_cannot_be_paired_is_said(tmp_path):
    """Other ways to score, other people, no joints."""
    a = scored_run(tmp_path / "a", 2)
    boxed = scored_run(tmp_path / "boxed", 5, passes=1)
    assert compare_runs([a, boxed]).differences == {"boxed": None}
    assert "passes differ" in compare_runs([a, boxed]).notes[0]
    others = scored_run(tmp_path / "others", 5)
    path = os.path.join(others, "eval", "validation.npz")
    write_people(path, people(5, count=30), CAT.name)
    assert "scored on different objects" in compare_runs([a, others]).notes[0]
    os.remove(path)
    found = compare_runs([a, others])
    assert found.differences["others"].interval is None and "is missing" in found.notes[0]


def test_bad_use_is_a_sentence(tmp_path):
    a = scored_run(tmp_path / "a", 2)
    unscored, _ = write_run(tmp_path / "unscored", "data/cats")
    with pytest.raises(UsageError, match=f"bin/eval.py --ckpt={unscored}"):
        compare_runs([a, unscored])
    with pytest.raises(UsageError, match="named twice"):
        compare_runs([a, a + "/"])
    with pytest.raises(UsageError, match="is not a run folder"):
        compare_runs([a, str(tmp_path)])


def test_scores_of_another_shape_are_a_sentence(tmp_path):
    runs = [scored_run(tmp_path / name, k) for k, name in enumerate("ab", start=1)]
    path = os.path.join(runs[0], comparing.SCORES)
    record = files.read_json(path, "")
    main = record["metrics"]["pck_box@0.1"]
    wrong = (("total", "x"), ("people", None), ("per_joint", {"nose": []}), ("interval", 5))
    wrong += (("total", 1e308), ("per_joint", {"nose": -1.0}), ("interval", [5.0, 1e30]))
    metrics = [{"pck_box@0.1": main | {key: value}} for key, value in wrong]
    for value in ([], {"metrics": 5}, *(record | {"metrics": metric} for metric in metrics)):
        files.write_json(path, value)
        with pytest.raises(UsageError, match=r"validation.json.*make it with: .*bin/eval.py"):
            compare_runs(runs)


def test_runs_of_one_name_keep_their_paths(tmp_path):
    runs = [scored_run(tmp_path / name / "run", k) for k, name in enumerate("ab", start=1)]
    assert compare_runs(runs).names == tuple(map(os.path.normpath, runs))
