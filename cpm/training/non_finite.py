"""A loss or a gradient that is no longer a number: its evidence, and what to do about it."""

import dataclasses
import math
import os
from collections.abc import Mapping
from typing import Any

import numpy as np
import tensorflow as tf

from cpm import files
from cpm.errors import RunStopped


class NonFiniteLoss(RunStopped):
    """Training diverged; the message says at which step and where the evidence lies.

    Attributes:
      measurements: the numbers of that step, finite or not.
    """

    measurements: dict[str, float]


@dataclasses.dataclass(frozen=True)
class Circumstances:
    """What the advice depends on beside the batch.

    Attributes:
      learning_rate: the run's peak.
      scaled: whether the loss is scaled, as in float16.
      skips: whether such batches are left out.
      untrained: whether no step has changed the weights that the run began with.
      init_from: where these came from; None = random ones.
    """

    learning_rate: float
    scaled: bool = False
    skips: bool = False
    untrained: bool = False
    init_from: str | None = None


def with_evidence(
    folder: str | None,
    step: int,
    what: str,
    value: float,
    measurements: Mapping[str, Any],
    batch: Mapping[str, tf.Tensor],
    found: Circumstances,
) -> NonFiniteLoss:
    """The error to raise; the people of the batch and its numbers lie in a file of the run.

    Args:
      folder: of the run, where `non_finite_step_N.json` is written; None on a host that has none.
      step: number of the step, as metrics.jsonl counts.
      what: what is no number.
      value: what it is instead.
      measurements: the numbers of the step; those that are no numbers are written as text.
      batch: of all hosts, see cpm/data/pipeline.py.
      found: `Circumstances`.
    """
    evidence = _evidence(batch) | {"learning_rate": found.learning_rate}
    because = _of_untrained if found.untrained else _of_rate
    advice = _of_examples(evidence, found) or because(found)
    numbers = {k: v for k, v in measurements.items() if isinstance(v, float)}
    where = "the run folder of the chief"
    if folder is not None:
        where = os.path.join(folder, f"non_finite_step_{step}.json")
        written = {k: v if math.isfinite(v) else str(v) for k, v in numbers.items()}
        record = {"step": step, "what": what, "advice": advice}
        files.write_json(where, record | evidence | {"measurements": written})
    error = NonFiniteLoss(
        f"the {what} is {value} at step {step}; the batch's ids are in {where}. Earlier "
        f"checkpoints are untouched; {advice}"
    )
    error.measurements = numbers
    return error


def _evidence(batch):
    """Who is in a batch, and what of it cannot be learned from, as plain JSON values."""
    ids = [name.decode("utf-8", "replace") for name in batch["id"].numpy()]
    labeled = (batch["state"].numpy() > 0).any((1, 2))
    finite = np.isfinite(batch["image"].numpy()).all((1, 2, 3))
    return {
        "ids": ids,
        "without_joints": [name for name, fits in zip(ids, labeled, strict=True) if not fits],
        "bad_images": [name for name, fits in zip(ids, finite, strict=True) if not fits],
    }


def _of_examples(evidence, found):
    """How to go on where examples of the batch are to blame; None where they are not."""
    for key, what in (
        ("without_joints", "have no annotated joint"),
        ("bad_images", "have crops that are no numbers"),
    ):
        if names := evidence[key]:
            first = ", ".join(names[:3])
            leave = ", or leave such batches out with --on_non_finite=skip and the same command"
            return (
                f"{len(names)} of its {len(evidence['ids'])} examples {what} ({first}): convert "
                "the data again without them (bin/convert.py --leave_out)"
                f"{'' if found.skips else leave}"
            )
    return None


def _of_untrained(found):
    """How to go on where it is the first weights that give no number: no rate was used yet."""
    if found.init_from is None:
        blamed = "look at the settings in config.json"
    else:
        blamed = f"the weights of --init_from={found.init_from} are; name others"
    return (
        f"no step was taken before, so the learning rate is not to blame; {blamed}"
        f"{', or try --precision=bfloat16' if found.scaled else ''}"
    )


def _of_rate(found):
    """How to go on where the steps before led here."""
    leave = (
        "; where a few batches are to blame, --on_non_finite=skip leaves them out and goes on "
        "with the same command"
    )
    return (
        f"try a lower --learning_rate than {found.learning_rate:g}"
        f"{', or --precision=bfloat16' if found.scaled else ''} in a new --run_dir"
        f"{'' if found.skips else leave}"
    )
