"""The files of an evaluation: its numbers as JSON, its tables, its joints.

References: docs/metrics.md explains every key.
"""

import dataclasses
import os

from cpm import files
from cpm.config import TrainConfig
from cpm.evaluation import tables
from cpm.provenance import provenance
from cpm.scoring import people_file
from cpm.scoring.evaluate import Evaluation
from cpm.scoring.options import Options
from cpm.scoring.searching import Searched
from cpm.skeleton import get_skeleton


def beside(path: str) -> tuple[str, str]:
    """The files of tables and of joints beside a JSON file of results."""
    stem = os.path.splitext(path)[0]
    return stem + ".md", stem + ".npz"


def write_results(
    evaluation: Evaluation,
    path: str,
    config: TrainConfig,
    options: Options,
    checkpoint: str,
    *,
    box: Evaluation | None = None,
    searched: Searched | None = None,
) -> None:
    """Writes the numbers to `path` (JSON), the tables beside them (.md) and the joints (.npz).

    Nothing is written beside a device or a pipe, like /dev/stdout.

    Args:
      evaluation: what `evaluate_folders` returned.
      path: of the JSON file.
      config, options: as given to `evaluate_folders`.
      checkpoint: where the network came from, for the record.
      box: `Evaluation` of the same people with their true boxes, or None.
      searched: of a search, what it found; else None.
    """
    rule = options.crop or config.data.crop
    record = {
        "metrics": evaluation.metrics,
        "box": {"rule": "search" if searched else rule, "margin": config.data.margin},
        "passes": None if searched else options.passes,
        "search": searched and {"people": options.people} | dataclasses.asdict(searched),
        "sources": evaluation.sources,
        "curves": evaluation.curves,
        "reliability": evaluation.reliability,
        "failures": evaluation.failures,
        "metrics_with_box": None if box is None else box.metrics,
        "checkpoint": checkpoint,
        "split": options.split,
        "flip": options.flip,
        "scales": list(options.scales),
        "refinement": options.refinement,
        "precision": evaluation.precision,
        "people": len(evaluation.people),
        "seconds": round(evaluation.seconds, 3),
    }
    files.write_json(path, record | provenance(options.seed))
    if files.target_of(path)[1]:
        return
    text = evaluation.text()
    if box is not None:
        text += f"\n\nWith the true boxes:\n\n{tables.summary_table(box.metrics)}"
    if searched is not None:
        text += f"\n\n{searched.text(get_skeleton(config.network.skeleton).joints)}"
    table, joints = beside(path)
    files.write_text(table, text + "\n")
    people_file.write_people(joints, evaluation.people, config.network.skeleton)
