"""Files and texts of strangers: limits before reading, sentences instead of tracebacks."""

import json
import os
import socket
import tracemalloc

import pytest

from cpm import untrusted
from cpm.data import deeplabcut
from cpm.errors import UsageError
from cpm.inference.boxes import BoxFile

LIST = {"latest": (str, None), "all": [str], "best?": ({"name": str, "score": float}, None)}


def refused(path, **limits):
    """The message that refuses a JSON file."""
    with pytest.raises(UsageError) as caught:
        untrusted.read_json(path, "next", **limits)
    assert str(caught.value).endswith("; next") and len(str(caught.value)) < 600
    return str(caught.value)


@pytest.mark.parametrize(
    "content, reason",
    [
        (b"", "Expecting value"),
        (b"{", "Expecting"),
        (b"\xff\xfe", "codec can't decode"),
        (b"[" * 100_000, "nests too deep"),
        (b'{"a":' * 100_000, "nests too deep"),
        (b"1" * 400, "a number of 400 digits"),
        (b"1" * 10_000, "a number of 10000 digits"),
    ],
)
def test_read_json_raises(tmp_path, content, reason):
    (tmp_path / "a.json").write_bytes(content)
    assert reason in refused(tmp_path / "a.json")


def test_read_json_never_waits_and_never_reads_without_end(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    assert "a pipe" in refused(tmp_path / "pipe")
    assert "a device" in refused("/dev/zero")
    assert "a folder" in refused(tmp_path)
    (tmp_path / "link").symlink_to("/dev/zero")
    assert "a device" in refused(tmp_path / "link")
    assert "No such file" in refused(tmp_path / "none")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "socket"))
        refused(tmp_path / "socket")
    with open(tmp_path / "sparse", "wb") as file:
        file.truncate(1 << 40)
    assert "at most 536,870,912 are read" in refused(tmp_path / "sparse")
    (tmp_path / "small").write_text('"0123456789"')
    assert "it has 12 bytes" in refused(tmp_path / "small", most_bytes=11)


@pytest.mark.parametrize(
    "value, reason",
    [
        ([], "it is []; expected an object"),
        ({}, "has no 'latest'"),
        ({"latest": 5, "all": []}, "'latest' is 5; expected a text or null"),
        ({"latest": None, "all": {}}, "'all' is {}; expected a list"),
        ({"latest": None, "all": ["a", None]}, "'all[1]' is None; expected a text"),
        ({"latest": None, "all": [], "best": 7}, "'best' is 7; expected an object"),
        ({"latest": None, "all": [], "best": {"name": "a"}}, "has no 'best.score'"),
        (
            {"latest": None, "all": [], "best": {"name": "a", "score": True}},
            "'best.score' is True; expected a finite number",
        ),
        (
            {"latest": None, "all": [], "best": {"name": "a", "score": float("nan")}},
            "'best.score' is nan; expected a finite number",
        ),
    ],
)
def test_schema_raises(value, reason):
    with pytest.raises(ValueError) as caught:
        untrusted.parse_json(json.dumps(value), LIST, "the list")
    assert reason in str(caught.value)


def test_schema_preset():
    for value in (
        {"latest": None, "all": []},
        {"latest": "a", "all": ["a"], "best": {"name": "a", "score": 3}, "more": 1},
        {"latest": "a", "all": ["a"], "best": None},
    ):
        assert untrusted.parse_json(json.dumps(value), LIST) == value


def test_read_json_drops_keys(tmp_path):
    (tmp_path / "a").write_text('\ufeff{"a": [{"keep": 1, "segmentation": [1, 2]}]}')
    assert untrusted.read_json(tmp_path / "a", "", drop=("segmentation",)) == {"a": [{"keep": 1}]}


@pytest.mark.parametrize(
    "shape", ["[],", "[[]],", "{},", '{"a":1},', "1e9,", "999,", '"ab",', '"🦴",', '{"{0}":1e9},']
)
def test_json_memory_is_about_what_values_take(shape):
    """Of files of nothing but the dearest values, by what Python really takes."""
    shapes = (shape.replace("{0}", f"{n:05d}") for n in range(100_000 // len(shape)))
    text = f"[{''.join(shapes)}0]".encode()
    tracemalloc.start()
    untrusted.parse_json(text)
    taken = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert 0.75 * taken < untrusted.json_memory(text) < 4 * taken


def test_read_json_raises_before_values_fill_the_memory(tmp_path, monkeypatch):
    monkeypatch.setattr(untrusted, "MOST_JSON_MEMORY", 1 << 20)
    path = tmp_path / "a.json"
    path.write_text('{"annotations": [' + "[]," * 20_000 + "0]}")
    assert "would take about 0.0 GB of memory" in refused(path)
    outline = ", ".join(["12.25"] * 30_000)  # which is forgotten before it takes memory
    path.write_text(f'[{{"keep": 1, "segmentation": [[{outline}]\n, [1]] , "id": 2}}]')
    assert "of memory" in refused(path)
    assert untrusted.read_json(path, "", drop=("segmentation",)) == [{"keep": 1, "id": 2}]


def taken_by(read):
    """(what a call returned, the most memory it took meanwhile)."""
    tracemalloc.start()
    try:
        return read(), tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("animals, joints", [(1, 1), (1, 50), (50, 1)])
def test_read_csv_counts_about_what_its_readers_take(tmp_path, monkeypatch, animals, joints):
    """Of tables of the shortest cells; what would take twice as much is refused."""
    boxes_path, table = tmp_path / "a.csv", tmp_path / "CollectedData_me.csv"
    names = [(f"m{a}", f"j{j}", c) for a in range(animals) for j in range(joints) for c in "xy"]
    heads = zip(("individuals", "bodyparts", "coords"), zip(*names, strict=True), strict=True)
    text = "".join(",".join([head, *row]) + "\n" for head, row in heads)
    limit, cell, row = 1 << 21, untrusted._CELL_COST + 1, untrusted._ROW_COST
    monkeypatch.setattr(untrusted, "MOST_JSON_MEMORY", limit)
    rows = int(0.9 * limit / (row + (1 + len(names)) * cell))
    boxes = int(0.9 * limit / (row + 5 * cell + 5))
    for k in (1, 2):
        boxes_path.write_text("".join(f"{n:06d},1,2,3,{n % 8 + 1}\n" for n in range(k * boxes)))
        table.write_text(text + "".join("a" + ",1" * len(names) + "\n" for _ in range(k * rows)))
        for read in (lambda: BoxFile(str(boxes_path)), lambda: deeplabcut.read_table(table)):
            if k == 1:
                _, taken = taken_by(read)
                assert taken < limit
            else:
                with pytest.raises((UsageError, ValueError), match="would take more than"):
                    read()


def test_read_csv_raises_for_endless_rows(tmp_path):
    """Separators without an end of line, or in quotes over many lines."""
    path = tmp_path / "a.csv"
    for text in ("," * (1 << 21), '"\n",' * (1 << 19), "x" * (1 << 21)):
        path.write_text("a,1,2,3,4\n" + text)
        rows = untrusted.read_csv(path)
        assert next(rows) == ["a", "1", "2", "3", "4"]
        with pytest.raises(ValueError, match=r"more than 1,048,576 characters|field larger"):
            list(rows)


def test_read_csv_preset(tmp_path):
    (tmp_path / "a.csv").write_bytes(b'\xef\xbb\xbfa,"b\nc"\r\n\r\n d ,\n')
    assert list(untrusted.read_csv(tmp_path / "a.csv")) == [["a", "b\nc"], [], [" d ", ""]]
    (tmp_path / "a.csv").write_bytes(b"\n" * 100_000)
    assert not any(untrusted.read_csv(tmp_path / "a.csv"))


def test_printable_preset():
    assert untrusted.printable("a\x1b[31mb\u202ec\x85d\n") == r"a\x1b[31mb\u202ec\x85d\n"
    assert untrusted.printable(os.fsdecode(b"\xff.jpg")) == r"\xff.jpg"
    assert untrusted.printable("Müller σ 骨.jpg") == "Müller σ 骨.jpg"
    assert len(untrusted.shown([1] * 100_000)) < 200
