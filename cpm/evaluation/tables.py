"""Scores as text: aligned tables that read well in a terminal and render in Markdown.

All functions take the values that `report.score` returns (or that were read back from its JSON).
"""

from cpm.evaluation.scores import GROUPS


def format_table(header, rows):
    """An aligned Markdown table; the first column is text, the others are numbers.

    Args:
      header: column titles.
      rows: lists of strings as long as `header`.

    >>> print(format_table(["", "Head", "Total"], [["ours", "97.8", "90.5"]]))
    |      | Head | Total |
    |------|-----:|------:|
    | ours | 97.8 |  90.5 |
    """
    widths = [max(len(row[k]) for row in [header, *rows]) for k in range(len(header))]

    def line(cells):
        first, *others = (
            cell.ljust(width) if k == 0 else cell.rjust(width)
            for k, (cell, width) in enumerate(zip(cells, widths))
        )
        return "| " + " | ".join([first, *others]) + " |"

    rule = ["-" * (widths[0] + 2)] + ["-" * (width + 1) + ":" for width in widths[1:]]
    return "\n".join([line(header), "|" + "|".join(rule) + "|", *map(line, rows)])


def number(value):
    """One decimal, a dash for None.

    >>> number(87.25), number(None)
    ('87.2', '-')
    """
    return "-" if value is None else f"{value:.1f}"


def summary_table(metrics):
    """One row per metric: body parts, total, and the total's interval."""
    header = ["%", *GROUPS, "Total", "95 % interval", "people"]
    rows = []
    for name, values in metrics.items():
        interval = values["interval"]
        rows.append(
            [
                name,
                *(number(values["groups"].get(group)) for group in GROUPS),
                number(values["total"]),
                "-" if not interval else f"{interval[0]:.1f} … {interval[1]:.1f}",
                str(values["people"]),
            ]
        )
    return format_table(header, rows)


def stage_table(name, values):
    """One metric: a row per joint and the total, a column per stage."""
    header = [f"{name}, %", *_stage_names(values["per_stage"])]
    rows = [
        [joint, *(number(stage[joint]) for stage in values["per_stage_joints"])]
        for joint in values["per_joint"]
    ]
    rows.append(["Total", *map(number, values["per_stage"])])
    return format_table(header, rows)


def totals_table(metrics):
    """The totals: a row per metric, a column per stage."""
    some = next(iter(metrics.values()))["per_stage"]
    rows = [[name, *map(number, v["per_stage"])] for name, v in metrics.items()]
    return format_table(["Total, %", *_stage_names(some)], rows)


def source_table(name, metrics_by_source):
    """One metric over several data folders: a row per source.

    Args:
      name: of the metric.
      metrics_by_source: {source: what `report.score` returned}.
    """
    rows = [
        [
            source,
            *(number(metrics[name]["groups"].get(group)) for group in GROUPS),
            number(metrics[name]["total"]),
            str(metrics[name]["people"]),
        ]
        for source, metrics in metrics_by_source.items()
        if name in metrics
    ]
    return format_table([f"{name}, %", *GROUPS, "Total", "people"], rows)


def full_report(metrics):
    """The summary, what "near" means, the totals by stage, and each metric by joint and stage.

    The areas are left out of the last part: they tell of a joint what its percentages tell.
    """
    units = "\n".join(
        f"{name}: within {values['unit']}, {values['joints']} joints of {values['people']} people"
        for name, values in metrics.items()
    )
    parts = [summary_table(metrics), units]
    if len(next(iter(metrics.values()))["per_stage"]) > 1:
        parts.append(totals_table(metrics))
    parts += [
        stage_table(name, values)
        for name, values in metrics.items()
        if not name.endswith("_auc")
    ]
    return "\n\n".join(parts)


def _stage_names(per_stage):
    """Column titles; predictions read from a file have one stage that is none."""
    count = len(per_stage)
    return [f"stage {t + 1}" for t in range(count)] if count > 1 else ["score"]
