"""checkpoints.json: which checkpoints of a run are complete, which is the latest, which the best.

It is replaced in one step after a checkpoint's files and its seal are on disk. It is a help and no
witness: where it is missing, damaged or says less than the folder holds, the folder is looked
through. So a run that had checkpoints never silently starts again at step 0 (as
`tf.train.latest_checkpoint` would let it), and a damaged checkpoint costs the steps since the one
before, not the run.

Names in the list stay in the folder: a list that says anything else than `step-0001000` is damaged.
"""

import hashlib
import json
import os
import re
import typing
from typing import Any

from absl import logging

from cpm import files, untrusted
from cpm.checkpoints.seals import problem_of, read_seal, require_readable
from cpm.errors import UsageError

LIST_NAME = "checkpoints.json"
NOTHING: dict[str, Any] = {"latest": None, "best": None, "all": []}
_NAME = re.compile(r"step-\d{7,18}")
_SCHEMA = {
    "latest": (str, None),
    "best": ({"name": str, "score": float}, None),
    "all": [str],
    "checksum?": str,
}


class Search(typing.NamedTuple):
    """What a search for the newest whole checkpoint found.

    Attributes:
      prefix: of that checkpoint; None if there is none.
      listed: what the list says, or what was found where it says nothing or is damaged.
      skipped: {name: what is wrong with it} of those that were tried before it.
      note: what is wrong with the list, a sentence, or None.
      is_new: whether no checkpoint was ever completed here.
    """

    prefix: str | None
    listed: dict[str, Any]
    skipped: dict[str, str]
    note: str | None
    is_new: bool


def checkpoint_name(step: int) -> str:
    """The name of the checkpoint after a number of steps."""
    return f"step-{step:07d}"


def step_of(name: str) -> int:
    """The number of steps in a checkpoint's name or prefix.

    >>> step_of("runs/a/checkpoints/step-0000700")
    700
    """
    return int(os.path.basename(name).removeprefix("step-"))


def begin(folder: str) -> None:
    """Makes a folder for checkpoints with a list that names nothing, before the first step.

    From then on a folder without a list is a sign of damage.
    """
    if not os.path.exists(os.path.join(folder, LIST_NAME)):
        write_list(folder, NOTHING)


def write_list(folder: str, listed: dict[str, Any]) -> None:
    """Replaces the list by `listed`: `latest` (name or None), `best` (dict or None), `all`."""
    listed = {key: listed[key] for key in ("latest", "best", "all")}
    path = os.path.join(folder, LIST_NAME)
    files.write_json(path, listed | {"checksum": _checksum(listed)})


def read_list(folder: str) -> dict[str, Any]:
    """What a folder's list says, or, with a warning, what the folder holds if it says that wrongly.

    Returns:
      dict: `latest` (name or None), `best` (dict with `name` and `score`, or None), `all` (names).
    """
    listed, note = _listed(folder)
    if note:
        logging.warning("%s", note)
    return listed


def find_whole(folder: str, prefer_best: bool = False) -> Search:
    """Looks for the newest checkpoint of a folder that is whole.

    Args:
      folder: of the checkpoints; may be missing.
      prefer_best: the best one comes first, before the newest.

    Returns:
      `Search`.
    """
    listed, note = _listed(folder)
    # Also what the list does not name: a checkpoint that was completed just before a kill.
    candidates = sorted({*listed["all"], *_names(folder)}, key=step_of, reverse=True)
    if listed["latest"] is not None:
        latest = step_of(listed["latest"])
        candidates.sort(key=lambda name: step_of(name) > latest)  # stable: those come last
    if prefer_best and listed["best"]:
        best = listed["best"]["name"]
        candidates = [best, *(name for name in candidates if name != best)]
    skipped: dict[str, str] = {}
    for name in candidates:
        prefix = os.path.join(folder, name)
        problem = problem_of(prefix)
        if problem is None:
            return Search(prefix, listed, skipped, note, is_new=False)
        skipped[name] = problem
    # What a list that names nothing has beside it is a first save that was cut short.
    is_new = note is None and not listed["all"]
    return Search(None, listed, skipped, note, is_new)


RESUME = "name another --run_dir, or train again from step 0 with --restart"


def require_whole(folder: str, prefer_best: bool = False, instead: str = RESUME) -> Search:
    """`find_whole` with its findings as warnings.

    Args:
      folder, prefer_best: as of `find_whole`.
      instead: what to do where no copy is left.

    Raises:
      UsageError: if there are checkpoints, but none is whole.
    """
    search = find_whole(folder, prefer_best)
    if search.note:
        logging.warning("%s", search.note)
    if search.is_new:
        return search
    if search.prefix is None:
        for name in search.skipped:
            require_readable(os.path.join(folder, name))
        problems = "; ".join(f"{name}: {problem}" for name, problem in search.skipped.items())
        raise UsageError(
            f"no checkpoint in {folder} is whole ({problems or 'none is there'}); restore its "
            f"files from a copy, {instead}"
        )
    for name, problem in search.skipped.items():
        logging.warning("checkpoint %s is not whole: %s", os.path.join(folder, name), problem)
    if search.prefix and search.skipped:
        logging.warning("going on from %s, the newest whole checkpoint", search.prefix)
    return search


def _listed(folder):
    """(what the list says or else what the folder holds, what is wrong with the list or None)."""
    path = os.path.join(folder, LIST_NAME)
    try:
        with untrusted.open_regular(path, 1 << 20) as file:
            record = untrusted.parse_json(file.read(), _SCHEMA, "the list")
        _check(record)
    except FileNotFoundError:
        problem = f"{path} is missing"
    except OSError as error:
        problem = f"{path} cannot be read ({error.strerror})"
    except ValueError as error:
        problem = f"{path} is damaged ({error})"
    else:
        listed = {key: record[key] for key in NOTHING}
        if listed["all"] or not _whole_ones(folder):
            return listed, None
        problem = f"{path} names no checkpoint"
    if not (_names(folder) or os.path.exists(path)):
        return NOTHING, None  # nothing was ever saved: before the first save there is a list
    names = [name for name in _names(folder) if _has_index(folder, name)]
    if not names:
        return NOTHING, f"{problem}, and no checkpoint beside it has an index"
    found = {"latest": names[-1], "best": _best(folder, names), "all": names}
    return found, f"{problem}; found in the folder: {', '.join(names)}"


def _check(record):
    """ValueError for a list that cannot be ours."""
    names = [*record["all"]]
    names += [record["latest"]] if record["latest"] is not None else []
    names += [record["best"]["name"]] if record["best"] else []
    for name in names:
        if not _NAME.fullmatch(name):
            raise ValueError(f"{untrusted.shown(name)} is no name of a checkpoint")
    latest = record["latest"]
    if (latest not in record["all"]) if record["all"] else (latest is not None):
        raise ValueError("the latest checkpoint is not among all")
    if "checksum" in record and record["checksum"] != _checksum(record):
        raise ValueError("its checksum is another one")


def _checksum(listed):
    text = json.dumps([listed["latest"], listed["best"], listed["all"]], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def _names(folder):
    """Names of all checkpoints of which a folder holds any file, ascending."""
    present = os.listdir(folder) if os.path.isdir(folder) else []
    stems = {name.split(".")[0] for name in present if ".index" in name or ".data-" in name}
    return sorted((name for name in stems if _NAME.fullmatch(name)), key=step_of)


def _has_index(folder, name):
    return os.path.isfile(os.path.join(folder, f"{name}.index"))


def _whole_ones(folder):
    """Names of the checkpoints that are whole, ascending."""
    return [n for n in _names(folder) if problem_of(os.path.join(folder, n)) is None]


def _best(folder, names):
    """The best of some checkpoints by their seals, or None if none was scored."""
    seals = {name: read_seal(os.path.join(folder, name)) for name in names}
    scores = {n: seal.score for n, seal in seals.items() if seal and seal.score is not None}
    if not scores:
        return None
    name = max(scores, key=lambda n: (scores[n], n))
    return {"name": name, "score": scores[name]}
