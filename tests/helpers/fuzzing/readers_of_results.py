"""Fuzzed readers of what the programs write of their results: scores, times, plans, thresholds.

They are as those of readers.py: such files are handed on, too.
"""

import io
import json
import os
import types
import zipfile
from pathlib import Path
from unittest import mock

import numpy as np

from cpm.cli import benchmark, export_weights
from cpm import lite
from cpm.benchmark import pages
from cpm.checkpoints import thresholds
from cpm.config import NetworkConfig, TrainConfig
from cpm.config_json import to_dict
from cpm.errors import UsageError
from cpm.evaluation import reliability, report
from cpm.evaluation.predictions import Predictions
from cpm.execution import Execution, Settings
from cpm.experiments import runner
from cpm.report import comparison_page
from cpm.scoring import comparing, people_file
from cpm.skeleton import SKELETONS
from cpm.training import exported_step
from tests.helpers.fuzzing.mutations import as_archive, as_bytes, as_json
from tests.helpers.fuzzing.reader import Reader, above, each, json_values, npz

LSP14 = SKELETONS["lsp14"]
_SETTINGS = Settings(TrainConfig(network=NetworkConfig(stages=1)), Execution())
_CONFIG = {
    **{"config": to_dict(_SETTINGS.config), "execution": to_dict(_SETTINGS.execution)},
    **{"data": ["data/lsp"], "init_from": None, "recipe": "mini"},
}
_RECORDS = Path(__file__).parents[3] / "docs" / "benchmarks" / "records"

# --- evaluations -------------------------------------------------------------------------------


def _people(people=5):
    truth = np.random.default_rng(0).uniform(10, 90, (people, 14, 2))
    return Predictions(
        ids=tuple(f"lsp/im{n:04d}" for n in range(people)),
        joints_px=truth[None] + 1,
        confidence=np.linspace(0, 1, people * 14).reshape(1, people, 14),
        truth_px=truth,
        state=np.full((people, 14), 2),
        head_size_px=np.zeros(people),
        crop_scale=np.ones(people),
    )


def _evaluation():
    found = _people()
    return {
        **{"split": "validation", "box": {"rule": "whole", "margin": 1.1}, "passes": 2},
        **{"flip": True, "scales": [1.0], "checkpoint": "runs/a/checkpoints/step-0000001"},
        "reliability": reliability.reliability(found, LSP14),
        "metrics": report.score(found, LSP14, resamples=50),
    }


def _scored_runs(folder):
    """Two runs that were scored; the evaluation of one is the file that is fuzzed."""
    for name in ("run", "other"):
        run = Path(folder) / name
        (run / "eval").mkdir(parents=True, exist_ok=True)
        (run / "config.json").write_text(json.dumps(_CONFIG))
        (run / "metrics.jsonl").write_text('{"step": 1, "seconds": 0.5, "loss": 3.0}\n')
        people_file.write_people(str(run / "eval" / "validation.npz"), _people(), LSP14.name)
    (Path(folder) / "other" / "eval" / "validation.json").write_text(json.dumps(_evaluation()))


def _compare(path):
    run = Path(path).parents[1]
    # The curves come from metrics.jsonl, and drawing takes a hundred times as long as the rest.
    with mock.patch.object(comparing, "_curves", lambda *_: None):
        found = comparing.compare_runs([str(run), str(run.parent / "other")])
    found.text()
    comparison_page(found)


def _threshold_to_export(path):
    with mock.patch.object(export_weights, "FLAGS", types.SimpleNamespace(ckpt="runs/a")):
        export_weights.measured_threshold(path, "runs/a/checkpoints/step-0000001")


# --- times, plans, thresholds ------------------------------------------------------------------

_OF = to_dict(_SETTINGS.changed({"seed": 0})) | {"data": ["data/lsp"]}
_TIMES = _OF | {"seconds": {"plain": 0.25, "wide": 0.5}}
_PLAN = {
    **{"format": exported_step.FORMAT, "config": to_dict(_SETTINGS.config), "step": 3},
    "state": [{"name": "a", "shape": [2], "dtype": "float32", "changes": True}],
}
_LITE = {
    **{"joints": list(LSP14.joints), "limbs": [["neck", "head_top"]], "threshold": 0.5},
    "terms": "Any use.",
}


_STATE = {"step": np.array(3), "0000": np.ones(2, np.float32)}


def _read_state(path):
    """As `exported_step.import_step`, without the run that the arrays go to."""
    arrays = exported_step._read_arrays(path)
    exported_step._steps_done(arrays.pop("step", np.array(0)), path)


def _records(*names):
    """Seeds: files that bin/benchmark.py wrote."""
    return lambda: [(_RECORDS / f"{name}.json").read_bytes() for name in names]


def _lite():
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("cpm.json", json.dumps(_LITE))
    return [content.getvalue()]


def _read_lite(path):
    """As `cpm.lite.main`, which turns `MODEL_ERRORS` into a sentence."""
    try:
        lite.read_metadata(path)
    except lite.MODEL_ERRORS as error:
        raise UsageError(str(error)) from error


READERS = {
    "evaluation": Reader(
        os.path.join("run", comparing.SCORES),
        lambda: json_values(_evaluation())(),
        each(
            _compare,
            lambda path: runner._scores(None, _SETTINGS, ["data/lsp"], above(2)(path)),
            _threshold_to_export,
        ),
        as_json,
        _scored_runs,
    ),
    "times": Reader(
        "seconds_per_step.json",
        json_values(_TIMES),
        lambda path: runner._known_seconds(path, _OF),
        as_json,
    ),
    "step-plan": Reader(
        exported_step.PLAN,
        json_values(_PLAN),
        lambda path: exported_step._read_plan(above()(path)),
        as_json,
    ),
    "trained-step": Reader(exported_step.TRAINED, npz(**_STATE), _read_state, as_archive),
    "threshold": Reader(
        f"step-0000001{thresholds.SUFFIX}",
        json_values({"threshold": 0.5}, {"threshold": 0.5, "checksum": "0" * 64}),
        lambda path: thresholds.threshold_of(path.removesuffix(thresholds.SUFFIX)),
        as_json,
    ),
    "benchmark": Reader(
        "a.json", _records("startup", "scaling_mini", "train_mini_six"), pages.table, as_json
    ),
    "benchmark-memory": Reader(
        "a.json", _records("memory_mini"), each(pages.memory, benchmark.read_entries), as_json
    ),
    "lite": Reader("pose.tflite", _lite, _read_lite, as_bytes),
}
