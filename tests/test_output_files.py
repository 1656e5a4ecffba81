"""Files to write that cannot be written, or hold what would be lost, are found before the work."""

import os

import pytest

from cpm import files, output_files
from cpm.errors import UsageError


def test_check_target(tmp_path):
    (tmp_path / "file").write_text("x")
    for good in (None, *(tmp_path / name for name in ("new.json", "a/b.json", "file"))):
        output_files.check_target(good, "json")
    with pytest.raises(UsageError, match=r"--json=.* is a folder; name a file"):
        output_files.check_target(tmp_path, "json")
    with pytest.raises(UsageError, match=r"is in .*file, which is a file"):
        output_files.check_target(tmp_path / "file" / "a.json", "json")


def test_check_folder(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("x")
    for good in (None, "here", *(tmp_path / name for name in ("", "new", "a/b/c"))):
        output_files.check_folder(good, "out")
    assert os.listdir(tmp_path) == ["file"]
    with pytest.raises(UsageError, match=r"--out=.*file is a file; name a folder"):
        output_files.check_folder(tmp_path / "file", "out")
    with pytest.raises(UsageError, match=r"b is in .*file, which is a file; name another folder"):
        output_files.check_folder(tmp_path / "file" / "a" / "b", "out")
    with pytest.raises(UsageError, match=r"--out=/proc/x takes no files"):
        output_files.check_folder("/proc/x", "out")
    monkeypatch.setattr(os, "access", lambda path, mode: False)  # tests may run as root
    with pytest.raises(UsageError, match=r"--out=.* takes no files; make room or permission"):
        output_files.check_folder(tmp_path, "out")


def test_check_target_raises_without_permission(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "access", lambda path, mode: False)  # tests may run as root
    with pytest.raises(UsageError, match=r"--json=.* cannot be written"):
        output_files.check_target(tmp_path / "a.json", "json")


@pytest.mark.parametrize("path", ["/proc/x.png", "/proc/self/x.png", "/dev/fd/987654"])
def test_a_folder_that_takes_no_file_is_found_before_the_work(path):
    """Whoever is root has every permission there."""
    with pytest.raises(UsageError, match=rf"--out={path} cannot be written"):
        output_files.check_target(path, "out")
    with pytest.raises(OSError) as caught, files.replacing(path) as temporary:
        open(temporary, "w").close()
    assert caught.value.filename == path  # not the temporary one beside it


def test_check_place(tmp_path, monkeypatch):
    output_files.check_place(tmp_path / "run" / "report.html")
    monkeypatch.setattr(output_files, "_is_writable", lambda path: False)
    with pytest.raises(
        UsageError, match=r"report\.html cannot be written; make room or permission"
    ):
        output_files.check_place(tmp_path / "report.html")


def test_checking_a_target_leaves_nothing(tmp_path):
    for name in ("a.json", "a/b.json"):
        output_files.check_target(tmp_path / name, "json")
    for special in ("/dev/null", "/dev/stdout"):
        output_files.check_target(special, "json")
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize(
    "name, beside",
    [
        ("config.json", "checkpoints/checkpoints.json"),
        ("metrics.jsonl", "checkpoints/checkpoints.json"),
        ("lock", "checkpoints/checkpoints.json"),
        ("report.html", "checkpoints/checkpoints.json"),
        ("checkpoints/checkpoints.json", "config.json"),
        ("checkpoints/checkpoints.json", "checkpoints/step-0000001.index"),
        ("checkpoints/step-0000001.index", "checkpoints/checkpoints.json"),
        ("manifest.json", "train-00000-of-00001.tfrecord"),
        ("train-00000-of-00001.tfrecord", "manifest.json"),
        ("annotations.json", "images/a.jpg"),
    ],
)
def test_check_target_raises_for_a_part_of_a_run_or_of_data(tmp_path, name, beside):
    part, other, link = tmp_path / name, tmp_path / beside, tmp_path / "link"
    part.parent.mkdir(exist_ok=True)
    part.write_text("x")
    link.symlink_to(part)
    output_files.check_target(part, "json")  # alone it is a file like any other
    other.parent.mkdir(exist_ok=True)
    other.write_text("x")
    for path in (part, link):
        with pytest.raises(UsageError, match=r"--json=.* is a file of a (run|folder of data), "):
            output_files.check_target(path, "json")
    output_files.check_target(part.with_name("new.json"), "json")


def test_check_apart(tmp_path):
    """An output is no input and no other output, by whatever name."""
    (tmp_path / "a.json").write_text("x")
    (tmp_path / "link").symlink_to(tmp_path / "a.json")
    a, b, link = (str(tmp_path / name) for name in ("a.json", "b.json", "link"))
    null = "/dev/null"
    output_files.check_apart({"json": a, "out": None}, {"predictions": b, "boxes": None})
    output_files.check_apart({"json": null, "out": null}, {"predictions": null})
    for outputs, other in (
        ({"json": a}, "predictions"),
        ({"json": link}, "predictions"),
        ({"json": f"{tmp_path}/./a.json"}, "predictions"),
        ({"out": b, "json": b}, "out"),
    ):
        with pytest.raises(UsageError, match=rf"--json=.* is what --{other} names; name another"):
            output_files.check_apart(outputs, {"predictions": a, "boxes": None})
    with pytest.raises(UsageError, match="is what --predictions names"):
        output_files.check_apart({"json": a}, {"predictions": [b, link]})
