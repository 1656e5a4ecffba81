"""Traces of training; tests/training/test_run_folder.py shows what they mean for a run."""

from pathlib import Path

from cpm.training.run_traces import put_aside, traces_of_training


def test_traces_of_training(tmp_path):
    """A file that is empty, or a list of no checkpoints, is none."""
    (tmp_path / "metrics.jsonl").write_text("")
    (tmp_path / "notes.txt").write_text("x")
    (tmp_path / "checkpoints").mkdir()
    (tmp_path / "checkpoints" / "checkpoints.json").write_text("{}")
    assert traces_of_training(tmp_path) == []
    (tmp_path / "metrics.jsonl").write_text("x")
    (tmp_path / "checkpoints" / "step-1.index").write_text("x")
    (tmp_path / "report.html").write_text("x")
    assert traces_of_training(tmp_path) == ["checkpoints/", "metrics.jsonl", "report.html"]


def test_put_aside(tmp_path):
    """What is no trace stays, and no earlier training is overwritten."""
    assert put_aside(str(tmp_path)) is None
    for number in (1, 2):
        (tmp_path / "config.json").write_text(str(number))
        (tmp_path / "notes.txt").write_text("x")
        assert put_aside(str(tmp_path)) == str(tmp_path / f"before-restart-{number}")
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == ["before-restart-1", "before-restart-2", "notes.txt"]
    assert Path(tmp_path, "before-restart-1", "config.json").read_text() == "1"
