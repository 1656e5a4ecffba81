"""The figures of an evaluation: people, their belief maps, and curves."""

from collections.abc import Mapping, Sequence

import numpy as np

from cpm.config import TrainConfig
from cpm.evaluation.gathering import Example
from cpm.evaluation.predictions import mean_errors
from cpm.inference.beliefs import Network
from cpm.plots.gallery import write_gallery
from cpm.scoring.evaluate import Evaluation
from cpm.scoring.options import DEFAULTS, Options
from cpm.scoring.shown_people import shown_people


def write_figures(
    evaluation: Evaluation,
    folder: str,
    network: Network,
    config: TrainConfig,
    options: Options = DEFAULTS,
    *,
    count: int = 8,
) -> list[str]:
    """Draws the best, typical and worst people, their belief maps, and the curves.

    Args:
      evaluation: what `evaluate_folders` returned.
      folder: where to.
      network, config, options: as given to `evaluate_folders`.
      count: people on each sheet.

    Returns:
      The files' names.
    """
    groups = shown_people(evaluation, network, config, options, count=count)
    return write_groups(evaluation, folder, groups, network)


def write_groups(
    evaluation: Evaluation,
    folder: str,
    groups: Mapping[str, Sequence[Example]],
    network: Network,
) -> list[str]:
    """`write_figures` of people who were collected before, by `shown_people`."""
    people = evaluation.people
    return write_gallery(
        folder,
        groups,
        dict(zip(people.ids, mean_errors(people), strict=True)),
        network.skeleton,
        annotated=np.any(people.state > 0, axis=0),
        metrics=evaluation.metrics,
        curve_points=evaluation.curves,
    )
