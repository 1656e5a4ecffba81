"""Steps whose loss or gradient is no number: stopped with evidence, or left out without a trace."""

import dataclasses
import json

import numpy as np
import pytest
import tensorflow as tf

from cpm import checkpoints
from cpm.config import OptimizerConfig
from cpm.data import pipeline
from cpm.training import guarded_step
from cpm.training.metrics_file import read_metrics
from cpm.training.non_finite import NonFiniteLoss
from tests.helpers.noise_training import CONFIG, EXECUTION, FLOAT16, start, weights

pytestmark = [
    pytest.mark.slow,
    pytest.mark.usefixtures("operation_by_operation", "batches_made_once"),
]


def test_non_finite_loss_stops_with_evidence(tmp_path, data):
    run = start(CONFIG, data, tmp_path)
    honest = run.step.losses_and_gradients

    def diverging(batch, step):
        measurements, gradients = honest(batch, step)
        return measurements | ({"loss": float("nan")} if step == 3 else {}), gradients

    run.step.losses_and_gradients = diverging
    with pytest.raises(NonFiniteLoss, match="loss is nan at step 4"):
        run.train()
    with open(tmp_path / "non_finite_step_4.json") as file:
        evidence = json.load(file)
    assert evidence["step"] == 4 and len(evidence["ids"]) == 4
    assert all(name.startswith("noise/train-") for name in evidence["ids"])
    assert checkpoints.read_list(str(tmp_path / "checkpoints"))["latest"] == "step-0000003"


@pytest.mark.parametrize("rule", ["sgd", "adam"])
def test_a_rate_that_is_too_high_stops_with_evidence(tmp_path, data, rule):
    """Nothing is replaced here: weights of 1e30 give a loss of infinity in a step or two."""
    optimizer = OptimizerConfig(optimizer=rule, learning_rate=1e30)
    run = start(dataclasses.replace(CONFIG, optimizer=optimizer), data, tmp_path)
    with pytest.raises(
        NonFiniteLoss, match=r"is (nan|inf) at step [2-8];.*--learning_rate than 1e\+30"
    ):
        run.train()
    assert len(list(tmp_path.glob("non_finite_step_*.json"))) == 1


def test_float16_overflow_is_left_out_and_recorded(tmp_path, data):
    """At 2^24 any gradient overflows: the scale halves until it does not, and the run goes on."""
    config = dataclasses.replace(CONFIG, steps=3)
    run = start(config, data, tmp_path, dataclasses.replace(FLOAT16, log_every=1))
    run.step.loss_scale.scale.assign(2.0**24)
    before = [v.numpy() for v in run.network.trainable_variables]
    run.train()
    lines = [r for r in read_metrics(tmp_path) if "loss" in r]
    assert [r["loss_scale"] for r in lines] == [2.0**24, 2.0**23, 2.0**22]
    assert all(r["skipped"] and r["gradient_norm"] is None for r in lines)
    for old, new in zip(before, run.network.trainable_variables, strict=True):
        np.testing.assert_array_equal(new.numpy(), old)


@pytest.mark.parametrize("what, scale", [("norm of the gradient", 1.0), ("loss", 2.0**16)])
def test_float16_stops_where_no_scale_can_help(tmp_path, data, what, scale):
    """A gradient that overflows at the smallest scale; a loss, which no scale touches, at any."""
    run = start(CONFIG, data, tmp_path, FLOAT16)
    run.step.loss_scale.scale.assign(scale)
    honest = run.step.losses_and_gradients

    def diverging(batch, step):
        measurements, gradients = honest(batch, step)
        if what == "loss":
            return measurements | {"loss": float("nan")}, gradients
        return measurements, [g * float("inf") for g in gradients]

    run.step.losses_and_gradients = diverging
    with pytest.raises(NonFiniteLoss, match=f"{what} is nan.*bfloat16"):
        run.train()
    assert (tmp_path / "non_finite_step_1.json").exists()
    assert not any(v.numpy().any() for v in run.optimizer.variables)


def poisoned(run, bad):
    """The run, with losses that are no numbers in some steps (0-based)."""
    honest = run.step.losses_and_gradients

    def losses_and_gradients(batch, step):
        if step in bad:
            batch = batch | {"image": batch["image"] * float("nan")}
        return honest(batch, step)

    run.step.losses_and_gradients = losses_and_gradients
    return run


def test_non_finite_batches_are_left_out_where_that_is_asked_for(tmp_path, data, capsys):
    """Nothing of such a batch stays: neither in weights nor in the averages of batch norms."""
    skips = dataclasses.replace(EXECUTION, on_non_finite="skip")
    run = poisoned(start(CONFIG, data, tmp_path, skips), {2, 3})
    run.train()
    assert "2 batches were left out" in capsys.readouterr().out
    lines = [r for r in read_metrics(tmp_path) if "evaluation" not in r]
    assert [r["step"] for r in lines if r.get("skipped")] == [3, 4]
    assert lines[2]["gradient_norm"] is None and lines[4]["gradient_norm"] > 0
    assert all(np.isfinite(v).all() for v in weights(run))
    with open(tmp_path / "non_finite_step_3.json") as file:
        evidence = json.load(file)
    assert evidence["bad_images"] == [] or len(evidence["bad_images"]) == 4
    assert "--on_non_finite" not in evidence["advice"]


def test_skipping_equals_never_having_seen_the_batch(tmp_path, data):
    """The step before and after: variables unchanged to the bit."""
    skips = dataclasses.replace(EXECUTION, on_non_finite="skip")
    run = poisoned(start(CONFIG, data, tmp_path, skips), {0})
    before = weights(run)
    batch = next(iter(pipeline.training_batches(data, CONFIG)))
    assert run.one_step(0, batch)["skipped"]
    for a, b in zip(before, weights(run), strict=True):
        np.testing.assert_array_equal(a, b)


def test_skipping_has_an_end(tmp_path, data, monkeypatch):
    monkeypatch.setattr(guarded_step, "MOST_SKIPPED", 3)
    skips = dataclasses.replace(EXECUTION, on_non_finite="skip")
    run = poisoned(start(CONFIG, data, tmp_path, skips), set(range(8)))
    with pytest.raises(NonFiniteLoss, match=r"at step 3.*no step was taken before"):
        run.train()


def test_a_run_that_ended_in_its_first_step_goes_on_as_it_advised(tmp_path, data):
    """Its evidence was called a trace of training, and the same command refused."""
    with pytest.raises(NonFiniteLoss, match="at step 1"):
        poisoned(start(CONFIG, data, tmp_path), {0}).train()
    skips = dataclasses.replace(EXECUTION, on_non_finite="skip")
    run = poisoned(start(CONFIG, data, tmp_path, skips), {0})
    assert run.start == 0
    run.train()
    assert [r["step"] for r in read_metrics(tmp_path) if r.get("skipped")] == [1]


def test_people_without_joints_are_named_as_the_cause(tmp_path, data):
    run = start(CONFIG, data, tmp_path)
    batch = next(iter(pipeline.training_batches(data, CONFIG)))
    batch |= {"state": tf.zeros_like(batch["state"]), "image": batch["image"] * float("nan")}
    with pytest.raises(NonFiniteLoss, match=r"4 of its 4 examples have no annotated joint"):
        run.one_step(0, batch)
