"""Files are replaced whole or not at all."""

import errno
import json
import os
import subprocess
import sys

import pytest

from cpm import files


def test_replacing_keeps_the_old_file_after_a_failure(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("old")
    with pytest.raises(RuntimeError):
        with files.replacing(path) as temporary:
            with open(temporary, "w") as file:
                file.write("half")
            raise RuntimeError
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["a.txt"]  # and leaves nothing behind


def test_replacing_keeps_the_suffix(tmp_path):
    """Image writers choose their format by it."""
    with files.replacing(tmp_path / "new" / "b.png") as temporary:
        assert temporary.endswith(".png")
    assert (tmp_path / "new" / "b.png").exists()


def test_write_json(tmp_path):
    files.write_json(tmp_path / "c.json", {"a": [1, None]})
    assert json.loads((tmp_path / "c.json").read_text()) == {"a": [1, None]}
    with pytest.raises(ValueError):
        files.write_json(tmp_path / "c.json", {"a": float("nan")})
    assert json.loads((tmp_path / "c.json").read_text()) == {"a": [1, None]}


def test_written_files_are_readable_by_others(tmp_path):
    """`mkstemp` makes private files; a run folder is shared."""
    mask = os.umask(0o022)
    try:
        files.write_text(tmp_path / "d", "x")
    finally:
        os.umask(mask)
    assert os.stat(tmp_path / "d").st_mode & 0o777 == 0o644


def test_replacing_raises_on_a_folder(tmp_path):
    """Before the work is done, and about the name that was asked for."""
    with pytest.raises(IsADirectoryError) as caught:
        with files.replacing(tmp_path):
            pytest.fail("the work began")
    assert caught.value.filename == str(tmp_path)
    assert os.listdir(tmp_path) == []


def test_replacing_writes_into_what_is_no_file(tmp_path):
    """A device or a pipe stays what it is: the rename would put a file in its place."""
    for path in ("/dev/null", "/dev/fd/1", "/dev/stdout"):
        before = os.lstat(path)
        files.write_text(path, "")
        assert os.lstat(path).st_mode == before.st_mode
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    files.write_text(pipe, "through")
    assert os.read(reader, 100) == b"through"
    os.close(reader)


def test_replacing_follows_a_link(tmp_path):
    (tmp_path / "link").symlink_to(tmp_path / "folder" / "real")
    files.write_text(tmp_path / "link", "new")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "folder" / "real").read_text() == "new"
    (tmp_path / "a").symlink_to(tmp_path / "b")
    (tmp_path / "b").symlink_to(tmp_path / "a")
    with pytest.raises(OSError, match="a'"):
        files.write_text(tmp_path / "a", "")


def test_replacing_keeps_what_is_printed_before(tmp_path):
    """`command --json=/dev/stdout > file`: the descriptor's file is appended to."""
    code = "print('first'); from cpm import files; files.write_text('/dev/stdout', 'second')"
    with open(tmp_path / "out", "w") as out:
        subprocess.run([sys.executable, "-c", code], stdout=out, check=True)
    assert (tmp_path / "out").read_text() == "first\nsecond"


def test_replacing_names_the_file_on_a_full_disk(tmp_path):
    with pytest.raises(OSError) as caught:
        files.write_text("/dev/full", "x")
    assert caught.value.filename == "/dev/full" and caught.value.errno == errno.ENOSPC
    with pytest.raises(OSError) as caught:
        with files.replacing(tmp_path / "a"):
            raise OSError("a library's own words")
    assert caught.value.filename == str(tmp_path / "a")
    assert os.listdir(tmp_path) == []


def test_replacing_takes_long_names(tmp_path):
    files.write_text(tmp_path / ("n" * 249 + ".json"), "x")
