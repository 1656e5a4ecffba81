"""Where a run can be written, and what is refused before anything is made."""

import os

import pytest

from cpm.errors import UsageError
from cpm.training.run_folder import RunFolder
from cpm.training.run_place import check_run_dir
from tests.helpers.small_runs import write_unsaved_run


@pytest.mark.parametrize(
    "name, words",
    [
        (
            "checkpoints.json",
            r"the checkpoints of a run, .*: name the run itself, --run_dir=.*/run$",
        ),
        ("manifest.json", "is a folder of data"),
    ],
)
def test_no_run_begins_within_another_or_in_data(tmp_path, name, words):
    """--run_dir=runs/a/checkpoints began at step 0, beside the checkpoints of runs/a."""
    folder = tmp_path / "run" / "checkpoints"
    folder.mkdir(parents=True)
    (folder / name).write_text("{}")
    with pytest.raises(UsageError, match=words):
        check_run_dir(str(folder) + "/")
    (folder / "checkpoints").mkdir()
    check_run_dir(str(folder))  # a run that is there goes on


def test_check_run_dir_raises(tmp_path, monkeypatch):
    for name in ("", "gs://bucket/run", "ram://x"):
        with pytest.raises(UsageError, match="no folder of this machine"):
            check_run_dir(name)
    with pytest.raises(UsageError, match="is no UTF-8"):
        check_run_dir("runs/M\udcfcller")
    with pytest.raises(UsageError, match="has 3999 bytes; at most 3936 leave room"):
        check_run_dir("/".join(["d" * 99] * 40))
    (tmp_path / "file").write_text("")
    for name in ("file", "file/run"):
        with pytest.raises(UsageError, match="is no folder"):
            check_run_dir(str(tmp_path / name))
    check_run_dir(str(tmp_path / "a" / "b"))
    monkeypatch.setattr(os, "access", lambda path, mode: "metrics" not in str(path))
    write_unsaved_run(tmp_path / "run", 1)
    with pytest.raises(UsageError, match=r"metrics.jsonl cannot be read and written"):
        RunFolder(tmp_path / "run")
