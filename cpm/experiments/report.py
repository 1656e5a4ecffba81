"""Tables and figures of an experiment's results."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from cpm.experiments.runner import Result
from cpm.plots.experiments import (
    change_plot,
    field_plot,
    gradient_plot,
    stage_plot,
)
from cpm.text_table import format_table


def summarize(results: Sequence[Result], metric: str) -> list[dict[str, Any]]:
    """Mean and spread over seeds, variant by variant.

    Args:
      results: list of `cpm.experiments.runner.Result`.
      metric: e.g. `pckh@0.5`.

    Returns:
      List of dicts, in the order in which the variants came: label; seeds; mean, spread (sample
      standard deviation, None for one seed) and values of the last stage's total, percent;
      intervals (of each value, 95 % over people, None where it was not measured); per_stage (means)
      and per_stage_spread; steps; minutes (mean); parameters; receptive_field_px.
    """
    rows = []
    for label in dict.fromkeys(result.label for result in results):
        same = [result for result in results if result.label == label]
        stages = np.array([r.metrics[metric]["per_stage"] for r in same])  # [seeds, T]
        spread = stages.std(0, ddof=1) if len(same) > 1 else None
        rows.append(
            {
                "label": label,
                "seeds": [result.seed for result in same],
                "mean": float(stages[:, -1].mean()),
                "spread": None if spread is None else float(spread[-1]),
                "values": stages[:, -1].tolist(),
                "intervals": [r.metrics[metric].get("interval") for r in same],
                "per_stage": stages.mean(0).tolist(),
                "per_stage_spread": None if spread is None else spread.tolist(),
                "steps": same[0].steps,
                "minutes": float(np.mean([result.minutes for result in same])),
                "parameters": same[0].parameters,
                "receptive_field_px": same[0].receptive_field_px,
            }
        )
    return rows


def seeds_note(rows: Sequence[Mapping[str, Any]]) -> str:
    """What the spread is of, in words, for tables and figures.

    >>> seeds_note([{"seeds": [0]}]), seeds_note([{"seeds": [0, 1, 2]}])
    ('one seed, no spread known', '± 1 standard deviation of 3 seeds')
    """
    counts = {len(row["seeds"]) for row in rows}
    if counts == {1}:
        return "one seed, no spread known"
    up_to = "up to " if len(counts) > 1 else ""  # a variant diverged with some of them
    return f"± 1 standard deviation of {up_to}{max(counts)} seeds"


def table(rows: Sequence[Mapping[str, Any]], metric: str, who: str = "people") -> str:
    """The rows of `summarize` as a Markdown table.

    Args:
      rows, metric: as of `summarize`.
      who: what the networks find, people or objects (`cpm.humans.noun`).
    """
    stages = max(len(row["per_stage"]) for row in rows)
    header = ["variant", f"{metric} ± sd (seeds)"]
    header += [f"stage {t}" for t in range(1, stages + 1)]
    header += ["parameters", "field px", "steps", "minutes"]
    lines = []
    for row in rows:
        spread = "" if row["spread"] is None else f" ± {row['spread']:.1f}"
        cells = [row["label"], f"{row['mean']:.1f}{spread} ({len(row['seeds'])})"]
        cells += [f"{value:.1f}" for value in row["per_stage"]]
        cells += [""] * (stages - len(row["per_stage"]))
        cells += [
            f"{row['parameters']:,}",
            str(row["receptive_field_px"]),
            f"{row['steps']:,}",
            f"{row['minutes']:.1f}",
        ]
        lines.append(cells)
    note = f"Validation {who}, percent; {seeds_note(rows)}."
    return f"{format_table(header, lines)}\n\n{note}"


def figure(
    name: str, results: Sequence[Result], rows: Sequence[Mapping[str, Any]], metric: str
) -> np.ndarray:
    """The experiment's figure, `[., ., 3]` uint8: laid out as the paper's figure."""
    if name == "gradients":
        seed = results[0].seed
        first_seed = [r for r in results if r.seed == seed]
        return gradient_plot({r.label: r.gradients for r in first_seed}, f"seed {seed} alone")
    plot = {"field": field_plot, "time": change_plot}.get(name, stage_plot)
    return plot(rows, metric, seeds_note(rows))


def gradients_as_json(results: Sequence[Result]) -> list[dict[str, Any]]:
    """What the gradient figure shows, by seed: a list of label, seed, steps and {layer: sizes}."""
    return [
        {
            "label": result.label,
            "seed": result.seed,
            "steps": [step for step, _ in result.gradients],
            "layers": {
                layer: [sizes[layer] for _, sizes in result.gradients]
                for layer in (result.gradients[0][1] if result.gradients else ())
            },
        }
        for result in results
    ]


def gradient_ratios(results: Sequence[Result]) -> dict[str, float]:
    """How much larger the gradients of early layers are with intermediate losses than without.

    Args:
      results: of the experiment `gradients`.

    Returns:
      {layer: median over records and seeds of "every stage" / "last stage only"}, in the order of
      computation; {} if either was not trained (--only) or diverged.
    """
    by_label: dict[str, list[Mapping[str, float]]] = {}
    for result in results:
        by_label.setdefault(result.label, []).extend(g for _, g in result.gradients)
    supervised, plain = (by_label.get(name, []) for name in ("every stage", "last stage only"))
    if not (supervised and plain):
        return {}
    return {
        layer: float(
            np.median([g[layer] for g in supervised])
            / max(float(np.median([g[layer] for g in plain])), 1e-30)
        )
        for layer in supervised[0]
    }
