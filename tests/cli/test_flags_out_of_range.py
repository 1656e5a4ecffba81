"""Every flag of every script, given what it cannot be: one sentence and status 2, or it is legal.

The flags and their types are asked of the scripts. What would compute is replaced by an exception,
`Reached`: a value that comes so far was accepted. Numbers that nothing can mean never do.
"""

import importlib
import math
import pkgutil

import pytest
from absl import flags

import cpm.cli
from cpm.cli import command_line
from tests.helpers.small_runs import write_data, write_run
from tests.helpers.tiny_networks import tiny_weights

SCRIPTS = sorted(
    name
    for _, name, _ in pkgutil.iter_modules(cpm.cli.__path__)
    if hasattr(importlib.import_module(f"cpm.cli.{name}"), "define_flags")
)
HUGE = "1" + "0" * 400
NO_NUMBERS = ("", "word", "nan", "inf", "-inf", "1e999", "1\n2", "\x1b[2J", "\uff11\uff12x")
VALUES = {
    "int": (*NO_NUMBERS, "1.5", "-1", "1000000000", HUGE, f"-{HUGE}"),
    "float": (*NO_NUMBERS, "-1", HUGE),
    "bool": ("", "word", "2", "nan"),
    "string enum": ("", "word", "-1", "\x1b[2J"),
    "string": ("", "\x1b[2J\n", "x" * 1000, "/dev/null/x", "no/such/file.npz"),
    "comma separated list of strings": ("", ",", "nan", HUGE, "-1,x", "\x1b[2J\n", "x" * 1000),
    "multi string": ("", "nan", HUGE, "a=b", "\x1b[2J\n", "x" * 1000),
}
SIGNED = {"seed", "box_score", "threshold"}  # may be below 0
# Called with these, a script has all that it needs.
NEEDED = {
    "benchmark": ("--case=heatmap",),
    "convert": ("--dataset=lsp", "--src={out}/lsp", "--out={out}/converted"),
    "demo": ("--noserve", "--out={out}/demo", "--ckpt={weights}"),
    "eval": ("--ckpt={weights}", "--data={data}", "--json={out}/a.json"),
    "experiment": ("--data={data}", "stages"),
    "export": ("--ckpt={weights}", "--format=litert", "--out={out}/pose.tflite"),
    "export_weights": ("--ckpt={run}", "--out={out}/w.npz"),
    "figures": ("--figure=samples", "--out={out}/a.png"),
    "import_weights": ("--src={weights}", "--out={out}/imported"),
    "inspect_batch": ("--data={data}", "--out={out}/a.png"),
    "make_scenes": ("--data={data}", "--kind=groups", "--out={out}/scenes"),
    "predict": ("--input={image}", "--ckpt={weights}"),
    "report": ("{run}",),
    "train": ("--data={data}", "--run_dir={out}/run"),
}
# A flag that goes with others.
MORE = {
    ("benchmark", "assume"): ("--case=scaling",),
    ("benchmark", "rounds"): ("--case=scaling",),
    ("benchmark", "images"): ("--case=predict",),
    ("benchmark", "synthetic_people"): ("--case=pipeline",),
    ("experiment", "synthetic_people"): ("--data=",),
    ("train", "synthetic_people"): ("--data=",),
    ("predict", "box_score"): ("--boxes={boxes}",),
    ("predict", "smooth_cutoff"): ("--smooth", "--input={video}"),
    ("predict", "smooth_speed"): ("--smooth", "--input={video}"),
    **{("convert", name): ("--dataset=synthetic", "--src=") for name in ("count", "held_out")},
    **{("figures", name): ("--figure=gallery",) for name in ("ckpt", "count", "seed")},
    ("export", "batches"): ("--what=train_step", "--format=stablehlo", "--ckpt={run}"),
}
# Where a script begins to compute, to write, or to wait.
WORK = {
    "benchmark": (
        *("measure.measure", "cases.heatmap_items", "cases.network_items"),
        *("cases.pipeline_items", "predicting.measure_predicting", "scaling.measure_ways"),
    ),
    "convert": ("datasets.convert",),
    "demo": ("vendor_runtime", "Exporter"),
    "describe": ("summary.layer_rows",),
    "eval": ("eval_network.load_for_use",),
    "experiment": ("runner.run_experiment",),
    "export": ("Exporter", "export_step"),
    "export_weights": ("load_network",),
    "figures": ("figures_of_people.synthetic.read_people", "figures_of_people.Predictor"),
    "import_weights": ("importer.import_weights",),
    "inspect_batch": ("pipeline.training_batches",),
    "make_scenes": ("making.make_scenes",),
    "memory": ("memory.measure",),
    "predict": ("Predictor",),
    "report": ("report_run",),
    "train": ("loop.Run",),
}


class Reached(Exception):
    """A script would begin to work now."""


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """{name: path} of what scripts read."""
    folder = tmp_path_factory.mktemp("files")
    data = write_data(folder / "data")
    (folder / "boxes.csv").write_text("a.jpg,1,2,3,4\n")
    (folder / "a.jpg").write_bytes(b"")
    (folder / "a.mp4").write_bytes(b"")
    return {
        "data": data,
        "run": write_run(folder / "run", data)[0],
        "weights": tiny_weights(folder / "weights.npz"),
        **{"boxes": folder / "boxes.csv", "image": folder / "a.jpg", "video": folder / "a.mp4"},
    }


@pytest.mark.parametrize("name", SCRIPTS)
def test_flags_out_of_range(name, files, tmp_path, monkeypatch, capfd):
    script = importlib.import_module(f"cpm.cli.{name}")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(f"cpm.cli.{name}.configure_threads", lambda execution: None, raising=False)
    monkeypatch.setattr("cpm.benchmark.machine.measure_limits", lambda: None)
    stop_at_work(name, monkeypatch)
    wrong, tried = [], 0
    before = {*flags.FLAGS}
    script.define_flags()
    own = [flag for flag in flags.FLAGS if flag not in before]
    try:
        for flag in own:
            needed = [*NEEDED.get(name, ()), *MORE.get((name, flag), ())]
            needed = [text.format(out=tmp_path, **files) for text in needed]
            for value in VALUES[flags.FLAGS[flag].flag_type()]:
                tried += 1
                status, problem = called(script, own, [*needed, f"--{flag}={value}"])
                said = capfd.readouterr().err
                if problem is None and status == 0 and is_no_number(flag, value):
                    problem = "was accepted"
                if problem or (status and not is_sentence(said)):
                    wrong.append(f"--{flag}={value[:30]!r}: {problem or said[-200:]!r}")
    finally:
        flags.FLAGS.remove_flag_values(own)
    assert tried > 5
    assert not wrong, "\n".join(wrong)


def stop_at_work(name, monkeypatch):
    """Replaces what a script computes with."""

    def reach(*_, **__):
        raise Reached

    monkeypatch.setattr("cpm.data.datasets.synthetic_folder", reach)
    for path in WORK[name]:
        monkeypatch.setattr(f"cpm.cli.{name}.{path}", reach, raising=False)


def called(script, own, arguments):
    """(exit status, what is wrong or None) of a script."""
    for flag in own:
        flags.FLAGS[flag].unparse()
    try:
        remaining = command_line._parse([script.__name__, *arguments])
        positional = getattr(script, "POSITIONAL", 0)
        status = command_line.exit_status(script.main, remaining, positional) or 0
    except Reached:
        return 0, None
    except SystemExit as stop:
        status = stop.code
    except Exception as error:
        return 1, f"{type(error).__name__}: {error}"[:300]
    return status, None if status in (0, 2) else f"exit status {status}"


def is_no_number(flag, value):
    """Whether a value is one that the flag cannot mean, being a number."""
    kind = flags.FLAGS[flag].flag_type()
    if kind not in ("int", "float"):
        return False
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return True
    return not math.isfinite(number) or (number < 0 and flag not in SIGNED)


def is_sentence(said):
    """Whether standard error ends in one printable line."""
    (line,) = [line for line in said.splitlines() if line.startswith("error: ")] or [""]
    return bool(line) and line.isprintable() and len(line) < 4000 and "Traceback" not in said
