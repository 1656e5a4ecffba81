"""What a run of tests left: outcomes in its JUnit report, and what they say of a row of faults.

make test                          writes build/tests.xml
outcomes("build/tests.xml")        {"test_fuzz.py": {"test_archives_stay_archives": True, …}, …}
"""

import ast
import functools
import xml.etree.ElementTree as xml
from pathlib import Path

from tests.helpers.reliability_rows import name_of

YES, NO, NOT_RUN, MISSING = "yes", "**no**", "not run", "**missing**"
TESTS = Path(__file__).parents[1]
LEFT_OUT = "thorough"  # the mark of tests that `make test` leaves out


def outcomes(report, tests=TESTS):
    """The outcomes in a report of pytest.

    Args:
      report: file, as --junitxml writes it.
      tests: folder of the tests.

    Returns:
      {file below `tests`: {test with its case: True (passed), False or None (skipped)}}.

    Raises:
      OSError, xml.ParseError: if it cannot be read.
    """
    found = {}
    for case in xml.parse(report).iter("testcase"):
        cases = found.setdefault(_file_of(case.get("classname"), tests), {})
        name, passed = case.get("name"), _passed({child.tag for child in case})
        # A test that fails once more when it is taken down stands there twice.
        cases[name] = passed if cases.get(name, True) else cases[name]
    return found


def _file_of(classname, tests):
    """`checkpoints/test_listing.py` of `tests.checkpoints.test_listing.TestClass`; None if none."""
    top, *parts = classname.split(".")
    if top != "tests":  # an example in a docstring
        return None
    while parts and not (path := tests.joinpath(*parts).with_suffix(".py")).is_file():
        parts.pop()
    return path.relative_to(tests).as_posix() if parts else None


def _passed(tags):
    if tags & {"failure", "error"}:
        return False
    return None if "skipped" in tags else True


@functools.cache
def _thorough_of(path):
    """Names of the tests of a file that are marked as a whole, not case by case."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    names = set()
    for holder in [tree, *(node for node in tree.body if isinstance(node, ast.ClassDef))]:
        whole = _is_marked(_marks(holder))
        tests = [node for node in holder.body if isinstance(node, ast.FunctionDef)]
        names |= {test.name for test in tests if whole or _is_marked(test.decorator_list)}
    return names


def _marks(holder):
    """The marks that a module or a class gives to all of its tests."""
    marks = list(getattr(holder, "decorator_list", []))
    for node in holder.body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "pytestmark":
            marks += getattr(node.value, "elts", [node.value])
    return marks


def _is_marked(marks):
    return f"pytest.mark.{LEFT_OUT}" in map(ast.unparse, marks)


def is_thorough(file, test, tests=TESTS):
    """Whether `make test` leaves a test out.

    Args:
      file: below `tests`.
      test: name of its function.
      tests: folder of the tests.
    """
    return test in _thorough_of(Path(tests) / file)


def results(test, cases):
    """Outcomes of one test of a row: True, False or None (skipped) for each of its cases.

    A crash of its file is one that failed.
    """
    if cases is None:
        return [False]
    return [
        passed
        for name, passed in cases.items()
        if (name.startswith(test) if "[" in test else name_of(name) == test)
    ]


def ran(outcomes):
    """Those that were not skipped."""
    return [passed for passed in outcomes if passed is not None]


def verdict(outcomes, left_out=None):
    """What is said of a row.

    Args:
      outcomes: of each of its tests, a list of what `results` returns.
      left_out: of each of its tests, whether the run left it out on purpose; None = no test.

    Returns:
      "yes", "**no**", "not run" (skipped, or left out on purpose) or "**missing**".
    """
    left_out = left_out or [False] * len(outcomes)
    if not all(passed for test in outcomes for passed in ran(test)):
        return NO
    wanted = [test for test, may in zip(outcomes, left_out, strict=True) if test or not may]
    if not all(wanted):
        return MISSING
    return YES if wanted and all(map(ran, wanted)) else NOT_RUN
