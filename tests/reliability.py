"""The table of docs/reliability.md: what may go wrong, what is right, and whether a test shows it.

    python -m tests.reliability            runs every row's tests and writes the table
    python -m tests.reliability --short    without the slow ones; prints only

Each row names tests. It holds if all of them pass; "cases" counts them. The exit status is 1 if a
row does not hold.
"""

import collections
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as xml
from pathlib import Path

from tests.helpers.reliability_rows import ROWS, name_of

ROOT = Path(__file__).parents[1]
DOCUMENT = ROOT / "docs" / "reliability.md"
BEGIN, END = "<!-- table: python -m tests.reliability -->", "<!-- end of table -->"


def run(short=False):
    """Runs the tests of all rows: {(file, test with its case): whether it passed}.

    Args:
      short: leave out the tests that are marked slow.
    """
    files = sorted({f"tests/{row.file}" for row in ROWS})
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.xml"
        command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *files]
        command += [f"--junitxml={report}", "-o", "junit_family=xunit1"]
        command += ["-m", "not slow"] if short else []
        command += ["-k", " or ".join(sorted({name_of(t) for row in ROWS for t in row.tests}))]
        subprocess.run(command, cwd=ROOT, check=False, stdout=sys.stderr)
        found = {}
        for case in xml.parse(report).iter("testcase"):
            outcome = {child.tag for child in case}
            file = case.get("file").removeprefix("tests/")
            if "skipped" not in outcome:
                found[file, case.get("name")] = not outcome & {"failure", "error"}
    return found


def results(row, found):
    """Outcomes of a row's cases, a list of bool."""
    return [
        passed
        for (file, name), passed in found.items()
        if file == row.file
        for test in row.tests
        if (name.startswith(test) if "[" in test else name_of(name) == test)
    ]


def table(found):
    """The rows as Markdown, and how many hold."""
    lines = ["| what | what goes wrong | what is right | cases | holds |", "|---|---|---|---:|---|"]
    counts = collections.Counter()
    for row in ROWS:
        outcomes = results(row, found)
        holds = "not run" if not outcomes else "yes" if all(outcomes) else "**no**"
        counts[holds] += 1
        lines.append(f"| {row.area} | {row.fault} | {row.right} | {len(outcomes)} | {holds} |")
    return "\n".join(lines), counts


def main():
    """Prints the table, and writes it unless it is the short one; 1 if a row does not hold."""
    short = "--short" in sys.argv[1:]
    text, counts = table(run(short))
    summary = f"{counts['yes']} of {len(ROWS)} rows hold"
    print(f"{text}\n\n{summary}")
    if not short:
        document = DOCUMENT.read_text(encoding="utf-8")
        head, tail = document.split(BEGIN)[0], document.split(END)[1]
        body = f"{BEGIN}\n\n{summary}.\n\n{text}\n\n{END}"
        DOCUMENT.write_text(head + body + tail, encoding="utf-8")
    return 1 if counts["**no**"] or (counts["not run"] and not short) else 0


if __name__ == "__main__":
    sys.exit(main())
