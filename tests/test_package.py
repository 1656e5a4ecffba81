"""The package as others import it: light, silent, and with the versions it is tested with."""

import pathlib
import re
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).parent.parent


def run(code):
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT
    )


def test_import_is_light_and_silent():
    result = run("import cpm, sys; print('tensorflow' in sys.modules, 'numpy' in sys.modules)")
    assert result.stdout.split() == ["False", "False"] and result.stderr == ""


@pytest.mark.slow
def test_predictor_is_imported_on_demand_and_silently():
    result = run("from cpm import Predictor; print(Predictor.__module__)")
    assert result.stdout.strip() == "cpm.inference.predictor" and result.stderr == ""


def test_unknown_names_are_errors():
    import cpm

    with pytest.raises(AttributeError, match="no attribute 'Predicter'"):
        _ = cpm.Predicter


def test_the_lock_holds_every_pin_with_its_hashes():
    """A pin that is missing there is not installed by `--require-hashes`."""
    pins = re.findall(r"^[\w-]+==[\d.]+", (ROOT / "requirements.txt").read_text(), re.M)
    locked = re.findall(
        r"^([\w-]+==[\w.]+)[^\n]*\\\n    --hash=sha256:",
        (ROOT / "requirements.lock").read_text(),
        re.M,
    )
    assert pins and {*pins} <= {*locked}


def test_pinned_versions_lie_within_the_ranges_of_the_package():
    """requirements*.txt pin what is tested; pyproject.toml says what fits."""
    if sys.version_info < (3, 11):
        pytest.skip("tomllib came with Python 3.11")
    import tomllib

    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    optional = project["optional-dependencies"]
    for file, packages in (
        ("requirements.txt", project["dependencies"] + optional["tensorboard"]),
        ("requirements-export.txt", optional["export"]),
        ("requirements-bench.txt", optional["bench"]),
    ):
        ranges = dict(re.match(r"([\w-]+)([^;]*)", package).groups() for package in packages)
        pins = re.findall(r"^([\w-]+)==([\d.]+)", (ROOT / file).read_text(), re.M)
        assert {*ranges} == {name for name, _ in pins}, file
        for name, version in pins:  # a package may have one for each of two Pythons
            low, high = re.fullmatch(r">=([\d.]+),<([\d.]+)", ranges[name]).groups()
            assert numbers(low) <= numbers(version) < numbers(high), name


def numbers(version):
    return [int(part) for part in version.split(".")]
