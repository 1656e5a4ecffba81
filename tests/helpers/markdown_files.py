"""Reading Markdown: which documents there are, their code, headings, links, tables and sections."""

import pathlib
import re

ROOT = pathlib.Path(__file__).resolve().parents[2]
# A checkout may also hold environments, data and runs, with documents of their own.
FOLDERS = ("docs", "ops", "cpm", "bin", "tests")
FENCE = re.compile(r"^```(\w*)\n(.*?)^```", re.DOTALL | re.MULTILINE)


def documents():
    """Every Markdown file of the repository, as paths relative to its root, sorted."""
    found = [*ROOT.glob("*.md")]
    for folder in FOLDERS:
        found += (ROOT / folder).rglob("*.md")
    return sorted(str(path.relative_to(ROOT)) for path in found)


def read(name):
    """The text of a document."""
    return (ROOT / name).read_text(encoding="utf-8")


def fences(text):
    """[(language, code)] of the fenced blocks."""
    return FENCE.findall(text)


def spans(text):
    """The inline code, in one line each."""
    found = re.findall(r"(?<!`)`([^`]+)`(?!`)", FENCE.sub("", text))
    return [" ".join(span.split()) for span in found]


def prose(text):
    """[(line number, line)] of what is neither code, nor a table, a figure or a formula."""
    lines, inside = [], False
    for number, line in enumerate(text.splitlines(), start=1):
        if line.startswith("```") or line.count("$$") == 1:  # a formula of several lines
            inside = not inside
        elif not inside and not line.lstrip().startswith(("|", "![", "$$")):
            lines.append((number, line))
    return lines


def commands(text):
    """Every command of fenced blocks and code spans, continued lines joined, comments cut off."""
    pieces = [*spans(text), *(code for language, code in fences(text) if language == "sh")]
    for piece in pieces:
        for line in piece.replace("\\\n", " ").splitlines():
            yield " ".join(re.split(r"\s# ", line)[0].split())


def links(text):
    """The targets of links and figures that are no web addresses."""
    return re.findall(r"\]\((?!https?:)([^)\s]+)\)", FENCE.sub("", text))


def anchors(text):
    """What `#anchor` may name: GitHub's slugs of the headings."""
    slugs = []
    for title in re.findall(r"^#+ (.+)$", FENCE.sub("", text), re.MULTILINE):
        title = re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", title)
        slug = re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-")
        slugs.append(f"{slug}-{slugs.count(slug)}" if slug in slugs else slug)
    return slugs


def section(name, title):
    """The text below a heading of a document, up to the next of its level or above."""
    text = read(name)
    heading = re.search(rf"^(#+) {re.escape(title)}\n", text, re.MULTILINE)
    assert heading, f"{name} has no heading {title!r}"
    rest = text[heading.end() :]
    end = re.search(rf"^#{{1,{len(heading[1])}}} ", rest, re.MULTILINE)
    return rest[: end.start()] if end else rest


def tables(text):
    """Every table as a list of rows, each a list of cells; the header is the first row."""
    found, rows = [], []
    for line in [*text.splitlines(), ""]:
        if line.lstrip().startswith("|"):
            rows.append([cell.strip() for cell in line.strip().strip("|").split("|")])
        elif rows:
            found.append([row for row in rows if not set("".join(row)) <= set("-: ")])
            rows = []
    return found
