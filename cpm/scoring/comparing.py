"""Several runs side by side: which settings differ, which run is better, by how much.

Runs are compared by what their eval/ folders hold, a JSON file of scores and the joints beside it,
so no network is run again. On the same people the difference of two runs is far surer than either
score (cpm/evaluation/compare.py).
"""

import os
from collections.abc import Sequence

from cpm import files
from cpm.errors import UsageError
from cpm.evaluation import compare as comparing
from cpm.evaluation import report
from cpm.humans import noun
from cpm.plots import curves
from cpm.report import Comparison, Difference, Shown
from cpm.scoring.people_file import read_people
from cpm.scoring.run_settings import read_settings, written
from cpm.training.metrics_file import metrics_so_far
from cpm.untrusted import check_percent, shown

SCORES = os.path.join("eval", "validation.json")
_METRIC = {"total": float, "people": int, "per_joint": dict, "interval?": ([float], None)}
_SCORES = {"metrics": {f"{name}?": _METRIC for name in report.HEADLINES}}
HOW = ("split", "box", "passes", "flip", "scales", "refinement")  # a score is of, in that file


def scores_of(run_dir: str) -> tuple[str, str]:
    """The files of a run that are compared: its scores, and the joints beside them."""
    path = os.path.join(run_dir, SCORES)
    return path, os.path.splitext(path)[0] + ".npz"


def compare_runs(run_dirs: Sequence[str], *, seed: int = 0) -> Comparison:
    """The `Comparison` of finished runs.

    Args:
      run_dirs: two or more run folders.
      seed: of the intervals.

    Raises:
      UsageError: if a run was not scored, or the runs share no score.
    """
    names = names_of(run_dirs)
    paths = dict(zip(names, run_dirs, strict=True))
    records = {name: _scores(path) for name, path in paths.items()}
    metric = _common_metric(records)
    totals = {name: record["metrics"][metric]["total"] for name, record in records.items()}
    names = sorted(names, key=lambda name: -totals[name])
    differences, notes = {}, []
    for name in names[1:]:
        found, note = _difference(names[0], name, paths, records, metric, seed)
        differences[name] = found
        notes += [note] if note else []
    trained = {name: metrics_so_far(paths[name]) for name in names}
    return Comparison(
        metric=metric,
        names=tuple(names),
        scores={name: _score(records[name], metric) for name in names},
        differences=differences,
        settings=_differing([_settings(paths[name]) for name in names]),
        minutes={n: max((r.get("seconds", 0) for r in trained[n]), default=0) / 60 for n in names},
        steps={n: max((r["step"] for r in trained[n]), default=0) for n in names},
        joints=_joints([records[name]["metrics"][metric]["per_joint"] for name in names]),
        notes=tuple(notes),
        curves=_curves(trained, metric, noun(records[names[0]]["metrics"][metric]["per_joint"])),
    )


def names_of(run_dirs: Sequence[str]) -> list[str]:
    """What to call the runs: their folders' names where these differ, else their paths.

    Raises:
      UsageError: if a run is named twice.
    """
    paths = [os.path.normpath(path) for path in run_dirs]
    if len(set(paths)) < len(paths):
        raise UsageError("a run is named twice; name two or more different ones")
    names = [os.path.basename(path) for path in paths]
    return names if len(set(names)) == len(names) else paths


def _scores(run_dir):
    path = scores_of(run_dir)[0]
    read_settings(run_dir)  # says that a folder is no run, if it is none
    advice = f"make it with: python bin/eval.py --ckpt={run_dir}"
    record = files.read_json(path, advice, schema=_SCORES)
    for name in [name for name in report.HEADLINES if name in record["metrics"]]:
        metric = record["metrics"][name]
        if len(metric.get("interval") or (0, 0)) != 2:
            interval = shown(metric["interval"])
            raise UsageError(f"{path}: the interval of {name} is {interval}; {advice}")
        try:
            for score in (metric["total"], *(metric.get("interval") or ())):
                check_percent(score, f"the {name} or its interval")
            for joint, score in metric["per_joint"].items():
                if score is not None:
                    check_percent(score, f"the {name} of {joint}")
        except ValueError as error:
            raise UsageError(f"{path}: {error}; {advice}") from error
    return record


def _common_metric(records):
    for metric in report.HEADLINES:
        if all(metric in record["metrics"] for record in records.values()):
            return metric
    raise UsageError(
        f"{' and '.join(records)} have no score in common; score them on the same data with: "
        "python bin/eval.py --ckpt=RUN --data=DIR"
    )


def _score(record, metric):
    values = record["metrics"][metric]
    return values["total"], values.get("interval"), values["people"]


def _difference(best, other, paths, records, metric, seed):
    """(`Difference` or None, a sentence or None): `other` minus `best`."""
    how = [[record.get(key) for key in HOW] for record in (records[best], records[other])]
    differing = [key for key, a, b in zip(HOW, *how, strict=True) if a != b]
    if differing:
        return None, (
            f"{best} and {other} were scored in different ways ({', '.join(differing)} differ); "
            "score both with the same flags of bin/eval.py."
        )
    points = records[other]["metrics"][metric]["total"] - records[best]["metrics"][metric]["total"]
    joints = [scores_of(paths[name])[1] for name in (best, other)]
    if missing := [path for path in joints if not os.path.isfile(path)]:
        return Difference(points, None), (
            f"{missing[0]} is missing, so the interval of the difference is not known; make it "
            "with: python bin/eval.py --ckpt=RUN"
        )
    (first, skeleton), (second, theirs) = map(read_people, joints)
    if first.ids != second.ids or skeleton != theirs:
        who = noun(skeleton.joints)
        return Difference(points, None), f"{best} and {other} were scored on different {who}."
    total = comparing.compare(first, second, skeleton, metric, seed=seed)[-1]
    return Difference(total.difference, total.interval), None


def _settings(run_dir):
    """{key: value} of a run: its data and the weights that it started from, then all settings."""
    settings, record = read_settings(run_dir)
    data = ",".join(map(os.path.normpath, record.get("data") or ())) or "none"
    return {"data": data, "init_from": record.get("init_from") or "none"} | written(settings)


def _differing(settings):
    """{key: [value of each run]} of the keys whose values are not all the same."""
    rows = {key: [values[key] for values in settings] for key in settings[0]}
    return {key: values for key, values in rows.items() if len(set(values)) > 1}


def _joints(per_joint):
    """{joint: [percent of each run]}; None where a run has not got the joint."""
    names = list(dict.fromkeys(joint for values in per_joint for joint in values))
    rows = {name: [values.get(name) for values in per_joint] for name in names}
    return {name: row for name, row in rows.items() if any(v is not None for v in row)}


def _curves(trained, metric, who):
    """The scores against time, where the runs have recorded them."""
    try:
        pixels = curves.compare_runs(trained, metric, who)
    except ValueError:  # nobody has measured it
        return None
    return Shown(pixels, f"Score of the validation {who} against minutes of training.")
