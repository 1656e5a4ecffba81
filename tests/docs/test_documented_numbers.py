"""Numbers, names and defaults in the documents are those of the code, where a test can compare."""

import ast
import contextlib
import dataclasses
import io
import json
import re

import numpy as np
import pytest
import tensorflow as tf

from cpm import provenance
from cpm.checkpoints import pretrained
from cpm.checkpoints.loading import load_network
from cpm.checkpoints.weights_file import digest
from cpm.config import AUGMENTATIONS
from cpm.data.splits import LSP_NEAR_DUPLICATES
from cpm.evaluation import report
from cpm.evaluation.predictions import Predictions
from cpm.network import PRESETS, preset
from cpm.network.summary import stage_rows
from cpm.skeleton import SKELETONS
from cpm.training import loss
from cpm.training.recipes import recipe
from cpm.training.targets import make_targets
from tests.helpers.markdown_files import ROOT, documents, fences, read, section, tables

METRICS = "docs/metrics.md"


def configured(arch, stages=6, skeleton="lsp14", **changes):
    return dataclasses.replace(preset(arch), skeleton=skeleton, stages=stages, **changes)


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
    keys |= {*provenance.provenance()} | {*strings_of_dicts("cpm/scoring/result_files.py")}
    text = read(METRICS)
    assert sorted(key for key in keys if f"`{key}`" not in text) == []


def strings_of_dicts(path):
    """Keys of the record that `write_results` writes, read from its source."""
    for node in ast.parse((ROOT / path).read_text()).body:
        if isinstance(node, ast.FunctionDef) and node.name == "write_results":
            for part in ast.walk(node):
                if isinstance(part, ast.Dict):
                    yield from (key.value for key in part.keys)


def test_the_dictionary_has_every_key_of_metrics_jsonl():
    found = set(re.findall(r"`(\w+)`", section(METRICS, "metrics.jsonl")))
    written = {"step", "loss", "loss_stage_1", "peak_stage_1", "gradient_norm"}
    written |= {"learning_rate", "seconds", "images_per_second", "evaluation"}
    assert written <= found
    # ... and these are what the loop and its step write.
    source = "".join(
        (ROOT / "cpm" / "training" / f"{name}.py").read_text()
        for name in ("loop", "guarded_step", "step")
    )
    for key in written:
        assert re.search(rf'"{re.sub("_1$", "_{t", key)}', source), key


@pytest.mark.parametrize(
    "joints, of_the_paper, of_mini", [(14, "16.8", "53.6"), (16, "19.2", "61.3")]
)
def test_the_all_zero_loss_is_what_the_document_says(joints, of_the_paper, of_mini):
    """The integral of λ b³ is 2λ/3 of that of b²; sums over cells differ by where joints lie."""
    text = section(METRICS, "Is my loss normal?")
    assert f"{all_zero_loss(joints, recipe('paper').config.target):.1f}" == of_the_paper
    assert f"{joints * np.pi * 7**2 / (2 * 8**2):.1f}" == of_the_paper
    expected = joints * np.pi * 6**2 / (2 * 8**2) * (1 + 2 * 5 / 3)
    assert f"{expected:.1f}" == of_mini
    assert abs(all_zero_loss(joints, recipe("mini").config.target) / expected - 1) < 0.02
    (table,) = tables(text)
    column = table[0].index(f"{joints} joints")
    six = [f"{6 * float(value):.0f}" for value in (of_the_paper, of_mini)]
    assert [row[column] for row in table[1:]] == [of_the_paper, six[0], of_mini, six[1]]


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


def column_of(arch, table, page):
    """The first column of a table whose title names the preset."""
    columns = [k for k, title in enumerate(table[0]) if f"`{arch}`" in title]
    assert columns, f"the table of sizes in {page} has no column of `{arch}`"
    return columns[0]


@pytest.mark.parametrize("arch", PRESETS)
def test_the_network_s_size_is_what_describe_says(arch):
    """A changed preset has to change its columns: parameters, GMAC, field of each stage."""
    (table,) = tables(section("docs/results/network_size.md", "The networks' size"))
    first = column_of(arch, table, "docs/results/network_size.md")
    for row, cells in zip(stage_rows(configured(arch)), table[1:], strict=True):
        assert cells[first : first + 3] == [
            f"{row.total_parameters:,}",
            f"{row.total_multiply_adds / 1e9:.2f}",
            str(row.receptive_field_px),
        ]


def test_sizes_of_mini_with_sixteen_joints():
    three, six = (
        stage_rows(configured("mini", stages, "mpii16"))[-1].total_parameters for stages in (3, 6)
    )
    text = read("docs/results/network_size.md")
    assert preset("mini").stages == 3
    assert f"{three:,} parameters" in text and f"{six:,} in six" in text
    deviations = read("docs/deviations.md")
    assert f"{three / 1e6:.2f} M parameters with 16 joints" in deviations
    assert f"{six / 1e6:.2f} M in six" in deviations


@pytest.mark.parametrize("arch", PRESETS)
def test_sizes_in_the_how_to_and_the_guide(arch):
    rows = stage_rows(configured(arch))
    fields = [row.receptive_field_px for row in rows]
    sizes = tables(read("docs/howto/paper_networks.md"))[0]
    found = [row for row in sizes if row[0].startswith(f"`{arch}`")]
    assert len(found) == 1, f"docs/howto/paper_networks.md needs a row of `{arch}`"
    assert found[0][1:5] == [
        f"{configured(arch).image_size[0]} px",
        f"{rows[-1].total_parameters / 1e6:.1f} M",
        f"{rows[-1].total_multiply_adds / 1e9:.1f}",
        f"{fields[0]}, {fields[1]} px",
    ]
    guide = read("docs/guide/network.md")
    (table,) = [t for t in tables(guide) if t[1][0] == "stage 1"]
    column = column_of(arch, table, "docs/guide/network.md")
    assert [row[column] for row in table[1:]] == [f"{field} px" for field in fields[:3]]


def test_the_default_recipes_are_what_the_documents_say():
    mini, synthetic, modern = (recipe(name).config for name in ("mini", "synthetic", "modern"))
    rows = {row[0]: row for table in tables(read("docs/deviations.md")) for row in table}
    assert rows["batch"][2] == (
        f"{mini.data.batch_size} (`mini`); {modern.data.batch_size} (`modern`)"
    )
    assert rows["σ"][2].startswith(
        f"{modern.target.sigma_px:g} px; `mini` {mini.target.sigma_px:g} px"
    )
    assert f"× {mini.data.margin} (`mini`), × {modern.data.margin}" in rows["crop in training"][2]
    assert mini.data.augment == AUGMENTATIONS["light"] == synthetic.data.augment
    light, strong = AUGMENTATIONS["light"].scale, AUGMENTATIONS["strong"].scale
    assert "log-uniform in {} … {}".format(*strong) in rows["scale"][2]
    assert '{} … {} ("light")'.format(*light) in rows["scale"][2]
    assert synthetic.data.batch_size == 16
    for name in ("docs/results/synthetic_people.md", "docs/howto/synthetic_people.md"):
        assert f"{synthetic.steps:,} steps of sixteen people" in " ".join(read(name).split())


def test_the_size_of_the_weights_is_one_number():
    folder = ROOT / "cpm/checkpoints/pretrained"
    sizes = {
        name: f"{(folder / f'{name}.npz').stat().st_size / 1e6:.1f} MB"
        for name in ("weights", "small")
    }
    for name in documents():
        text = " ".join(read(name).split())
        for file, found in re.findall(r"(weights|small)\.npz`?,? \(?(\d\.\d MB)", text):
            assert found == sizes[file], name
    for card, file in (("MODEL_CARD.md", "weights"), ("MODEL_CARD_SMALL.md", "small")):
        assert f"| file | {sizes[file]}" in read(f"cpm/checkpoints/pretrained/{card}")
    assert sizes["weights"] in read("docs/decisions/0019-weights-as-a-numpy-archive.md")


def test_eleven_near_duplicates_leave_the_split_rule_development():
    assert sum(number <= 900 for number in LSP_NEAR_DUPLICATES) == 11
    assert len(LSP_NEAR_DUPLICATES) == 12
    for name in ("cpm/checkpoints/pretrained/MODEL_CARD.md", "docs/howto/lsp.md"):
        assert "eleven" in read(name)


def test_answers_about_sigma():
    """Exercise 1: its code runs, and prints what its answer says."""
    text = section("docs/guide/answers.md", "1. σ doubled")
    (code,) = [code for language, code in fences(text) if language == "python"]
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(code, "answers.md", "exec"), {})
    rows = [[float(word) for word in line.split()] for line in printed.getvalue().splitlines()]
    narrow, mini, paper, doubled = rows
    assert f"{narrow[2]:.0%}" == "69%" and "69 % of the joints" in text
    assert f"{mini[2]:.0%}" == "5%" and "it is 5 %" in text
    assert f"{mini[1]:.1f}" == "3.5"
    assert paper[1] < 1e-5 and doubled[1] < 2e-5 and paper[2] == doubled[2] == 0


@pytest.mark.parametrize("stride", [8, 4])
def test_answers_about_stride_4(stride):
    (table,) = tables(section("docs/guide/answers.md", "2. Stride 4"))
    rows = stage_rows(configured("mini", stride=stride))
    fields = [rows[t].receptive_field_px for t in (0, 1, 5)]
    column = table[0].index(f"stride {stride}")
    assert [row[column] for row in table[1:]] == [
        f"{rows[-1].total_parameters:,}",
        f"{rows[-1].total_multiply_adds / 1e9:.2f}",
        "{}, {}, {} px".format(*fields),
    ]


def test_answer_about_winograd():
    """Exercise 5: the formulas are an algorithm, for the numbers of the answer and for others."""
    text = section("docs/guide/answers.md", "5. F(2, 3) by hand")
    formulas = re.findall(r"\b([my]\d) = ([^,\n]+)", text.split("With d =")[0])
    assert [name for name, _ in formulas] == ["m1", "m2", "m3", "m4", "y0", "y1"]
    for d, g in ([1, 2, 3, 4], [1, 0, -1]), ([0.5, -2, 7, 3], [2, 5, -4]):
        names = {f"d{k}": v for k, v in enumerate(d)} | {f"g{k}": v for k, v in enumerate(g)}
        for name, formula in formulas:
            names[name] = eval(formula.replace("·", "*").replace("−", "-"), {}, names)
        expected = [sum(d[j + k] * g[k] for k in range(3)) for j in range(2)]
        assert [names["y0"], names["y1"]] == pytest.approx(expected)


@pytest.mark.parametrize("name", pretrained.FILES)
def test_the_table_of_exported_files_is_of_the_weights_that_ship(name):
    """Else: bin/export.py with the command of docs/results/exports.md, then --page."""
    record = json.loads(read(f"docs/results/records/{name}.deviations.json"))
    network, _, _ = load_network(name)
    assert (record["checkpoint"], record["weights"]) == (name, digest(network))
    assert not record["to_do"]
