"""The numbers for TensorBoard: which are written, and that none of them stops a run."""

import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf

from cpm.training.event_file import EventFile
from tests.helpers.scripts import ROOT


def tags_in(folder):
    """{step: tags of what is written after it}."""
    found = {}
    for path in folder.glob("events.out.*"):
        for record in tf.data.TFRecordDataset(str(path)):
            event = tf.compat.v1.Event.FromString(record.numpy())
            tags = {value.tag for value in event.summary.value}
            found[event.step] = found.get(event.step, set()) | tags
    return found


def test_what_is_written(tmp_path):
    """Neither numbers of single layers nor those that a step left out has not."""
    events = EventFile(str(tmp_path))
    events.write_step(2, {"loss": 1.5, "gradient_norm": None, "gradient_rms": {"conv1": 0.1}})
    record = {"evaluation": {"pcp25": 50.0}, "evaluation_raw": {"pcp25": 40.0}}
    events.write_evaluation(3, record, np.zeros((4, 6, 3), np.uint8))
    found = tags_in(tmp_path)
    assert found[2] == {"train/loss"}
    assert found[3] == {"validation/pcp25", "validation_raw/pcp25", "validation/poses"}


def test_no_number_is_kept(tmp_path):
    """TensorFlow keeps the Python numbers that it makes tensors of; a training grew by them."""
    done, loss, score = 123457, 1.2345, 54.321
    numbers = done, loss, score
    events = EventFile(str(tmp_path))
    before = [sys.getrefcount(number) for number in numbers]
    events.write_step(done, {"loss": loss})
    events.write_evaluation(
        done, {"evaluation": {"a": score}, "evaluation_raw": {"a": score}}, None
    )
    assert [sys.getrefcount(number) for number in numbers] == before


def test_a_limit_of_file_sizes_stops_nothing(tmp_path):
    """Met while TensorFlow's own code writes: in a process of its own, whose end is part of it."""
    pytest.importorskip("resource")
    program = (
        "import resource as r, sys, numpy as np\n"
        "import cpm.quiet_start\n"
        "from cpm.training.event_file import EventFile\n"
        "events = EventFile(sys.argv[1])\n"
        "events.write_evaluation(1, {'evaluation': {'pcp25': 50.0}}, None)\n"
        "r.setrlimit(r.RLIMIT_FSIZE, (200, r.getrlimit(r.RLIMIT_FSIZE)[1]))\n"
        "for n in range(2, 5):\n"
        "    events.write_step(n, {'loss': 1.5})\n"
        "    events.write_evaluation(n, {'evaluation': {'pcp25': 50.0}}, None)\n"
        "print('the run went on')\n"
    )
    command = [sys.executable, "-c", program, str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0 and done.stdout == "the run went on\n", done.stderr
    assert "Traceback" not in done.stderr
    (path,) = tmp_path.glob("events.out.*")
    assert 0 < path.stat().st_size <= 200


def test_what_cannot_be_written_stops_nothing(tmp_path, monkeypatch, caplog):
    """Said once; then there is no file any more."""
    events = EventFile(str(tmp_path))

    def full():
        raise OSError("no space left")

    monkeypatch.setattr(events._writer, "flush", full)
    for step in (1, 2):
        events.write_evaluation(step, {"evaluation": {"pcp25": 50.0}}, None)
    assert caplog.text.count("no space left") == 1
