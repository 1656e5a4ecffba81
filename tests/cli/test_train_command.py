"""bin/train.py as a user runs it: ends with a result, resumes, refuses with a sentence."""

import json
import os

import pytest

from cpm.config_json import from_dict
from cpm.execution import Execution, Settings
from cpm.training.run_folder import read_metrics
from tests.helpers.scripts import call

TINY = ["--stages=2", "--width=0.1", "--image_size=48x64", "--batch_size=4"]


def train(*flags, cwd):
    """Runs the script; returns the finished process."""
    return call("train.py", *flags, cwd=cwd)


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A run on the embedded people, in an empty folder, as a newcomer starts it."""
    folder = tmp_path_factory.mktemp("newcomer")
    flags = [*TINY, "--synthetic_people=16", "--steps=4", "--eval_every=2", "--xla"]
    return folder, flags, train(*flags, cwd=folder)


@pytest.mark.slow
def test_ends_with_tables_and_pictures(finished):
    folder, _, process = finished
    assert process.returncode == 0, process.stderr
    for text in ("pckh@0.5", "stage 2", "first step after", "next: python bin/predict"):
        assert text in process.stdout
    run = folder / "runs" / "mini-2stages-synthetic-16-seed0"
    with open(run / "eval" / "validation.json") as file:
        record = json.load(file)
    assert len(record["metrics"]["pckh@0.5"]["per_stage"]) == 2
    assert "command" in record and "commit" in record
    pictures = [f for f in os.listdir(run / "eval") if f.endswith(".png")]
    assert len(pictures) >= 4
    assert [r["step"] for r in read_metrics(run) if "loss" in r] == [1, 2, 3, 4]
    with open(run / "config.json") as file:
        record = json.load(file)
    settings = from_dict(Settings, {key: record[key] for key in ("config", "execution")})
    network = settings.config.network
    assert network.skeleton == "mpii16" and network.image_size == (48, 64)
    assert settings.execution == Execution(xla=True, eval_every=2)


@pytest.mark.slow
def test_same_command_again_is_resumed_and_other_flags_refused(finished):
    folder, flags, _ = finished
    again = train(*flags, cwd=folder)
    assert again.returncode == 0, again.stderr
    assert "resuming" in again.stdout and "drawing" not in again.stdout
    assert "in another way" not in again.stdout
    how = train(*flags, "--noxla", "--set=execution.replicas=2", cwd=folder)
    assert how.returncode == 0, how.stderr
    assert "computed in another way: xla True → False, replicas 1 → 2" in how.stdout
    other = train(*flags, "--learning_rate=0.5", cwd=folder)
    assert other.returncode == 2
    assert "optimizer.learning_rate" in other.stderr and "--run_dir" in other.stderr


@pytest.mark.slow
@pytest.mark.parametrize(
    "flags, sentence",
    [
        (["--data=nowhere"], "'nowhere' is missing"),
        (["--image_size=100"], "multiples of 8"),
        (["--arch=hourglass"], "mini|paper|vgg"),
        (["--steps=0"], "steps"),
        (["--set=optimizer.momentun=1"], "known: optimizer.optimizer, optimizer.learning_rate"),
        (["stray"], "unexpected argument 'stray'"),
        (["--init_from=nowhere"], "nowhere"),
    ],
)
def test_bad_use_is_one_sentence_and_status_2(finished, flags, sentence):
    folder, good, _ = finished
    process = train(*good, "--run_dir=other", *flags, cwd=folder)
    assert process.returncode == 2
    assert sentence in process.stderr and "Traceback" not in process.stderr
    assert len(process.stderr.strip().splitlines()) == 1
