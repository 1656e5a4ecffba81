"""Scores as text.

All functions take the values that `report.score` returns (or that were read back from its JSON).
"""

from collections.abc import Mapping, Sequence
from typing import Any

from cpm.evaluation.limbs import LIMB_METRICS, STICK_GROUPS
from cpm.evaluation.scores import GROUPS
from cpm.humans import are_human, noun
from cpm.text_table import format_table, number

MOST_COLUMNS = 8  # of joints that are no person's


def columns_of(name: str, *values: Mapping[str, Any]) -> Sequence[str]:
    """Titles of a metric's columns: parts of a person's body, of limbs or joints.

    Where some joints are no person's, each joint has a column of its own, if they are few. A
    person's columns would leave out a dog's paws and tail; a bottle has a neck, but no head.

    Args:
      name: of the metric.
      values: of it, as in `report.score`; several data folders have several.
    """
    titles = tuple(STICK_GROUPS if name in LIMB_METRICS else GROUPS)
    if not values or _have_a_body(name, values):
        return titles
    own = tuple(dict.fromkeys(joint for v in values for joint in v["per_joint"]))
    return own if len(own) <= MOST_COLUMNS else ()


def _have_a_body(name, values):
    """Whether a metric's limbs, or all of its joints, are a person's."""
    if name in LIMB_METRICS:
        return any(values[0]["groups"].get(title) is not None for title in STICK_GROUPS)
    return all(are_human(v["per_joint"]) for v in values)


def _who(name, values):
    """Whose scores these are: people's, or objects'."""
    if name in LIMB_METRICS:
        return "people"
    return noun(joint for v in values for joint in v["per_joint"])


def cells_of(values: Mapping[str, Any], columns: Sequence[str]) -> list[str]:
    """Percentages under the titles of `columns_of`, as text."""
    parts = values["per_joint"] | values["groups"]
    return [number(parts.get(column)) for column in columns]


def summary_table(metrics: Mapping[str, Any]) -> str:
    """One row per metric, all of the same columns: body parts, total, and the total's interval."""
    name = next(iter(metrics))
    columns = columns_of(name, *metrics.values())
    rows = []
    for name, values in metrics.items():
        rows.append(
            [
                name,
                *cells_of(values, columns),
                number(values["total"]),
                between(values["interval"]),
                str(values["people"]),
            ]
        )
    who = _who(name, metrics.values())
    return format_table(["%", *columns, "Total", "95 % interval", who], rows)


def means_table(metrics: Mapping[str, Any]) -> str:
    """Two ways to one number, to two decimals, since tables quote either.

    Pooled: all counted joints together, MPII's "Total". Mean of joints: each joint weighs the same.
    """
    rows = [
        [name, f"{values['total']:.2f}", f"{values['mean_of_joints']:.2f}"]
        for name, values in metrics.items()
    ]
    return format_table(["Total, %", "pooled", "mean of joints"], rows)


def curve_table(name: str, curve: Mapping[str, Sequence[float]]) -> str:
    """Ten points of a curve of `report.curves`; all of them are in the JSON file."""
    step = max(1, (len(curve["thresholds"]) - 1) // 10)
    shown = range(step, len(curve["thresholds"]), step)
    header = [f"{name}@", *(f"{curve['thresholds'][k]:g}" for k in shown)]
    return format_table(header, [["%", *(number(curve["percent"][k]) for k in shown)]])


def between(interval: Sequence[float] | None) -> str:
    """A pair of percentages, a dash for None.

    >>> between([83.25, 85.5]), between(None)
    ('83.2 … 85.5', '-')
    """
    return f"{interval[0]:.1f} … {interval[1]:.1f}" if interval else "-"


def stage_table(name: str, values: Mapping[str, Any]) -> str:
    """One metric: a row per joint or limb and the total, columns of stages, the last's interval."""
    header = [f"{name}, %", *_stage_names(values["per_stage"]), "95 % interval"]
    intervals = values.get("per_joint_interval") or {}
    rows = [
        [
            joint,
            *(number(stage[joint]) for stage in values["per_stage_joints"]),
            between(intervals.get(joint)),
        ]
        for joint in values["per_joint"]
    ]
    total = [*map(number, values["per_stage"]), between(values["interval"])]
    rows.append(["Total", *total])
    return format_table(header, rows)


def totals_table(metrics: Mapping[str, Any]) -> str:
    """The totals: a row per metric, a column per stage."""
    some = next(iter(metrics.values()))["per_stage"]
    rows = [[name, *map(number, v["per_stage"])] for name, v in metrics.items()]
    return format_table(["Total, %", *_stage_names(some)], rows)


def source_table(name: str, metrics_by_source: Mapping[str, Mapping[str, Any]]) -> str:
    """One metric over several data folders: a row per source.

    Args:
      name: of the metric.
      metrics_by_source: {source: what `report.score` returned}.
    """
    scored = [metrics[name] for metrics in metrics_by_source.values() if name in metrics]
    columns = columns_of(name, *scored)
    rows = [
        [
            source,
            *cells_of(metrics[name], columns),
            number(metrics[name]["total"]),
            str(metrics[name]["people"]),
        ]
        for source, metrics in metrics_by_source.items()
        if name in metrics
    ]
    return format_table([f"{name}, %", *columns, "Total", _who(name, scored)], rows)


def failure_table(by_source: Mapping[str, Mapping[str, Any]], who: str = "people") -> str:
    """Who is missed, and what wrong joints are: a row per kind, three columns per source.

    Args:
      by_source: {source: what `failures.failures` returned, not None}.
      who: what the joints are of, people or objects (`cpm.humans.noun`).
    """
    sources = list(by_source.values())
    header = [f"{sources[0]['rule']}, %"]
    for source in by_source:
        header += [str(source), who, "joints"]

    def row(title, parts):
        cells = [title]
        for part in parts:
            share = part["correct"]
            cells.append(number(None if share is None else 100 * share))
            cells += [str(part.get("people", "")), str(part["joints"])]
        return cells

    rows = [
        row(name.replace("_", " "), [source[group][name] for source in sources])
        for group in ("people", "joints")
        for name in sources[0][group]
    ]
    for name in sources[0]["wrong"]:
        cells = [f"wrong: {name}"]
        for scored in sources:
            cells += [number(100 * scored["wrong"][name]), "", ""]
        rows.append(cells)
    return format_table(header, rows)


def full_report(metrics: Mapping[str, Any], curves: Mapping[str, Any] | None = None) -> str:
    """Summaries, what "near" means, totals, curves, and each metric by joint (or limb) and stage.

    The areas are left out of the last part: they tell of a joint what its percentages tell.

    Args:
      metrics: what `report.score` returned.
      curves: what `report.curves` returned, or None.
    """
    limbs = {name: metrics[name] for name in metrics if name in LIMB_METRICS}
    joints = {name: metrics[name] for name in metrics if name not in limbs}
    units = "\n".join(
        f"{name}: within {values['unit']}, {values['joints']} "
        f"{'limbs' if name in limbs else 'joints'} of {values['people']} {_who(name, [values])}"
        for name, values in metrics.items()
    )
    parts = [summary_table(some) for some in (joints, limbs) if some]
    parts += [units, means_table(metrics)]
    if len(next(iter(metrics.values()))["per_stage"]) > 1:
        parts.append(totals_table(metrics))
    parts += [curve_table(name, curve) for name, curve in (curves or {}).items()]
    parts += [
        stage_table(name, values) for name, values in metrics.items() if not name.endswith("_auc")
    ]
    return "\n\n".join(parts)


def _stage_names(per_stage):
    """Column titles; predictions read from a file have one stage that is none."""
    count = len(per_stage)
    return [f"stage {t + 1}" for t in range(count)] if count > 1 else ["score"]
