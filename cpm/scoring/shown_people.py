"""Which people of an evaluation are shown, with all that a figure of them needs."""

import dataclasses
import functools
from collections.abc import Mapping, Sequence

import numpy as np

from cpm.config import TrainConfig
from cpm.evaluation.gathering import Example, gather_examples
from cpm.evaluation.predictions import mean_errors
from cpm.inference.batches import predict_with_beliefs
from cpm.inference.beliefs import Network
from cpm.scoring.evaluate import Evaluation
from cpm.scoring.options import DEFAULTS, Options
from cpm.scoring.passes import batches_of


def shown_people(
    evaluation: Evaluation,
    network: Network,
    config: TrainConfig,
    options: Options = DEFAULTS,
    *,
    count: int = 8,
) -> dict[str, list[Example]]:
    """The best, typical and worst people, as `collect_people`.

    Args:
      evaluation: what `evaluate_folders` returned.
      network, config, options: as given to `evaluate_folders`.
      count: of each.
    """
    rows = pick_people(mean_errors(evaluation.people), count)
    return collect_people(evaluation, rows, network, config, options)


def collect_people(
    evaluation: Evaluation,
    groups: Mapping[str, Sequence[int]],
    network: Network,
    config: TrainConfig,
    options: Options = DEFAULTS,
) -> dict[str, list[Example]]:
    """Some people with all that a figure of them needs.

    Args:
      evaluation: what `evaluate_folders` returned.
      groups: {name: rows of its people}.
      network, config, options: as given to `evaluate_folders`.

    Returns:
      {name: list of `cpm.evaluation.gathering.Example`}.
    """
    people = evaluation.people
    wanted = {people.ids[n] for rows in groups.values() for n in rows}
    found: dict[str, Example] = {}
    for source in evaluation.sources:
        new = {id: name for name, (folder, id) in evaluation.renamed.items() if folder == source}
        asked = {id for id, name in new.items() if name in wanted}
        examples = gather_examples(
            batches_of(config, source, options, evaluation.regions.get(source, {})),
            functools.partial(predict_with_beliefs, network, decoding=options.decoding(config)),
            asked | (wanted - {*evaluation.renamed} - {*new}),
        )
        for id, example in examples.items():
            found[new.get(id, id)] = dataclasses.replace(example, id=new.get(id, id))
    return {k: [found[people.ids[n]] for n in rows] for k, rows in groups.items()}


def pick_people(errors: np.ndarray, count: int) -> dict[str, list[int]]:
    """Rows of the best, typical (evenly spread over the ranks) and worst people.

    Args:
      errors: `[N]`; people without a finite error are left out.
      count: how many of each, at most.

    >>> picked = pick_people(np.array([3.0, 1.0, np.nan, 2.0]), 2)
    >>> {name: [int(n) for n in rows] for name, rows in picked.items()}
    {'best': [1, 3], 'typical': [1, 0], 'worst': [0, 3]}
    """
    ranked = [n for n in np.argsort(errors, kind="stable") if np.isfinite(errors[n])]
    count = min(count, len(ranked))
    spread = np.linspace(0, len(ranked) - 1, count).round().astype(int)
    return {
        "best": ranked[:count],
        "typical": [ranked[k] for k in spread],
        "worst": ranked[::-1][:count],
    }
