"""BUILD_NOTES.md and README.md name only what exists: files, symbols, scripts, flags, targets, pictures.

Code spans and fenced blocks are read, prose is not. What runs make (data/, runs/ …) and what users
bring (photo.jpg) cannot exist in a checkout: those names are listed here, one by one.
"""

import ast
import dataclasses
import functools
import re
import shlex

import numpy as np
import pytest
import tensorflow as tf

import ops
from cpm.benchmark import cases
from cpm.config import (
    AUGMENTATIONS,
    CONVOLUTIONS,
    CROP_RULES,
    PRECISIONS,
    SCHEDULES,
    TargetConfig,
)
from cpm.data import datasets
from cpm.data.scenes import making
from cpm.data.splits import RULES
from cpm.evaluation import report
from cpm.evaluation.predictions import Predictions
from cpm.experiments.variants import EXPERIMENTS
from cpm.network import PRESETS, preset
from cpm.network.architectures import NORMS
from cpm.network.summary import stage_rows
from cpm.prediction_files.published import PROTOCOLS
from cpm.provenance import provenance
from cpm.skeleton import SKELETONS
from cpm.training import loss
from cpm.training.recipes import RECIPES, recipe
from cpm.training.targets import make_targets
from tests.helpers.scripts import ROOT

DOCUMENTS = (
    *("BUILD_NOTES.md", "README.md", "cpm/checkpoints/pretrained/MODEL_CARD.md"),
    "docs/howto/scenes.md",
)
ROOMS = ("cpm", "ops", "bin", "tests", "docs", ".ci")

# Folders that commands make, or that users have; and files in them.
ELSEWHERE = re.compile(
    r"(runs|data|downloads|poses|pictures|photos|eval|images|checkpoints|\.venv|RUN_DIR)(/|$)"
)
NOT_IN_A_CHECKOUT = {
    *("config.json", "metrics.jsonl", "manifest.json", "checkpoints.json", "sources.json"),
    *("joints.mat", "cpm_lsp_6stages.mat", "hourglass_s2_mpii_valid.mat"),
    "mpii_human_pose_v1_u12_1.mat",
    *("detections_our_format.mat", "preds.mat", "poses.json", "validation.json"),
    *("photo.jpg", "group.jpg", "batch.png", "ours.h5", "theirs.mat", "valid.h5"),
}
# What scripts take choices of flags from, and their arguments that are no flags.
CHOICES = {
    "CONVOLUTIONS": CONVOLUTIONS,
    "AUGMENTATIONS": AUGMENTATIONS,
    "CROP_RULES": CROP_RULES,
    "NORMS": NORMS,
    "PRESETS": PRESETS,
    "PROTOCOLS": PROTOCOLS,
    "RECIPES": RECIPES,
    "RULES": RULES,
    "PRECISIONS": PRECISIONS,
    "SCHEDULES": SCHEDULES,
    "SKELETONS": SKELETONS,
    "REFINEMENTS": ops.REFINEMENTS,
    "datasets": datasets,
    "making": making,
    "cases": cases,
}
ARGUMENTS = {"bin/experiment.py": EXPERIMENTS}
FILE = re.compile(r"[\w.-]+(/[\w.-]+)*\.(py|md|txt|toml|jsonl?|mat|jpg|png|tfrecord)")
FOLDER = re.compile(r"\.?\w[\w.-]*(/[\w.-]+)*/")


def code_of(text):
    """(inline spans, fenced blocks) of a Markdown text."""
    fenced = re.compile(r"^```.*?\n(.*?)^```", re.DOTALL | re.MULTILINE)
    spans = re.findall(r"(?<!`)`([^`]+)`(?!`)", fenced.sub("", text))
    return [" ".join(span.split()) for span in spans], fenced.findall(text)


def problems(text, folder=ROOT):
    """Everything that `text`, a file in `folder`, names wrongly, as sentences."""
    spans, blocks = code_of(text)
    found = []
    for span in spans:
        found += [p for word in span.split() for p in problems_of_name(word)]
        if span.startswith("--") and not span.startswith("--…"):
            found += [p for word in span.split() for p in problems_of_flag(word)]
    for piece in [*spans, *blocks]:
        for line in piece.replace("\\\n", " ").splitlines():
            found += problems_of_command(line)
    return found + [
        f"{target} does not exist"
        for target in re.findall(r"\]\((?!https?:|#)([^)\s]+)\)", text)
        if not (folder / target).exists()
    ]


def problems_of_name(word):
    """Of one word of a code span, if it is a path or a `path.py::symbol`."""
    path, _, symbol = word.rstrip(",;:.").partition("::")
    in_a_room = path.split("/")[0] in ROOMS and "/" in path
    if "…" in path or not (in_a_room or FILE.fullmatch(path) or FOLDER.fullmatch(path)):
        return []
    if ELSEWHERE.match(path) or path in NOT_IN_A_CHECKOUT:
        return []
    if not (ROOT / path).exists():
        return [f"{path} does not exist"]
    if symbol and symbol not in symbols(path):
        return [f"{path} defines no {symbol}"]
    return []


@functools.cache
def symbols(path):
    """Names that a file defines: `name`, `Class`, `Class.member`."""
    return set(names_in(ast.parse((ROOT / path).read_text(encoding="utf-8")).body))


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


def problems_of_command(line):
    """Of one line: each `python bin/X.py …` and each `make X` at the start of a command."""
    found = []
    line = line.split("  #")[0].split(" # ")[0]
    for match in re.finditer(r"(?:^|[\s/])python (bin/[\w.-]+)([^|;&]*)", line):
        script, rest = match.groups()
        if not (ROOT / script).is_file():
            found.append(f"{script} does not exist")
            continue
        for word in shlex.split(rest):
            if word.startswith("--"):
                found += problems_of_flag(word, script)
            elif word not in ("…", "...", *ARGUMENTS.get(script, ())):
                found.append(f"{script} takes no argument {word!r}")
    for command in re.split(r"&&|;", line):
        if match := re.match(r"\s*make ([a-z]\S*)", command):
            if match[1] not in targets():
                found.append(f"the Makefile has no target {match[1]!r}")
    return found


def problems_of_flag(word, script=None):
    """Of `--name` or `--name=value`: does the script (or any, if none is named) define it?"""
    name, has_value, value = word.rstrip(",;:.").removeprefix("--").partition("=")
    scripts = [script] if script else [f"bin/{p.name}" for p in ROOT.glob("bin/*.py")]
    defined = [flags_of(s)[name] for s in scripts if name in flags_of(s)]
    if not defined:
        return [f"{script or 'no script'} has {'no ' * bool(script)}flag --{name}"]
    if has_value and not any(c is None or value in c for c in defined):
        return [f"--{name} cannot be {value!r}"]
    return []


@functools.cache
def flags_of(script):
    """{flag: its choices, None = any} that a script defines, `noname` of switches included."""
    tree = ast.parse((ROOT / script).read_text(encoding="utf-8"))
    flags = {"help": None} | dict(flags_in(tree))
    used = {n.id for n in ast.walk(tree) if hasattr(n, "id")}
    shared = ast.parse((ROOT / "cpm" / "cli" / "flags.py").read_text(encoding="utf-8"))
    for function in shared.body:
        if getattr(function, "name", None) in used:
            flags |= dict(flags_in(function))
    return flags


def flags_in(tree):
    for call in ast.walk(tree):
        if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Attribute):
            continue
        kind = call.func.attr
        if not kind.startswith("DEFINE_"):
            continue
        name, choices = call.args[0].value, None
        if kind == "DEFINE_enum":  # a list, or an expression of names in CHOICES
            choices = list(eval(ast.unparse(call.args[2]), CHOICES.copy()))
        yield name, choices
        if kind == "DEFINE_bool":
            yield f"no{name}", None


@functools.cache
def targets():
    """Targets of the Makefile."""
    return re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)


def section(title):
    """The text below a heading of BUILD_NOTES.md, up to the next of its level or above."""
    text = (ROOT / "BUILD_NOTES.md").read_text(encoding="utf-8")
    heading = re.search(rf"^(#+) {re.escape(title)}\n", text, re.MULTILINE)
    rest = text[heading.end() :]
    end = re.search(rf"^#{{1,{len(heading[1])}}} ", rest, re.MULTILINE)
    return rest[: end.start()] if end else rest


@pytest.mark.parametrize("name", DOCUMENTS)
def test_everything_named_exists(name):
    path = ROOT / name
    assert problems(path.read_text(encoding="utf-8"), path.parent) == []


@pytest.mark.parametrize(
    "text, problem",
    [
        ("`cpm/training/lop.py`", "cpm/training/lop.py does not exist"),
        ("`NOTES.md`", "NOTES.md does not exist"),
        ("look into `cpm/trainig/`", "cpm/trainig/ does not exist"),
        ("`ops/conv2d.py::conv3d`", "ops/conv2d.py defines no conv3d"),
        ("`cpm/data/person.py::Pose.joints`", "cpm/data/person.py defines no Pose.joints"),
        ("| `tests/evaluation/test_pck.py::test_x` |", "tests/evaluation/test_pck.py defines no test_x"),
        ("`python bin/trian.py --xla`", "bin/trian.py does not exist"),
        ("`python bin/train.py --flip`", "bin/train.py has no flag --flip"),
        ("```sh\npython bin/eval.py \\\n --flips\n```", "bin/eval.py has no flag --flips"),
        ("```sh\n.venv/bin/python bin/x.py\n```", "bin/x.py does not exist"),
        ("```sh\npython bin/train.py --arch=mini runs\n```", "bin/train.py takes no argument 'runs'"),
        ("`python bin/eval.py --crop=box`", "--crop cannot be 'box'"),
        ("`python bin/train.py --recipe=old`", "--recipe cannot be 'old'"),
        ("`python bin/experiment.py depth`", "bin/experiment.py takes no argument 'depth'"),
        ("`--cropp`", "no script has flag --cropp"),
        ("`make trian`", "the Makefile has no target 'trian'"),
        ("```sh\nmake test && make tests\n```", "the Makefile has no target 'tests'"),
        ("![a picture](docs/nothing.jpg)", "docs/nothing.jpg does not exist"),
        ("[notes](NOTES.md)", "NOTES.md does not exist"),
    ],
)  # fmt: skip
def test_a_wrong_name_is_caught(text, problem):
    assert problem in problems(text)


def test_right_names_pass():
    text = """`cpm/data/person.py::Pose.joints_px`, `ops/`, `runs/mini/config.json`, `1/2`, `x / y`,
    `[B, h, w, P]`, `--nobackground`, `--arch=paper`, `tests/data/test_pipeline.py::TestTraining.test_seed_changes_everything`
    `make train`, we make do, `python bin/train.py …`, [paper](https://arxiv.org/abs/1602.00134)

```sh
make train    # about ten minutes
.venv/bin/python bin/train.py --stages=6 --noxla --data=data/lsp,data/lspet \\
    --steps=9  # a comment with bin/nothing.py
```
"""
    assert problems(text) == []


def test_every_kind_of_name_is_used():
    """The checks above would pass on an empty file."""
    spans, blocks = code_of((ROOT / "BUILD_NOTES.md").read_text(encoding="utf-8"))
    symbols_named = [span for span in spans if "::" in span]
    assert len(symbols_named) > 80 and len(blocks) >= 2
    assert sum(span.startswith("tests/") for span in symbols_named) > 30


def test_the_paper_s_equations_and_figures_are_in_the_table():
    table = section("Paper ↔ code ↔ test")
    for item in [
        *(f"Eq. {k}" for k in range(1, 6)),
        *(f"Fig. {k}" for k in range(2, 7)),
    ]:
        assert f"| {item}" in table, item


def test_the_dictionary_has_every_score_and_key():
    """Metric names, the values of each, the JSON file's keys, and what identifies a result."""
    people = Predictions(
        ids=("a", "b"),
        joints_px=np.ones([1, 2, 14, 2]) * np.arange(14)[:, None],
        confidence=np.ones([1, 2, 14]),
        truth_px=np.ones([2, 14, 2]) * np.arange(14)[:, None],
        state=np.full([2, 14], 2),
        head_size_px=np.ones(2),
        crop_scale=np.ones(2),
    )
    metrics = report.score(people, SKELETONS["lsp14"], resamples=2)
    keys = {*metrics, *(key for values in metrics.values() for key in values)}
    keys |= {*provenance()} | {*strings_of_dicts("cpm/cli/evaluate.py")}
    text = section("Metric dictionary")
    assert sorted(key for key in keys if f"`{key}`" not in text) == []


def strings_of_dicts(path):
    """Keys of the record that `write_results` writes, read from its source."""
    for node in ast.parse((ROOT / path).read_text()).body:
        if isinstance(node, ast.FunctionDef) and node.name == "write_results":
            for part in ast.walk(node):
                if isinstance(part, ast.Dict):
                    yield from (key.value for key in part.keys)


def test_the_dictionary_has_every_key_of_metrics_jsonl():
    text = section("metrics.jsonl")
    found = set(re.findall(r"`(\w+)`", text))
    written = {"step", "loss", "loss_stage_1", "peak_stage_1", "gradient_norm"}
    written |= {"learning_rate", "seconds", "images_per_second", "evaluation"}
    assert written <= found
    # ... and these are what the loop and the step write.
    source = "".join(
        (ROOT / "cpm" / "training" / f"{name}.py").read_text() for name in ("loop", "step")
    )
    for key in written:
        assert re.search(rf'"{re.sub("_1$", "_{t", key)}', source), key


@pytest.mark.parametrize("joints, per_stage", [(14, "16.8"), (16, "19.2")])
def test_the_all_zero_loss_is_what_the_notes_say(joints, per_stage):
    assert f"{all_zero_loss(joints, TargetConfig()):.1f}" == per_stage
    assert f"{joints * np.pi * 7**2 / (2 * 8**2):.1f}" == per_stage
    assert per_stage in section("Is my loss normal?")


@pytest.mark.parametrize("joints, per_stage", [(14, "53.6"), (16, "61.3")])
def test_the_all_zero_loss_of_mini_is_what_the_notes_say(joints, per_stage):
    """The integral of λ b³ is 2λ/3 of that of b²; sums over the cells differ by where joints lie."""
    expected = joints * np.pi * 6**2 / (2 * 8**2) * (1 + 2 * 5 / 3)
    assert f"{expected:.1f}" == per_stage and per_stage in section("Is my loss normal?")
    assert abs(all_zero_loss(joints, recipe("mini").target) / expected - 1) < 0.02


def all_zero_loss(joints, target):
    """Stage 1's loss, of joints well inside the crop at every position relative to the cells."""
    at = 60 + 8 * np.random.default_rng(0).random([8, 1, joints, 2])
    batch = {
        "image": tf.zeros([8, 160, 160, 3]),
        "joints_px": tf.constant(at, tf.float32),
        "state": tf.fill([8, 1, joints], 2),
        "valid": tf.ones([8]),
    }
    ideal = make_targets(batch, target, stride=8, background=False)
    zero = tf.zeros_like(ideal.first)
    return float(loss.stage_losses([zero], ideal, target.foreground_weight)[0])


@pytest.mark.parametrize("arch", PRESETS)
def test_the_network_s_size_is_what_describe_says(arch):
    """A changed preset has to change its columns: parameters, GMAC, field of each stage."""
    lines = section("The network's size").splitlines()
    table = [line.strip("| ").split(" | ") for line in lines if line.startswith("|")]
    first = next(k for k, title in enumerate(table[0]) if f"`{arch}`" in title)
    config = dataclasses.replace(preset(arch), skeleton="lsp14", stages=6)
    for row, cells in zip(stage_rows(config), table[2:], strict=True):
        assert cells[first : first + 3] == [
            f"{row.total_parameters:,}",
            f"{row.total_multiply_adds / 1e9:.2f}",
            str(row.receptive_field_px),
        ]
