"""Published predictions and the truth they are scored against, where the data is at hand."""

import os

import pytest

from cpm.prediction_files.published import PROTOCOLS, attach, read_truth
from tests.helpers.scripts import ROOT

DATA = os.environ.get("CPM_DATA") or ROOT.parent / "shared" / "data"
CPM_ON_LSP = "predictions/cpm_lsp_6stages.mat", "lsp/joints.mat"
HOURGLASS_ON_MPII = (
    "predictions/hourglass_s2_mpii_valid.mat",
    "mpii/detections_our_format.mat",
)


def real_file(name):
    """Path of a file of the research data; skips the test where it is absent."""
    path = os.path.join(DATA, name)
    if not os.path.exists(path):
        pytest.skip(f"no published predictions: {path} is not here (set CPM_DATA)")
    return path


def read_published(protocol, predictions_path, truth_path, *, origin=None):
    """The predictions of one method beside their truth: `Predictions` with T = 1."""
    return attach(predictions_path, read_truth(protocol, truth_path), origin=origin)[0]


def published(protocol, names):
    """`Predictions` of published files and their skeleton, or a skip that says what is missing."""
    people = read_published(protocol, *map(real_file, names))
    return people, PROTOCOLS[protocol].skeleton
