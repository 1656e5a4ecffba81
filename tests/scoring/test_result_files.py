"""The files of an evaluation."""

import os
import types

from cpm.config import TrainConfig
from cpm.scoring.options import Options
from cpm.scoring.result_files import write_results


def test_nothing_is_written_beside_a_device(tmp_path):
    """--json=/dev/null made /dev/null.md and /dev/null.npz."""
    os.symlink("/dev/null", tmp_path / "a.json")
    parts = {"metrics": {}, "sources": {}, "curves": {}, "reliability": None, "failures": {}}
    evaluation = types.SimpleNamespace(**parts, precision="float32", people=[], seconds=0.0)
    write_results(evaluation, str(tmp_path / "a.json"), TrainConfig(), Options(), "run")
    assert os.listdir(tmp_path) == ["a.json"]
