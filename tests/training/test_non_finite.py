"""A number that is none any more: who was in the batch, and advice that fits."""

import json

import numpy as np
import pytest
import tensorflow as tf

from cpm.training import non_finite

NAN = float("nan")


def batch_of(absent=(), broken=()):
    """Three people, some without joints, some with crops that are no numbers."""
    state = np.full((3, 2, 5), 2, np.int32)
    image = np.zeros((3, 4, 6, 3), np.float32)
    state[list(absent)] = 0
    image[list(broken), 1] = NAN
    ids = [b"set/a", b"set/b", "set/ä".encode()]
    return {"id": tf.constant(ids), "state": tf.constant(state), "image": tf.constant(image)}


def error_of(folder, batch, **found):
    return non_finite.with_evidence(
        None if folder is None else str(folder),
        7,
        "loss",
        NAN,
        {"loss": NAN, "loss_stage_1": 2.5, "skipped": True},
        batch,
        non_finite.Circumstances(0.02, **found),
    )


def test_the_evidence_is_valid_json(tmp_path):
    error = error_of(tmp_path, batch_of())
    path = tmp_path / "non_finite_step_7.json"
    record = json.loads(path.read_text(), parse_constant=pytest.fail)  # NaN is no JSON
    assert record["step"] == 7 and record["what"] == "loss"
    assert record["ids"] == ["set/a", "set/b", "set/ä"] and record["learning_rate"] == 0.02
    assert record["measurements"] == {"loss": "nan", "loss_stage_1": 2.5}
    assert record["without_joints"] == record["bad_images"] == []
    assert str(path) in str(error) and "loss is nan at step 7" in str(error)
    assert error.measurements["loss_stage_1"] == 2.5 and np.isnan(error.measurements["loss"])


def test_a_host_without_a_run_folder_writes_nothing(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert "the run folder of the chief" in str(error_of(None, batch_of()))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "batch, words",
    [
        (batch_of(absent=[2]), r"1 of its 3 examples have no annotated joint \(set/ä\)"),
        (
            batch_of(broken=[0, 1]),
            r"2 of its 3 examples have crops that are no numbers \(set/a, se",
        ),
        (batch_of(absent=[1], broken=[0]), "1 of its 3 examples have no annotated joint"),
        (batch_of(), "a lower --learning_rate than 0.02 in a new --run_dir"),
    ],
)
def test_the_advice_names_the_likeliest_cause(tmp_path, batch, words):
    with pytest.raises(non_finite.NonFiniteLoss, match=words):
        raise error_of(tmp_path, batch)


def test_sixteen_bits_may_be_the_cause(tmp_path):
    assert "or --precision=bfloat16" in str(error_of(tmp_path, batch_of(), scaled=True))


def test_no_rate_is_to_blame_before_the_first_step(tmp_path):
    """Of weights whose maps overflow, bin/train.py --init_from said to lower the rate."""
    error = str(error_of(tmp_path, batch_of(), untrained=True, init_from="runs/a"))
    assert "no step was taken before" in error and "--init_from=runs/a are; name others" in error
    assert "--learning_rate" not in error
    fresh = str(error_of(tmp_path, batch_of(), untrained=True, scaled=True))
    assert "look at the settings in config.json, or try --precision=bfloat16" in fresh
    absent = str(error_of(tmp_path, batch_of(absent=[1]), untrained=True, init_from="runs/a"))
    assert "have no annotated joint" in absent and "--init_from" not in absent


@pytest.mark.parametrize("absent", [[], [1]])
def test_a_flag_that_was_given_is_no_advice(tmp_path, absent):
    batch = batch_of(absent=absent)
    assert "--on_non_finite=skip" in str(error_of(tmp_path, batch))
    assert "--on_non_finite" not in str(error_of(tmp_path, batch, skips=True))
