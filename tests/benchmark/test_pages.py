"""Tables of pages are those of the JSON files that the pages name."""

import json
import os
import pathlib

import pytest

from cpm.benchmark import pages, scaling
from cpm.errors import UsageError
from cpm.untrusted import NotRegular

DOCS = pathlib.Path(__file__).parents[2] / "docs"
FOLDER = DOCS / "benchmarks"
PAGES = [
    path
    for folder in (FOLDER, DOCS / "results")
    for path in sorted(folder.glob("*.md"))
    if pages.BLOCK.search(path.read_text(encoding="utf-8"))
]
RECORDS = sorted(DOCS.glob("*/records/*.json"))
NUMBERS = {"median_s": 2.0, "lower_quartile_s": 1.0, "upper_quartile_s": 3.0, "peak_mb": 100.0}
MEASURED = {
    "command": "python bin/benchmark.py --case=forward",
    "commit": "abc",
    "hardware": "2 CPU cores, x86_64",
    "threads": 2,
    "limits": {"matmul_gflops": {"numpy": 50.0}, "copy_gb_s": 3.0, "write_gb_s": 2.0, "cores": 2},
    "cases": [{"item": "forward", "variant": "xla", "ours": NUMBERS, "peers": {}}],
}
OFF = {"px": 0.5, "moved_percent": 0.0, "confidence": 0.25, "joints": 14, "sure": True}
ROW = OFF | {"functions": {"image": OFF, "box": OFF | {"px": 9.0, "moved_percent": 50.0}}}
EXPORTED = {
    "rows": {
        "litert int8": ROW | {"ms": 2.0, "ours_ms": 5.0, "mb": 3.0, "pck": 81, "ours_pck": 82}
    },
    "left_out": {},
    "command": "python bin/export.py --ckpt=pretrained --format=all",
    "commit": "abc",
    "hardware": "2 CPU cores, x86_64",
    "date": "2026-11-29",
    "tensorflow": "2.21.0",
    "versions": {"onnx": "1.23.2"},
}
PAGE = """# A page

<!-- table: a.json -->
anything
<!-- end of table -->

The end.
"""


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_a_page_is_what_its_files_say(path):
    """Else: python bin/benchmark.py --page=docs/FOLDER/NAME.md"""
    text = path.read_text(encoding="utf-8")
    assert pages.rendered(text, str(path.parent)) == text


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.md")), ids=lambda path: path.name)
def test_no_table_is_typed(path):
    """Of today's pages; README.md has tables of words, history/ what no file was kept of."""
    typed = pages.BLOCK.sub("", path.read_text(encoding="utf-8"))
    tables = [line for line in typed.splitlines() if line.startswith("|")]
    assert path.name == "README.md" or not tables, tables[0]


def test_every_file_is_shown_and_of_a_commit():
    named = {
        path.parent / name
        for path in PAGES
        for _, _, name, *_ in pages.BLOCK.findall(path.read_text(encoding="utf-8"))
    }
    assert named == {*RECORDS} and named
    for path in RECORDS:
        commit = json.loads(path.read_text())["commit"]
        assert commit != "unknown" and not commit.endswith("-dirty"), path.name


@pytest.mark.parametrize("path", RECORDS, ids=lambda path: path.name)
def test_predictions_are_those_of_the_model(path):
    """They are no measurements: a model that changes makes the file anew."""
    record = json.loads(path.read_text())
    if "predicted" not in record:
        pytest.skip("it is of measurements")
    work, machines = scaling.Work(**record["work"]), scaling.Machines(**record["assumed"])
    for count, prediction in record["predicted"].items():
        assert scaling.predict(work, machines, int(count))._asdict() == prediction


def test_a_measured_table(tmp_path):
    path = tmp_path / "page.md"
    path.write_text(PAGE)
    (tmp_path / "a.json").write_text(json.dumps(MEASURED))
    pages.write(str(path))
    lines = path.read_text().splitlines()
    assert lines[:4] == ["# A page", "", "<!-- table: a.json -->", lines[3]]
    assert lines[3] == (
        "`python bin/benchmark.py --case=forward`, commit abc, 2 CPU cores, x86_64, 2 threads:"
    )
    assert "| ours, xla | 2.00 s | 1.00 s … 3.00 s |" in path.read_text()
    assert lines[-3:] == ["<!-- end of table -->", "", "The end."]
    again = path.read_text()
    pages.write(str(path))
    assert path.read_text() == again


def test_memory_alone(tmp_path):
    """Peaks and what they are above the imported libraries; no times, whose machine was busy."""
    own = NUMBERS | {"peak_mb": 900.0, "imported_mb": 500.0}
    peer = NUMBERS | {"peak_mb": 450.0, "imported_mb": 200.0}
    case = {"item": "step", "variant": "recompute", "ours": own, "peers": {"torch": peer}}
    (tmp_path / "a.json").write_text(json.dumps(MEASURED | {"cases": [case]}))
    found = pages.rendered(PAGE.replace("table: a.json", "memory: a.json"), str(tmp_path))
    assert "commit abc, 2 CPU cores, x86_64, 2 threads:\n\nstep\n" in found
    rows = [" ".join(line.split()) for line in found.splitlines() if line.startswith("|")]
    assert rows[0] == "| side | imported MB | peak MB | ÷ torch | added, ÷ torch |"
    assert rows[2:] == [
        "| ours, recompute | 500 | 900 | 2.00 | 1.60 |",
        "| torch | 200 | 450 | 1.00 | 1.00 |",
    ]
    assert "2.00 s" not in found and "limits of" not in found
    del case["ours"]
    (tmp_path / "a.json").write_text(json.dumps(MEASURED | {"cases": [case]}))
    with pytest.raises(UsageError, match=r"a\.json has no results"):
        pages.memory(str(tmp_path / "a.json"))


def test_a_table_of_exported_files(tmp_path):
    """Every function with its deviation; the command, the machine, the day and the packages."""
    (tmp_path / "a.json").write_text(json.dumps(EXPORTED))
    found = pages.rendered(PAGE, str(tmp_path))
    said, *rows = [line for line in found.splitlines() if line.startswith(("`", "|"))]
    assert said.startswith("`python bin/export.py --ckpt=pretrained --format=all`, commit abc, 2 ")
    assert "x86_64, 2026-11-29, TensorFlow 2.21.0, onnx 1.23.2:" in found.replace("\n", " ")
    header, _, row = ([cell.strip() for cell in line.split("|")[1:-1]] for line in rows)
    assert header == [
        *("", "image, px", "moved", "box, px", "moved", "joints", "confidence", "PCK@0.2"),
        *("ours, PCK", "ms", "ours, ms", "ours ÷ file", "MB"),
    ]
    assert row == [
        *("litert int8", "0.5000", "0.0 %", "9.0000", "50.0 %", "14", "0.25000", "81.00"),
        *("82.00", "2", "5", "2.5", "3.0"),
    ]


@pytest.mark.parametrize(
    "record",
    ["[]", "{}", '{"command": "a", "commit": "b"}', json.dumps(EXPORTED | {"rows": {"a": {}}})],
)
def test_a_file_without_results_is_refused(tmp_path, record):
    (tmp_path / "page.md").write_text(PAGE)
    (tmp_path / "a.json").write_text(record)
    with pytest.raises(UsageError, match=r"a\.json has no results"):
        pages.write(str(tmp_path / "page.md"))


def test_a_page_that_is_no_text_is_refused(tmp_path):
    (tmp_path / "page.md").write_bytes(b"\xff\xfe")
    with pytest.raises(UsageError, match=r"page\.md cannot be read"):
        pages.write(str(tmp_path / "page.md"))


def test_a_page_that_is_a_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "page.md")
    with pytest.raises(NotRegular, match="it is a pipe"):
        pages.write(str(tmp_path / "page.md"))


def test_measured_ways_stand_before_the_model(tmp_path):
    record = json.loads((FOLDER / "records" / "scaling_vgg.json").read_text())
    assert not record["ways"]
    alone = pages.table(str(FOLDER / "records" / "scaling_vgg.json"), "1,8")
    record["ways"] = {"one device": {"seconds": 0.5, "loss": 3.0}}
    (tmp_path / "a.json").write_text(json.dumps(record))
    both = pages.table(str(tmp_path / "a.json"), "1,8")
    first, model = both.index("| one device |     500.0 |"), both.index("16 people a GPU")
    assert first < model and both[model:] == alone[alone.index("16 people a GPU") :]
