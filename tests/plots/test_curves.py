"""Diagrams are drawn, have the documented size, and refuse what they cannot draw."""

import numpy as np
import pytest

from cpm.plots import curves


def records(steps=40):
    lines = [
        {"step": s, "loss": 3.0, "loss_stage_1": 20.0 / s, "loss_stage_2": 15.0 / s}
        for s in range(1, steps + 1)
    ]
    return [
        *lines,
        {"step": steps // 2, "evaluation": {"pcp25": 60.0, "pck@0.2": 50.0}, "seconds": 5.0},
        {"step": steps, "evaluation": {"pcp25": 80.0, "pck@0.2": None}, "seconds": 9.0},
    ]


def ink(pixels):
    """Share of the page that is not white."""
    return (pixels < 250).any(-1).mean()


def test_training_curves_preset():
    pixels = curves.training_curves(records(), title="a run")
    assert pixels.shape == (460, 1100, 3) and 0.01 < ink(pixels) < 0.3
    unevaluated = curves.training_curves(records()[:10])
    assert ink(unevaluated) > 0.01
    with pytest.raises(ValueError, match="no loss_stage_1"):
        curves.training_curves([{"step": 1, "loss": 2.0}])


def test_halves_of_the_training_curves():
    """The page of a run shows them below each other on a phone."""
    for draw in (curves.loss_curves, curves.score_curves):
        assert draw(records()).shape == (380, 520, 3) and ink(draw(records())) > 0.01
    assert ink(curves.score_curves([])) > 0.01  # says that nothing was evaluated
    with pytest.raises(ValueError, match="no loss_stage_1"):
        curves.loss_curves([])


def test_batches_that_were_left_out_have_no_loss():
    """Of --on_non_finite=skip: the page of such a run had no curves, bin/figures.py a traceback."""
    left_out = {"step": 20.5, "loss": None, "loss_stage_1": None, "loss_stage_2": None}
    lines = sorted([*records(), left_out], key=lambda record: record["step"])
    np.testing.assert_array_equal(curves.loss_curves(lines), curves.loss_curves(records()))


def test_compare_runs_preset():
    pixels = curves.compare_runs({"a": records(), "b": records(20)}, "pcp25")
    assert pixels.shape == (440, 820, 3) and ink(pixels) > 0.01
    with pytest.raises(ValueError, match=r"none of the runs has measured 'pckh@0.5'"):
        curves.compare_runs({"a": records()}, "pckh@0.5")


def test_pck_curves_preset():
    curve = {"thresholds": [0.0, 0.1, 0.2], "percent": [0.0, 50.0, 70.0]}
    one = curves.pck_curves({"mini": {"pck": curve}})
    both = curves.pck_curves({"mini": {"pck": curve, "pckh": curve}, "vgg": {}})
    assert one.shape == (420, 440, 3) and both.shape == (420, 880, 3)
    with pytest.raises(ValueError, match="no curve"):
        curves.pck_curves({"mini": {}})


def test_stage_curve_preset():
    pixels = curves.stage_curve({"pcp25": [50.0, 60.0, 70.0], "pck@0.2": [40.0, 41.0, 42.0]})
    assert pixels.shape == (400, 640, 3) and ink(pixels) > 0.01
    assert curves.stage_curve({"pcp25": [50.0]}).shape == (400, 640, 3)


def test_smooth_preset():
    np.testing.assert_allclose(curves.smooth([1.0, 3.0, 5.0, 7.0], 0.5), [1, 2, 4, 6])
    np.testing.assert_allclose(curves.smooth([1.0, 3.0], 0.02), [1, 3])
