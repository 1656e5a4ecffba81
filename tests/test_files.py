"""Files are replaced whole or not at all."""

import json
import os

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
    """Picture writers choose their format by it."""
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
