"""Reading others' prediction files, so that any method is scored by the same code.

Each protocol says what the two MATLAB files hold; positions are 1-based in both and stay so, since
only differences count:

  lsp    predictions: one array [14, 2, N], [N, 14, 2] …; truth: LSP's joints.mat, `joints`
         [3, 14, 2000]. N = 1000 predictions are those of the test half, 1001 … 2000.
  mpii   predictions: one array with the axes 16, 2, N in any order; truth: the validation
         people's detections_our_format.mat with `pos_gt_src` [16, 2, N], `jnt_missing` [16, N],
         `headboxes_src` [2, 2, N].
"""

import os

import numpy as np
import scipy.io

from cpm.errors import UsageError
from cpm.evaluation.predictions import Predictions
from cpm.skeleton import SKELETONS

HEAD_FRACTION = 0.6  # MPII: head size = 0.6 × diagonal of the head rectangle
PROTOCOLS = {"lsp": SKELETONS["lsp14"], "mpii": SKELETONS["mpii16"]}


def read_published(protocol, predictions_path, truth_path):
    """The predictions of one method beside their truth, as one stage.

    Crops are unknown, so `crop_scale` is nan and PCP@25px will not be scored.

    Args:
      protocol: key of `PROTOCOLS`.
      predictions_path, truth_path: .mat files.

    Returns:
      `Predictions` with T = 1, in the skeleton `PROTOCOLS[protocol]`.

    Raises:
      UsageError: if a file cannot be read or does not hold what the protocol says.
    """
    joints = len(PROTOCOLS[protocol])
    read_truth = {"lsp": _lsp_truth, "mpii": _mpii_truth}[protocol]
    predicted = _people_first(predictions_path, joints)  # [N, P, 2]
    truth, state, head_size = read_truth(truth_path)
    if protocol == "lsp" and len(predicted) == 1000:
        truth, state, head_size = truth[1000:], state[1000:], head_size[1000:]
    if len(predicted) != len(truth):
        raise UsageError(
            f"{predictions_path} holds {len(predicted)} people, but {truth_path} {len(truth)}; "
            "expected the same people in the same order"
        )
    return Predictions(
        ids=tuple(f"{protocol}/{n}" for n in range(len(truth))),
        joints_px=predicted[np.newaxis],
        confidence=np.ones((1, *predicted.shape[:2])),
        truth_px=truth,
        state=state,
        head_size_px=head_size,
        crop_scale=np.full(len(truth), np.nan),
    )


def _lsp_truth(path):
    """Every joint of LSP has a position; its third value says which are occluded."""
    joints = _arrays(path, joints=(3, 14, None))["joints"]
    state = np.where(joints[2].T == 1, 1, 2)
    return joints[:2].transpose(2, 1, 0), state, np.zeros(joints.shape[2])


def _mpii_truth(path):
    """Joints, states (a joint is missing or not: occlusion is not in this file), head sizes."""
    arrays = _arrays(
        path,
        pos_gt_src=(16, 2, None),
        jnt_missing=(16, None),
        headboxes_src=(2, 2, None),
    )
    corners = arrays["headboxes_src"]
    diagonal = np.linalg.norm(corners[1] - corners[0], axis=0)
    return (
        arrays["pos_gt_src"].transpose(2, 0, 1),
        np.where(arrays["jnt_missing"].T != 0, 0, 2),
        HEAD_FRACTION * diagonal,
    )


def _people_first(path, joints):
    """The file's one array of predictions as `[N, P, 2]` float64, whatever the order of its axes."""
    for name, array in _load(path).items():
        shape = np.shape(array)
        if len(shape) != 3 or 2 not in shape or joints not in shape:
            continue
        xy, joint = shape.index(2), shape.index(joints)
        people = ({0, 1, 2} - {xy, joint}).pop()
        return np.asarray(array, np.float64).transpose(people, joint, xy)
    raise UsageError(
        f"{path} holds no array with the axes people, {joints} joints, 2 coordinates; "
        "choose another --protocol or --predictions"
    )


def _arrays(path, **shapes):
    """Named float64 arrays of a .mat file, with their shapes checked (None = any)."""
    content = _load(path)
    for name, shape in shapes.items():
        found = np.shape(content.get(name))
        fits = len(found) == len(shape) and all(
            e is None or e == f for e, f in zip(shape, found)
        )
        if not fits:
            raise UsageError(
                f"{path}: expected an array {name!r} of shape {shape} (None = any), "
                f"found {found if name in content else 'none'}; see --help for --ground_truth"
            )
    return {name: np.asarray(content[name], np.float64) for name in shapes}


def _load(path):
    """The variables of a .mat file (scipy reads data only; nothing in it is run)."""
    if not os.path.isfile(path):
        raise UsageError(f"{path} does not exist; expected a .mat file")
    try:
        content = scipy.io.loadmat(path, appendmat=False)
    except Exception as error:  # scipy raises many kinds on a damaged file
        raise UsageError(f"{path} cannot be read as a .mat file: {error}") from error
    return {k: v for k, v in content.items() if not k.startswith("__")}
