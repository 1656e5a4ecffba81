"""bin/export_weights.py: what it says of an evaluation that it cannot use."""

import types

import pytest

from cpm.cli import export_weights
from cpm.errors import UsageError


@pytest.mark.parametrize("path, named", [("/dev/zero", "evaluation.json"), ("a.json", "a.json")])
def test_no_evaluation_is_to_be_written_into_a_device(tmp_path, monkeypatch, path, named):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(export_weights, "FLAGS", types.SimpleNamespace(ckpt="runs/a"))
    with pytest.raises(UsageError, match=rf"{path} cannot be read .* --json={named}$"):
        export_weights.measured_threshold(path, "runs/a/checkpoints/step-0000001")
