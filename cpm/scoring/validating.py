"""How a run measures itself while it trains: on the validation people, as it will be used."""

import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from cpm.config import TrainConfig
from cpm.evaluation import report
from cpm.inference.beliefs import Network
from cpm.plots.gallery import poses_sheet
from cpm.scoring.evaluate import evaluate_as_used
from cpm.scoring.shown_people import collect_people
from cpm.training.validation import Validation

SHOWN = 8  # validation people in TensorBoard


def validation(config: TrainConfig, data: Sequence[str]) -> Callable[[Network], Validation]:
    """How a run measures itself while it trains: on the validation people, as `evaluate_as_used`.

    Args:
      config: its `TrainConfig`.
      data: list of converted data folders.

    Returns:
      Function of a network that returns a `Validation`.
    """

    def validate(network):
        result, options, box = evaluate_as_used(network, config, data, strict=False)

        @functools.cache
        def draw():
            # The same few people at every evaluation, spread over the split.
            count = len(result.people)
            rows = range(0, count, max(1, count // SHOWN))[:SHOWN]
            shown = collect_people(result, {"few": rows}, network, config, options)
            return poses_sheet(shown["few"], network.skeleton)

        text = report.one_line(result.metrics)
        if box is not None:
            text += f" without a box; with it {report.one_line(box.metrics)}"
        return Validation(
            totals=totals(result.metrics),
            score=report.main_score(result.metrics) if result.metrics else None,
            text=text,
            draw=draw,
            details=(result, options, box),
            box_totals=None if box is None else totals(box.metrics),
        )

    return validate


def totals(metrics: Mapping[str, Any]) -> dict[str, float]:
    """{metric: its total}."""
    return {name: values["total"] for name, values in metrics.items()}
