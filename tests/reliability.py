"""The table of docs/reliability.md: what may go wrong, what is right, and whether a test shows it.

    python -m tests.reliability            runs every row's tests and writes the table
    python -m tests.reliability training/test_loop.py     runs the rows of that file alone
    python -m tests.reliability --report=build/tests.xml  runs nothing; reads what `make test` left
    python -m tests.reliability --list     runs nothing; prints the rows and how their tests are run

Each row names tests. It holds if every one of them was run and passed; "cases" counts them. The
files of tests are run one after the other, each in a process of its own, and the results of each
are kept in build/. So a run that was cut goes on behind its last file, as long as no source has
changed; a file whose process crashes or takes over an hour costs the rows of that file, which then
do not hold. Each row keeps the commit and the day of its last run; rows of other files stay as the
document has them.

With --report the table is only printed; CI ends with it. Tests that are marked thorough may be
missing there, since `make test` leaves them out. A row of nothing else was not run.

The exit status is 1 if a row does not hold, or misses a test that should have been run.
"""

import argparse
import collections
import hashlib
import json
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree as xml
from pathlib import Path

from cpm import files
from tests.helpers import junit_reports
from tests.helpers.junit_reports import MISSING, NO, NOT_RUN, YES, ran, results, verdict
from tests.helpers.reliability_rows import ROWS, name_of

ROOT = Path(__file__).parents[1]
DOCUMENT = ROOT / "docs" / "reliability.md"
BEGIN, END = "<!-- table: python -m tests.reliability -->", "<!-- end of table -->"
KEPT = ROOT / "build" / "reliability.json"
MOST_SECONDS = 3600  # for the tests of one file
ENDED_WELL = (0, 1, 5)  # of pytest: all passed, some failed, none was selected


def command(file, report):
    """The command that runs one file's tests of all rows and writes their outcomes."""
    names = sorted({name_of(test) for row in ROWS if row.file == file for test in row.tests})
    return [
        *(sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", f"tests/{file}"),
        *(f"--junitxml={report}", "-k", " or ".join(names)),
    ]


def run_file(file):
    """Runs one file's tests: what `junit_reports.outcomes` says of it, None for a crash."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.xml"
        try:
            done = subprocess.run(
                command(file, report), cwd=ROOT, stdout=sys.stderr, timeout=MOST_SECONDS
            )
            if done.returncode not in ENDED_WELL:
                return None
            return junit_reports.outcomes(report, ROOT / "tests").get(file, {})
        except (subprocess.TimeoutExpired, OSError, xml.ParseError):
            return None


def run():
    """Runs the tests of all rows: {file: what `run_file` says of it}.

    What an earlier run of the same sources left is not run again.
    """
    key, wanted = sources(), sorted({row.file for row in ROWS})
    found, began, before = kept(key), time.monotonic(), 0
    if found:
        before = len(found)
        say(f"going on behind {before} files of an earlier run, kept in {KEPT}")
    for number, file in enumerate(wanted, 1):
        if file in found:
            continue
        found[file] = run_file(file)
        KEPT.parent.mkdir(exist_ok=True)
        files.write_json(KEPT, {"key": key, "found": found})
        outcomes = ran((found[file] or {"crash": False}).values())
        minutes = (time.monotonic() - began) / 60
        left = minutes / (len(found) - before) * (len(wanted) - len(found))
        say(
            f"[{number}/{len(wanted)}] {file}: {sum(outcomes)} of {len(outcomes)} passed; "
            f"{minutes:.0f} minutes so far, about {left:.0f} left"
        )
    return found


def sources():
    """A checksum of everything that the tests run."""
    digest = hashlib.sha256()
    for folder in ("bin", "cpm", "ops", "tests"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            digest.update(f"{path.relative_to(ROOT)}\n".encode() + path.read_bytes())
    return digest.hexdigest()


def kept(key):
    """The results of an earlier run with this key, {} if there is none."""
    try:
        record = json.loads(KEPT.read_text(encoding="utf-8"))
        return record["found"] if record["key"] == key else {}
    except (OSError, ValueError, KeyError, TypeError):
        return {}


def say(text):
    print(text, file=sys.stderr, flush=True)


def table(found, earlier=None, now="", thorough=lambda file, test: False):
    """The rows as Markdown, and how many have which verdict.

    Args:
      found: {file: what `run_file` says of it}.
      earlier: {(area, fault): (cases, holds, last run)} of rows whose file is not in `found`; None
        if `found` holds all files.
      now: what stands in the last column of the others.
      thorough: function (file, test) that says whether the run left a test out on purpose.
    """
    lines = [
        "| what | what goes wrong | what is right | cases | holds | last run |",
        "|---|---|---|---:|---|---|",
    ]
    counts = collections.Counter()
    for row in ROWS:
        if row.file in found or earlier is None:
            outcomes = [results(test, found.get(row.file, {})) for test in row.tests]
            left_out = [thorough(row.file, name_of(test)) for test in row.tests]
            cells = (sum(len(ran(test)) for test in outcomes), verdict(outcomes, left_out), now)
        else:
            cells = earlier.get((row.area, row.fault), (0, NOT_RUN, "-"))
        counts[cells[1]] += 1
        lines.append("| " + " | ".join(map(str, (row.area, row.fault, row.right, *cells))) + " |")
    return "\n".join(lines), counts


def show_report(report):
    """Prints the table of a report of tests; 1 if a row does not hold or misses tests.

    Args:
      report: file that `make test` wrote.
    """
    try:
        found = junit_reports.outcomes(report, ROOT / "tests")
    except (OSError, xml.ParseError) as error:
        say(f"{report} cannot be read ({error}); write it with: make test")
        return 1
    text, counts = table(found, now=report, thorough=junit_reports.is_thorough)
    print(f"{text}\n\n{summary(counts)}")
    return 1 if counts[NO] or counts[MISSING] else 0


def summary(counts):
    """`165 of 168 rows hold; not run: 3`."""
    others = {"do not hold": NO, "miss tests": MISSING, "not run": NOT_RUN}
    parts = [f"{what}: {counts[key]}" for what, key in others.items() if counts[key]]
    return "; ".join([f"{counts[YES]} of {len(ROWS)} rows hold", *parts])


def rows_of(text):
    """{(area, fault): (cases, holds, last run)} of a table in Markdown."""
    cells = [line.strip("| ").split(" | ") for line in text.splitlines() if line.startswith("| ")]
    return {(row[0], row[1]): tuple(row[3:]) for row in cells if len(row) == 6}


def commit_and_day():
    """`1a2b3c4, 2026-11-29`; a commit with changes in its sources is marked."""

    def git(*arguments):
        done = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True)
        return done.stdout.strip()

    changed = git("status", "--porcelain", "--", "bin", "cpm", "ops", "tests")
    commit = git("rev-parse", "--short", "HEAD") or "unknown"
    return f"{commit}{' and changes' if changed else ''}, {time.strftime('%Y-%m-%d')}"


def write(text):
    """Replaces the table in the document, which is whole before and after."""
    head, rest = DOCUMENT.read_text(encoding="utf-8").split(BEGIN)
    tail = rest.split(END)[1]
    files.write_text(DOCUMENT, f"{head}{BEGIN}\n\n{text}\n\n{END}{tail}")


def main():
    """Prints the table, and writes it unless it is of a report; 1 if a row does not hold."""
    parser = argparse.ArgumentParser(prog="python -m tests.reliability", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    add = parser.add_argument
    add("--report", help="Report of `make test` to read; runs no test. Default: runs them.")
    add("--list", action="store_true", help="Prints the rows; runs no test. Default: runs them.")
    add("files", nargs="*", help="Files of tests, below tests/. Default: all.")
    arguments = parser.parse_args()
    if arguments.report:
        return show_report(arguments.report)
    document = DOCUMENT.read_text(encoding="utf-8")
    if document.count(BEGIN) != 1 or END not in document.split(BEGIN)[1]:
        say(f"{DOCUMENT} has no place for the table: expected {BEGIN} and {END}")
        return 1
    if arguments.list:
        print(table({}, {})[0])
        for file in sorted({row.file for row in ROWS}):
            print(" ".join(command(file, "REPORT")))
        return 0
    if unknown := {*arguments.files} - {row.file for row in ROWS}:
        say(f"no row has tests in {', '.join(sorted(unknown))}; --list names the files")
        return 1
    if arguments.files:
        found = {file: run_file(file) for file in arguments.files}
    else:
        found = run()
    earlier = rows_of(document.split(BEGIN)[1].split(END)[0])
    text, counts = table(found, earlier, commit_and_day())
    print(f"{text}\n\n{summary(counts)}")
    write(f"{summary(counts)}.\n\n{text}")
    if not arguments.files:
        KEPT.unlink(missing_ok=True)
    return 0 if counts[YES] == len(ROWS) else 1


if __name__ == "__main__":
    sys.exit(main())
