"""metrics.jsonl: lines that are no records, lines that a resumed run drops, a full disk."""

import os

import pytest

from cpm.errors import RunStopped
from cpm.training.metrics_file import MetricsFile, read_metrics


def recorded(folder, steps):
    """The file of a run with this many recorded steps."""
    file = MetricsFile(folder)
    for step in range(1, steps + 1):
        file.append({"step": step})
    return file


def test_forget_after_drops_later_and_half_written_lines(tmp_path):
    file = MetricsFile(tmp_path)
    for step in (1, 2, 3):
        file.append({"step": step, "loss": step / 2})
    with open(file.path, "a") as end:
        end.write('{"step": 4, "lo')  # killed here
    assert [r["step"] for r in read_metrics(tmp_path)] == [1, 2, 3]
    file.forget_after(2)
    assert [r["step"] for r in read_metrics(tmp_path)] == [1, 2]
    file.append({"step": 3})
    assert [r["step"] for r in read_metrics(tmp_path)] == [1, 2, 3]


@pytest.mark.parametrize(
    "line",
    [
        *(b"garbage", b"\xff\xfe\0", b"5", b"{}", b"[" * 100_000, b"\0" * 4096),
        *(b'{"step": "x"}', b'{"step": 4, "loss": "x"}', b'{"step": 4, "evaluation": 5}'),
        *(b'{"step": 4, "loss_stage_1": "x"}', b'{"step": 4, "images_per_second": {}}'),
        *(b'{"step": 4, "evaluation": {"pcp25": "x"}}', b'{"step": 4, "evaluation_box": []}'),
        *(b'{"step": 4, "evaluation": {"pcp25": 1e308}}', b'{"step": 4, "seconds": -1e308}'),
        *(b'{"step": 4000000000000000000}', b'{"step": -1}'),
        *(b'{"step": 4, "gradient_rms": 5}', b'{"step": 4, "gradient_rms": {"conv1_1": "x"}}'),
    ],
)
def test_lines_that_are_no_records_are_left_out(tmp_path, line):
    file = recorded(tmp_path, 3)
    with open(file.path, "ab") as end:
        end.write(line + b"\n")
    file.append({"step": 4})
    assert [record["step"] for record in read_metrics(tmp_path)] == [1, 2, 3, 4]
    file.forget_after(3)
    assert line not in (tmp_path / "metrics.jsonl").read_bytes()


def test_half_a_line_is_taken_back(tmp_path):
    """What a full disk leaves of a line would be one that is no record."""
    file = recorded(tmp_path, 2)
    whole = (tmp_path / "metrics.jsonl").read_bytes()
    resource = pytest.importorskip("resource")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (len(whole) + 5, limits[1]))
    try:
        with pytest.raises(RunStopped, match="File too large"):
            file.append({"step": 3})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert (tmp_path / "metrics.jsonl").read_bytes() == whole


def test_a_full_disk_is_a_sentence(tmp_path):
    file = recorded(tmp_path, 1)
    file.path = "/dev/full"
    with pytest.raises(RunStopped, match=r"cannot be written: No space left.*same command"):
        file.append({"step": 2})


def test_a_folder_that_was_moved_needs_no_room(tmp_path):
    """The same command without it would begin at step 0."""
    (tmp_path / "run").mkdir()
    file = recorded(tmp_path / "run", 1)
    os.rename(tmp_path / "run", tmp_path / "moved")
    with pytest.raises(RunStopped, match=r"Put the folder back where it was, then give the same"):
        file.append({"step": 2})
