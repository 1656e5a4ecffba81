"""A person as a prediction finds one, with numbers that are easy to check."""

import numpy as np

from cpm.inference.person_pose import PersonPose
from cpm.skeleton import SKELETONS

LSP = SKELETONS["lsp14"]


def person(shift=0.0, **fields):
    """A `PersonPose` of fourteen joints: no position of the first, confidences that rise."""
    joints_px = np.arange(28, dtype=np.float64).reshape(14, 2) * 3 + shift
    joints_px[0] = np.nan
    confidence = np.linspace(0, 0.975, 14)
    values = {"box": (1.0, 2.0, 30.0, 40.0)} | fields
    return PersonPose(LSP, joints_px, confidence, **values)
