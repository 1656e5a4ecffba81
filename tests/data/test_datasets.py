"""What belongs to every data set; which data is somebody's own, for whole images."""

import re
from pathlib import Path

import pytest

from cpm.data import datasets
from cpm.data.splits import RULES
from tests.helpers.fuzzing.readers import READERS
from tests.helpers.markdown_files import ROOT
from tests.helpers.small_runs import write_data


@pytest.mark.parametrize("name", datasets.SOURCES)
def test_a_data_set_has_all_that_belongs_to_it(name):
    """docs/howto/add_a_data_set.md lists it; a test reads the file that it is about."""
    package, module = datasets.SOURCES[name].__module__.rsplit(".", 1)
    imported = re.compile(rf"^(from {package} import .*\b|import {package}\.){module}\b", re.M)
    tests = [path.read_text() for path in Path(__file__).parent.glob("test_*.py")]
    pages = {path.name: path.read_text() for path in (ROOT / "docs/howto").glob("*.md")}
    del pages["add_a_data_set.md"]
    command = re.compile(rf"--dataset={name}\b")
    there = {
        f"a test in tests/data/ that imports {module}": any(map(imported.search, tests)),
        "a row in tests/helpers/fuzzing/readers.py": name in READERS,
        f"a page in docs/howto/ with --dataset={name}": any(map(command.search, pages.values())),
    }
    for rule in RULES.values():
        key = f"'{name}: ...' in the text of the rule {rule.name} in cpm/data/splits.py"
        there[key] = bool(re.search(rf"\b{name}: ", rule.text, re.I))
    missing = [what for what, is_there in there.items() if not is_there]
    assert not missing, "\n".join(missing)


def test_published_sets_are_data_sets():
    assert set(datasets.PUBLISHED) < set(datasets.NAMES)


@pytest.mark.parametrize(
    "sources, own",
    [(["coco"], True), (["lsp"], False), (["lsp", "coco"], True), (["noise"], False)],
)
def test_is_own(tmp_path, sources, own):
    folders = [write_data(tmp_path / s, source=s, train=1, validation=1) for s in sources]
    assert datasets.is_own(folders) == own
