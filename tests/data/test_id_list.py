"""Lists of people: what is written is read, what a person adds by hand too, and nothing else."""

import os

import pytest

from cpm.data.id_list import read_ids, write_ids
from cpm.errors import UsageError


def test_reads_what_it_writes(tmp_path):
    path = tmp_path / "list.txt"
    write_ids(path, ["lspet/im00012", "coco/a b.jpg/3"], ["0 of 14", "x"], "Whom")
    assert path.read_text().splitlines()[:2] == ["# Whom", "lspet/im00012\t0 of 14"]
    assert read_ids(path) == {"lspet/im00012", "coco/a b.jpg/3"}


def test_reads_what_somebody_typed(tmp_path):
    path = tmp_path / "list.txt"
    path.write_text("# mine\n\nlsp/im0001 \r\nlsp/im0002\n#lsp/im0003\nlsp/im0001")
    assert read_ids(path) == {"lsp/im0001", "lsp/im0002"}


@pytest.mark.parametrize(
    "content, sentence",
    [
        (None, "there is no file .*--write_suspects"),
        (b"# nobody\n\n", "names nobody; expected an id in every line"),
        (b"\xff\xfe\x00", "is not a text file"),
    ],
)
def test_refuses(content, sentence, tmp_path):
    path = tmp_path / "list.txt"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(UsageError, match=sentence):
        read_ids(path)


def test_a_pipe_is_refused_at_once(tmp_path):
    os.mkfifo(tmp_path / "list.txt")
    with pytest.raises(UsageError, match="is not a text file"):
        read_ids(tmp_path / "list.txt")
