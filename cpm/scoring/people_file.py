"""The joints that an evaluation found, in a file: so that two runs can be compared afterwards.

A NumPy archive without pickled objects: the arrays of `cpm.evaluation.predictions.Predictions`, and
the name of the skeleton. bin/eval.py and bin/train.py write one beside each JSON file.
"""

import dataclasses
from typing import Any

import numpy as np

from cpm import files
from cpm.array_claims import UNREADABLE, check_numpy, check_texts
from cpm.errors import UsageError
from cpm.evaluation.predictions import Predictions
from cpm.skeleton import Skeleton, get_skeleton
from cpm.untrusted import require_readable

FIELDS = tuple(field.name for field in dataclasses.fields(Predictions))


def write_people(path: str, people: Predictions, skeleton: str) -> None:
    """Writes `Predictions`.

    Args:
      path: file to make or replace, .npz.
      people: `Predictions`.
      skeleton: name of the joints' skeleton.
    """
    arrays: dict[str, Any] = {name: np.asarray(getattr(people, name)) for name in FIELDS}
    with files.replacing(path) as temporary:
        np.savez_compressed(temporary, skeleton=np.array(skeleton), **arrays)


def read_people(path: str) -> tuple[Predictions, Skeleton]:
    """The (`Predictions`, `Skeleton`) that `write_people` wrote.

    Raises:
      UsageError: if there is no such file, or it is damaged.
    """
    require_readable(path)
    try:
        check_numpy(path)
        with np.load(path, allow_pickle=False) as archive:
            arrays: dict[str, Any] = {name: check_texts(archive[name]) for name in FIELDS}
            skeleton = get_skeleton(str(check_texts(archive["skeleton"])))
        kinds = {name: array.dtype.kind for name, array in arrays.items()}
        if kinds.pop("ids") != "U" or not set(kinds.values()) <= set("fiu"):
            raise ValueError("its arrays are of other types")
        people = Predictions(**arrays | {"ids": tuple(arrays["ids"].tolist())})
        if people.joints_px.shape[2] != len(skeleton):
            raise ValueError(f"its people have other joints than {skeleton.name}")
    except UNREADABLE as error:
        raise UsageError(
            f"{path} cannot be read ({error}); make it with: python bin/eval.py --ckpt=RUN"
        ) from error
    return people, skeleton
