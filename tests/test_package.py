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


BESIDE = ["requirements-export", "requirements-dev", "requirements-bench"]  # with the main ones
LOCKS = ["requirements", *BESIDE, "requirements-fuzz"]


def locked(name):
    """{`package==version`} of a lock that have hashes."""
    lock = (ROOT / f"{name}.lock").read_text()
    return {*re.findall(r"^([\w-]+==[\w.]+)[^\n]*\\\n    --hash=sha256:", lock, re.M)}


@pytest.mark.parametrize("name", LOCKS)
def test_a_lock_holds_every_pin_with_its_hashes(name):
    """A pin that is missing there is not installed by `--require-hashes`."""
    wanted = {"requirements", name} if name in BESIDE else {name}
    pins = {
        pin
        for file in wanted
        for pin in re.findall(r"^[\w-]+==[\w.]+", (ROOT / f"{file}.txt").read_text(), re.M)
    }
    assert pins and pins <= locked(name)


@pytest.mark.parametrize("name", BESIDE)
def test_locks_agree(name):
    """What both bring has one version, so that either can be installed beside the other."""
    main = locked("requirements")  # of some packages a version for each version of Python
    packages = {pin.split("==")[0] for pin in main}
    assert {pin for pin in locked(name) if pin.split("==")[0] in packages} == main


def test_every_file_of_requirements_has_a_lock():
    assert {path.stem for path in ROOT.glob("requirements*.txt")} == {*LOCKS}


def test_every_package_of_a_lock_has_hashes():
    for name in LOCKS:
        lines = (ROOT / f"{name}.lock").read_text().splitlines()
        packages = [line for line in lines if re.match(r"[\w.-]+==", line)]
        assert len(packages) >= len(locked(name)) > (0 if name == "requirements-fuzz" else 30)
        assert all(line.endswith("\\") for line in packages)


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
