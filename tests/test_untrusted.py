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
from tests.helpers.permissions import forbid

LIST = {"latest": (str, None), "all": [str], "best?": ({"name": str, "score": float}, None)}


def refused(path, **limits):
    """The message that refuses a JSON file."""
    with pytest.raises(UsageError) as caught:
        untrusted.read_json(path, "next", **limits)
    assert str(caught.value).endswith("; next") and len(str(caught.value)) < 600
    return str(caught.value)


@pytest.mark.parametrize("kind", ["file", "folder", "folder above"])
def test_require_readable_raises(tmp_path, monkeypatch, kind):
    path = tmp_path / "a.json"
    if kind == "folder":
        path.mkdir()
    elif kind == "file":
        path.write_text("{}")
    untrusted.require_readable(path)
    untrusted.require_readable(tmp_path / "missing")  # which its reader says
    forbid(monkeypatch, path, stat=kind == "folder above")
    with pytest.raises(UsageError, match=r"a\.json may not be read by this user.*chmod"):
        untrusted.require_readable(path)


def test_read_json_without_permission_gives_no_other_advice(tmp_path, monkeypatch):
    path = tmp_path / "a.json"
    path.write_text("{}")
    forbid(monkeypatch, path)
    with pytest.raises(UsageError, match=r"a\.json may not be read") as caught:
        untrusted.read_json(path, "make it again")
    assert "make it again" not in str(caught.value)


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
    assert "at most 400,000,000 are read" in refused(tmp_path / "sparse")
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


@pytest.mark.parametrize("text", ['{"a": 1, "b": {"a": 2}, "a": 3}', '[{"x": [], "x": []}]'])
def test_a_key_twice_is_refused(text):
    """Python takes the last one in silence, other readers the first."""
    with pytest.raises(ValueError, match=r"an object has the key '[ax]' twice"):
        untrusted.parse_json(text)


def test_a_late_key_twice_is_found_without_comparing_all_pairs():
    text = json.dumps({str(n): 0 for n in range(300_000)})[:-1] + ', "299999": 1}'
    with pytest.raises(ValueError, match="'299999' twice"):
        untrusted.parse_json(text)


def test_read_json_drops_keys(tmp_path):
    (tmp_path / "a").write_text('\ufeff{"a": [{"keep": 1, "segmentation": [1, 2]}]}')
    assert untrusted.read_json(tmp_path / "a", "", drop=("segmentation",)) == {"a": [{"keep": 1}]}


_SIX = ",".join(f'"{key}":1e9' for key in "abcdef")
_ELEVEN = ",".join(f'"{{0}}{key}":1e9' for key in "abcdefghijk")
SHAPES = [
    *("[],", "[[]],", "[0],", "[1e9],", "[[0],[0]],", "{},", '{"a":1},', "1e9,", "999,", "0,"),
    *(
        "[0,0,2],",
        "[0, 0, 2, 0, 0, 2], ",
        '"ab",',
        '"🦴",',
        '"ä{0}",',
        '"ł{0}",',
        '["ab", "cd"], ',
        "null,",
    ),
    *('{"{0}":1e9},', '{"{0}":"{0}"},', f"{{{_SIX}}},", f"{{{_ELEVEN}}},", "[1,[2,[3]]],"),
    *('{"a":[0,0,2,0,0,1],"b":[1.5,2.5]},', '{"a\\"key":1, "key":2},', '{"{0}\\"key":1},'),
]


def value_and_bytes(text):
    """(JSON value, bytes that Python really takes for it and its text)."""
    tracemalloc.start()
    value = untrusted.parse_json(text)
    taken = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return value, taken


def many(shape, size=100_000):
    """A list of `size` characters in one shape; `{0}` in it is another text each time."""
    shapes = (shape.replace("{0}", f"{n:05d}") for n in range(size // len(shape)))
    return f"[{''.join(shapes).rstrip(', ')}]".encode()


@pytest.mark.parametrize("shape", SHAPES)
def test_json_memory_is_what_values_take_at_most(shape):
    """Of files of nothing but the dearest values, by what Python really takes."""
    text = many(shape)
    _, taken = value_and_bytes(text)
    needed = untrusted.json_memory(text)
    assert taken < needed < 4 * taken
    # Keys that come again are there once.
    assert taken < needed - untrusted._repeated_keys(text)


def test_json_memory_of_keypoints_is_near(monkeypatch):
    """Of records as COCO has them, which have to fit: less than twice what they take."""
    record = {
        **{"segmentation": 0, "num_keypoints": 6, "area": 5463.6864, "iscrowd": 0, "id": 123456},
        "keypoints": [0, 0, 0] * 11 + [367, 281, 2] * 6,
        **{"image_id": 537548, "bbox": [267.03, 104.32, 229.19, 320.21], "category_id": 1},
    }
    text = json.dumps([record] * 1000, separators=(",", ":")).encode()
    _, taken = value_and_bytes(text)
    needed = untrusted.json_memory(text) - untrusted._repeated_keys(text)
    assert taken < needed < 2 * taken
    # They are refused by what would be counted without that, and not with it.
    monkeypatch.setattr(untrusted, "MOST_JSON_MEMORY", needed)
    assert untrusted.json_memory(text) > needed


@pytest.mark.parametrize("at", [-3, -2, -1, 0, 1])
def test_json_memory_counts_across_its_parts(monkeypatch, at):
    text = many("0,1,") + b" " * 10
    whole = untrusted.json_memory(text)
    monkeypatch.setattr(untrusted, "_COUNTED_AT", 1000 + at)
    assert untrusted.json_memory(text) == whole


def test_a_file_is_read_that_only_its_repeated_keys_seem_to_fill(tmp_path, monkeypatch):
    path = tmp_path / "a.json"
    path.write_bytes(many('{"score": 0, "image_id": 0},'))
    needed = untrusted.json_memory(path.read_bytes())
    monkeypatch.setattr(untrusted, "MOST_JSON_MEMORY", 0.8 * needed)
    assert untrusted.read_json(path, "")[0] == {"score": 0, "image_id": 0}
    monkeypatch.setattr(untrusted, "MOST_JSON_MEMORY", 0.4 * needed)
    assert "of memory" in refused(path)


def test_outlines_are_left_out_without_copies_of_the_file():
    """A file that is nearly as large as may be, with little to leave out."""
    text = b'[{"segmentation": [1, 2], "x": "' + b"y" * 1_000_000 + b'"}]'
    found, taken = taken_by(lambda: untrusted._without_numbers(text, ("segmentation",)))
    assert found == text.replace(b"[1, 2]", b"0") and taken < 1.3 * len(text)


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
