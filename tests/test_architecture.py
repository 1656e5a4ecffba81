"""The permitted imports between packages, as a table; all arrows point one way.

    ops → ops,  cpm → ops, cpm,  bin → cpm, bin,  and inside of cpm as ARROWS says

An arrow may name a package (`cpm.network`) or one module of it (`cpm.data.person`): then only that
one may be imported.
"""

import ast
import pathlib
import re

import pytest

ROOT = pathlib.Path(__file__).parent.parent
# What everybody may know: joint names and frames, configuration, errors, files, provenance.
BASE = {
    "cpm.array_claims": {"cpm.untrusted"},
    "cpm.config": set(),
    "cpm.config_json": {"cpm.config"},
    "cpm.config_keys": {"cpm.errors", "cpm.text_table"},
    "cpm.config_upgrade": set(),
    "cpm.errors": set(),
    "cpm.files": {"cpm.errors", "cpm.untrusted"},
    "cpm.geometry": set(),
    "cpm.hdf5_claims": {"cpm.array_claims"},
    "cpm.humans": {"cpm.skeleton"},
    "cpm.machine": set(),
    "cpm.output_files": {"cpm.errors", "cpm.files"},
    "cpm.process_memory": set(),
    "cpm.provenance": set(),
    "cpm.quiet_start": set(),
    "cpm.skeleton": set(),
    "cpm.text_table": set(),
    "cpm.untrusted": {"cpm.errors"},
}
ARROWS = {
    "ops": set(),
    "cpm": set(),
    "cpm.synthetic": {"cpm.data.person", "cpm.skeleton"},
    "cpm.data": {"ops", "cpm.synthetic", *BASE},
    "cpm.network": {"ops", "cpm.config", "cpm.geometry", "cpm.skeleton", "cpm.text_table"},
    "cpm.execution": {"ops", "cpm.network", "cpm.config", "cpm.errors", "cpm.machine"},
    "cpm.checkpoints": {"cpm.network", *BASE},
    "cpm.training": {
        *("ops", "cpm.data", "cpm.network", "cpm.execution", "cpm.checkpoints"),
        *BASE,
    },
    # Crops are cut as in training, image files read alike; results can draw themselves, and no
    # drawing is an input. People keep their numbers through a video by the similarity of poses.
    "cpm.inference": {
        *("ops", "cpm.network", "cpm.execution", "cpm.checkpoints", "cpm.data.crops"),
        *("cpm.data.coco_values", "cpm.data.images", "cpm.data.stretching"),
        *("cpm.plots.pose_drawing", "cpm.plots.image_files"),
        *("cpm.plots.drawing_files", "cpm.evaluation.oks", "cpm.runtimes"),
        *BASE,
    },
    "cpm.evaluation": {
        *("cpm.errors", "cpm.geometry", "cpm.humans", "cpm.skeleton", "cpm.text_table"),
    },
    "cpm.prediction_files": {"cpm.data", "cpm.evaluation", *BASE},
    # A checkpoint holds a whole configuration: an imported network gets that of its recipe.
    # What is exported does what prediction does, and is opened again to be compared.
    "cpm.interchange": {
        *("cpm.network", "cpm.checkpoints", "cpm.training.recipes", "cpm.inference"),
        *("cpm.runtimes", "cpm.synthetic", *BASE),
    },
    "cpm.runtimes": BASE.keys(),
    "cpm.plots": {
        *("cpm.errors", "cpm.files", "cpm.humans", "cpm.output_files", "cpm.skeleton"),
    },
    "cpm.report": {"cpm.humans", "cpm.text_table"},
    # A document's table of exported files is the one that bin/export.py prints.
    "cpm.benchmark": {
        *("ops", "cpm.data", "cpm.network", "cpm.execution", "cpm.training"),
        *("cpm.synthetic.people", "cpm.interchange.deviations", *BASE),
    },
    "cpm.scoring": {
        *("cpm.data", "cpm.network", "cpm.execution", "cpm.checkpoints", "cpm.training"),
        *("cpm.inference", "cpm.evaluation", "cpm.plots", "cpm.report", *BASE),
    },
    "cpm.experiments": {
        *("cpm.data", "cpm.network", "cpm.execution", "cpm.checkpoints", "cpm.training"),
        *("cpm.plots", "cpm.scoring", *BASE),
    },
    "cpm.cli": {
        *("ops", "cpm.synthetic", "cpm.data", "cpm.network", "cpm.execution", "cpm.checkpoints"),
        *("cpm.training", "cpm.inference", "cpm.evaluation", "cpm.prediction_files"),
        *("cpm.interchange", "cpm.runtimes", "cpm.plots", "cpm.report", "cpm.scoring"),
        *("cpm.benchmark", "cpm.experiments", *BASE),
    },
    "cpm.__main__": {"cpm.cli"},
    "cpm.lite": set(),  # one file that is copied to where this project is not
    **BASE,
}


def package_of(module):
    """`ops`, `cpm.network` or `cpm.files` of a module's dotted name.

    >>> package_of("cpm.network.layers"), package_of("cpm.files"), package_of("ops.conv2d")
    ('cpm.network', 'cpm.files', 'ops')
    """
    parts = module.split(".")
    return parts[0] if parts[0] == "ops" else ".".join(parts[:2])


def modules():
    """(dotted name, path) of every module of `ops` and `cpm`."""
    for path in sorted(p for folder in ("ops", "cpm") for p in (ROOT / folder).rglob("*.py")):
        parts = path.relative_to(ROOT).with_suffix("").parts
        yield ".".join(parts[:-1] if parts[-1] == "__init__" else parts), path


MODULES = dict(modules())


def imports(source):
    """Dotted names of the modules of ours that a source imports, in functions too."""
    for node in ast.walk(ast.parse(source)):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "relative import"
            members = [f"{node.module}.{alias.name}" for alias in node.names]
            names = [name if name in MODULES else node.module for name in members]
        yield from (name for name in names if name.split(".")[0] in ("ops", "cpm", "bin", "tests"))


def strangers(module, source):
    """What a module imports and may not."""
    own = package_of(module)
    allowed = ARROWS[own] | {own}
    return sorted(
        name
        for name in set(imports(source))
        if not any(name == arrow or name.startswith(f"{arrow}.") for arrow in allowed)
    )


@pytest.mark.parametrize("module", MODULES)
def test_imports_follow_the_arrows(module):
    assert strangers(module, MODULES[module].read_text(encoding="utf-8")) == []


def test_every_package_is_in_the_table():
    assert {package_of(module) for module in MODULES} == set(ARROWS)


def test_scripts_import_the_package_only():
    """Not `ops`: what is computed is decided in `cpm`."""
    for path in (ROOT / "bin").glob("*.py"):
        assert {name.split(".")[0] for name in imports(path.read_text(encoding="utf-8"))} == {"cpm"}


def test_no_test_imports_a_test():
    """What two of them need is in tests/helpers; commands like tests/soak.py are tested, too."""
    for path in (ROOT / "tests").rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        names = [name for name in imports(text) if name.startswith("tests.")]
        strange = [name for name in names if not name.startswith("tests.helpers")]
        assert strange == [] and not re.search(r"^from tests import test_", text, re.M), path.name


def test_no_two_packages_know_each_other():
    """No circle, but for the one that is a module: the renderer knows what a `Person` is."""
    arrows = {
        p: {package_of(a) for a in known if a != "cpm.data.person"} for p, known in ARROWS.items()
    }
    order = []
    while rest := [package for package in arrows if package not in order]:
        free = [package for package in rest if arrows[package] <= {*order, package}]
        assert free, f"a circle among {rest}"
        order += free


@pytest.mark.parametrize(
    "module, line, stranger",
    [
        ("cpm.training.loop", "from cpm.inference import predict_batch", "cpm.inference"),
        ("cpm.training.loop", "from cpm import inference", "cpm.inference"),
        ("cpm.inference.predictor", "def f():\n    import cpm.training.loop", "cpm.training.loop"),
        ("cpm.network.model", "from cpm.data import pipeline", "cpm.data.pipeline"),
        ("cpm.evaluation.pck", "from cpm.data.person import Person", "cpm.data.person"),
        ("cpm.synthetic.people", "from cpm.data.images import shrink", "cpm.data.images"),
        ("cpm.data.records", "from cpm.cli import flags", "cpm.cli.flags"),
        ("ops.conv2d", "import cpm.config", "cpm.config"),
    ],
)
def test_a_wrong_arrow_is_caught(module, line, stranger):
    assert strangers(module, line) == [stranger]
