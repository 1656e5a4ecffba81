"""The documents name only what exists: files, symbols, `make` targets, links, quoted code.

Code spans and fenced blocks are read for names, prose is not. What runs make (data/, runs/ …) and
what users bring (photo.jpg) cannot exist in a checkout: those names are listed here, one by one.
Commands and flags are checked in test_documented_commands.py, numbers in
test_documented_numbers.py.
"""

import ast
import functools
import os
import re

import pytest

from tests.helpers.dialect import DIALECT
from tests.helpers.markdown_files import (
    ROOT,
    anchors,
    commands,
    documents,
    fences,
    links,
    prose,
    read,
    section,
    spans,
)

DOCUMENTS = documents()
PACKAGES = ("cpm", "ops", "bin", "tests", "docs", ".ci")
MOST_LINES = {"README.md": 120, "BUILD_NOTES.md": 250}
WIDTH = 100

# Folders that commands make, or that users have; and files in them.
ELSEWHERE = re.compile(
    r"(runs|data|downloads|poses|pictures|photos|eval|images|checkpoints|train|validation|test"
    r"|\.venv|RUN_DIR|annotations|valid|val|val2017|labeled-data)(/|$)"
)
NOT_IN_A_CHECKOUT = {
    *("config.json", "metrics.jsonl", "manifest.json", "checkpoints.json", "import.json"),
    *("joints.mat", "cpm_lsp_6stages.mat", "hourglass_s2_mpii_valid.mat", "examples.mat"),
    *("mpii_human_pose_v1_u12_1.mat", "sources.json"),
    *("detections.mat", "detections_our_format.mat", "poses.json", "validation.json"),
    *("photo.jpg", "batch.png", "valid.h5", "result.json", "a.json", "a.jpg"),
    *("report.html", "comparison.html"),
}
FILE = re.compile(r"[\w.-]+(/[\w.-]+)*\.(py|md|txt|toml|cff|jsonl?|mat|jpg|png|tfrecord)")
FOLDER = re.compile(r"\.?\w[\w.-]*(/[\w.-]+)*/")


def problems_of_name(word, folder=ROOT):
    """Of one word of a code span, if it is a path or a `path.py::symbol`."""
    path, _, symbol = word.rstrip(",;:.").partition("::")
    in_a_package = path.split("/")[0] in PACKAGES and "/" in path
    if "…" in path or not (in_a_package or FILE.fullmatch(path) or FOLDER.fullmatch(path)):
        return []
    if ELSEWHERE.match(path) or path in NOT_IN_A_CHECKOUT:
        return []
    found = [place / path for place in (ROOT, folder) if (place / path).exists()]
    if not found:
        return [f"{path} does not exist"]
    if symbol and symbol not in symbols(found[0]):
        return [f"{path} defines no {symbol}"]
    return []


@functools.cache
def symbols(path):
    """Names that a file defines: `name`, `Class`, `Class.member`."""
    return set(names_in(ast.parse(path.read_text(encoding="utf-8")).body))


def names_in(body, prefix=""):
    for node in body:
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            yield prefix + node.name
        if isinstance(node, ast.ClassDef):
            yield from names_in(node.body, f"{prefix}{node.name}.")
        for target in getattr(node, "targets", None) or [getattr(node, "target", None)]:
            if isinstance(target, (ast.Name, ast.Tuple)):
                leaves = getattr(target, "elts", [target])
                yield from (prefix + leaf.id for leaf in leaves)


def problems_of_target(command):
    """Of each `make X` at the start of a command."""
    for part in re.split(r"&&|;", command):
        if (match := re.match(r"\s*make ([a-z]\S*)", part)) and match[1] not in targets():
            yield f"the Makefile has no target {match[1]!r}"


@functools.cache
def targets():
    """Targets of the Makefile."""
    return re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)


def problems_of_link(target, folder):
    """Of the target of a link: does the file exist, and has it the heading?"""
    path, _, anchor = target.partition("#")
    file = (folder / path) if path else None
    if file and not file.exists():
        return [f"{target} does not exist"]
    if anchor and anchor not in anchors(file.read_text(encoding="utf-8")):
        return [f"{path} has no heading #{anchor}"]
    return []


def problems_of_quotation(code, folder):
    """Of a fenced block of Python that quotes: are its lines in the code, indented as there?

    The first line may name the file, `# path.py` or `# path.py::symbol`; else it is one beside the
    document. `...` stands for lines that are left out.
    """
    named = re.match(r"# ([\w/]+\.py)(?:::[\w.]+)?\n", code)
    files = [ROOT / named[1]] if named else sorted(folder.glob("*.py"))
    texts = ["\n" + file.read_text(encoding="utf-8") for file in files]
    code = code[named.end() :] if named else code
    pieces = re.split(r"^ *\.\.\.\n", code, flags=re.MULTILINE)
    return [
        f"not in the code: {piece.strip().splitlines()[0]}"
        for piece in pieces
        if piece.strip() and not any("\n" + piece in text for text in texts)
    ]


def problems(text, folder=ROOT):
    """Everything that `text`, a document in `folder`, names wrongly, as sentences."""
    found = []
    for span in spans(text):
        found += [p for word in span.split() for p in problems_of_name(word, folder)]
    for command in commands(text):
        found += problems_of_target(command)
    for target in links(text):
        found += problems_of_link(target, folder)
    for language, code in fences(text):
        if language == "python" and code.startswith("# "):
            found += [p for p in problems_of_name(code.split()[1], folder)]
            found += problems_of_quotation(code, folder)
    return found


@pytest.mark.parametrize("name", DOCUMENTS)
def test_everything_named_exists(name):
    assert problems(read(name), (ROOT / name).parent) == []


@pytest.mark.parametrize(
    "text, problem",
    [
        ("`cpm/training/lop.py`", "cpm/training/lop.py does not exist"),
        ("`NOTES.md`", "NOTES.md does not exist"),
        ("look into `cpm/trainig/`", "cpm/trainig/ does not exist"),
        ("`ops/conv2d.py::conv3d`", "ops/conv2d.py defines no conv3d"),
        ("`cpm/data/person.py::Pose.joints`", "cpm/data/person.py defines no Pose.joints"),
        (
            "| `tests/evaluation/test_pck.py::test_x` |",
            "tests/evaluation/test_pck.py defines no test_x",
        ),
        ("`make trian`", "the Makefile has no target 'trian'"),
        ("```sh\nmake test && make tests\n```", "the Makefile has no target 'tests'"),
        ("![a figure](docs/nothing.jpg)", "docs/nothing.jpg does not exist"),
        ("[notes](NOTES.md)", "NOTES.md does not exist"),
        ("[limits](BUILD_NOTES.md#limits)", "BUILD_NOTES.md has no heading #limits"),
        ("```python\n# cpm/geometry.py\ncell * 3\n```", "not in the code: cell * 3"),
        ("```python\n# cpm/geometry.py::cells\n```", "cpm/geometry.py defines no cells"),
    ],
)
def test_a_wrong_name_is_caught(text, problem):
    assert problem in problems(text)


def test_a_quotation_keeps_its_indentation():
    line = "return cell * stride + (stride - 1) / 2\n"
    quoted = "```python\n# cpm/geometry.py::cell_to_crop\n{}```"
    assert problems(quoted.format("    " + line)) == []
    assert problems(quoted.format(line)) == [f"not in the code: {line.strip()}"]


def test_right_names_pass():
    text = """`cpm/data/person.py::Pose.joints_px`, `ops/`, `runs/mini/config.json`, `1/2`, `x / y`,
    `[B, h, w, P]`, `tests/data/test_pipeline.py::TestTraining.test_seed_changes_everything`
    `make train`, we make do, [paper](https://arxiv.org/abs/1602.00134), [a](BUILD_NOTES.md#index)

```sh
make train    # about ten minutes
```
"""
    assert problems(text) == []


def test_every_kind_of_name_is_used():
    """The checks above would pass on empty files."""
    assert len(DOCUMENTS) > 60 and {"README.md", "docs/metrics.md"} <= {*DOCUMENTS}
    named = [span for name in DOCUMENTS for span in spans(read(name)) if "::" in span]
    assert len(named) > 120 and sum(span.startswith("tests/") for span in named) > 50
    assert sum(len(links(read(name))) for name in DOCUMENTS) > 150
    quoted = [code for _, code in fences(read("docs/guide/network.md")) if code.startswith("# ")]
    assert len(quoted) > 8


@pytest.mark.parametrize("name, most", MOST_LINES.items())
def test_front_documents_are_short(name, most):
    assert len(read(name).splitlines()) <= most


@pytest.mark.parametrize("name", DOCUMENTS)
def test_prose_is_in_short_lines(name):
    long = [number for number, line in prose(read(name)) if len(line) > WIDTH]
    assert long == []


@pytest.mark.parametrize("name", DOCUMENTS)
def test_the_fields_words_are_used(name):
    text = read(name)
    if name == "docs/guide/glossary.md":
        text = text.split("## Older words")[0]
    assert [match[0] for match in DIALECT.finditer(text)] == []


@pytest.mark.parametrize("name", DOCUMENTS)
def test_every_document_is_linked_from_another(name):
    if name == "README.md":
        return
    assert any(
        os.path.normpath(os.path.join(os.path.dirname(other), target.split("#")[0])) == name
        for other in DOCUMENTS
        if other != name
        for target in links(read(other))
    )


def test_every_figure_is_shown_or_linked():
    """Of docs/; a figure that nothing names is forgotten, and grows old."""
    shown = {
        os.path.normpath(os.path.join(os.path.dirname(name), target))
        for name in DOCUMENTS
        for target in links(read(name))
    }
    figures = {
        str(path.relative_to(ROOT))
        for folder in (ROOT / "docs", ROOT / "docs/guide")
        for path in folder.iterdir()
        if path.suffix in (".png", ".jpg")
    }
    assert len(figures) > 20 and figures <= shown, figures - shown


@pytest.mark.parametrize("name", DOCUMENTS)
def test_tables_have_as_many_cells_in_every_row(name):
    """A row with a cell too many or too few is drawn wrongly, and nobody notices."""
    wrong, width = [], None
    for number, line in enumerate(re.sub(r"`[^`\n]*`", "", read(name)).splitlines(), start=1):
        cells = line.count("|") if line.lstrip().startswith("|") else None
        if cells and width and cells != width:
            wrong.append(number)
        width = cells
    assert wrong == []


def test_the_papers_equations_and_figures_are_in_the_table():
    table = section("BUILD_NOTES.md", "Paper ↔ code ↔ test")
    for item in [*(f"Eq. {k}" for k in range(1, 6)), *(f"Fig. {k}" for k in range(2, 7))]:
        assert f"| {item}" in table, item


def test_decisions_are_numbered_and_indexed():
    names = sorted(path.name for path in (ROOT / "docs/decisions").glob("[0-9]*.md"))
    assert [name[:4] for name in names] == [f"{n:04d}" for n in range(1, len(names) + 1)]
    index = read("docs/decisions/README.md")
    for name in names:
        title, status = read(f"docs/decisions/{name}").splitlines()[0:3:2]
        said = (f"[{name[:4]}]({name})", title.removeprefix(f"# {name[:4]}. "), indexed(status))
        assert "| {} | {} | {} |".format(*said) in index, said


def indexed(status):
    """What the index says of the status line of a decision; None if that is not well formed.

    >>> indexed("Status: accepted, 2026-11-28. Not measured on a GPU.")
    'accepted, 2026-11-28'
    >>> indexed("Status: replaced, 2026-11-28. By [0039](0039-a.md); accepted 2026-11-25.")
    'replaced by [0039](0039-a.md)'
    """
    date = r"\d{4}-\d\d-\d\d"
    if match := re.fullmatch(rf"Status: replaced, {date}\. By (\S+); accepted {date}\.", status):
        return f"replaced by {match[1]}"
    match = re.match(rf"Status: (accepted, {date})\.", status)
    return match and match[1]
