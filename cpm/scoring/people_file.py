"""The joints that an evaluation found, in a file: so that two runs can be compared afterwards.

A NumPy archive without pickled objects: the arrays of `cpm.evaluation.predictions.Predictions`, and
the name of the skeleton. bin/eval.py and bin/train.py write one beside each JSON file.
"""

import dataclasses
import zipfile
from typing import Any

import numpy as np

from cpm import files
from cpm.errors import UsageError
from cpm.evaluation.predictions import Predictions
from cpm.skeleton import Skeleton, get_skeleton

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
    try:
        with np.load(path, allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in FIELDS}
            skeleton = get_skeleton(str(archive["skeleton"]))
        people = Predictions(**arrays | {"ids": tuple(arrays["ids"].tolist())})
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise UsageError(
            f"{path} cannot be read ({error}); make it with: python bin/eval.py --ckpt=RUN"
        ) from error
    return people, skeleton
