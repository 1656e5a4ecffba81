"""The files of an evaluation: its numbers as JSON, its tables, its joints.

References: docs/metrics.md explains every key.
"""

import os

from cpm import files
from cpm.config import TrainConfig
from cpm.evaluation import tables
from cpm.provenance import provenance
from cpm.scoring import people_file
from cpm.scoring.evaluate import Evaluation
from cpm.scoring.options import Options


def write_results(
    evaluation: Evaluation,
    path: str,
    config: TrainConfig,
    options: Options,
    checkpoint: str,
    *,
    box: Evaluation | None = None,
) -> None:
    """Writes the numbers to `path` (JSON), the tables beside them (.md) and the joints (.npz).

    Args:
      evaluation: what `evaluate_folders` returned.
      path: of the JSON file.
      config, options: as given to `evaluate_folders`.
      checkpoint: where the network came from, for the record.
      box: `Evaluation` of the same people with their true boxes, or None.
    """
    record = {
        "metrics": evaluation.metrics,
        "box": {"rule": options.crop or config.data.crop, "margin": config.data.margin},
        "passes": options.passes,
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
    text = evaluation.text()
    if box is not None:
        text += f"\n\nWith the true boxes:\n\n{tables.summary_table(box.metrics)}"
    stem = os.path.splitext(path)[0]
    files.write_text(stem + ".md", text + "\n")
    people_file.write_people(stem + ".npz", evaluation.people, config.network.skeleton)
