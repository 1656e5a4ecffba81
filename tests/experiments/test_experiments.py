"""The experiments: what their variants change, phases that hand on weights, tables, the script."""

import itertools
import json

import numpy as np
import pytest

from cpm import checkpoints
from cpm.config import AUGMENTATIONS, NetworkConfig, TrainConfig, changed
from cpm.data.records import write_records
from cpm.data.splits import SplitRule
from cpm.errors import UsageError
from cpm.execution import Settings
from cpm.experiments import report, runner, variants
from cpm.experiments.runner import Result
from cpm.network import ConvolutionalPoseMachine
from cpm.network.summary import stage_rows
from tests.helpers.scripts import call
from tests.helpers.small_data_sets import MPII16, make_people
from tests.helpers.tracing import untraced

pytestmark = pytest.mark.slow

SETTINGS = Settings(
    changed(
        TrainConfig(network=NetworkConfig(stages=3, width=0.1, image_size=(48, 64))),
        {
            "target": {"sigma_px": 7.0},
            "optimizer": {"optimizer": "adam"},
            "data": {"augment": AUGMENTATIONS["strong"]},
        },
    )
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Twelve people, every third for validation."""
    path = tmp_path_factory.mktemp("data") / "made"
    rule = SplitRule(
        "thirds",
        "Every third.",
        lambda origin: "validation" if origin.number % 3 == 0 else "train",
    )
    write_records(make_people(12, MPII16), path, source="made", rule=rule)
    return str(path)


@pytest.mark.parametrize("name", variants.EXPERIMENTS)
def test_variants_are_valid_and_share_the_steps(name):
    experiment = variants.EXPERIMENTS[name]
    base = SETTINGS.changed(experiment.changes)
    labels = [variant.label for variant in experiment.variants(base)]
    assert len(set(map(runner.slug, labels))) == len(labels) >= 2
    for variant in experiment.variants(base):
        assert sum(phase.share for phase in variant.phases) == pytest.approx(1.0)
        for phase in variant.phases:
            settings = runner.phase_settings(base, phase)
            network = settings.config.network
            assert len(stage_rows(network)) == network.stages
            assert settings.execution.eval_every == settings.config.steps


def test_receptive_field_keeps_the_number_of_parameters():
    settings = Settings(TrainConfig(network=NetworkConfig(stages=6)))
    wanted = variants.parameters(settings)
    fields = []
    for variant in variants.receptive_field(settings):
        (phase,) = variant.phases
        last = stage_rows(settings.changed(phase.changes).config.network)[-1]
        # Channels come in eights: a step of them is a few percent of the parameters.
        assert abs(last.total_parameters / wanted - 1) < 0.06, variant.label
        fields.append(last.receptive_field_px)
    assert fields == sorted(set(fields))


@pytest.mark.thorough
def test_training_schemes_train_one_stage_at_a_time(folder, tmp_path):
    """A phase changes its own stage's weights only and starts from the phase before."""
    by_label = {v.label: v for v in variants.training_schemes(SETTINGS)}
    settings = SETTINGS.changed({"steps": 3, "data": {"batch_size": 2}})
    result = runner.run_variant(by_label["stage by stage"], settings, [folder], str(tmp_path))
    assert len(result.metrics["pcp25"]["per_stage"]) == 3 and result.minutes > 0
    networks = [
        checkpoints.load_network(runner.last_checkpoint(tmp_path / f"phase-{n}"))[0]
        for n in (1, 2, 3)
    ]
    for before, after in itertools.pairwise(networks):
        values = {v.name: v.numpy() for v in after.trainable_variables}
        for v in before.trainable_variables:
            np.testing.assert_array_equal(values[v.name], v.numpy(), v.name)
    fresh = ConvolutionalPoseMachine(networks[2].config, seed=settings.config.seed)
    for t, network in ((1, networks[0]), (2, networks[1]), (3, networks[2])):
        start = {v.name: v.numpy() for v in fresh.stage_variables(t)}
        moved = [np.any(start[v.name] != v.numpy()) for v in network.stage_variables(t)]
        assert all(moved)


def test_phase_settings_raises_without_steps():
    settings = SETTINGS.changed({"steps": 1})
    with pytest.raises(UsageError, match="raise --steps"):
        runner.phase_settings(settings, variants.Phase({}, 0.1))


def test_equal_time_gives_slow_variants_fewer_steps(tmp_path, monkeypatch):
    """Steps in proportion to speed, the faster of two timings; timed once, then remembered."""
    settings = SETTINGS.changed({"network": {"width": 0.5}})
    seconds = {"as it is": 0.1, "width × 1.5": 0.2, "crop × 0.75": 0.05, "Adam": 0.4}
    settings = settings.changed({"optimizer": {"optimizer": "sgd"}})
    every = {v.label: v for v in variants.one_change(settings)}
    first, *others = (every[label] for label in seconds)
    listed = [first, *others[:2], every["σ × 0.7"]]
    timed = []

    def timing(variant, settings, data):
        timed.append(variant.label)
        disturbed = timed.count(variant.label) == 1
        return seconds[variant.label] * (3 if disturbed else 1)

    def equal(variants, settings=settings, data=(), out=tmp_path):
        found = runner.equal_time(variants, first, settings, list(data), str(out))
        return {variant.label: variant.phases[0] for variant in found}

    monkeypatch.setattr(runner, "seconds_per_step", timing)
    for _ in range(2):
        shares = {label: phase.share for label, phase in equal(listed).items()}
        # The width of a peak changes no step's time: it is not timed on its own.
        assert shares == {
            "as it is": 1.0,
            "width × 1.5": 0.5,
            "crop × 0.75": 2.0,
            "σ × 0.7": 1.0,
        }
    assert sorted(timed) == sorted(2 * [v.label for v in listed[:3]])
    timed.clear()
    # A variant that comes later is timed then, the others are not again; the first needs no run.
    assert equal([every["Adam"]])["Adam"].share == 0.25
    assert timed == ["Adam", "Adam"]
    seeded = settings.changed({"seed": 7})
    assert equal(listed, seeded) == equal(listed)
    other = settings.changed({"data": {"batch_size": 3}})
    for another, data in ((other, []), (settings, ["data/lsp"])):
        with pytest.raises(UsageError, match="other settings; name another --out"):
            equal(listed, another, data)
    assert timed == ["Adam", "Adam"]
    settings = settings.changed({"steps": 100})
    phase = equal(listed, settings, out=tmp_path / "longer")["crop × 0.75"]
    assert runner.phase_settings(settings, phase).config.steps == 200


@pytest.mark.parametrize(
    "change",
    [
        *({"seconds": None}, {"seconds": []}, {"seconds": {"as it is": 0}}, {"config": 3}),
        *({"seconds": {"as it is": "1"}}, {"execution": []}, {"data": 3}),
        {"config": {"network": 1}},
    ],
    ids=str,
)
def test_times_of_another_shape_are_a_sentence(tmp_path, monkeypatch, change):
    monkeypatch.setattr(runner, "seconds_per_step", lambda *_: 1.0)
    listed = variants.one_change(SETTINGS)[:1]
    runner.equal_time(listed, listed[0], SETTINGS, [], str(tmp_path))
    path = tmp_path / "seconds_per_step.json"
    record = json.loads(path.read_text()) | change
    path.write_text(json.dumps({key: value for key, value in record.items() if value is not None}))
    with pytest.raises(UsageError, match=r"seconds_per_step.json (cannot be|was)"):
        runner.equal_time(listed, listed[0], SETTINGS, [], str(tmp_path))


@pytest.mark.parametrize(
    "record",
    [
        *(
            [],
            {"metrics": 3},
            {"metrics": {"pcp25": []}},
            {"metrics": {"pcp25": {"per_stage": []}}},
        ),
        {"metrics": {"pcp25": {"per_stage": [1e308]}}},
        {"metrics": {"pcp25": {"per_stage": [5.0], "interval": [-1e30, 6.0]}}},
    ],
    ids=str,
)
def test_scores_of_another_shape_are_a_sentence(tmp_path, record):
    (tmp_path / "eval").mkdir()
    (tmp_path / "eval" / "validation.json").write_text(json.dumps(record))
    with pytest.raises(UsageError, match=r"validation.json cannot be .* run again"):
        runner._scores("none", SETTINGS, [], str(tmp_path))


@pytest.mark.parametrize("text", [None, "", "nonsense\n"])
def test_lost_records_of_a_run_are_a_sentence(tmp_path, text):
    if text is not None:
        (tmp_path / "metrics.jsonl").write_text(text)
    with pytest.raises(UsageError, match=r"metrics\.jsonl of .* is lost or damaged.*run again"):
        runner._records(str(tmp_path))


def test_two_processes_time_their_own_variants(tmp_path, monkeypatch):
    """What the other one has written meanwhile is kept, and is what counts."""
    first, smaller, larger, *_ = variants.one_change(SETTINGS)
    both = {"smaller": 0.5, "larger": 2.0}

    def other_process(variant, *_):
        if variant is smaller:
            runner.equal_time([larger], first, SETTINGS, [], str(tmp_path))
        return both["smaller" if variant is smaller else "larger"]

    monkeypatch.setattr(runner, "seconds_per_step", other_process)
    runner.equal_time([smaller], first, SETTINGS, [], str(tmp_path))
    record = json.loads((tmp_path / "seconds_per_step.json").read_text())
    assert record["seconds"] == {
        first.label: 2.0,
        smaller.label: 0.5,
        larger.label: 2.0,
    }


def test_phases_keep_their_proportions_at_equal_time(tmp_path, monkeypatch):
    settings = SETTINGS.changed({"network": {"width": 0.5}})
    slow = variants.Variant(
        "slow",
        (
            variants.Phase({"network": {"width": 1.0}}, 0.2, "synthetic"),
            variants.Phase({"network": {"width": 1.0}}, 0.8),
        ),
    )
    first = variants.one_change(settings)[0]
    monkeypatch.setattr(runner, "seconds_per_step", lambda v, *_: 2.0 if v is slow else 1.0)
    (found,) = runner.equal_time([slow], first, settings, [], str(tmp_path))
    assert [phase.share for phase in found.phases] == pytest.approx([0.1, 0.4])
    assert [phase.data for phase in found.phases] == ["synthetic", "given"]


def test_phases_name_their_people(monkeypatch):
    monkeypatch.setattr(
        runner.datasets, "synthetic_folder", lambda count, seed: f"drawn-{count}-{seed}"
    )
    folders = {
        data: runner.folders_of(variants.Phase({}, data=data), ["a", "b"])
        for data in ("given", "synthetic", "both")
    }
    assert folders == {
        "given": ["a", "b"],
        "synthetic": ["drawn-8000-0"],
        "both": ["a", "b", "drawn-8000-0"],
    }


@pytest.mark.thorough
def test_only_some_variants_are_run(folder, tmp_path):
    """Those that are named; together with those of another process they make one table."""
    settings = SETTINGS.changed({"steps": 1, "data": {"batch_size": 2}})
    arguments = ("gradients", settings, [folder], str(tmp_path), [0])
    labels = ["every stage", "last stage only"]
    for label in labels:
        found = runner.run_experiment(*arguments, only=[label])
        assert [result.label for result in found] == [label]
    assert [r.label for r in runner.run_experiment(*arguments)] == labels
    with pytest.raises(UsageError, match="no variant 'all'; there are: every stage, l"):
        runner.run_experiment(*arguments, only=["every stage", "all"])


def test_seconds_per_step_leave_out_the_first_half(folder, monkeypatch):
    """By a clock on which a step lasts 2 s, and one that compiles 100."""
    now = [0.0]
    monkeypatch.setattr(runner, "TIMED_STEPS", 4)
    monkeypatch.setattr(runner.time, "perf_counter", lambda: now[0])
    one_step = runner.loop.Run.one_step

    def timed(self, step, batch):
        now[0] += 2.0 if step else 100.0
        return one_step(self, step, batch)

    monkeypatch.setattr(runner.loop.Run, "one_step", timed)
    settings = SETTINGS.changed({"data": {"batch_size": 2}})
    (variant, *_) = variants.one_change(settings)
    with untraced():
        assert runner.seconds_per_step(variant, settings, [folder]) == 2.0


@pytest.mark.thorough
@pytest.mark.parametrize("failure", [runner.NonFiniteLoss, runner.MapsNotFinite])
def test_a_variant_that_diverges_is_left_out(folder, tmp_path, monkeypatch, capsys, failure):
    """Of the second kind are weights that only overflow where they are scored."""
    train = runner.run_variant

    def diverging(variant, settings, data, where):
        if "alone" in variant.label or "only" in variant.label:
            raise failure("the loss is nan at step 1")
        return train(variant, settings, data, where)

    monkeypatch.setattr(runner, "run_variant", diverging)
    settings = SETTINGS.changed({"steps": 1, "data": {"batch_size": 2}})
    arguments = ("gradients", settings, [folder], str(tmp_path), [0])
    assert [r.label for r in runner.run_experiment(*arguments)] == ["every stage"]
    assert "left out: the loss is nan" in capsys.readouterr().out


def test_advice_names_the_flags_of_experiments(tmp_path, monkeypatch):
    """bin/experiment.py has neither --run_dir nor --restart; advice about data stays."""
    (variant, *_) = variants.EXPERIMENTS["stages"].variants(SETTINGS)
    said = {
        "no checkpoint is whole (a: cut; b: cut); train again with --restart, or another --run_dir":
            r"whole \(a: cut; b: cut\); restore it from a copy, delete .*phase-1 .* another --out$",
        "a shard is damaged; make the folder again": "^a shard is damaged; make the folder again$",
    }  # fmt: skip
    for text, expected in said.items():

        def refuse(*_, text=text, **__):
            raise UsageError(text)

        monkeypatch.setattr(runner.loop, "Run", refuse)
        with pytest.raises(UsageError, match=expected):
            runner.run_variant(variant, SETTINGS.changed({"steps": 9}), ["data"], str(tmp_path))


def test_one_change_changes_one_thing():
    """Peaks grow with the crop; what the recipe has already is no change."""
    settings = SETTINGS.changed({"average_decay": 0.99})
    by_label = {v.label: v.phases[0].changes for v in variants.one_change(settings)}
    larger = settings.changed(by_label["crop × 1.25"])
    assert larger.config.network.image_size == (64, 80)
    assert larger.config.target.sigma_px == pytest.approx(7.0 * 64 / 48)
    *_, first, among = variants.one_change(settings)  # these change the people instead
    assert [phase.data for phase in first.phases] == ["synthetic", "given"]
    assert [phase.data for phase in among.phases] == ["both"]
    for label, changes in by_label.items():
        same = label in ("as it is", first.label, among.label)
        assert (settings.changed(changes) == settings) == same, label
    assert "no average of weights" in by_label and "Adam" not in by_label
    assert "average of 1000 steps" in by_label
    single = settings.changed({"network": {"stages": 1}})
    labels = [v.label for v in variants.one_change(single)]
    assert not [label for label in labels if "kernels" in label or "stages" in label]
    assert "strong augmentation" not in by_label and "wild augmentation" in by_label


def result(label, seed, stages, gradients=()):
    metrics = {"pck@0.2": {"per_stage": list(stages), "total": stages[-1]}}
    return Result(label, seed, metrics, 50, 2.0 + seed, 1000, 99, list(gradients))


def test_summarize_and_table_preset():
    """Mean and sample deviation over seeds: 40 and 46 give 43 ± 4.24."""
    results = [
        result("a", 0, [30.0, 40.0]),
        result("b", 0, [10.0]),
        result("a", 1, [34.0, 46.0]),
    ]
    rows = report.summarize(results, "pck@0.2")
    assert [row["label"] for row in rows] == ["a", "b"]
    assert rows[0]["per_stage"] == [32.0, 43.0]
    assert rows[0]["spread"] == pytest.approx(18**0.5)
    assert rows[1]["spread"] is None and rows[0]["minutes"] == 2.5
    lines = [" ".join(line.split()) for line in report.table(rows, "pck@0.2").splitlines()]
    assert lines[2] == "| a | 43.0 ± 4.2 (2) | 32.0 | 43.0 | 1,000 | 99 | 50 | 2.5 |"
    assert lines[3] == "| b | 10.0 (1) | 10.0 | | 1,000 | 99 | 50 | 2.0 |"
    assert lines[5] == "Validation people, percent; ± 1 standard deviation of up to 2 seeds."
    assert "Validation objects, percent" in report.table(rows, "pck@0.2", "objects")
    assert "deviation of 2 seeds" in report.table(rows[:1], "pck@0.2")
    assert "one seed, no spread known" in report.table(rows[1:], "pck@0.2")


def test_gradient_ratios_preset():
    results = [
        result("every stage", 0, [1.0], [(1, {"conv1": 4.0}), (9, {"conv1": 8.0})]),
        result("last stage only", 0, [1.0], [(1, {"conv1": 2.0}), (9, {"conv1": 1.0})]),
    ]
    assert report.gradient_ratios(results) == {"conv1": 4.0}
    assert report.gradient_ratios(results[:1]) == {}  # the other was left out, or diverged
    first, _ = report.gradients_as_json(results)
    assert first == {
        "label": "every stage",
        "seed": 0,
        "steps": [1, 9],
        "layers": {"conv1": [4.0, 8.0]},
    }


@pytest.mark.parametrize("name", variants.EXPERIMENTS)
def test_figure_draws_something(name):
    gradients = [
        (1, {"conv1": 1e-3, "conv2": 1e-2}),
        (5, {"conv1": 1e-4, "conv2": 1.0}),
    ]
    results = [
        result(label, seed, [30.0 + seed, 40.0], gradients)
        for label in ("one", "two")
        for seed in (0, 1)
    ]
    rows = report.summarize(results, "pck@0.2")
    pixels = report.figure(name, results, rows, "pck@0.2")
    assert pixels.dtype == np.uint8 and pixels.std() > 5


def test_figures_of_variants_that_diverged_with_some_seeds():
    """Those have no spread; the figure of fields did not draw a list with None in it."""
    results = [result("a", 0, [40.0]), result("b", 0, [30.0]), result("a", 1, [50.0])]
    rows = report.summarize(results, "pck@0.2")
    for name in ("stages", "field", "time"):
        assert report.figure(name, results, rows, "pck@0.2").std() > 5


def script(*flags, cwd):
    return call("experiment.py", *flags, cwd=cwd)


@pytest.mark.thorough
def test_script_writes_its_results_and_reads_them_again(folder, tmp_path):
    flags = ["gradients", f"--data={folder}", "--steps=2", "--batch_size=2"]
    flags += ["--stages=2", "--width=0.1", "--image_size=48x64", "--seeds=0,1"]
    first = script(*flags, "--noxla", cwd=tmp_path)
    assert first.returncode == 0, first.stderr
    stem = tmp_path / "runs" / "experiments" / "gradients" / "gradients"
    record = json.loads((stem.parent / "gradients.json").read_text())
    assert [row["label"] for row in record["variants"]] == [
        "every stage",
        "last stage only",
    ]
    assert record["variants"][0]["seeds"] == [0, 1] and "commit" in record
    assert "conv1_1" in record["gradient_ratios"]
    assert len(record["gradients"]) == 4 and len(record["gradients"][0]["steps"]) == 2
    assert record["config"]["network"]["stages"] == 2 and record["data"] == [folder]
    assert record["variants"][0]["spread"] is not None
    low, high = record["variants"][0]["intervals"][0]
    assert low <= record["variants"][0]["values"][0] <= high
    again = script(*flags, "--noxla", cwd=tmp_path)
    assert again.returncode == 0 and "first step" not in again.stdout


@pytest.mark.parametrize(
    "flags, sentence",
    [
        ([], "got none"),
        (["depth"], "there are: stages"),
        (["stages", "x"], "'x'"),
        (
            ["stages", "--seeds=0.5"],
            "--seeds is '0.5'; expected different whole numbers",
        ),
        (["stages", "--seeds=1,1"], "--seeds is '1,1'"),
        (["stages", "--seeds=1e300"], "--seeds is '1e300'"),
        (["stages", "--seeds=99999999999999999999"], "--seeds is '99999999999999999999'"),
    ],
)
def test_script_refuses_in_one_sentence(flags, sentence, tmp_path):
    process = script(*flags, cwd=tmp_path)
    assert process.returncode == 2 and sentence in process.stderr
    assert len(process.stderr.strip().splitlines()) == 1
